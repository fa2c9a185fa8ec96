package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/graph"
	"spate/web"
)

// A rig is a server with fakes around it.
type rig struct {
	*web.Server
	board   *web.Board
	store   *fakeStore
	painter *fakePainter
	ready   error
	log     *bytes.Buffer
	agents  *fakeAgents
}

func newRig(t testing.TB, devices ...spate.Device) *rig {
	t.Helper()
	r := &rig{board: web.NewBoard(devices), store: &fakeStore{}, painter: &fakePainter{Renderer: graph.NewRenderer()}, log: &bytes.Buffer{}, agents: &fakeAgents{}}
	cfg := web.Config{Version: "0.1.0", Zone: time.UTC}
	r.Server = web.New(cfg, web.Deps{
		Board: r.board, Store: r.store, Painter: r.painter, Metrics: metrics.NewSet(), Agents: r.agents,
		Log:   slog.New(slog.NewTextHandler(r.log, nil)),
		Ready: func() error { return r.ready },
		StoreStatus: func() web.StoreStatus {
			return web.StoreStatus{Backend: "embedded", Bytes: 123456, ForecastYearBytes: -1}
		},
	})
	return r
}

// get asks as a browser on this machine does.
func (r *rig) get(t testing.TB, path string, header ...string) *http.Response {
	t.Helper()
	return r.do(t, http.MethodGet, path, header...)
}

func (r *rig) do(t testing.TB, method, path string, header ...string) *http.Response {
	t.Helper()
	req := httptest.NewRequest(method, path, nil)
	req.Host = "127.0.0.1:8080"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Result()
}

func body(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// answer decodes the JSON of a path that must succeed.
func (r *rig) answer(t testing.TB, path string) map[string]any {
	t.Helper()
	resp := r.get(t, path)
	text := body(t, resp)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, resp.StatusCode, text)
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("GET %s: %v in %s", path, err, text)
	}
	return v
}

// fakeStore answers every query with a calm day.
type fakeStore struct {
	mu    sync.Mutex
	last  spate.Query
	err   error
	empty bool
	short bool // arrays shorter than the frame says
	panic bool
}

func (s *fakeStore) Query(_ context.Context, q spate.Query) (*spate.Frame, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = q
	if s.panic {
		panic("store fell over")
	}
	if s.err != nil {
		return nil, s.err
	}
	step := max(10*time.Second, q.To.Sub(q.From)/time.Duration(q.Width)).Truncate(10 * time.Second)
	f := &spate.Frame{From: q.From.Truncate(step), To: q.To.Add(step - 1).Truncate(step), Step: step, Tier: spate.TierRaw, Of: len(q.Ports), Covered: len(q.Ports)}
	if s.empty {
		f.Covered = 0
	}
	for _, m := range q.Metrics {
		f.Series = append(f.Series, s.series(f, m))
	}
	return f, nil
}

func (s *fakeStore) series(f *spate.Frame, m spate.Metric) spate.Series {
	rnd := rand.New(rand.NewPCG(uint64(m), uint64(len(s.last.Ports[0].String()))))
	x := spate.Series{Metric: m, Stats: spate.Stats{Last: math.NaN(), Mean: math.NaN(), Max: math.NaN(), P95: math.NaN(), Total: math.NaN()}}
	n := f.Len()
	if s.short {
		n /= 2
	}
	for i := range n {
		at := f.From.Add(time.Duration(i) * f.Step)
		hour := float64(at.Hour()) + float64(at.Minute())/60
		v := s.height(m) * (1.2 + math.Sin((hour-9)/24*2*math.Pi)) * (0.9 + 0.2*rnd.Float64())
		if s.empty || i == 5 {
			v = math.NaN()
		}
		x.Avg, x.Max = append(x.Avg, v), append(x.Max, v*1.2)
	}
	if m.IsBits() {
		x.Min = x.Avg
	}
	if !s.empty && n > 6 {
		h := s.height(m)
		x.Stats = spate.Stats{Last: x.Avg[n-1], Mean: 1.2 * h, Max: 2.9 * h, P95: 2.2 * h, Total: 1.2 * h / 8 * f.To.Sub(f.From).Seconds()}
	}
	return x
}

// height is the middle of a day's curve.
func (*fakeStore) height(m spate.Metric) float64 {
	switch {
	case m == spate.InBps:
		return 1e8
	case m == spate.OutBps:
		return 3e7
	case m >= spate.InErrorsPs:
		return 0.2
	case m > spate.OutPps:
		return 900
	}
	return 24000 / float64(m)
}

// fakePainter counts what the real one draws.
type fakePainter struct {
	*graph.Renderer
	drawn int
	last  graph.Picture
	panic bool
}

func (p *fakePainter) PNG(w io.Writer, pic graph.Picture) error {
	if p.panic {
		panic("painter fell over")
	}
	p.drawn++
	p.last = pic
	return p.Renderer.PNG(w, pic)
}

func port(device, name string, index int) *spate.Port {
	return &spate.Port{
		ID: spate.PortID{Device: device, Name: name}, IfIndex: index, Descr: "GigabitEthernet", Type: "ethernetCsmacd",
		Speed: 1e9, SpeedSource: spate.SpeedFromIfHighSpeed, Admin: spate.StatusUp, Oper: spate.StatusUp,
	}
}

func rate(at time.Time, in, out float64) spate.Rate {
	r := spate.Rate{At: at, Over: 10 * time.Second}
	for m := range r.Values {
		r.Values[m] = float64(m)
	}
	r.Values[spate.InBps], r.Values[spate.OutBps] = in, out
	r.Values[spate.InPps], r.Values[spate.OutPps] = in/8000, out/8000
	return r
}

// round is a device that answered at the time with ports numbered from 1, port i
// receiving i Mb/s and sending half of it.
func round(device string, at time.Time, ports int) *spate.Round {
	r := &spate.Round{
		Device: spate.Device{Name: device, Address: "192.0.2.1"}, At: at, Took: 12 * time.Millisecond, Interval: 10 * time.Second,
		Late:   3 * time.Millisecond,
		System: spate.System{Name: device + ".example.net", Descr: "A switch", Vendor: "Example", Uptime: 3 * time.Hour},
	}
	for i := range ports {
		n := i + 1
		r.Readings = append(r.Readings, spate.Reading{Port: port(device, fmt.Sprintf("Gi1/0/%d", n), n), Rate: rate(at, float64(n)*1e6, float64(n)*5e5)})
	}
	return r
}

func silent(device string, at time.Time) *spate.Round {
	return &spate.Round{Device: spate.Device{Name: device}, At: at, Interval: 10 * time.Second,
		Err: fmt.Errorf("%s: no answer in 8s (4 requests): is UDP 161 open to 192.0.2.1? try: spate walk %s", device, device)}
}

func dev(name string) spate.Device {
	return spate.Device{Name: name, Address: "192.0.2.1", Site: "hall-2"}
}
