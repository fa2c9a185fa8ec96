package storage

import "math"

// A span is one series slot by slot: value i covers base ms from from + i base.
// Rows come to it in any order and more than once, since the parts of the
// engine overlap.
type span struct {
	from, base int64
	v          []float64 // NaN is unknown
}

func (s *span) end() int64 { return s.from + int64(len(s.v))*s.base }

// reset makes all slots unknown.
func (s *span) reset() {
	for i := range s.v {
		s.v[i] = math.NaN()
	}
}

// put notes a row that covers the given ms from at. Where the slot is known
// already a row of the engine wins if it is greater, as the engine itself
// decides between two of one time; one of the ring never does.
func (s *span) put(at, cover int64, x float64, wins bool) {
	first := (at - s.from) / s.base
	if at < s.from {
		first = 0
	}
	last := min((at+cover-s.from)/s.base, int64(len(s.v)))
	for i := first; i < last; i++ {
		if old := s.v[i]; old != old || wins && x > old {
			s.v[i] = x
		}
	}
}

// rows puts rows of the store; steps tells how long each one covers.
func (s *span) rows(times []int64, vals []float64, steps []epoch) (known bool) {
	e, next := 0, int64(math.MinInt64)
	for i, at := range times {
		if i > 0 && at < times[i-1] {
			e, next = 0, math.MinInt64 // they are in the order of time, but for a part that ends
		}
		for at >= next {
			if e++; e < len(steps) {
				next = steps[e].Since
			} else {
				next = math.MaxInt64
			}
		}
		if x := vals[i]; x >= 0 && x <= mostValue {
			s.put(at, steps[e-1].Step, x, true)
			known = true
		}
	}
	return known
}

// between is the part of the span from..to.
func (s *span) between(from, to int64) []float64 {
	lo := min(max((from-s.from)/s.base, 0), int64(len(s.v)))
	hi := min(max((to-s.from)/s.base, lo), int64(len(s.v)))
	return s.v[lo:hi]
}
