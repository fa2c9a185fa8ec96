package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// A problem is an error meant for the caller, RFC 9457. Param names the
// parameter that was wrong.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Param  string `json:"param,omitempty"`
	Type   string `json:"type"`
}

func (p *problem) Error() string { return p.Detail }

func newProblem(status int, param, format string, args ...any) *problem {
	return &problem{Status: status, Title: http.StatusText(status), Detail: fmt.Sprintf(format, args...), Param: param, Type: "about:blank"}
}

// badParam is 400: the parameter's value cannot be read.
func badParam(param, value, want string) error {
	return newProblem(http.StatusBadRequest, param, "%s: %s is not understood, wanted %s", param, quoted(value), want)
}

// overLimit is 422: readable, but more than is served.
func overLimit(param, value, want string) error {
	return newProblem(http.StatusUnprocessableEntity, param, "%s: %s is over the limit, wanted %s", param, quoted(value), want)
}

func notFound(param, what, name, hint string) error {
	return newProblem(http.StatusNotFound, param, "no %s %s: %s", what, quoted(name), hint)
}

// quoted is a caller's own text, short enough to be answered.
func quoted(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// asProblem turns any error into what the caller is told; own is false where it
// is our fault and belongs in the log.
func asProblem(err error) (p *problem, own bool) {
	if errors.As(err, &p) {
		return p, p.Status < 500
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return newProblem(http.StatusServiceUnavailable, "", "the answer took too long: ask for a shorter range or fewer ports, or try again"), false
	}
	return newProblem(http.StatusInternalServerError, "", "something went wrong here; the log of spate says what"), false
}

func writeProblem(c *gin.Context, p *problem) {
	body, err := json.Marshal(p)
	if err != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	if c.Writer.Header().Get("Retry-After") == "" && (p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests) {
		c.Header("Retry-After", "5")
	}
	c.Header("Cache-Control", "no-store")
	c.Data(p.Status, "application/problem+json", append(body, '\n'))
}
