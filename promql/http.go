package promql

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Base is where the API lies.
const Base = "/prometheus/api/v1/"

const (
	mostForm      = 1 << 20 // octets of a POST
	mostSelectors = 100
	tenYears      = 10 * 366 * 24 * time.Hour
)

// likePrometheus is the version Grafana is told, by which it chooses what to ask:
// that of the oldest API that has all we answer.
const likePrometheus = "2.53.0"

// ServeHTTP answers what lies under Base. Who may ask is not looked at here.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	}
	if err := r.ParseForm(); errors.As(err, new(*http.MaxBytesError)) {
		failure(w, &Error{http.StatusRequestEntityTooLarge, "bad_data", "the form is larger than a megabyte"})
		return
	} else if err != nil {
		failure(w, badData("the form cannot be read: %v", err))
		return
	}
	data, err := e.answer(r, strings.TrimPrefix(r.URL.Path, Base))
	if err != nil {
		failure(w, asError(err))
		return
	}
	success(w, data)
}

func (e *Engine) answer(r *http.Request, what string) ([]byte, error) {
	switch what {
	case "query":
		return e.answerQuery(r)
	case "query_range":
		return e.answerRange(r)
	case "series":
		return e.answerSeries(r)
	case "labels":
		return e.answerLabels(r)
	case "metadata":
		return e.answerMetadata(r)
	case "status/buildinfo":
		return json.Marshal(map[string]string{"version": likePrometheus, "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""})
	case "rules":
		return []byte(`{"groups":[]}`), nil
	case "alerts":
		return []byte(`{"alerts":[]}`), nil
	}
	if name, ok := strings.CutPrefix(what, "label/"); ok {
		if name, ok = strings.CutSuffix(name, "/values"); ok {
			return e.answerValues(r, name)
		}
	}
	return nil, &Error{http.StatusNotFound, "not_found", "nothing is served there: query, query_range, series, labels, label/NAME/values, metadata, status/buildinfo, rules and alerts are"}
}

func (e *Engine) answerQuery(r *http.Request) (data []byte, err error) {
	q := question{text: r.Form.Get("query")}
	if q.to, err = momentOf(r.Form, "time", time.Now()); err != nil {
		return nil, err
	}
	if q.limit, err = timeoutOf(r.Form); err != nil {
		return nil, err
	}
	err = e.ask(r.Context(), q, func(v parser.Value) error { data, err = appendResult(nil, v); return err })
	return data, err
}

func (e *Engine) answerRange(r *http.Request) (data []byte, err error) {
	q := question{text: r.Form.Get("query")}
	if q.from, err = momentOf(r.Form, "start", time.Time{}); err != nil {
		return nil, err
	}
	if q.to, err = momentOf(r.Form, "end", time.Time{}); err != nil {
		return nil, err
	}
	if q.step, err = durationOf(r.Form.Get("step")); err != nil || q.step <= 0 {
		return nil, badData("step: %s is not understood, wanted seconds or a duration such as 30s, above 0", quoted(r.Form.Get("step")))
	}
	if q.limit, err = timeoutOf(r.Form); err != nil {
		return nil, err
	}
	switch {
	case q.to.Before(q.from):
		return nil, badData("end: it is before start")
	case q.to.Sub(q.from) > tenYears:
		return nil, badData("start: the range is longer than ten years")
	case q.to.Sub(q.from)/q.step >= time.Duration(e.limits.Points):
		return nil, tooMuch("step: it gives more than %d values a series: ask for a longer step or a shorter range", e.limits.Points)
	}
	err = e.ask(r.Context(), q, func(v parser.Value) error { data, err = appendResult(nil, v); return err })
	return data, err
}

func (e *Engine) answerSeries(r *http.Request) ([]byte, error) {
	selectors, err := e.selectors(r.Form)
	if err != nil {
		return nil, err
	}
	if len(selectors) == 0 {
		return nil, badData(`match[]: at least one selector is wanted, such as {device="sw-acc-1"}`)
	}
	list, err := e.series(r.Context(), selectors)
	if err != nil {
		return nil, err
	}
	n, err := limitOf(r.Form, len(list))
	if err != nil {
		return nil, err
	}
	return appendList(nil, n, func(b []byte, i int) ([]byte, error) { return appendLabels(b, list[i]) })
}

func (e *Engine) answerLabels(r *http.Request) ([]byte, error) {
	if _, err := e.selectors(r.Form); err != nil {
		return nil, err
	}
	return json.Marshal(labelNames())
}

func (e *Engine) answerValues(r *http.Request, name string) ([]byte, error) {
	selectors, err := e.selectors(r.Form)
	if err != nil {
		return nil, err
	}
	list, err := e.LabelValues(r.Context(), name, selectors)
	if err != nil {
		return nil, err
	}
	n, err := limitOf(r.Form, len(list))
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return []byte("[]"), nil
	}
	return json.Marshal(list[:n])
}

func (e *Engine) answerMetadata(r *http.Request) ([]byte, error) {
	type about struct {
		Type string `json:"type"`
		Help string `json:"help"`
		Unit string `json:"unit"`
	}
	out := map[string][]about{}
	for i := range e.metrics {
		m := &e.metrics[i]
		if want := r.Form.Get("metric"); want == "" || want == m.name {
			out[m.name] = []about{{m.promType(), m.help, ""}}
		}
	}
	return json.Marshal(out)
}

func (e *Engine) selectors(form url.Values) ([][]*labels.Matcher, error) {
	texts := form["match[]"]
	if len(texts) > mostSelectors {
		return nil, tooMuch("match[]: %d selectors are over the limit of %d", len(texts), mostSelectors)
	}
	var out [][]*labels.Matcher
	for _, text := range texts {
		if len(text) > e.limits.Text {
			return nil, tooMuch("match[]: a selector of %d octets is over the limit of %d", len(text), e.limits.Text)
		}
		m, err := e.parser.ParseMetricSelector(text)
		if err != nil {
			return nil, badData("match[]: %v", err)
		}
		out = append(out, m)
	}
	return out, nil
}

// limitOf is how many of n to answer: limit=, 0 or absent is all.
func limitOf(form url.Values, n int) (int, error) {
	text := form.Get("limit")
	if text == "" {
		return n, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 0 {
		return 0, badData("limit: %s is not understood, wanted a whole number", quoted(text))
	}
	if limit == 0 {
		return n, nil
	}
	return min(n, limit), nil
}

func timeoutOf(form url.Values) (time.Duration, error) {
	text := form.Get("timeout")
	if text == "" {
		return 0, nil
	}
	d, err := durationOf(text)
	if err != nil || d <= 0 {
		return 0, badData("timeout: %s is not understood, wanted seconds or a duration such as 30s", quoted(text))
	}
	return d, nil
}

// momentOf reads a time: seconds since 1970, or RFC 3339. fallback stands where
// it is absent; zero: it must not be.
func momentOf(form url.Values, name string, fallback time.Time) (time.Time, error) {
	text := form.Get(name)
	if text == "" && !fallback.IsZero() {
		return fallback, nil
	}
	if s, err := strconv.ParseFloat(text, 64); err == nil && s >= 0 && s < 1e11 {
		whole, part := math.Modf(s)
		return time.Unix(int64(whole), int64(math.Round(part*1000))*1e6).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil && t.Unix() >= 0 {
		return t, nil
	}
	return time.Time{}, badData("%s: %s is not understood, wanted seconds since 1970 or RFC 3339", name, quoted(text))
}

// durationOf reads seconds, or Prometheus' 1h30m.
func durationOf(text string) (time.Duration, error) {
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		if !(s > 0 && s < 1e9) {
			return 0, strconv.ErrRange
		}
		return max(time.Duration(s*1000)*time.Millisecond, time.Millisecond), nil
	}
	d, err := model.ParseDuration(text)
	return time.Duration(d), err
}

// quoted is a caller's own text, short enough to be answered.
func quoted(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "…"
	}
	return strconv.Quote(s)
}
