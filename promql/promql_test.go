package promql_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strconv"
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

// known has 100 packets a second of the metrics it is made of, and nothing of others.
type known []spate.Metric

func (k known) Query(ctx context.Context, q spate.Query) (*spate.Frame, error) {
	f, err := steady{}.Query(ctx, q)
	if err != nil || !slices.Contains(k, q.Metrics[0]) {
		return &spate.Frame{From: q.From, To: q.To, Step: 10 * time.Second}, err
	}
	for i := range f.Series[0].Avg {
		f.Series[0].Avg[i] = 100
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

// Users of a server send unicasts only, and the store keeps their packets once.
func TestPacketsStoredOnceAreUnicastsToo(t *testing.T) {
	list := ports{{ID: spate.PortID{Device: "web-17", Name: "user custshop"}, Unicast: true}, {ID: spate.PortID{Device: "web-17", Name: "eth0"}}}
	e := promql.New(known{spate.OutPps}, list, promql.DefaultLimits(), slog.New(slog.DiscardHandler))
	for query, want := range map[string]string{
		`rate(ifHCOutUcastPkts{ifName="user custshop"}[5m])`: `"100`, `spate_out_ucast_pps{ifName="user custshop"}`: `"100`, `spate_out_pps{ifName="user custshop"}`: `"100`,
		`rate(ifHCOutUcastPkts{ifName="eth0"}[5m])`: `"result":[]`, `rate(ifHCOutMulticastPkts{ifName="user custshop"}[5m])`: `"result":[]`,
	} {
		if _, text := ask(e, "query", url.Values{"query": {query}}); !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %s", query, text, want)
		}
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

// Whatever is asked is answered in the form of Prometheus' API: an error has words, a
// range has no value outside of it and no more than are allowed, every value is a number.
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
		var got struct {
			Status, ErrorType, Error string
			Data                     json.RawMessage
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || (got.Status == "success") != (status == 200) {
			t.Fatalf("%s %q: %d, %v: %.300s", path, query, status, err, text)
		}
		if status != 200 && (status < 400 || status == 500 || got.ErrorType == "" || got.Error == "") {
			t.Fatalf("%s %q: %d without words: %.300s", path, query, status, text)
		}
		if status == 200 && path == "query_range" {
			withinRange(t, query, got.Data, start, end, limits.Points)
		}
	})
}

// withinRange looks at each value of a matrix.
func withinRange(t *testing.T, query string, data []byte, start, end string, most int) {
	t.Helper()
	var m struct {
		ResultType string
		Result     []struct{ Values [][2]any }
	}
	if err := json.Unmarshal(data, &m); err != nil || m.ResultType != "matrix" {
		t.Fatalf("%q: %v, a %s", query, err, m.ResultType)
	}
	from, err1 := strconv.ParseFloat(start, 64)
	to, err2 := strconv.ParseFloat(end, 64)
	for _, s := range m.Result {
		if len(s.Values) > most {
			t.Fatalf("%q: %d values, at most %d are allowed", query, len(s.Values), most)
		}
		for _, v := range s.Values {
			at, ok := v[0].(float64)
			text, also := v[1].(string)
			if _, err := strconv.ParseFloat(text, 64); !ok || !also || err != nil && !errors.Is(err, strconv.ErrRange) {
				t.Fatalf("%q: value %v", query, v)
			}
			if err1 == nil && err2 == nil && (at < from-0.001 || at > to+0.001) {
				t.Fatalf("%q: a value at %f, asked from %f to %f", query, at, from, to)
			}
		}
	}
}

// Bodies and questions that are too large, too deep or too wide are refused, and take no
// memory worth the name.
func TestTooMuchIsRefusedCheaply(t *testing.T) {
	many := make(ports, 0, 10_000)
	for i := range cap(many) {
		many = append(many, promql.Port{ID: spate.PortID{Device: fmt.Sprintf("sw-%d", i/48), Name: fmt.Sprintf("Gi1/0/%d", i%48)}, IfIndex: i, Speed: 1e9, Polled: time.Now()})
	}
	e := promql.New(steady{}, many, promql.DefaultLimits(), slog.New(slog.DiscardHandler))
	year := func(n int) string {
		return strconv.FormatInt(time.Now().Add(-time.Duration(n)*365*24*time.Hour).Unix(), 10)
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	for _, tt := range []struct {
		name, path string
		form       url.Values
		status     int
	}{
		{"10,000 series", "query", url.Values{"query": {"spate_in_bps"}}, 422},
		{"ten thousand in a sum", "query", url.Values{"query": {"sum(rate(ifHCInOctets[5m]))"}}, 422},
		{"all of all metrics", "series", url.Values{"match[]": {`{__name__=~".+"}`}}, 422},
		{"eleven years", "query_range", url.Values{"query": {"spate_in_bps"}, "start": {year(11)}, "end": {now}, "step": {"1d"}}, 400},
		{"ten years by the second", "query_range", url.Values{"query": {"vector(1)"}, "start": {year(10)}, "end": {now}, "step": {"1"}}, 422},
		{"5,000 selectors", "series", url.Values{"match[]": make([]string, 5000)}, 422},
		{"an expression of forty kilobytes", "query", url.Values{"query": {strings.Repeat("1+", 20_000) + "1"}}, 422},
		{"brackets, 10,000 deep", "query", url.Values{"query": {strings.Repeat("(", 10_000) + "1" + strings.Repeat(")", 10_000)}}, 422},
		{"a bomb of a regular expression", "series", url.Values{"match[]": {`{device=~"` + strings.Repeat("(a{1,100}){1,100}", 100) + `"}`}}, 400},
		{"another", "query", url.Values{"query": {`spate_in_bps{device=~"((((a{0,10}){0,10}){0,10}){0,10}){0,10}"}`}}, 400},
		{"a backtracking one, which RE2 does not know", "query", url.Values{"query": {`spate_in_bps{device=~"(a+)+(a+)+(a+)+b"}`}}, 200},
		{"a subquery of ten years by the millisecond", "query", url.Values{"query": {"max_over_time(vector(1)[10y:1ms])"}}, 422},
		{"subqueries in subqueries", "query", url.Values{"query": {strings.Repeat("max_over_time(", 50) + "vector(1)" + strings.Repeat("[1d:1m])", 50)}}, 422},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w := httptest.NewRecorder()
			r := httptest.NewRequest(method, promql.Base+tt.path+"?"+tt.form.Encode(), nil)
			if method == http.MethodPost {
				r = httptest.NewRequest(method, promql.Base+tt.path, strings.NewReader(tt.form.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			e.ServeHTTP(w, r)
			runtime.ReadMemStats(&after)
			if w.Code != tt.status {
				t.Errorf("%s by %s: %d, want %d: %.200s", tt.name, method, w.Code, tt.status, w.Body)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
				t.Errorf("%s by %s takes %d MB in all", tt.name, method, grown>>20)
			}
		}
	}
}

// A body without end is not read to its end.
func TestALargeBodyIsNotRead(t *testing.T) {
	e := engine(steady{}, promql.DefaultLimits())
	for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"} {
		body := &counted{r: io.LimitReader(zeros{}, 100<<20)}
		r := httptest.NewRequest(http.MethodPost, promql.Base+"query", body)
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != 413 && (w.Code != 400 || body.n > 0) || body.n > 2<<20 {
			t.Errorf("%s: %d after %d octets: %s", kind, w.Code, body.n, w.Body)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}

type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
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
