package web_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"spate"
)

// twoSwitches has sw-1 with 3 ports and sw-2 with 4, polled just now.
func twoSwitches(t testing.TB) *rig {
	r := newRig(t, dev("sw-2"), dev("sw-1"))
	r.board.Accept(context.Background(), round("sw-1", time.Now(), 3))
	r.board.Accept(context.Background(), round("sw-2", time.Now(), 4))
	return r
}

func TestBadParametersAreNamedWithWhatIsWanted(t *testing.T) {
	const graph, series = "/api/v1/graph.png?device=sw-1&port=Gi1/0/1", "/api/v1/series?device=sw-1&port=Gi1/0/1"
	tests := []struct {
		name, path string
		status     int
		says       string
	}{
		{"an unknown device", "/api/v1/devices/nope", 404, `no device "nope"`},
		{"a device filter that matches nothing", "/api/v1/ports?device=nope", 404, `no device "nope"`},
		{"a limit that is no number", "/api/v1/devices?limit=many", 400, "limit: "},
		{"a limit of none", "/api/v1/devices?limit=0", 400, "from 1 to 5000"},
		{"a limit above the most", "/api/v1/ports?limit=5001", 422, "from 1 to 5000"},
		{"a cursor that was made up", "/api/v1/ports?cursor=xyz", 400, "cursor: "},
		{"an unknown role", "/api/v1/ports?role=boss", 400, "access, uplink"},
		{"an unknown ranking", "/api/v1/top?by=luck", 400, "one of factor, bps"},
		{"more than the most of a ranking", "/api/v1/top?n=1001", 422, "from 1 to 1000"},
		{"series without a device", "/api/v1/series", 400, "device: "},
		{"series of an unknown device", "/api/v1/series?device=nope", 404, `no device "nope"`},
		{"an unknown metric", series + "&metrics=in_bps,speed", 400, `metrics: "speed"`},
		{"a metric twice", series + "&metrics=in_bps,in_bps", 400, "each metric once"},
		{"a time that is none", series + "&from=yesterday", 400, "from: "},
		{"a range of nothing", series + "&from=now", 400, "not before to"},
		{"a reversed range", series + "&from=now-1h&to=now-2h", 400, "not before to"},
		{"more than ten years", series + "&from=-11y", 400, "10 years"},
		{"more values than are given", series + "&width=4097", 422, "from 1 to 4096"},
		{"a group and a device", "/api/v1/series?group=uplinks&device=sw-1", 400, "not both"},
		{"a group before there are groups", "/api/v1/series?group=uplinks", 404, "no group"},
		{"a picture too wide", graph + "&w=4097", 422, "w: "},
		{"a picture too high", graph + "&h=2161", 422, "h: "},
		{"a picture of another kind", graph + "&kind=pie", 400, "one of bits, packets, errors"},
		{"a theme that is none", graph + "&theme=pink", 400, "one of light, dark"},
		{"events of an unknown kind", "/api/v1/events?only=gossip", 400, "rates, device"},
		{"events of an unknown device", "/api/v1/events?device=nope", 404, `no device "nope"`},
		{"a path that is none", "/api/v1/nothing", 404, "nothing lives at"},
	}
	r := twoSwitches(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := r.get(t, tt.path)
			text := body(t, resp)
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", resp.StatusCode, tt.status, text)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %q", got)
			}
			var p struct {
				Title, Detail, Type string
				Status              int
			}
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			if !strings.Contains(p.Detail, tt.says) || p.Status != tt.status || p.Title == "" || p.Type == "" {
				t.Errorf("problem %+v, want it to say %q", p, tt.says)
			}
		})
	}
}

func TestPagesOfAListCoverEachPortOnce(t *testing.T) {
	r := twoSwitches(t)
	var got []string
	path := "/api/v1/ports?limit=2"
	for pages := 0; path != "" && pages < 10; pages++ {
		a := r.answer(t, path)
		for _, p := range a["ports"].([]any) {
			p := p.(map[string]any)
			got = append(got, fmt.Sprint(p["device"], " ", p["port"]))
		}
		path = ""
		if next, more := a["next"].(string); more {
			path = "/api/v1/ports?limit=2&cursor=" + url.QueryEscape(next)
		}
	}
	want := "sw-1 Gi1/0/1,sw-1 Gi1/0/2,sw-1 Gi1/0/3,sw-2 Gi1/0/1,sw-2 Gi1/0/2,sw-2 Gi1/0/3,sw-2 Gi1/0/4"
	if strings.Join(got, ",") != want {
		t.Errorf("pages gave %v", got)
	}
	a := r.answer(t, "/api/v1/devices?limit=1")
	b := r.answer(t, "/api/v1/devices?limit=1&cursor="+url.QueryEscape(a["next"].(string)))
	if b["devices"].([]any)[0].(map[string]any)["name"] != "sw-2" || b["next"] != nil {
		t.Errorf("second page of devices: %v", b)
	}
}

func TestPortsAreFoundByText(t *testing.T) {
	r := newRig(t, dev("sw-1"), dev("sw-2"))
	rd := round("sw-1", time.Now(), 3)
	rd.Readings[1].Port.Alias = "Uplink to Core"
	r.board.Accept(context.Background(), rd)
	r.board.Accept(context.Background(), round("sw-2", time.Now(), 1))
	for q, want := range map[string]int{"uplink": 1, "CORE": 1, "gi1/0/": 4, "sw-2": 1, "sw-1 Gi1/0/3": 1, "nowhere": 0} {
		if got := len(r.answer(t, "/api/v1/ports?q="+url.QueryEscape(q))["ports"].([]any)); got != want {
			t.Errorf("q=%s: %d ports, want %d", q, got, want)
		}
	}
}

func TestAllKeysOfThePaperArePresent(t *testing.T) {
	r := twoSwitches(t)
	r.board.Configure([]spate.Device{dev("sw-1"), dev("sw-2"), dev("sw-9")})
	rates := "at age_s in_bps out_bps in_pps out_pps in_ucast_pps out_ucast_pps in_mcast_pps out_mcast_pps in_bcast_pps out_bcast_pps in_errors_ps out_errors_ps in_discards_ps out_discards_ps"
	first := func(v any) any { return v.([]any)[0] }
	key := func(v any, k string) any { return v.(map[string]any)[k] }
	ports := first(r.answer(t, "/api/v1/ports")["ports"])
	series := r.answer(t, "/api/v1/series?device=sw-1&port=Gi1/0/1")
	status := r.answer(t, "/api/v1/status")
	tests := []struct {
		name, keys string
		have       any
	}{
		{"device", "name address state sys_name sys_descr vendor uptime_s ports ports_up polled_at poll_ms interval_s counter_refresh_s error", r.answer(t, "/api/v1/devices/sw-1")},
		{"device without an answer", "name address state sys_name sys_descr vendor uptime_s ports ports_up polled_at poll_ms interval_s counter_refresh_s error", r.answer(t, "/api/v1/devices/sw-9")},
		{"port", "device port if_index alias descr type speed_bps speed_source admin oper role neighbour hosts rate gap usual factor mark", ports},
		{"rate", rates, key(ports, "rate")},
		{"series", "from to step_s tier series stats coverage", series},
		{"one series", "avg max min", key(series["series"], "in_bps")},
		{"stats", "last mean max p95 total", key(series["stats"], "in_bps")},
		{"coverage", "n of", series["coverage"]},
		{"status", "version store poller notifier agents flow", status},
		{"store", "backend read_only bytes forecast_year_bytes oldest note queue", status["store"]},
		{"poller", "devices down late_p99_ms", status["poller"]},
	}
	for _, tt := range tests {
		for k := range strings.FieldsSeq(tt.keys) {
			if _, there := tt.have.(map[string]any)[k]; !there {
				t.Errorf("%s has no key %s: %v", tt.name, k, tt.have)
			}
		}
	}
	if hosts, ok := key(ports, "hosts").([]any); !ok || len(hosts) != 0 {
		t.Errorf("hosts %v, want []", key(ports, "hosts"))
	}
}

func TestTopIsSortedAndCountsOctetsOnce(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	rd := round("sw-1", time.Now(), 5)
	rd.Readings[1].Rate.Values[spate.OutBps] = 9e8 // sends more than the others receive
	rd.Readings[4].Port.HighLayer = true
	rd.Readings[3].Gap = spate.GapRestart
	r.board.Accept(context.Background(), rd)
	for path, want := range map[string]string{
		"/api/v1/top?by=bps":       "2 3 1 4",
		"/api/v1/top?by=in_bps":    "3 2 1 4",
		"/api/v1/top":              "2 3 1 4",
		"/api/v1/top?by=bps&all=1": "2 5 3 1 4",
		"/api/v1/top?by=bps&n=2":   "2 3",
	} {
		var got []string
		for _, p := range r.answer(t, path)["ports"].([]any) {
			got = append(got, fmt.Sprint(p.(map[string]any)["if_index"]))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", path, got, want)
		}
	}
}

func TestSeriesKeepsGapsAndAsksWhatWasMeant(t *testing.T) {
	r := twoSwitches(t)
	a := r.answer(t, "/api/v1/series?device=sw-1&port=Gi1/0/1&port=Gi1/0/2&metrics=in_bps,in_errors_ps&from=-2h&width=300")
	if got := fmt.Sprint(r.store.last.Ports); got != "[sw-1 Gi1/0/1 sw-1 Gi1/0/2]" {
		t.Errorf("asked for %s", got)
	}
	if n := len(r.store.last.Metrics); n != 2 || r.store.last.Width != 300 {
		t.Errorf("asked for %d metrics, width %d", n, r.store.last.Width)
	}
	bits := a["series"].(map[string]any)["in_bps"].(map[string]any)
	avg := bits["avg"].([]any)
	if avg[5] != nil || avg[6] == nil {
		t.Errorf("value 5 is a gap and 6 is none: got %v, %v", avg[5], avg[6])
	}
	errors := a["series"].(map[string]any)["in_errors_ps"].(map[string]any)
	if errors["min"] != nil {
		t.Errorf("min of errors is not kept: got %v, want null", errors["min"])
	}
	r.answer(t, "/api/v1/series?device=sw-2")
	if n := len(r.store.last.Ports); n != 4 {
		t.Errorf("a device alone: sum of %d ports, want 4", n)
	}
}

func TestSeriesOfAPortOnlyTheStoreKnows(t *testing.T) {
	r := twoSwitches(t)
	r.answer(t, "/api/v1/series?device=gone&port=Gi1/0/1") // history of a removed device
	r.store.empty = true
	if resp := r.get(t, "/api/v1/series?device=gone&port=Gi1/0/1"); resp.StatusCode != 404 {
		t.Errorf("a port nobody knows: %d, want 404", resp.StatusCode)
	}
	a := r.answer(t, "/api/v1/series?device=sw-1&port=Gi1/0/1")
	if a["coverage"].(map[string]any)["n"] != 0.0 {
		t.Errorf("a listed port without history: coverage %v", a["coverage"])
	}
	for _, v := range a["stats"].(map[string]any)["in_bps"].(map[string]any) {
		if v != nil {
			t.Errorf("stats without history: %v, want null", v)
		}
	}
}

func TestSeriesAsCSV(t *testing.T) {
	r := twoSwitches(t)
	resp := r.get(t, "/api/v1/series?device=sw-1&port=Gi1/0/1&metrics=in_bps,in_pps&from=-1h", "Accept", "text/csv")
	rows, err := csv.NewReader(resp.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], ","); got != "time,in_bps_avg,in_bps_max,in_bps_min,in_pps_avg,in_pps_max" {
		t.Errorf("head %s", got)
	}
	if _, err := time.Parse(time.RFC3339, rows[1][0]); err != nil || rows[6][1] != "" || rows[7][1] == "" {
		t.Errorf("rows %v %v, want a gap as an empty cell", rows[6], rows[7])
	}
	if got := resp.Header.Get("Content-Disposition"); got != `attachment; filename="sw-1_Gi1_0_1.csv"` {
		t.Errorf("file name %s", got)
	}
}

func TestStoreTroubleIsOurFaultAndStaysOutOfTheAnswer(t *testing.T) {
	r := twoSwitches(t)
	r.store.err = fmt.Errorf("open /secret/path: broken")
	resp := r.get(t, "/api/v1/series?device=sw-1&port=Gi1/0/1")
	text := body(t, resp)
	if resp.StatusCode != 500 || strings.Contains(text, "secret") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	if !strings.Contains(r.log.String(), "broken") {
		t.Errorf("the log does not say why: %s", r.log)
	}
	r.store.err = context.DeadlineExceeded
	if resp := r.get(t, "/api/v1/series?device=sw-1&port=Gi1/0/1"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a slow store: %d, want 503 with Retry-After", resp.StatusCode)
	}
	r.store.err, r.store.short = nil, true
	if resp := r.get(t, "/api/v1/series?device=sw-1&port=Gi1/0/1&format=csv"); resp.StatusCode != 200 {
		t.Errorf("a store that answers short: %d", resp.StatusCode)
	}
}

func TestPictureIsDrawnOnceAndTagged(t *testing.T) {
	r := twoSwitches(t)
	const path = "/api/v1/graph.png?device=sw-1&port=Gi1/0/1&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&theme=dark&w=800&h=300"
	a := r.get(t, path)
	b := r.get(t, path)
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "image/png" || r.painter.drawn != 1 {
		t.Errorf("%d %s, drawn %d times", a.StatusCode, a.Header.Get("Content-Type"), r.painter.drawn)
	}
	if p := r.painter.last; p.Width != 800 || p.Height != 300 || p.Theme != "dark" || p.Title != "sw-1 Gi1/0/1" || p.Speed != 1e9 {
		t.Errorf("picture ordered: %+v", p)
	}
	tag := b.Header.Get("ETag")
	if tag == "" || !strings.Contains(b.Header.Get("Cache-Control"), "max-age=108") { // a day over 800 columns
		t.Errorf("tag %q, cache %q", tag, b.Header.Get("Cache-Control"))
	}
	if c := r.get(t, path, "If-None-Match", tag); c.StatusCode != 304 || body(t, c) != "" {
		t.Errorf("with its tag: %d, want 304 without a body", c.StatusCode)
	}
	r.painter.panic = true
	if d := r.get(t, path+"&kind=packets"); d.StatusCode != 500 {
		t.Errorf("a painter that panics: %d, want 500", d.StatusCode)
	}
}

func TestHealth(t *testing.T) {
	r := twoSwitches(t)
	if resp := r.get(t, "/-/healthy", "Host", "anything.example"); resp.StatusCode != 200 {
		t.Errorf("healthy: %d", resp.StatusCode)
	}
	r.ready = fmt.Errorf("the first round is not planned yet")
	if resp := r.get(t, "/-/ready"); resp.StatusCode != 503 || !strings.Contains(body(t, resp), "first round") {
		t.Errorf("not ready: %d", resp.StatusCode)
	}
	r.ready = nil
	if resp := r.get(t, "/-/ready"); resp.StatusCode != 200 {
		t.Errorf("ready: %d", resp.StatusCode)
	}
	text := body(t, r.get(t, "/metrics"))
	for _, want := range []string{`spate_http_requests_total{route="/-/ready",code="503"} 1`, "spate_event_readers 0", `spate_queue_dropped_total{queue="events"}`} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics has no %s:\n%s", want, text)
		}
	}
}

func TestStatusCountsAndTellsUnknownAsNull(t *testing.T) {
	r := twoSwitches(t)
	for range 3 {
		r.board.Accept(context.Background(), silent("sw-1", time.Now()))
	}
	a := r.answer(t, "/api/v1/status")
	p, s := a["poller"].(map[string]any), a["store"].(map[string]any)
	if p["devices"] != 2.0 || p["down"] != 1.0 || p["late_p99_ms"] != 3.0 {
		t.Errorf("poller %v", p)
	}
	if s["bytes"] != 123456.0 || s["forecast_year_bytes"] != nil || s["oldest"] != nil {
		t.Errorf("store %v", s)
	}
}

func TestNumbersOfTheAPIArePlain(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	rd := round("sw-1", time.Now(), 1)
	rd.Readings[0].Rate.Values[spate.InBps] = 123456789.98765
	rd.Readings[0].Rate.Values[spate.OutBps] = math.Inf(1)
	rd.Readings[0].Rate.Values[spate.InErrorsPs] = 0.033333333
	r.board.Accept(context.Background(), rd)
	text, err := io.ReadAll(r.get(t, "/api/v1/ports").Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"in_bps":123456790,`, `"out_bps":null,`, `"in_errors_ps":0.033,`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}
