package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

const (
	defaultWidth  = 1200
	mostWidth     = 4096
	mostSummed    = 5000 // ports in one sum
	storePatience = 10 * time.Second
)

// A selection is the ports a question is about.
type selection struct {
	ports []spate.PortID
	group string // the [[group]] they are of; empty: none
	known bool   // the board knows each of them; else only the store can tell
}

// selectPorts reads device= and port=, which may repeat; device= alone is the
// sum of its ports, each octet counted once; group= is the sum of a [[group]].
func (s *Server) selectPorts(q url.Values) (selection, error) {
	if q.Has("group") {
		return s.selectGroup(q)
	}
	device, names := q.Get("device"), q["port"]
	if device == "" {
		return selection{}, badParam("device", "", "the name of a device; GET /api/v1/devices lists them")
	}
	if len(names) > mostSummed {
		return selection{}, newProblem(http.StatusUnprocessableEntity, "port", "port: %d ports are over the limit, wanted at most %d", len(names), mostSummed)
	}
	v, known := s.board.device(device)
	if len(names) == 0 {
		return sumOf(v, known, device)
	}
	sel := selection{known: known}
	seen := map[string]bool{}
	for _, name := range names {
		if name == "" || len(name) > 1024 {
			return selection{}, badParam("port", name, "an ifName; GET /api/v1/ports?device="+url.QueryEscape(device)+" lists them")
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		sel.known = sel.known && v.find(name) != nil
		sel.ports = append(sel.ports, spate.PortID{Device: device, Name: name})
	}
	return sel, nil
}

func sumOf(v *deviceView, known bool, device string) (selection, error) {
	if !known {
		return selection{}, notFound("device", "device", device, "GET /api/v1/devices lists them")
	}
	sel := selection{known: true}
	for i := range v.readings {
		if p := v.readings[i].Port; leftOut(p) == "" {
			sel.ports = append(sel.ports, p.ID)
		}
	}
	switch {
	case len(sel.ports) == 0:
		return sel, notFound("device", "port of device", device, "its ports are listed once it has answered")
	case len(sel.ports) > mostSummed:
		return sel, newProblem(http.StatusUnprocessableEntity, "device", "device: %d ports are over the limit, wanted at most %d: name them with port=", len(sel.ports), mostSummed)
	}
	return sel, nil
}

// frame asks the store, within its limits of time and of questions at once.
func (s *Server) frame(ctx context.Context, sel selection, q spate.Query) (*spate.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	if err := s.asking.enter(ctx); err != nil {
		return nil, err
	}
	defer s.asking.leave()
	q.Ports = sel.ports
	f, err := s.store.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errors.New("the store gave no frame")
	}
	if !sel.known && f.Covered == 0 {
		id := sel.ports[0]
		return nil, notFound("port", "port", id.String(), "GET /api/v1/ports?device="+url.QueryEscape(id.Device)+" lists them")
	}
	return f, nil
}

type seriesJSON struct {
	Avg values `json:"avg"`
	Max values `json:"max"`
	Min values `json:"min"`
}

type statsJSON struct {
	Last  number `json:"last"`
	Mean  number `json:"mean"`
	Max   number `json:"max"`
	P95   number `json:"p95"`
	Total number `json:"total"`
}

type coverageJSON struct {
	N  int `json:"n"`
	Of int `json:"of"`
}

type frameJSON struct {
	From     stamp                 `json:"from"`
	To       stamp                 `json:"to"`
	StepS    number                `json:"step_s"`
	Tier     spate.Tier            `json:"tier"`
	Series   map[string]seriesJSON `json:"series"`
	Stats    map[string]statsJSON  `json:"stats"`
	Coverage coverageJSON          `json:"coverage"`
	Usual    map[string]values     `json:"usual,omitempty"` // with usual=1
}

func toFrameJSON(f *spate.Frame) frameJSON {
	j := frameJSON{
		From: stamp(f.From), To: stamp(f.To), StepS: number(f.Step.Seconds()), Tier: f.Tier,
		Series: map[string]seriesJSON{}, Stats: map[string]statsJSON{}, Coverage: coverageJSON{f.Covered, f.Of},
	}
	for _, s := range f.Series {
		m, name := s.Metric, s.Metric.String()
		j.Series[name] = seriesJSON{Avg: someValues(s.Avg), Max: someValues(s.Max), Min: s.Min}
		j.Stats[name] = statsJSON{
			Last: rounded(m, s.Stats.Last), Mean: rounded(m, s.Stats.Mean), Max: rounded(m, s.Stats.Max),
			P95: rounded(m, s.Stats.P95), Total: rounded(spate.InBps, s.Stats.Total),
		}
	}
	return j
}

// usualOf is what is usual at each value of the frame, of a single port's metrics that
// have a baseline.
func (s *Server) usualOf(sel selection, f *spate.Frame) map[string]values {
	out := map[string]values{}
	if s.usual == nil || len(sel.ports) != 1 {
		return out
	}
	at := make([]time.Time, f.Len())
	for i := range at {
		at[i] = f.From.Add(time.Duration(i) * f.Step)
	}
	for _, x := range f.Series {
		if int(x.Metric) < int(spate.NumUsual) {
			out[x.Metric.String()] = s.usual(sel.ports[0], x.Metric, at)
		}
	}
	return out
}

// someValues keeps an empty array from becoming null, which means "not kept".
func someValues(v []float64) values {
	if v == nil {
		return values{}
	}
	return v
}

func (s *Server) showSeries(c *gin.Context) error {
	q := c.Request.URL.Query()
	metrics, err := metricsParam(q)
	if err != nil {
		return err
	}
	from, to, err := rangeParams(q, time.Now())
	if err != nil {
		return err
	}
	width, err := intParam(q, "width", defaultWidth, 1, mostWidth)
	if err != nil {
		return err
	}
	sel, err := s.selectPorts(q)
	if err != nil {
		return err
	}
	f, err := s.frame(c.Request.Context(), sel, spate.Query{Metrics: metrics, From: from, To: to, Width: width})
	if err != nil {
		return err
	}
	if wantsCSV(c) {
		return s.writeCSV(c, fileName(sel, "csv"), seriesRows(f))
	}
	answer := toFrameJSON(f)
	if q.Get("usual") == "1" {
		answer.Usual = s.usualOf(sel, f)
	}
	body, err := marshal(answer)
	if err != nil {
		return err
	}
	return s.writeTagged(c, "application/json", "private, no-cache", append(body, '\n'))
}

// fileName is what a browser saves an answer as: nothing but letters, digits,
// dots, dashes and underscores of the port's name.
func fileName(sel selection, ext string) string {
	name := sel.ports[0].Device
	if len(sel.ports) == 1 {
		name = sel.ports[0].Device + "_" + sel.ports[0].Name
	}
	if sel.group != "" {
		name = sel.group
	}
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, name)
	return strings.TrimLeft(safe[:min(len(safe), 120)], ".") + "." + ext
}
