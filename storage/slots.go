package storage

import (
	"math"

	"spate"
)

// values are one slot of a port, in the order of the metrics; NaN is unknown.
type values [spate.NumMetrics]float64

const (
	mostValue = 1e15           // nothing counts faster; one absurd value spoils the block it is stored in
	longest   = 7 * 86_400_000 // ms a single rate may be spread over
	clockBack = 60_000         // ms; a rate that ends so much before its forerunner means that our clock was set back
)

// slots turns the rates of one port, which begin and end at any time, into
// means over fixed slots [k step, (k+1) step), as rrdtool makes primary data
// points (rrdcreate(1), "It's all about time"): each rate counts for the time
// it covers of the slot, a slot is finished when a rate reaches its end, and one
// that is known for less than half its length stays unknown. Several quick rates
// thus become their mean, and a slow one fills every slot it spans.
type slots struct {
	open bool
	at   int64 // start of the open slot, ms
	end  int64 // end of the newest rate, ms

	sum   values                    // value x ms known in the open slot
	known [spate.NumMetrics]float32 // ms known in the open slot
}

// A verdict says what became of a rate.
type verdict uint8

const (
	taken   verdict = iota
	rewound         // taken, and our clock was set back before it
	late            // it ends before its forerunner
	unsound         // its time or all of its values cannot be
)

// add spreads a rate over the slots it covers and hands each finished one to
// emit. steps are in ms.
func (s *slots) add(step int64, r *spate.Rate, emit func(at int64, v *values)) verdict {
	to, from := r.At.UnixMilli(), r.At.Add(-r.Over).UnixMilli()
	if from <= 0 || to <= from || to-from > longest {
		return unsound
	}
	v, ok := sound(r)
	if !ok {
		return unsound
	}
	said := taken
	switch {
	case !s.open:
	case to > s.end:
		from = max(from, s.end)
	case s.end-to < clockBack:
		return late
	default:
		s.finish(step, half(step), emit)
		s.open, said = false, rewound
	}
	s.spread(step, from, to, &v, emit)
	return said
}

// spread counts v for the time from..to.
func (s *slots) spread(step, from, to int64, v *values, emit func(int64, *values)) {
	if slot := floor(from, step); !s.open || slot != s.at {
		if s.open {
			s.finish(step, half(step), emit)
		}
		s.open, s.at = true, slot
	}
	for from < to {
		until := min(to, s.at+step)
		s.count(v, float64(until-from))
		if until == s.at+step {
			s.finish(step, half(step), emit)
			s.at += step
		}
		from = until
	}
	s.end = to
}

func (s *slots) count(v *values, ms float64) {
	for m, x := range v {
		if x == x { // not NaN
			s.sum[m] += x * ms
			s.known[m] += float32(ms)
		}
	}
}

// half is the least of a step, in ms, that must be known.
func half(step int64) int64 { return (step + 1) / 2 }

// finish hands out the open slot where at least need ms of it are known.
func (s *slots) finish(step, need int64, emit func(int64, *values)) {
	var v values
	some := false
	for m := range v {
		v[m] = math.NaN()
		if k := s.known[m]; k > 0 && k >= float32(need) {
			v[m] = rounded(spate.Metric(m), s.sum[m]/float64(k))
			some = true
		}
	}
	s.sum, s.known = values{}, [spate.NumMetrics]float32{}
	if some {
		emit(s.at, &v)
	}
}

// close hands out the open slot where more than half of it is known. Whoever
// goes on with the port, after a restart, has less than half of that slot left
// and does not write it again.
func (s *slots) close(step int64, emit func(int64, *values)) {
	if s.open {
		s.finish(step, step/2+1, emit)
		s.open = false
	}
}

// sound is the values of a rate with what cannot be made unknown; not ok where
// nothing is left.
func sound(r *spate.Rate) (v values, ok bool) {
	for m, x := range r.Values {
		if x >= 0 && x <= mostValue { // false for NaN too
			v[m] = x
			ok = true
		} else {
			v[m] = math.NaN()
		}
	}
	return v, ok
}

// rounded is x on the metric's quantum. Dividing by a whole number, instead of
// multiplying by 0.1, gives the double that prints with one decimal, which is
// what the engine packs small.
func rounded(m spate.Metric, x float64) float64 {
	per := math.Round(1 / m.Quantum())
	return math.Round(x*per) / per
}

// floor is the greatest multiple of step that is not above t, also below zero.
func floor(t, step int64) int64 {
	n := t % step
	if n < 0 {
		n += step
	}
	return t - n
}

// ceil is the smallest multiple of step that is not below t.
func ceil(t, step int64) int64 { return -floor(-t, step) }
