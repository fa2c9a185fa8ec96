package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/graph"
	"spate/web"
)

// desk has one incident whose every word is a device's or a stranger's.
type desk struct {
	mu      sync.Mutex
	in      *spate.Incident
	verdict string
}

func (d *desk) held() *spate.Incident {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.in
}

func (d *desk) judged() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.verdict
}

const hostile = "<script>alert(1)</script>\x1b[31m"

func newDesk() *desk {
	o := spate.Origin{Device: "sw-1", Port: hostile, Confidence: 0.65, RateBps: 912e6, RatePps: 120e3, Factor: 38, Since: time.Now(), Hosts: []spate.HostNamed{{MAC: "02:00:00:00:00:01", Name: hostile}}}
	return &desk{in: &spate.Incident{
		ID: "20260303-140230", State: spate.IncidentOpen, Severity: spate.Critical, Kind: spate.KindFlood, Summary: "Likely " + hostile + " on sw-1 is sending 912 Mb/s",
		StartedAt: time.Now().Add(-time.Minute), DetectedAt: time.Now(), Origin: &o, Origins: spate.List[spate.Origin]{o}, RunnerUp: spate.List[spate.Origin]{o},
		Path:    spate.List[spate.Hop]{{Device: "sw-1", Port: hostile, Direction: "in", ExcessBps: 9e8, ExcessPps: spate.Unknown()}, {Device: "sw-1", Port: "Te1", Direction: "out", ExcessBps: 9e8, ExcessPps: spate.Unknown()}},
		Victims: spate.List[spate.Place]{{Device: "bdr", Port: hostile}}, RateBps: 912e6, RatePps: 120e3, UsualBps: 24e6, UsualPps: spate.Unknown(), Factor: 38,
		Evidence: spate.List[spate.Evidence]{{Kind: "origin", Text: hostile}}, Timeline: spate.List[spate.Moment]{{At: time.Now(), Text: hostile}},
	}}
}

func (d *desk) Open() []*spate.Incident { return []*spate.Incident{d.held()} }
func (d *desk) Incident(id string) (*spate.Incident, bool) {
	in := d.held()
	return in, id == in.ID
}
func (d *desk) Between(_, _ time.Time, _ string, yield func(*spate.Incident) bool) error {
	yield(d.held())
	return nil
}
func (d *desk) Suspects() []web.Suspect {
	in := d.held()
	return []web.Suspect{{Port: in.Origin.ID(), Hosts: in.Origin.Hosts, RateBps: 912e6, RatePps: 120e3, Factor: 38, Confidence: 0.65, Since: in.StartedAt, Incident: in.ID, Summary: in.Summary}}
}
func (d *desk) Ack(_, by, _ string) (*spate.Incident, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	in := *d.in
	in.AcknowledgedBy = &by
	d.in = &in
	return d.in, nil
}
func (d *desk) Verdict(_, verdict, by string) (*spate.Incident, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.verdict = verdict + " by " + by
	return d.in, nil
}

func newIncidentRig(t *testing.T) (*rig, *desk) {
	t.Helper()
	d := newDesk()
	r := &rig{board: web.NewBoard([]spate.Device{dev("sw-1")}), store: &fakeStore{}, painter: &fakePainter{Renderer: graph.NewRenderer()}, log: &bytes.Buffer{}}
	r.Server = web.New(web.Config{Version: "0.1.0", Zone: time.UTC}, web.Deps{
		Board: r.board, Store: r.store, Painter: r.painter, Metrics: metrics.NewSet(), Log: slog.New(slog.NewTextHandler(r.log, nil)), Incidents: d,
		Ready: func() error { return nil }, StoreStatus: func() web.StoreStatus { return web.StoreStatus{Backend: "embedded", ForecastYearBytes: -1} },
		Creep: func() *spate.Creeps {
			return &spate.Creeps{At: time.Now(), Ports: 3, List: []spate.Creep{{Port: spate.PortID{Device: "sw-1", Name: hostile}, Metric: spate.OutBps, Before: 1e8, Now: 2e8}}}
		},
	})
	return r, d
}

func TestPagesOfIncidentsEscapeEveryWord(t *testing.T) {
	r, d := newIncidentRig(t)
	for _, path := range []string{"/", "/alerts", "/incidents/" + d.in.ID} {
		resp := r.get(t, path)
		page := body(t, resp)
		if resp.StatusCode != http.StatusOK || strings.Contains(page, "<script>alert") {
			t.Errorf("%s: %d, and a stranger's script stands in it", path, resp.StatusCode)
		}
		if !strings.Contains(page, "912") {
			t.Errorf("%s does not say the rate", path)
		}
	}
	if page := body(t, r.get(t, "/alerts")); !strings.Contains(page, "Grown slowly") || !strings.Contains(page, "×2.0") {
		t.Error("/alerts does not show what has grown slowly")
	}
	for _, id := range []string{"nothing", "..%2f..%2fetc", "20260303-140231", strings.Repeat("9", 500)} {
		if resp := r.get(t, "/api/v1/incidents/"+id); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%q answers with %d", id, resp.StatusCode)
		}
	}
}

func (r *rig) post(t *testing.T, path, kind, text string, header ...string) *http.Response {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(text))
	req.Host = "127.0.0.1:8080"
	req.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Result()
}

func TestAVerdictIsAWordOfTwoAndNoStrangersPage(t *testing.T) {
	r, d := newIncidentRig(t)
	path := "/api/v1/incidents/" + d.in.ID + "/"
	if resp := r.post(t, path+"verdict", "application/json", `{"verdict":"expected","by":"day shift"}`); resp.StatusCode != http.StatusOK || d.verdict != "expected by day shift" {
		t.Errorf("%d, kept is %q", resp.StatusCode, d.verdict)
	}
	if resp := r.post(t, path+"verdict", "application/json", `{"verdict":"perhaps"}`); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("perhaps is a verdict: %d", resp.StatusCode)
	}
	if resp := r.post(t, path+"ack", "application/json", `{"by":" "}`); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("nobody acknowledges: %d", resp.StatusCode)
	}
	d.verdict = ""
	resp := r.post(t, path+"verdict", "application/x-www-form-urlencoded", "verdict=attack&by=me", "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site")
	if resp.StatusCode < 400 || d.verdict != "" {
		t.Errorf("another site's form is a verdict: %d %q", resp.StatusCode, d.verdict)
	}
	var got struct{ Suspects []map[string]any }
	b, err := io.ReadAll(r.get(t, "/api/v1/suspects").Body)
	if err != nil || json.Unmarshal(b, &got) != nil || len(got.Suspects) != 1 || got.Suspects[0]["incident"] != d.in.ID {
		t.Errorf("suspects: %s %v", b, err)
	}
}

// The band of a flood and the row of its port are of one reading: rate and factor agree,
// and a flood that has just stopped floods no more, though its incident is still open.
func TestTheBandIsOfTheReadingOfItsRow(t *testing.T) {
	for _, tt := range []struct {
		name               string
		direction          string
		in, out            float64 // b/s
		stopped            bool
		title, rate, times string
	}{
		{"a switch port floods", "in", 480e6, 3e6, false, "Gi1/0/1 is flooding", "480\u202fMb/s", "×24.0 normal"},
		{"it has stopped", "in", 287, 2550, false, "Gi1/0/1 was flooding", "287\u202fb/s", "×0.0 normal"},
		{"a machine says what it sends", "out", 3e6, 480e6, false, "Gi1/0/1 is flooding", "480\u202fMb/s", "×24.0 normal"},
		{"it is over", "in", 287, 2550, true, "Gi1/0/1 was flooding", "912\u202fMb/s", "×38.0 normal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, d := newIncidentRig(t)
			d.in.Origin.Port, d.in.Origin.Hosts, d.in.Origin.Confidence = "Gi1/0/1", nil, 1
			d.in.Path = spate.List[spate.Hop]{{Device: "sw-1", Port: "Gi1/0/1", Direction: tt.direction, ExcessBps: 9e8, ExcessPps: spate.Unknown()}}
			rd := round("sw-1", time.Now(), 1)
			got := &rd.Readings[0]
			got.Rate = rate(rd.At, tt.in, tt.out)
			got.Excess = &spate.Excess{Port: got.Port, Rate: got.Rate.Values, Usual: [spate.NumUsual]float64{10e6, 10e6, 1e3, 1e3}, Floor: [spate.NumUsual]float64{20e6, 20e6, 2e3, 2e3}}
			r.board.Accept(t.Context(), rd)
			if tt.stopped {
				end := time.Now().Add(-time.Minute)
				d.in.EndedAt = &end
			}
			page := body(t, r.get(t, "/"))
			wants := []string{tt.title, `>` + tt.rate + `<`, tt.times}
			if !tt.stopped {
				wants = append(wants, ">"+strings.TrimSuffix(tt.times, " normal")+"<")
			}
			for _, want := range wants {
				if !strings.Contains(page, want) {
					t.Errorf("the wall does not say %q:\n%s", want, page)
				}
			}
		})
	}
}
