package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/gin-gonic/gin"
)

// marshal writes JSON with its text as it is; <, > and & stay escaped, so that
// an answer shown as a page by mistake is still no page.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// tagOf is an entity tag for the content; a weak one, since the same content
// travels plain and compressed.
func tagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// writeTagged answers with an ETag, and with 304 where the caller has it.
func (s *Server) writeTagged(c *gin.Context, contentType, cache string, body []byte) error {
	return s.writeWithTag(c, contentType, cache, tagOf(body), body)
}

func (s *Server) writeWithTag(c *gin.Context, contentType, cache, tag string, body []byte) error {
	c.Header("ETag", tag)
	c.Header("Cache-Control", cache)
	for have := range strings.SplitSeq(c.GetHeader("If-None-Match"), ",") {
		have = strings.TrimSpace(have)
		if have == "*" || strings.TrimPrefix(have, "W/") == strings.TrimPrefix(tag, "W/") {
			c.Status(http.StatusNotModified)
			return nil
		}
	}
	return s.send(c, http.StatusOK, contentType, body)
}

// A gate lets so many through at once; the others wait as long as their context.
type gate chan struct{}

func newGate(n int) gate { return make(gate, n) }

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }

// A lane lets so many through at once and so many wait; more are turned away.
type lane struct {
	seats   gate
	waiting *atomic.Int32
	most    int32
}

func newLane(atOnce int, most int32) lane { return lane{newGate(atOnce), new(atomic.Int32), most} }

var errFull = errors.New("too many wait")

func (l lane) enter(ctx context.Context) error {
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > l.most {
		return errFull
	}
	return l.seats.enter(ctx)
}

func (l lane) leave() { l.seats.leave() }

const (
	mostLists   = 50        // wait to be made
	shortList   = 100       // ports, made at once
	largeAnswer = 64 << 10  // octets
	mostUntaken = 128 << 20 // octets of large answers
)

// untaken counts the octets of large answers that are on their way. Each is kept until
// its caller has taken it, which a slow one does for half a minute.
type untaken struct{ n atomic.Int64 }

// take reserves what an answer needs, if there is room for it; give ends that.
func (u *untaken) take(n int) (give func(), ok bool) {
	if n <= largeAnswer {
		return func() {}, true
	}
	if all := u.n.Add(int64(n)); all > mostUntaken && all > int64(n) { // one alone may be larger
		u.n.Add(-int64(n))
		return nil, false
	}
	return func() { u.n.Add(-int64(n)) }, true
}

func busy(what string) error {
	return newProblem(http.StatusServiceUnavailable, "", "%s: ask for less at once, or try again in a few seconds", what)
}

// writeList answers with a list of at most n. Of long ones few are made at once, so that
// short answers do not wait for them.
func (s *Server) writeList(c *gin.Context, n int, list func() any) error {
	if n <= shortList {
		return s.writeJSON(c, list())
	}
	body, err := func() ([]byte, error) {
		if err := s.listing.enter(c.Request.Context()); errors.Is(err, errFull) {
			return nil, busy("too many lists are being made")
		} else if err != nil {
			return nil, err
		}
		defer s.listing.leave()
		return marshal(list())
	}()
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	return s.send(c, http.StatusOK, "application/json", append(body, '\n'))
}
