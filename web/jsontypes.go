package web

import (
	"math"
	"strconv"
	"time"

	"spate"
)

// number is a figure of the API: NaN, the unknown, is null.
type number float64

func (n number) MarshalJSON() ([]byte, error) { return appendNumber(nil, float64(n)), nil }

var unknown = number(math.NaN())

func appendNumber(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	if v == 0 {
		return append(b, '0') // never -0
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// values is one series: an array of numbers, or null where nothing is kept.
type values []float64

func (v values) MarshalJSON() ([]byte, error) {
	if v == nil {
		return []byte("null"), nil
	}
	b := append(make([]byte, 0, 10*len(v)+2), '[')
	for i, x := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNumber(b, x)
	}
	return append(b, ']'), nil
}

// fact is a text of the API: empty, the absent, is null.
type fact string

func (f fact) MarshalJSON() ([]byte, error) {
	if f == "" {
		return []byte("null"), nil
	}
	return marshal(string(f))
}

// stamp is a time of the API: RFC 3339 UTC, null where there is none.
type stamp time.Time

func (s stamp) MarshalJSON() ([]byte, error) {
	t := time.Time(s)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.UTC().Format("2006-01-02T15:04:05.999Z07:00") + `"`), nil
}

// rounded is v on the step of its metric: what is measured is not finer.
func rounded(m spate.Metric, v float64) number {
	q := 1 / m.Quantum()
	return number(math.Round(v*q) / q)
}

func seconds(d time.Duration) number {
	if d <= 0 {
		return unknown
	}
	return number(math.Round(d.Seconds()*1000) / 1000)
}
