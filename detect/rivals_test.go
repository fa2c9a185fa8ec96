package detect_test

import (
	"math"
	"slices"

	"spate/detect"
)

// A rival is a detector of one series as the bench sees it: a value in, and whether
// it is alarmed at that moment. A clone goes on by itself.
type rival interface {
	step(at int64, v float64) bool
	clone() rival
	octets() int
}

// ours is a Series.
type ours struct {
	s detect.Series
	l detect.Limits
}

func (o *ours) step(at int64, v float64) bool {
	days := at/86400 + 3 // 1970 began with a Thursday
	r := o.s.Update(detect.Sample{At: at, Value: v, Hour: int(days%7*24 + at%86400/3600), Day: int(at / 86400)}, o.l, false)
	if r.Cleared {
		o.s.Accept()
	}
	return r.Surprise
}

func (o *ours) clone() rival { c := *o; return &c }
func (o *ours) octets() int  { return 256 }

// static is the plain threshold of most tools.
type static struct{ limit float64 }

func (s *static) step(_ int64, v float64) bool { return v > s.limit }
func (s *static) clone() rival                 { c := *s; return &c }
func (s *static) octets() int                  { return 12 }

// sigma is mean + k standard deviations of a sliding day.
type sigma struct {
	k, floor   float64
	window     []float64
	at, n      int
	sum, whole float64
}

func newSigma(k, floor float64, step int64) *sigma {
	return &sigma{k: k, floor: floor, window: make([]float64, 86400/step)}
}

func (s *sigma) step(_ int64, v float64) bool {
	n := float64(s.n)
	mean, dev := s.sum/math.Max(n, 1), 0.0
	if s.n > 1 {
		dev = math.Sqrt(math.Max(0, s.whole/n-mean*mean))
	}
	old := s.window[s.at]
	if s.n == len(s.window) {
		s.sum, s.whole = s.sum-old, s.whole-old*old
	} else {
		s.n++
	}
	s.window[s.at] = v
	s.at = (s.at + 1) % len(s.window)
	s.sum, s.whole = s.sum+v, s.whole+v*v
	return v > mean+s.k*dev && v-mean > s.floor
}

func (s *sigma) clone() rival { c := *s; c.window = slices.Clone(s.window); return &c }
func (s *sigma) octets() int  { return 4*len(s.window) + 40 }

// holtWinters is RRDtool's HWPREDICT, DEVSEASONAL and FAILURES (Brutlag, LISA 2000)
// with the defaults of rrdcreate: alpha 0.1, beta 0.0035, gamma 0.1, a season of a
// day, a band of 2 deviations, a failure when 7 of the last 9 are outside.
type holtWinters struct {
	delta, floor  float64
	level, trend  float64
	season, dev   []float64
	last          [9]bool
	i             int
	started, full bool
}

func newHoltWinters(delta, floor float64, step int64) *holtWinters {
	return &holtWinters{delta: delta, floor: floor, season: make([]float64, 86400/step), dev: make([]float64, 86400/step)}
}

func (h *holtWinters) step(_ int64, v float64) bool {
	const alpha, beta, gamma = 0.1, 0.0035, 0.1
	k := h.i % len(h.season)
	if !h.started {
		h.level, h.started = v, true
	}
	predicted := h.level + h.trend + h.season[k]
	outside := h.full && v > predicted+h.delta*h.dev[k] && v-predicted > h.floor
	h.last[h.i%len(h.last)] = outside
	level := alpha*(v-h.season[k]) + (1-alpha)*(h.level+h.trend)
	h.trend = beta*(level-h.level) + (1-beta)*h.trend
	h.season[k] = gamma*(v-level) + (1-gamma)*h.season[k]
	h.dev[k] = gamma*math.Abs(v-predicted) + (1-gamma)*h.dev[k]
	h.level = level
	if h.i++; h.i >= len(h.season) {
		h.full = true
	}
	n := 0
	for _, x := range h.last {
		if x {
			n++
		}
	}
	return n >= 7
}

func (h *holtWinters) clone() rival {
	c := *h
	c.season, c.dev = slices.Clone(h.season), slices.Clone(h.dev)
	return &c
}
func (h *holtWinters) octets() int { return 16*len(h.season) + 40 }

// adaptive is Grafana's promql-anomaly-detection (revision 738e34e): the mean of an
// hour, plus the larger of twice the standard deviation of an hour smoothed over 26
// hours and half of the mean.
type adaptive struct {
	floor    float64
	hour     []float64
	at, n    int
	smoothed float64
	keep     float64
}

func newAdaptive(floor float64, step int64) *adaptive {
	return &adaptive{floor: floor, hour: make([]float64, max(2, 3600/step)), keep: 1 - float64(step)/(26*3600)}
}

func (a *adaptive) step(_ int64, v float64) bool {
	mean, dev := 0.0, 0.0
	for _, x := range a.hour[:a.n] {
		mean += x / float64(a.n)
	}
	for _, x := range a.hour[:a.n] {
		dev += (x - mean) * (x - mean) / float64(a.n)
	}
	alarm := a.n == len(a.hour) && v > mean+math.Max(2*a.smoothed, 0.5*mean) && v-mean > a.floor
	a.smoothed = a.keep*a.smoothed + (1-a.keep)*math.Sqrt(dev)
	a.hour[a.at] = v
	a.at, a.n = (a.at+1)%len(a.hour), min(a.n+1, len(a.hour))
	return alarm
}

func (a *adaptive) clone() rival { c := *a; c.hour = slices.Clone(a.hour); return &c }
func (a *adaptive) octets() int  { return 8*len(a.hour) + 24 }
