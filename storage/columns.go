package storage

import (
	"math"
	"slices"

	"spate"
)

// fiveMinutes is the length of the means the 95th percentile is taken of, as
// carriers bill: five minutes by the clock.
const fiveMinutes = 300_000 // ms

// reduce makes columns and statistics of the slots of one metric. A column's
// mean is of its known slots, all of one length, so it is weighted by time; its
// greatest and smallest are of the same slots.
func reduce(m spate.Metric, g *grid, s *span) spate.Series {
	n := g.columns()
	all := make([]float64, 3*n)
	for i := range all {
		all[i] = math.NaN()
	}
	out := spate.Series{Metric: m, Avg: all[:n:n], Max: all[n : 2*n : 2*n], Min: all[2*n:]}
	per := g.step / g.base
	for c := range n {
		from := g.from + int64(c)*g.step
		out.Avg[c], out.Max[c], out.Min[c] = summary(s.between(from, from+per*g.base))
	}
	out.Stats = stats(m, g, s)
	return out
}

// summary is mean, greatest and smallest of what is known; NaN where nothing is.
func summary(v []float64) (mean, most, least float64) {
	sum, known := 0.0, 0
	most, least = math.Inf(-1), math.Inf(1)
	for _, x := range v {
		if x == x {
			sum += x
			known++
			most, least = max(most, x), min(least, x)
		}
	}
	if known == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	return min(max(sum/float64(known), least), most), most, least // a rounding error must not lift the mean over them
}

// stats sum up the asked range, slot by slot.
func stats(m spate.Metric, g *grid, s *span) spate.Stats {
	v := s.between(g.asked.from, g.asked.to)
	st := spate.Stats{Last: math.NaN(), P95: math.NaN(), Total: math.NaN()}
	st.Mean, st.Max, _ = summary(v)
	if math.IsNaN(st.Mean) {
		return st
	}
	known := 0
	for _, x := range v {
		if x == x {
			st.Last = x
			known++
		}
	}
	st.Total = st.Mean * float64(known) * float64(g.base) / 1000
	if m.IsBits() {
		st.Total /= 8
	}
	st.P95 = nearestRank(fiveMinuteMeans(max(g.asked.from, s.from), g.base, v), 0.95)
	return st
}

// fiveMinuteMeans are the means of what is known in each five minutes by the
// clock; a slot belongs to the one it begins in. Where slots are longer, they
// are their own means. Five minutes of which nothing is known have none.
func fiveMinuteMeans(from, base int64, v []float64) []float64 {
	var means []float64
	sum, known := 0.0, 0
	for i, x := range v {
		at := from + int64(i)*base
		if i > 0 && floor(at, fiveMinutes) != floor(at-base, fiveMinutes) && known > 0 {
			means = append(means, sum/float64(known))
			sum, known = 0, 0
		}
		if x == x {
			sum += x
			known++
		}
	}
	if known > 0 {
		means = append(means, sum/float64(known))
	}
	return means
}

// nearestRank is the value of rank ceil(p n), counted from 1, of n sorted
// values: always one that occurred. NaN of none.
func nearestRank(v []float64, p float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return v[max(int(math.Ceil(p*float64(len(v))-1e-9)), 1)-1]
}
