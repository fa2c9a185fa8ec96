package storagetest

import (
	"math"
	"slices"
	"time"

	"spate"
)

// The coarse tiers by the words of the rules: slots fall into buckets of five
// minutes or an hour by the clock, whose means are of known time; where the clock
// was set back a new part of the bucket begins, and parts are joined.

// A slotValue is a slot as it was finished.
type slotValue struct {
	at    int64
	value float64
}

// finished are the slots of a metric in the order in which they were finished.
func (m *Memory) finished(id spate.PortID, metric spate.Metric) (out []slotValue) {
	for _, s := range m.folder.ports[id] {
		sum, known := map[int64]float64{}, map[int64]int64{}
		for _, p := range s.rates {
			v := p.values[metric]
			if v != v {
				continue
			}
			for at := down(p.from, stepMs); at < p.to; at += stepMs {
				ms := min(p.to, at+stepMs) - max(p.from, at)
				sum[at] += v * float64(ms)
				known[at] += ms
			}
		}
		var slots []slotValue
		last := s.rates[len(s.rates)-1].to
		for at, ms := range known {
			need := (stepMs + 1) / 2
			if last < at+stepMs {
				need = s.needs
			}
			if ms >= need && (last >= at+stepMs || s.ended) {
				q := math.Round(1 / metric.Quantum())
				slots = append(slots, slotValue{at, math.Round(sum[at]/float64(ms)*q) / q})
			}
		}
		slices.SortFunc(slots, func(a, b slotValue) int { return int(a.at - b.at) })
		out = append(out, slots...)
	}
	return out
}

// A cell is what is known of one bucket.
type cell struct {
	avg, most, least float64
	known            int64 // ms; 0: nothing
}

// join adds a part.
func (c *cell) join(p cell) {
	if c.known == 0 {
		*c = p
		return
	}
	a, b := float64(c.known), float64(p.known)
	c.avg = (c.avg*a + p.avg*b) / (a + b)
	c.known += p.known
	c.most, c.least = max(c.most, p.most), min(c.least, p.least)
}

// cells are the buckets of one port. Earlier names fill what the later ones do not know.
func (m *Memory) cells(id spate.PortID, metric spate.Metric, length, from, to int64) []cell {
	out := make([]cell, (to-from)/length)
	for _, p := range m.places(id) {
		for i, c := range m.cellsAt(p, metric, length, from, to) {
			if c.known = min(c.known, length-out[i].known); c.known > 0 {
				out[i].join(c)
			}
		}
	}
	return out
}

func (m *Memory) cellsAt(p place, metric spate.Metric, length, from, to int64) []cell {
	out := make([]cell, (to-from)/length)
	var part []float64
	start, newest := int64(0), int64(0)
	flush := func() {
		if i := (start - from) / length; len(part) > 0 && start >= from && start < to {
			avg, most, least := summary(part, 0, len(part))
			known := int64(len(part)) * stepMs
			out[i].join(cell{rounded(metric, avg), digits(most), digits(least), known})
		}
		part = nil
	}
	for _, s := range m.finished(p.port, metric) {
		if !p.has(s.at) {
			continue
		}
		if b := down(s.at, length); b != start || s.at < newest {
			flush()
			start = b
		}
		part = append(part, s.value)
		newest = s.at + stepMs
	}
	flush()
	for i := range out {
		out[i].known = min(out[i].known, length) // parts may overlap
	}
	return out
}

// rounded is a mean as it is stored, digits a greatest or smallest.
func rounded(metric spate.Metric, x float64) float64 {
	per := 10.0
	if metric >= spate.InErrorsPs {
		per = 10_000
	}
	return math.Round(x*per) / per
}

func digits(x float64) float64 {
	unit := 1.0
	for x/unit >= 999.5 {
		unit *= 10
	}
	if x >= 100 || x == 0 {
		return math.Round(x/unit) * unit
	}
	per := 1.0
	for x*per < 99.95 {
		per *= 10
	}
	return math.Round(x*per) / per
}

// coarse answers from buckets of a length.
func (m *Memory) coarse(q spate.Query, ids []spate.PortID, length, from, to, step int64) *spate.Frame {
	tiers := map[int64]spate.Tier{fiveMin: spate.TierFiveMinutes, hourMs: spate.TierHour}
	f := &spate.Frame{From: time.UnixMilli(down(from, step)).UTC(), To: time.UnixMilli(up(to, step)).UTC(), Step: time.Duration(step) * time.Millisecond, Tier: tiers[length], Of: len(ids)}
	lo, hi := down(from, length), up(to, length)
	for _, id := range ids {
		if slices.ContainsFunc(q.Metrics, func(metric spate.Metric) bool {
			return slices.ContainsFunc(m.cells(id, metric, length, lo, hi), func(c cell) bool { return c.known > 0 })
		}) {
			f.Covered++
		}
	}
	for _, metric := range q.Metrics {
		cells := m.summed(ids, metric, length, f.From.UnixMilli(), f.To.UnixMilli())
		first := f.From.UnixMilli()
		s := spate.Series{Metric: metric}
		for at := first; at < f.To.UnixMilli(); at += step {
			mean, most, least, _ := tally(cells[(at-first)/length : (at+step-first)/length])
			s.Avg, s.Max, s.Min = append(s.Avg, mean), append(s.Max, most), append(s.Min, least)
		}
		if metric != spate.InBps && metric != spate.OutBps {
			s.Min = nil
		}
		s.Stats = m.cellStats(ids, metric, cells[(lo-first)/length:(hi-first)/length], from, to)
		f.Series = append(f.Series, s)
	}
	return f
}

func tally(cells []cell) (mean, most, least, seconds float64) {
	most, least = nan, nan
	sum := 0.0
	for _, c := range cells {
		if c.known == 0 {
			continue
		}
		s := float64(c.known) / 1000
		sum += c.avg * s
		seconds += s
		if !(most > max(c.most, c.avg)) {
			most = max(c.most, c.avg)
		}
		if !(least < min(c.least, c.avg)) {
			least = min(c.least, c.avg)
		}
	}
	return sum / seconds, most, least, seconds
}

func (m *Memory) cellStats(ids []spate.PortID, metric spate.Metric, asked []cell, from, to int64) spate.Stats {
	s := spate.Stats{Last: nan, P95: nan, Total: nan}
	var seconds float64
	s.Mean, s.Max, _, seconds = tally(asked)
	if seconds == 0 {
		return s
	}
	for _, c := range asked {
		if c.known > 0 {
			s.Last = c.avg
		}
	}
	s.Total = s.Mean * seconds
	if metric.IsBits() {
		s.Total /= 8
	}
	var means []float64
	for _, c := range m.summed(ids, metric, fiveMin, down(from, fiveMin), up(to, fiveMin)) {
		if c.known > 0 {
			means = append(means, c.avg)
		}
	}
	slices.Sort(means)
	s.P95 = means[(95*len(means)+99)/100-1]
	return s
}

// summed are the buckets of one port, or the sums of several.
func (m *Memory) summed(ids []spate.PortID, metric spate.Metric, length, from, to int64) []cell {
	if len(ids) == 1 {
		return m.cells(ids[0], metric, length, from, to)
	}
	margin := up(hourMs, length)
	members := make([][]float64, len(ids))
	for p, id := range ids {
		for _, c := range m.cells(id, metric, length, from-margin, to+margin) {
			v := c.avg
			if c.known == 0 {
				v = nan
			}
			members[p] = append(members[p], v)
		}
	}
	out := make([]cell, (to-from)/length)
	for i := range out {
		if v := sumAt(members, i+int(margin/length), length); v == v {
			out[i] = cell{v, v, v, length}
		}
	}
	return out
}
