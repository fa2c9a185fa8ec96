package web

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

// smallest is the answer worth compressing, octets.
const smallest = 1400

// compressor lends gzip writers; each holds a few hundred kilobytes.
type compressor struct{ idle sync.Pool }

// send answers with body, gzipped where the caller takes that and it is worth
// it. Streams never come through here: a compressor would hold events back.
func (s *Server) send(c *gin.Context, status int, contentType string, body []byte) error {
	h := c.Writer.Header()
	packed := false
	if len(body) >= smallest && compressible(contentType) && takesGzip(c.GetHeader("Accept-Encoding")) {
		squeezed, err := s.squeeze(body)
		if err != nil {
			return err
		}
		packed, body = true, squeezed
	}
	give, ok := s.untaken.take(len(body))
	if !ok {
		h.Del("Content-Disposition")
		h.Del("ETag")
		return busy("too many large answers are on their way")
	}
	defer give()
	if h.Add("Vary", "Accept-Encoding"); packed {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.Data(status, contentType, body)
	return nil
}

func (p *compressor) squeeze(body []byte) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(len(body) / 4)
	w, _ := p.idle.Get().(*gzip.Writer)
	if w == nil {
		w, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for an unknown level only
	}
	defer p.idle.Put(w)
	w.Reset(&b)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func compressible(contentType string) bool {
	return !strings.HasPrefix(contentType, "image/png") && !strings.HasPrefix(contentType, "font/")
}

// takesGzip reads Accept-Encoding as far as browsers and curl write it.
func takesGzip(accept string) bool {
	for coding := range strings.SplitSeq(accept, ",") {
		name, q, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
