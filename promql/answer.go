package promql

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Answers are those of Prometheus' HTTP API (prometheus.io/docs, HTTP API).

func success(w http.ResponseWriter, data []byte) {
	body := append([]byte(`{"status":"success","data":`), data...)
	send(w, http.StatusOK, append(body, '}', '\n'))
}

func failure(w http.ResponseWriter, e *Error) {
	body, err := json.Marshal(map[string]string{"status": "error", "errorType": e.Type, "error": e.Text})
	if err != nil {
		body = []byte(`{"status":"error","errorType":"internal","error":"not to be said in JSON"}`)
	}
	if e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	send(w, e.Status, append(body, '\n'))
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may have left
}

// appendResult writes data of a query: resultType and result.
func appendResult(b []byte, v parser.Value) ([]byte, error) {
	b = append(b, `{"resultType":"`...)
	b = append(b, string(v.Type())...)
	b = append(b, `","result":`...)
	var err error
	switch v := v.(type) {
	case promql.Matrix:
		b, err = appendList(b, len(v), func(b []byte, i int) ([]byte, error) { return appendSeries(b, &v[i]) })
	case promql.Vector:
		b, err = appendList(b, len(v), func(b []byte, i int) ([]byte, error) {
			b, err := appendLabels(append(b, `{"metric":`...), v[i].Metric)
			if err != nil {
				return nil, err
			}
			return append(appendPoint(append(b, `,"value":`...), v[i].T, v[i].F), '}'), nil
		})
	case promql.Scalar:
		b = appendPoint(b, v.T, v.V)
	case promql.String:
		var text []byte
		text, err = json.Marshal(v.V)
		b = append(appendTime(append(b, '['), v.T), ',')
		b = append(append(b, text...), ']')
	default:
		return nil, tooMuch("a result of type %s is not served", v.Type())
	}
	return append(b, '}'), err
}

func appendList(b []byte, n int, one func(b []byte, i int) ([]byte, error)) ([]byte, error) {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = one(b, i); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendSeries(b []byte, s *promql.Series) ([]byte, error) {
	b, err := appendLabels(append(b, `{"metric":`...), s.Metric)
	if err != nil {
		return nil, err
	}
	b = append(b, `,"values":[`...)
	for i, p := range s.Floats {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendPoint(b, p.T, p.F)
	}
	return append(b, ']', '}'), nil
}

func appendLabels(b []byte, l labels.Labels) ([]byte, error) {
	text, err := json.Marshal(l)
	return append(b, text...), err
}

func appendPoint(b []byte, t int64, v float64) []byte {
	b = append(appendTime(append(b, '['), t), ',', '"')
	return append(appendFloat(b, v), '"', ']')
}

// appendTime is seconds with at most three decimals.
func appendTime(b []byte, ms int64) []byte {
	if ms%1000 == 0 {
		return strconv.AppendInt(b, ms/1000, 10)
	}
	return strconv.AppendFloat(b, float64(ms)/1000, 'f', 3, 64)
}

func appendFloat(b []byte, v float64) []byte {
	if a := math.Abs(v); a != 0 && !math.IsInf(v, 0) && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}
