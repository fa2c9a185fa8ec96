package promql_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/promql"
)

// steady answers every question with the same rate, in steps of at least 10 s.
type steady struct {
	wait chan struct{} // nil: at once
	err  error
}

func (s steady) Query(ctx context.Context, q spate.Query) (*spate.Frame, error) {
	if s.wait != nil {
		select {
		case <-s.wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	step := max((q.To.Sub(q.From) / time.Duration(q.Width)).Truncate(10*time.Second), 10*time.Second)
	f := &spate.Frame{From: q.From.Truncate(step), To: q.To.Add(step - 1).Truncate(step), Step: step, Series: []spate.Series{{Metric: q.Metrics[0]}}}
	for range f.Len() {
		f.Series[0].Avg = append(f.Series[0].Avg, 8e6)
		f.Series[0].Max = append(f.Series[0].Max, 9e6)
	}
	return f, nil
}

type ports []promql.Port

func (p ports) Ports() iter.Seq[promql.Port] {
	return func(yield func(promql.Port) bool) {
		for _, x := range p {
			if !yield(x) {
				return
			}
		}
	}
}

func engine(r promql.Reader, limits promql.Limits) *promql.Engine {
	list := ports{
		{ID: spate.PortID{Device: "sw-1", Name: "Gi1/0/1"}, Alias: "</script>\u202e\x1b[31m", IfIndex: 1, Speed: 1e9, Oper: spate.StatusUp, Polled: time.Now()},
		{ID: spate.PortID{Device: "sw-2", Name: "ae0"}, IfIndex: 2, Oper: spate.StatusDown},
	}
	return promql.New(r, list, limits, slog.New(slog.DiscardHandler))
}

func ask(e *promql.Engine, path string, form url.Values) (int, string) {
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, promql.Base+path+"?"+form.Encode(), nil))
	return w.Code, w.Body.String()
}

// What the store cannot do, takes too long for, or has failed at, is a sentence in
// the form Prometheus has for errors.
func TestWhatGoesWrongIsToldAsPrometheusTellsIt(t *testing.T) {
	short := promql.DefaultLimits()
	short.Time = 20 * time.Millisecond
	for _, c := range []struct {
		name   string
		reader steady
		limits promql.Limits
		status int
		has    string
	}{
		{"store fails", steady{err: errors.New("the disk of sw-store is gone")}, promql.DefaultLimits(), 422, "the disk of sw-store is gone"},
		{"store is slow", steady{wait: make(chan struct{})}, short, 422, "took too long"},
	} {
		status, text := ask(engine(c.reader, c.limits), "query", url.Values{"query": {"rate(ifHCInOctets[5m])"}})
		var got struct{ Status, ErrorType, Error string }
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%s: %v in %s", c.name, err, text)
		}
		if status != c.status || got.Status != "error" || got.ErrorType == "" || !strings.Contains(got.Error, c.has) {
			t.Errorf("%s: %d %+v, want %d with %q", c.name, status, got, c.status, c.has)
		}
	}
}

// More questions than are answered at once wait, and one that waits too long is
// told so.
func TestQuestionsWaitForEachOther(t *testing.T) {
	limits := promql.DefaultLimits()
	limits.AtOnce, limits.Time = 1, 200*time.Millisecond
	gate := make(chan struct{})
	e := engine(steady{wait: gate}, limits)
	first := make(chan int)
	go func() {
		status, _ := ask(e, "query", url.Values{"query": {"spate_in_bps"}})
		first <- status
	}()
	if status, text := ask(e, "query", url.Values{"query": {"spate_in_bps"}, "timeout": {"10ms"}}); status != 422 || !strings.Contains(text, "too long") {
		t.Errorf("%d %s", status, text)
	}
	close(gate)
	<-first
}

func TestHostileNamesAreTextInJSON(t *testing.T) {
	_, text := ask(engine(steady{}, promql.DefaultLimits()), "query", url.Values{"query": {`spate_in_bps{device="sw-1"}`}})
	for _, bad := range []string{"</script>", "\x1b", "\u202e[31m\x00"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q stands in %s", bad, text)
		}
	}
	var got struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Data.Result) != 1 || got.Data.Result[0].Metric["ifAlias"] != "</script>\u202e\x1b[31m" {
		t.Errorf("%v: %s", err, text)
	}
}

// A counter of ten years is made of the hours there are, within the limit.
func TestTenYearsAreReadCoarsely(t *testing.T) {
	now := time.Now()
	form := url.Values{
		"query": {`rate(ifHCInOctets{device="sw-1"}[1d])*8`}, "step": {"1d"},
		"start": {now.Add(-10 * 365 * 24 * time.Hour).Format(time.RFC3339)}, "end": {now.Format(time.RFC3339)},
	}
	status, text := ask(engine(steady{}, promql.DefaultLimits()), "query_range", form)
	if status != 200 || strings.Count(text, `"8000000"`) < 3600 {
		t.Errorf("%d with %d days at 8 Mb/s: %.300s", status, strings.Count(text, `"8000000"`), text)
	}
}

func FuzzQuestions(f *testing.F) {
	for _, q := range []string{
		"rate(ifHCInOctets[5m])*8", `topk(3, sum by (device) (spate_in_bps))`, `{__name__=~"ifHC.*"}`, "1e308*1e308", `label_replace(up,"a","$1","b","(.*)")`,
		"max_over_time(rate(ifHCInOctets[1m])[1h:10s])", "ifHCInOctets @ 0", "ifHCInOctets offset -1h", `"x"`, "absent(nothing)", "histogram_quantile(0.9, spate_in_bps)",
	} {
		f.Add("query", q, "1700000000", "1700003600", "60")
		f.Add("query_range", q, "1700000000", "1700003600", "60")
		f.Add("series", q, "", "", "5")
	}
	f.Add("label/device/values", `{device=~".*"}`, "0", "NaN", "-1")
	f.Fuzz(func(t *testing.T, path, query, start, end, step string) {
		limits := promql.DefaultLimits()
		limits.Samples, limits.Points, limits.Time = 20_000, 500, 2*time.Second
		status, text := ask(engine(steady{}, limits), url.PathEscape(path), url.Values{
			"query": {query}, "match[]": {query}, "start": {start}, "end": {end}, "time": {end}, "step": {step}, "limit": {step}, "timeout": {step},
		})
		var got struct{ Status string }
		if err := json.Unmarshal([]byte(text), &got); err != nil || (got.Status == "success") != (status == 200) {
			t.Fatalf("%s %q: %d, %v: %.300s", path, query, status, err, text)
		}
	})
}

// A port without a speed has no ifHighSpeed, and a status is a number of RFC 2863.
func TestFactsAreThoseOfToday(t *testing.T) {
	e := engine(steady{}, promql.DefaultLimits())
	if _, text := ask(e, "query", url.Values{"query": {"ifHighSpeed"}}); strings.Count(text, `"metric"`) != 1 || !strings.Contains(text, `"1000"`) {
		t.Errorf("ifHighSpeed: %s", text)
	}
	if _, text := ask(e, "query", url.Values{"query": {"ifOperStatus"}, "time": {time.Now().Add(time.Second).Format(time.RFC3339)}}); strings.Count(text, `"metric"`) != 1 || !strings.Contains(text, `"1"]`) {
		t.Errorf("ifOperStatus, of one polled port: %s", text)
	}
}

// Work without end is ended, and takes no memory without end.
func TestWorkWithoutEndIsEnded(t *testing.T) {
	limits := promql.DefaultLimits()
	limits.Time = 300 * time.Millisecond
	e := engine(steady{}, limits)
	for _, q := range []string{
		"max_over_time(vector(1)[10y:1ms])", "max_over_time(rate(ifHCInOctets[1m])[1000d:1s])",
		"sum_over_time(count_over_time(count_over_time(vector(1)[1d:1s])[1d:1s])[1d:1s])",
		strings.Repeat("-", 20000) + "1", strings.Repeat("abs(", 3000) + "vector(1)" + strings.Repeat(")", 3000), `label_replace(ifHCInOctets, "a", "$1", "device", "` + strings.Repeat("(a|b)*", 500) + `")`,
	} {
		began := time.Now()
		status, text := ask(e, "query", url.Values{"query": {q}})
		if took := time.Since(began); took > 10*time.Second || strings.Contains(q, "vector(1)[") && status != 422 {
			t.Errorf("%.60s took %v: %d %.200s", q, took, status, text)
		}
		t.Logf("%.50s: %v %d %.100s", q, time.Since(began), status, text)
	}
}
