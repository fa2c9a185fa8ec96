package web

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"spate"
)

// Bounds of POST /api/v1/import.
const (
	mostImport     = 32 << 20  // octets of a body
	mostUnpacked   = 256 << 20 // octets of it unpacked
	mostImportLine = 8 << 20
	mostBuckets    = 200_000 // of one line
	importPatience = 5 * time.Minute
	importShown    = 10 * time.Second // until what was taken is seen; a store elsewhere may take longer
)

// An importLine is one History as JSON: the rates of a metric, bucket by bucket
// from a time on; null is unknown.
type importLine struct {
	Device string     `json:"device"`
	Port   string     `json:"port"`
	Tier   spate.Tier `json:"tier"`
	Metric string     `json:"metric"`
	From   int64      `json:"from"`   // unix seconds
	StepS  int64      `json:"step_s"` // length of the tier's buckets
	Avg    figures    `json:"avg"`
	Max    figures    `json:"max"`     // absent: avg
	KnownS figures    `json:"known_s"` // absent or null: all of it
}

// figures are counted before they are read: eight megabytes of "0," would take a hundred.
type figures []*float64

var errFigures = fmt.Errorf("avg, max and known_s: wanted lists of at most %d", mostBuckets)

func (f *figures) UnmarshalJSON(text []byte) error {
	if bytes.Count(text, []byte(",")) >= mostBuckets {
		return errFigures
	}
	return json.Unmarshal(text, (*[]*float64)(f))
}

type importJSON struct {
	Written int `json:"written"`
	Known   int `json:"known"`
	Old     int `json:"old"`
	Bad     int `json:"bad"`
}

// importHistory takes the history of ports from another store, a line each.
func (s *Server) importHistory(c *gin.Context) error {
	if s.importer == nil {
		return newProblem(http.StatusNotFound, "", "this server has no store to import into")
	}
	if kind, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || kind != "application/x-ndjson" {
		return newProblem(http.StatusUnsupportedMediaType, "Content-Type", "Content-Type: wanted application/x-ndjson, a JSON object a line")
	}
	control := http.NewResponseController(c.Writer)
	until := time.Now().Add(importPatience)
	if err := errors.Join(control.SetReadDeadline(until), control.SetWriteDeadline(until)); err != nil && !isUnsupported(err) {
		return err
	}
	body, err := unpacked(c)
	if err != nil {
		return err
	}
	var sum importJSON
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, mostImportLine)
	for n := 1; lines.Scan(); n++ {
		h, err := parseImport(lines.Bytes())
		if err != nil {
			return newProblem(http.StatusBadRequest, "", "line %d: %v", n, err)
		}
		taken, err := s.importer.Import(c.Request.Context(), h)
		if err != nil {
			return fmt.Errorf("import of %s: %w", h.Port, err)
		}
		sum.Written, sum.Known, sum.Old, sum.Bad = sum.Written+taken.Written, sum.Known+taken.Known, sum.Old+taken.Old, sum.Bad+taken.Bad
	}
	if err := lines.Err(); err != nil {
		return newProblem(http.StatusUnprocessableEntity, "", "the body cannot be read: %v: wanted lines of at most 8 MiB, 32 MiB packed, 256 MiB in all", err)
	}
	shown, end := context.WithTimeout(c.Request.Context(), importShown)
	defer end()
	if err := s.importer.Flush(shown); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return s.writeJSON(c, sum)
}

func unpacked(c *gin.Context) (io.Reader, error) {
	body := http.MaxBytesReader(c.Writer, c.Request.Body, mostImport)
	if c.GetHeader("Content-Encoding") != "gzip" {
		return body, nil
	}
	unzip, err := gzip.NewReader(body)
	if err != nil {
		return nil, newProblem(http.StatusBadRequest, "Content-Encoding", "the body is not gzip: %v", err)
	}
	return http.MaxBytesReader(c.Writer, unzip, mostUnpacked), nil
}

// parseImport reads one line.
func parseImport(line []byte) (h spate.History, err error) {
	var in importLine
	if err := json.Unmarshal(line, &in); err != nil {
		return h, fmt.Errorf("no JSON object of device, port, tier, metric, from, step_s, avg and max: %w", err)
	}
	m, ok := spate.ParseMetric(in.Metric)
	length := map[spate.Tier]int64{spate.TierFiveMinutes: 300, spate.TierHour: 3600}[in.Tier]
	switch {
	case !spate.ValidDevice(in.Device):
		return h, fmt.Errorf("device: %s is no name of a device", quoted(in.Device))
	case in.Port == "" || len(in.Port) > 1024 || !utf8.ValidString(in.Port) || spate.Clean(in.Port) != in.Port:
		return h, fmt.Errorf("port: %s is no ifName", quoted(in.Port))
	case !ok:
		return h, fmt.Errorf("metric: %s is not understood, wanted a name such as in_bps", quoted(in.Metric))
	case length == 0 || in.StepS != length:
		return h, fmt.Errorf("tier %s, step_s %d: wanted five_minutes and 300, or hour and 3600", quoted(string(in.Tier)), in.StepS)
	case in.From < 0 || in.From > 1<<36 || in.From%length != 0:
		return h, fmt.Errorf("from: %d is no multiple of step_s since 1970", in.From)
	case len(in.Avg) > mostBuckets || in.Max != nil && len(in.Max) != len(in.Avg) || in.KnownS != nil && len(in.KnownS) != len(in.Avg):
		return h, fmt.Errorf("avg, max and known_s: wanted lists of equal length, at most %d", mostBuckets)
	}
	h = spate.History{Port: spate.PortID{Device: in.Device, Name: in.Port}, Tier: in.Tier, Metric: m}
	for i, avg := range in.Avg {
		if avg == nil {
			continue
		}
		b := spate.Bucket{At: time.Unix(in.From+int64(i)*length, 0), Avg: *avg, Max: *avg}
		if in.Max != nil && in.Max[i] != nil {
			b.Max = *in.Max[i]
		}
		if in.KnownS != nil && in.KnownS[i] != nil {
			b.Known = time.Duration(max(min(*in.KnownS[i], float64(length)), 0.001) * float64(time.Second))
		}
		h.Buckets = append(h.Buckets, b)
	}
	if len(h.Buckets) == 0 {
		return h, errors.New("avg: nothing is known")
	}
	return h, nil
}
