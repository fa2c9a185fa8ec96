package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// contentPolicy lets nothing run or load that is not a file of ours; data: is
// for the favicon the wall changes.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Cache-Control", "no-store") // unless a handler knows better
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
}

// outer wraps every request: headers, panics, log, count.
func (s *Server) outer(c *gin.Context) {
	start := time.Now()
	secure(c.Writer.Header())
	defer func() {
		if r := recover(); r != nil {
			s.panicked(c, r)
		}
		s.account(c, time.Since(start))
	}()
	c.Next()
}

func (s *Server) panicked(c *gin.Context, r any) {
	if err, ok := r.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(r)
	}
	s.log.Error("panic in a handler", "path", c.Request.URL.Path, "err", fmt.Sprint(r), "stack", string(debug.Stack()))
	c.Abort()
	if !c.Writer.Written() {
		s.fail(c, errors.New("panic"))
	}
}

func (s *Server) account(c *gin.Context, took time.Duration) {
	route := c.FullPath()
	if route == "" {
		route = "none"
	}
	status := c.Writer.Status()
	s.metrics.GetOrCreateCounter(fmt.Sprintf(`spate_http_requests_total{route=%q,code="%d"}`, route, status)).Inc()
	s.log.Debug("http", "method", c.Request.Method, "path", c.Request.URL.Path, "status", status,
		"bytes", c.Writer.Size(), "took", took, "from", c.Request.RemoteAddr)
}

// handle makes a gin handler of a route: who may, then the work, then what went
// wrong in the form the caller reads.
func (s *Server) handle(r route) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := s.access.check(c, &r)
		if err == nil {
			err = s.narrowed(c)
		}
		if err == nil {
			err = r.handle(c)
		}
		if err != nil {
			s.fail(c, err)
		}
	}
}

// narrowed keeps who sees some devices only from asking for others: they are not there.
func (s *Server) narrowed(c *gin.Context) error {
	i := who(c)
	if !i.narrow() {
		return nil
	}
	if c.Query("group") != "" {
		return newProblem(http.StatusForbidden, "group", "%s sees some devices only, and a group may be of others", i.name)
	}
	for _, name := range append(c.QueryArray("device"), c.Param("device")) {
		if name == "" {
			continue
		}
		v, ok := s.board.device(name)
		if !ok || !i.sees(&v.device) {
			return notFound("device", "device", name, "GET /api/v1/devices lists them")
		}
	}
	return nil
}

// fail answers an error: a page to a browser, problem+json to a program.
func (s *Server) fail(c *gin.Context, err error) {
	if errors.Is(err, context.Canceled) && c.Request.Context().Err() != nil {
		c.Abort()
		return // the caller has left
	}
	p, own := asProblem(err)
	if !own {
		s.log.Error("request failed", "path", c.Request.URL.Path, "err", err)
	}
	c.Abort()
	if c.Writer.Written() {
		return
	}
	if c.Request.ContentLength != 0 && unread(p.Status) {
		c.Header("Connection", "close") // else net/http waits for the body before it says no
	}
	if isPage(c.Request.URL.Path) {
		if p.Status == http.StatusUnauthorized && c.Request.Method == http.MethodGet {
			c.Redirect(http.StatusSeeOther, "/login?"+url.Values{"next": {c.Request.URL.RequestURI()}}.Encode())
			return
		}
		s.errorPage(c, p)
		return
	}
	writeProblem(c, p)
}

// unread tells whether an error is one of those that are told before the body is read.
func unread(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests:
		return true
	}
	return false
}

func isPage(path string) bool {
	return !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/-/") && path != "/metrics" && !isPrometheus(path)
}

func isUnsupported(err error) bool { return errors.Is(err, http.ErrNotSupported) }
