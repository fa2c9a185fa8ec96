package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	prom "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"spate"
	"spate/graph"
	"spate/promql"
	"spate/storage"
	"spate/web"

	"github.com/VictoriaMetrics/metrics"
)

// A promRig is a store with known rates behind the web server, as serve joins them.
type promRig struct {
	*httptest.Server
	base  time.Time // of the first slot
	slots int       // of 10 s, up to about now
}

// promRate is what port p of device d does from slot on; NaN in a gap.
func promRate(d, p, slot int) float64 {
	if d == 1 && p == 1 && slot >= 200 && slot < 230 {
		return math.NaN() // five minutes unknown
	}
	if d == 1 && p == 2 {
		return 1e6 * float64(1+slot%6) // a minute's beat
	}
	return 1e6 * float64(d*10+p)
}

func newPromRig(t *testing.T, limits promql.Limits) *promRig {
	t.Helper()
	cfg := storage.DefaultConfig()
	cfg.Path, cfg.MemoryBytes = t.TempDir(), 64<<20
	log := slog.New(slog.DiscardHandler)
	store, err := storage.Open(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	r := &promRig{base: time.Now().Add(-2 * time.Hour).Truncate(time.Minute), slots: 718}
	var devices []spate.Device
	for d := 1; d <= 2; d++ {
		devices = append(devices, spate.Device{Name: fmt.Sprintf("sw-%d", d), Address: fmt.Sprintf("192.0.2.%d", d)})
	}
	board := web.NewBoard(devices)
	for slot := range r.slots {
		for d, device := range devices {
			at := r.base.Add(time.Duration(slot+1) * 10 * time.Second)
			round := &spate.Round{Device: device, At: at, Interval: 10 * time.Second, System: spate.System{Name: device.Name}}
			for p := 1; p <= 3; p++ {
				rate := spate.Rate{At: at, Over: 10 * time.Second}
				x := promRate(d+1, p, slot)
				for m := range rate.Values {
					rate.Values[m] = x / 1000
				}
				rate.Values[spate.InBps], rate.Values[spate.OutBps] = x, x/2
				port := &spate.Port{
					ID: spate.PortID{Device: device.Name, Name: fmt.Sprintf("Gi1/0/%d", p)}, IfIndex: p, Alias: fmt.Sprintf(`rack "%d"`, p),
					Descr: "GigabitEthernet", Speed: 1e9, SpeedSource: spate.SpeedFromIfHighSpeed, Admin: spate.StatusUp, Oper: spate.StatusUp,
				}
				reading := spate.Reading{Port: port, Rate: rate}
				if math.IsNaN(x) {
					reading.Rate, reading.Gap = spate.Rate{}, spate.GapMissed
				}
				round.Readings = append(round.Readings, reading)
			}
			if err := store.Write(t.Context(), round); err != nil {
				t.Fatal(err)
			}
			board.Accept(t.Context(), round)
		}
	}
	if err := store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := web.New(web.Config{Version: "test", Zone: time.UTC}, web.Deps{
		Board: board, Store: store, Painter: graph.NewRenderer(), Metrics: metrics.NewSet(), Log: log,
		Prometheus: promql.New(store, promSource{board}, limits, log), Import: store,
	})
	r.Server = httptest.NewServer(server)
	t.Cleanup(r.Close)
	return r
}

func (r *promRig) client(t *testing.T) prom.API {
	t.Helper()
	c, err := api.NewClient(api.Config{Address: r.URL + "/prometheus"})
	if err != nil {
		t.Fatal(err)
	}
	return prom.NewAPI(c)
}

// at is a moment of the data, in slots.
func (r *promRig) at(slot float64) time.Time {
	return r.base.Add(time.Duration(slot * 10 * float64(time.Second)))
}

func (r *promRig) vector(t *testing.T, expr string, at time.Time) model.Vector {
	t.Helper()
	v, _, _, err := r.client(t).Query(t.Context(), expr, at)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	vector, ok := v.(model.Vector)
	if !ok {
		t.Fatalf("%s gave %T", expr, v)
	}
	return vector
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Max(math.Abs(a), math.Abs(b)) }

// A stock client gets the numbers that were stored.
func TestAPrometheusClientGetsWhatIsStored(t *testing.T) {
	r := newPromRig(t, promql.DefaultLimits())
	at := r.at(600.4) // off the grid
	for _, c := range []struct {
		expr string
		want map[string]float64 // by device and ifName, of those that are left of them
	}{
		{`rate(ifHCInOctets{device="sw-1",ifName="Gi1/0/3"}[5m])*8`, map[string]float64{"sw-1 Gi1/0/3": 13e6}},
		{`irate(ifHCOutOctets{device="sw-2"}[1m])*8`, map[string]float64{"sw-2 Gi1/0/1": 10.5e6, "sw-2 Gi1/0/2": 11e6, "sw-2 Gi1/0/3": 11.5e6}},
		{`rate(ifHCInUcastPkts{device="sw-2",ifName="Gi1/0/1"}[10m])`, map[string]float64{"sw-2 Gi1/0/1": 21e3}},
		{`rate(ifInErrors{ifAlias="rack \"2\"",device="sw-2"}[10m])`, map[string]float64{"sw-2 Gi1/0/2": 22e3}},
		{`spate_in_bps{device="sw-1",ifName=~"Gi1/0/(1|3)"}`, map[string]float64{"sw-1 Gi1/0/1": 11e6, "sw-1 Gi1/0/3": 13e6}},
		{`max_over_time(spate_in_bps{device="sw-1",ifName="Gi1/0/2"}[1h])`, map[string]float64{"sw-1 Gi1/0/2": 6e6}},
		{`min_over_time(spate_in_bps{device="sw-1",ifName="Gi1/0/2"}[1h])`, map[string]float64{"sw-1 Gi1/0/2": 1e6}},
		{`increase(ifHCInOctets{device="sw-1",ifName="Gi1/0/2"}[10m])`, map[string]float64{"sw-1 Gi1/0/2": 3.5e6 / 8 * 600}},
		{`sum by (device) (rate(ifHCInOctets{ifName!="Gi1/0/2"}[5m]))*8`, map[string]float64{"sw-1 ": 24e6, "sw-2 ": 44e6}},
		{`topk(2, rate(ifHCInOctets[5m])*8)`, map[string]float64{"sw-2 Gi1/0/3": 23e6, "sw-2 Gi1/0/2": 22e6}},
		{`rate(ifHCInOctets{device="sw-2",ifName="Gi1/0/1"}[5m])*8/(ifHighSpeed*1e6)`, map[string]float64{"sw-2 Gi1/0/1": 0.021}},
		{`rate(ifHCInOctets{device="sw-2",ifName="Gi1/0/1"}[5m] offset 30m)*8`, map[string]float64{"sw-2 Gi1/0/1": 21e6}},
		{`count({__name__=~"ifHC.*"})`, map[string]float64{" ": 48}},
	} {
		got := map[string]float64{}
		for _, s := range r.vector(t, c.expr, at) {
			got[string(s.Metric["device"]+" "+s.Metric["ifName"])] = float64(s.Value)
		}
		if len(got) != len(c.want) {
			t.Errorf("%s gives %v, want %v", c.expr, got, c.want)
			continue
		}
		for id, want := range c.want {
			if !near(got[id], want) && !(strings.Contains(c.expr, "[10m]") && math.Abs(got[id]-want) < want/50) {
				t.Errorf("%s of %s is %v, want %v", c.expr, id, got[id], want)
			}
		}
	}
	if v := r.vector(t, `ifOperStatus{device="sw-1"}`, time.Now()); len(v) != 3 || v[0].Value != 1 {
		t.Errorf("ifOperStatus now: %v", v)
	}
	if v := r.vector(t, `ifOperStatus{device="sw-1"}`, r.at(100)); len(v) != 0 {
		t.Errorf("ifOperStatus of an hour ago, which nobody knows: %v", v)
	}
}

// A range of any step: every value is the rate, a gap is a gap, and the volume of
// a counter is that of the rates.
func TestARangeHasRatesGapsAndNoResets(t *testing.T) {
	r := newPromRig(t, promql.DefaultLimits())
	for _, step := range []time.Duration{10 * time.Second, 15 * time.Second, 37 * time.Second, 2 * time.Minute} {
		rng := prom.Range{Start: r.at(60.3), End: r.at(700.7), Step: step}
		for _, c := range []struct {
			expr  string
			value float64
		}{
			{`rate(ifHCInOctets{device="sw-2",ifName="Gi1/0/1"}[2m])*8`, 21e6},
			{`rate(ifHCInOctets{device="sw-1",ifName="Gi1/0/1"}[1m])*8`, 11e6},
			{`spate_in_bps{device="sw-1",ifName="Gi1/0/1"}`, 11e6},
		} {
			v, _, _, err := r.client(t).QueryRange(t.Context(), c.expr, rng)
			if err != nil {
				t.Fatalf("%s: %v", c.expr, err)
			}
			m := v.(model.Matrix)
			if len(m) != 1 {
				t.Fatalf("%s: %d series", c.expr, len(m))
			}
			inGap := 0
			for _, p := range m[0].Values {
				slot := p.Timestamp.Time().Sub(r.base).Seconds() / 10
				unknown := strings.Contains(c.expr, `"sw-1"`) && slot > 200 && slot < 238 // the edge of the gap is in the window
				if slot > 207 && slot < 229 {
					inGap++
				}
				if !unknown && !near(float64(p.Value), c.value) || float64(p.Value) > c.value*1.01 {
					t.Errorf("step %v: %s at slot %.1f is %v, want %v", step, c.expr, slot, p.Value, c.value)
				}
			}
			if strings.Contains(c.expr, `"sw-1"`) == (inGap > 0) {
				t.Errorf("step %v: %s has %d values in the gap", step, c.expr, inGap)
			}
		}
	}
}

func TestAPrometheusClientFindsSeriesAndLabels(t *testing.T) {
	r := newPromRig(t, promql.DefaultLimits())
	c, ctx := r.client(t), context.Background()
	series, _, _, err := c.Series(ctx, []string{`ifHCInOctets{device="sw-1"}`, `{__name__="ifHCInOctets",ifName="Gi1/0/3"}`}, r.base, time.Now())
	if err != nil || len(series) != 4 {
		t.Fatalf("%d series, %v", len(series), err)
	}
	want := model.LabelSet{"__name__": "ifHCInOctets", "device": "sw-1", "instance": "192.0.2.1", "ifName": "Gi1/0/1", "ifAlias": `rack "1"`, "ifDescr": "GigabitEthernet", "ifIndex": "1"}
	if !series[0].Equal(want) {
		t.Errorf("first is %v, want %v", series[0], want)
	}
	values, _, _, err := c.LabelValues(ctx, "device", nil, r.base, time.Now())
	if err != nil || !slices.Equal(values, model.LabelValues{"sw-1", "sw-2"}) {
		t.Errorf("devices %v, %v", values, err)
	}
	values, _, _, err = c.LabelValues(ctx, "ifName", []string{`{device="sw-2",ifAlias=~".*3.*"}`}, r.base, time.Now())
	if err != nil || !slices.Equal(values, model.LabelValues{"Gi1/0/3"}) {
		t.Errorf("ifName %v, %v", values, err)
	}
	names, _, _, err := c.LabelNames(ctx, nil, r.base, time.Now())
	if err != nil || !slices.Contains(names, "ifAlias") || !slices.IsSorted(names) {
		t.Errorf("names %v, %v", names, err)
	}
	values, _, _, err = c.LabelValues(ctx, "__name__", nil, r.base, time.Now())
	if err != nil || len(values) != 15+int(spate.NumMetrics) {
		t.Errorf("%d metrics: %v, %v", len(values), values, err)
	}
	about, err := c.Metadata(ctx, "ifHCInOctets", "")
	if err != nil || len(about["ifHCInOctets"]) != 1 || about["ifHCInOctets"][0].Type != prom.MetricTypeCounter {
		t.Errorf("metadata %v, %v", about, err)
	}
	if info, err := c.Buildinfo(ctx); err != nil || info.Version == "" {
		t.Errorf("buildinfo %v, %v", info, err)
	}
	if rules, err := c.Rules(ctx, nil); err != nil || len(rules.Groups) != 0 {
		t.Errorf("rules %v, %v", rules, err)
	}
	if alerts, err := c.Alerts(ctx); err != nil || len(alerts.Alerts) != 0 {
		t.Errorf("alerts %v, %v", alerts, err)
	}
}

// What a Grafana data source asks, in its own forms, and what goes beyond the
// limits: 422 with a sentence.
func TestQuestionsInTheFormsOfGrafana(t *testing.T) {
	limits := promql.DefaultLimits()
	limits.Series, limits.Samples = 10, 3000
	r := newPromRig(t, limits)
	from, to := fmt.Sprint(r.at(100).Unix()), fmt.Sprint(r.at(200).Unix())
	for _, c := range []struct {
		method, path string
		form         url.Values
		status       int
		has          string
	}{
		{"POST", "query", url.Values{"query": {"1+1"}, "time": {to}}, 200, `"resultType":"scalar","result":[` + to + `,"2"]`},
		{"POST", "query_range", url.Values{"query": {`rate(ifHCInOctets{device="sw-2",ifName="Gi1/0/1"}[1m0s])*8`}, "start": {from + ".000"}, "end": {to}, "step": {"15"}}, 200, `"21000000"`},
		{"GET", "query_range", url.Values{"query": {`spate_in_bps{device="sw-2",ifName="Gi1/0/1"}`}, "start": {from}, "end": {to}, "step": {"60s"}}, 200, `"resultType":"matrix"`},
		{"GET", "label/__name__/values", url.Values{"start": {from}, "end": {to}}, 200, `"ifHCInOctets"`},
		{"GET", "label/device/values", url.Values{"match[]": {`ifHCInOctets{ifName="Gi1/0/1"}`}, "start": {from}, "end": {to}}, 200, `["sw-1","sw-2"]`},
		{"GET", "label/nothing/values", nil, 200, `"data":[]`},
		{"POST", "series", url.Values{"match[]": {`ifHCInOctets{device="sw-1"}`}, "limit": {"2"}}, 200, `"Gi1/0/2"`},
		{"GET", "metadata", nil, 200, `"type":"counter"`},
		{"GET", "status/buildinfo", nil, 200, `"version":"`},
		{"GET", "rules", nil, 200, `"groups":[]`},
		{"POST", "query", url.Values{"query": {`"text"`}}, 200, `"resultType":"string"`},
		{"GET", "query", url.Values{"query": {"rate("}}, 400, "bad_data"},
		{"GET", "query", url.Values{"query": {"1"}, "time": {"yesterday"}}, 400, "RFC 3339"},
		{"GET", "query_range", url.Values{"query": {"1"}, "start": {to}, "end": {from}, "step": {"15"}}, 400, "before start"},
		{"GET", "query_range", url.Values{"query": {"1"}, "start": {from}, "end": {to}, "step": {"0"}}, 400, "step"},
		{"GET", "query_range", url.Values{"query": {"1"}, "start": {from}, "end": {to}, "step": {"0.001"}}, 422, "longer step"},
		{"GET", "series", nil, 400, "match[]"},
		{"GET", "series", url.Values{"match[]": {`{__name__=~"ifHC.*"}`}}, 422, "more than 10 series"},
		{"GET", "query", url.Values{"query": {`count({__name__=~".+"})`}}, 422, "more than 10 series"},
		{"GET", "query_range", url.Values{"query": {`rate(ifHCInOctets[1m])`}, "start": {fmt.Sprint(r.at(-5000).Unix())}, "end": {to}, "step": {"60"}}, 422, "samples"},
		{"GET", "query", url.Values{"query": {strings.Repeat("(", 40000)}}, 422, "octets"},
	} {
		resp := r.send(t, c.method, c.path, c.form)
		text := readAll(t, resp)
		if resp.StatusCode != c.status || !strings.Contains(text, c.has) {
			t.Errorf("%s %s %v: %d %.300s, want %d with %s", c.method, c.path, c.form, resp.StatusCode, text, c.status, c.has)
		}
		if resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %s", c.method, c.path, resp.Header.Get("Content-Type"))
		}
	}
	if resp := r.send(t, "GET", "query_exemplars", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("exemplars: %d, want 404", resp.StatusCode)
	}
}

func (r *promRig) send(t *testing.T, method, path string, form url.Values) *http.Response {
	t.Helper()
	target, body := r.URL+"/prometheus/api/v1/"+path, ""
	if method == http.MethodPost {
		body = form.Encode()
	} else if len(form) > 0 {
		target += "?" + form.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
