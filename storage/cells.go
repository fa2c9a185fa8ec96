package storage

import (
	"context"
	"math"
	"slices"

	"spate"
)

// Cells are the buckets of one port and metric beside their means: cell i is of
// the time that value i of the answer's span is of.
type cells struct {
	known       []float64 // ms
	most, least []float64 // NaN where nothing is known
	rows, own   series    // of the mean, and of how much of it was known
	port        series    // how much was known of the port's buckets
}

func (c *cells) open(n int) {
	all := make([]float64, 3*n)
	c.known, c.most, c.least = all[:n:n], all[n:2*n:2*n], all[2*n:]
}

func (c *cells) reset() {
	clear(c.known)
	for i := range c.most {
		c.most[i], c.least[i] = math.NaN(), math.NaN()
	}
}

// buckets reads one port's buckets, and adds those that memory alone has.
func (a *answer) buckets(s *source, m spate.Metric) (known bool, err error) {
	c := &a.cells
	c.reset()
	for _, part := range []struct {
		column
		into *series
	}{{column{m, aggAvg}, &c.rows}, {column{m, aggKnown}, &c.own}, {portKnown, &c.port}} {
		if err := a.fetch(s, part.column, part.into); err != nil {
			return false, err
		}
	}
	for i, at := range c.rows.times {
		a.join(at, part{avg: c.rows.vals[i], known: c.knownAt(at, a.g.base)})
	}
	if a.sum == nil {
		if err := a.extremes(s, m); err != nil {
			return false, err
		}
	}
	for _, p := range a.e.ports.parts(s.port, a.tier-1, m) {
		if _, stored := slices.BinarySearch(c.rows.times, p.first); !stored && p.known > 0 && s.has(p.first) {
			a.join(p.first, p.part)
			a.widen(p.first, m, p.part)
			known = true
		}
	}
	return known || len(c.rows.times) > 0, nil
}

func (a *answer) fetch(s *source, c column, into *series) error {
	into.reset()
	times, vals, err := a.found.rows(key{c, s.port})
	if err != nil {
		return err
	}
	for i, x := range vals {
		if x >= 0 && x <= mostValue && s.has(times[i]) {
			into.times, into.vals = append(into.times, times[i]), append(into.vals, x)
		}
	}
	into.tidy()
	return nil
}

// knownAt is how much is known of the part that begins at a time.
func (c *cells) knownAt(at, whole int64) int64 {
	for _, s := range [...]*series{&c.own, &c.port} {
		if i, ok := slices.BinarySearch(s.times, at); ok {
			return int64(s.vals[i])
		}
	}
	return whole
}

// place is the cell a time belongs to.
func (a *answer) place(at int64) (i int, ok bool) {
	at = floor(at, a.g.base)
	if at < a.span.from || at >= a.span.end() {
		return 0, false
	}
	return int((at - a.span.from) / a.g.base), true
}

// join adds a part to its bucket: means weigh as much as was known of them.
func (a *answer) join(at int64, p part) {
	i, ok := a.place(at)
	if !ok || p.known <= 0 {
		return
	}
	c, k := &a.cells, float64(p.known)
	if have := c.known[i]; have > 0 {
		a.span.v[i] = (a.span.v[i]*have + p.avg*k) / (have + k)
		c.known[i] = have + k
		return
	}
	a.span.v[i], c.known[i] = p.avg, k
}

// extremes reads the greatest and smallest slots.
func (a *answer) extremes(s *source, m spate.Metric) error {
	c := &a.cells
	if err := a.fetch(s, column{m, aggMax}, &c.own); err != nil {
		return err
	}
	for j, at := range c.own.times {
		if i, ok := a.place(at); ok && !(c.most[i] > c.own.vals[j]) {
			c.most[i] = c.own.vals[j]
		}
	}
	if !hasMin(m) {
		return nil
	}
	if err := a.fetch(s, column{m, aggMin}, &c.own); err != nil {
		return err
	}
	for j, at := range c.own.times {
		if i, ok := a.place(at); ok && !(c.least[i] < c.own.vals[j]) {
			c.least[i] = c.own.vals[j]
		}
	}
	return nil
}

// patchCells adds the buckets of an earlier name where there is room: one that the
// newer name knows whole stays as it is.
func (a *answer) patchCells() {
	c, o := &a.cells, &a.older.cells
	for i, avg := range a.older.span.v {
		room := float64(a.g.base) - c.known[i]
		if !(avg >= 0) || room <= 0 {
			continue
		}
		k := min(o.known[i], room)
		if have := c.known[i]; have > 0 {
			avg = (a.span.v[i]*have + avg*k) / (have + k)
		}
		a.span.v[i] = avg
		c.known[i] += k
		if x := o.most[i]; x == x && !(c.most[i] > x) {
			c.most[i] = x
		}
		if x := o.least[i]; x == x && !(c.least[i] < x) {
			c.least[i] = x
		}
	}
}

// widen takes in the extremes of a part that is in memory.
func (a *answer) widen(at int64, m spate.Metric, p part) {
	i, ok := a.place(at)
	if !ok {
		return
	}
	if c := &a.cells; !(c.most[i] > p.most) {
		c.most[i] = p.most
	}
	if c := &a.cells; hasMin(m) && !(c.least[i] < p.least) {
		c.least[i] = p.least
	}
}

// A memoryPart is a part that memory has, and the engine not yet.
type memoryPart struct {
	first int64
	part
}

// parts are the open bucket of a level and the one before.
func (ps *ports) parts(id spate.PortID, level int, m spate.Metric) (out [2]memoryPart) {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	a := ps.sums[id]
	if a == nil {
		return out
	}
	for i, b := range [...]*bucket{&a.levels[level].last, &a.levels[level].open} {
		if b.first != 0 {
			out[i] = memoryPart{b.first, b.part(m)}
		}
	}
	return out
}

// settleCells makes cells fit to be read: parts that overlap, where the clock was
// set back, are known for no longer than the bucket; the extremes, rounded to three
// digits, may not lie on the wrong side of the mean. A sum has those of its means.
func (a *answer) settleCells() {
	c := &a.cells
	for i, v := range a.span.v {
		switch {
		case v != v:
			c.known[i], c.most[i], c.least[i] = 0, math.NaN(), math.NaN()
		case a.sum != nil:
			c.known[i], c.most[i], c.least[i] = float64(a.g.base), v, v
		default:
			c.known[i] = min(c.known[i], float64(a.g.base))
			if !(c.most[i] > v) {
				c.most[i] = v
			}
			if !(c.least[i] < v) {
				c.least[i] = v
			}
		}
	}
}

// reduceCells makes columns and statistics of the buckets of one metric.
func (a *answer) reduceCells(m spate.Metric) spate.Series {
	a.settleCells()
	n := a.g.columns()
	all := make([]float64, 3*n)
	for i := range all {
		all[i] = math.NaN()
	}
	out := spate.Series{Metric: m, Avg: all[:n:n], Max: all[n : 2*n : 2*n], Min: all[2*n:]}
	for col := range n {
		from := a.g.from + int64(col)*a.g.step
		out.Avg[col], _, out.Max[col], out.Min[col], _ = a.tally(from, from+a.g.step)
	}
	out.Stats = a.cellStats(m)
	if !hasMin(m) {
		out.Min = nil
	}
	return out
}

// tally sums up the buckets of from..to: their mean by known time, that time in
// ms, greatest and smallest, and the newest mean. NaN where nothing is known.
func (a *answer) tally(from, to int64) (mean, known, most, least, last float64) {
	lo := min(max((from-a.span.from)/a.g.base, 0), int64(len(a.span.v)))
	hi := min(max((to-a.span.from)/a.g.base, lo), int64(len(a.span.v)))
	c, sum := &a.cells, 0.0
	most, least, last = math.Inf(-1), math.Inf(1), math.NaN()
	for i := lo; i < hi; i++ {
		if k := c.known[i]; k > 0 {
			last = a.span.v[i]
			sum += last * k
			known += k
			most, least = max(most, c.most[i]), min(least, c.least[i])
		}
	}
	if known == 0 {
		return math.NaN(), 0, math.NaN(), math.NaN(), math.NaN()
	}
	return min(max(sum/known, least), most), known, most, least, last
}

func (a *answer) cellStats(m spate.Metric) spate.Stats {
	st := spate.Stats{Total: math.NaN(), P95: math.NaN()}
	var known float64
	st.Mean, known, st.Max, _, st.Last = a.tally(a.g.asked.from, a.g.asked.to)
	if known == 0 {
		return st
	}
	st.Total = st.Mean * known / 1000
	if m.IsBits() {
		st.Total /= 8
	}
	if a.tier == 1+levelFive {
		st.P95 = a.p95()
	}
	return st
}

// p95 is the nearest rank of the means in a.span.
func (a *answer) p95() float64 {
	var means []float64
	for _, v := range a.span.between(a.g.asked.from, a.g.asked.to) {
		if v == v {
			means = append(means, v)
		}
	}
	return nearestRank(means, 0.95)
}

// billing takes the 95th percentile of a frame of hours from the means of five
// minutes, where these reach back over the whole range and are not too many.
func (a *answer) billing(ctx context.Context, f *spate.Frame) error {
	if a.tier <= 1+levelFive || a.e.coarse[levelFive] == nil {
		return nil
	}
	b := a.e.ask(a.q, 1+levelFive)
	at := now()
	oldest := max(a.g.asked.from, a.e.ages[a.tier].since(at))
	slots := (b.g.data.to - b.g.data.from) / b.g.base
	if since := a.e.ages[b.tier].since(at); since == 0 || since > oldest+levelSteps[levelHour] || slots > mostSlots || slots*int64(len(a.ports)*len(a.q.Metrics)) > int64(a.e.cfg.MaxSamples)/4 {
		return nil
	}
	if err := b.open(ctx); err != nil {
		return err
	}
	defer b.close()
	for i, m := range a.q.Metrics {
		if err := b.series(ctx, m); err != nil {
			return err
		}
		f.Series[i].Stats.P95 = b.p95()
	}
	return nil
}
