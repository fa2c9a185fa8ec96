package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

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
