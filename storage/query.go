package storage

import (
	"context"
	"fmt"
	"time"

	"spate"
)

const (
	mostSlots = 1 << 22        // of one series in memory, 32 MiB
	ahead     = 48 * 3_600_000 // ms; the engine takes rows so far in the future
)

// Query answers from the tier that suits range, width and age (plan.go), and
// from memory for what the engine does not show yet. From is floored and To raised
// to the frame's step, the smallest multiple of the tier's step (of the raw tier
// the finest in force during the range) that gives at most Width values.
// Statistics are of the asked range, out to whole slots or buckets: the 95th
// percentile is the nearest rank, ceil(0.95 n), of the n known means of five
// minutes by the clock, unknown where these are no longer kept; a total counts
// known time only.
//
// Several ports give their sum by the rules of sum.go; a port named twice counts
// once. Ports and ranges the store knows nothing of are unknown, not errors.
// Errors are ErrQuery, ErrRange, ErrTooLarge, ErrClosed, the context's, or of
// the disk.
func (e *store) Query(ctx context.Context, q spate.Query) (f *spate.Frame, err error) {
	if err := checkQuery(&q); err != nil {
		return nil, err
	}
	select {
	case e.seats <- struct{}{}:
		defer func() { <-e.seats }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	e.reading.RLock()
	defer e.reading.RUnlock()
	if e.closed {
		return nil, ErrClosed
	}
	if !e.isOpen() {
		return nil, fmt.Errorf("read the store: it could not be opened again after its disk was full: %s", e.space.why())
	}
	defer survive(&err)
	a := e.ask(&q, e.plan(&q))
	return a.frame(ctx)
}

// ask prepares an answer of one tier.
func (e *store) ask(q *spate.Query, tier int) *answer {
	a := &answer{e: e, q: q, tier: tier, keeper: e.keeper(tier), ports: distinct(q.Ports), covered: map[spate.PortID]bool{}}
	a.g = newGrid(q, e.stepsOf(tier))
	at := now()
	a.g.within(max(e.ages[tier].since(at), at-e.ages[tier].keep.Load(), 0), at+ahead)
	return a
}

// survive turns the engine's panic at a file it cannot read into an error: one
// damaged month must not end the polling of all others.
func survive(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("read the store: %v: is its disk sound? restore the folder from a backup", r)
	}
}

func distinct(ids []spate.PortID) []spate.PortID {
	seen := make(map[spate.PortID]bool, len(ids))
	out := make([]spate.PortID, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// An answer is a query at work.
type answer struct {
	e       *store
	g       grid
	q       *spate.Query
	tier    int // 0 raw, then the coarse ones
	keeper  keeper
	ports   []spate.PortID
	covered map[spate.PortID]bool // ports with a value in the asked range

	steps []epoch // in force from the first row that may reach into the data
	found found   // rows of the keeper
	span  span    // of one member: its slots, or the means of its buckets
	cells cells   // of one member: its buckets, whose means lie in span
	sum   *total  // nil for one port
	older *answer // for what is stored under earlier names; nil: the ports have had one name ever
}

func (a *answer) frame(ctx context.Context) (*spate.Frame, error) {
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	defer a.close()
	f := &spate.Frame{
		From: time.UnixMilli(a.g.from).UTC(), To: time.UnixMilli(a.g.to).UTC(),
		Step: time.Duration(a.g.step) * time.Millisecond, Tier: a.keeper.about(), Of: len(a.ports),
	}
	for _, m := range a.q.Metrics {
		if err := a.series(ctx, m); err != nil {
			return nil, err
		}
		if a.tier == 0 {
			f.Series = append(f.Series, reduce(m, &a.g, &a.span))
		} else {
			f.Series = append(f.Series, a.reduceCells(m))
		}
	}
	f.Covered = len(a.covered)
	return f, a.billing(ctx, f)
}

// open finds the rows and makes room for them.
func (a *answer) open(ctx context.Context) error {
	from, to := a.g.data.from, a.g.data.to
	if len(a.ports) > 1 {
		from, to = from-ceil(sumMargin, a.g.base), to+ceil(sumMargin, a.g.base)
	}
	n := (to - from) / a.g.base
	if n > mostSlots || int(n) > a.e.cfg.MaxSamples {
		return fmt.Errorf("%w: %d slots of %v", ErrTooLarge, n, time.Duration(a.g.base)*time.Millisecond)
	}
	before := from
	if a.tier == 0 {
		for _, ep := range a.e.folder.epochs {
			before = min(before, from-ep.Step) // a long row may begin before and reach in
		}
		a.steps = a.e.folder.during(before, to)
	}
	stored := a.stored()
	found, err := a.keeper.find(ctx, stored, a.columns(), before, to, a.e.cfg.MaxSamples)
	if err != nil {
		return err
	}
	a.found = found
	a.span = span{from: from, base: a.g.base, v: a.e.span(int(n))}
	if a.tier > 0 {
		a.cells.open(int(n))
	}
	if len(a.ports) > 1 {
		a.sum = newTotal(a.g.base, int(n))
	}
	if len(stored) > len(a.ports) {
		older := *a
		older.span.v, older.cells = a.e.span(int(n)), cells{}
		if a.tier > 0 {
			older.cells.open(int(n))
		}
		a.older = &older
	}
	return nil
}

// stored are the ports under all names they are stored with, those of one port side
// by side.
func (a *answer) stored() []spate.PortID {
	if a.e.names.Load() == nil {
		return a.ports
	}
	var out []spate.PortID
	for _, id := range a.ports {
		for _, s := range a.e.sources(id) {
			out = append(out, s.port)
		}
	}
	return distinct(out)
}

func (a *answer) close() {
	a.found.close()
	v := a.span.v
	a.e.spans.Put(&v)
	if a.older != nil {
		old := a.older.span.v
		a.e.spans.Put(&old)
	}
}

// columns are the stored series to look for.
func (a *answer) columns() (out []column) {
	for _, m := range a.q.Metrics {
		if a.tier == 0 {
			out = append(out, column{m, aggSlot})
			continue
		}
		out = append(out, column{m, aggAvg}, column{m, aggKnown})
		if len(a.ports) == 1 {
			out = append(out, column{m, aggMax})
		}
		if len(a.ports) == 1 && hasMin(m) {
			out = append(out, column{m, aggMin})
		}
	}
	if a.tier > 0 {
		out = append(out, portKnown)
	}
	return out
}

// span is room for n slots, of an earlier query where it fits.
func (e *store) span(n int) []float64 {
	if v, ok := e.spans.Get().(*[]float64); ok && cap(*v) >= n {
		return (*v)[:n]
	}
	return make([]float64, n)
}

// series makes a.span the port's values of a metric, or the sum of all ports'.
func (a *answer) series(ctx context.Context, m spate.Metric) error {
	if a.sum == nil {
		return a.member(a.ports[0], m)
	}
	a.sum.reset()
	for i, id := range a.ports {
		if i%16 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := a.member(id, m); err != nil {
			return err
		}
		a.sum.add(a.span.v)
	}
	a.sum.into(a.span.v)
	return nil
}

// member makes a.span the values of one port.
func (a *answer) member(id spate.PortID, m spate.Metric) error {
	all := a.e.sources(id)
	known, err := a.read(&all[0], m)
	if a.older == nil {
		all = nil
	}
	for i := 1; i < len(all) && err == nil; i++ {
		some := false
		if some, err = a.older.read(&all[i], m); some {
			known = true
			a.patch()
		}
	}
	if known && !a.covered[id] && some(a.span.between(a.g.asked.from, a.g.asked.to)) {
		a.covered[id] = true
	}
	return err
}

// read makes a.span the values that are stored in one place.
func (a *answer) read(s *source, m spate.Metric) (known bool, err error) {
	a.span.reset()
	if a.tier == 0 {
		return a.slots(s, m)
	}
	return a.buckets(s, m)
}

// patch fills the gaps of a.span with what is stored under an earlier name.
func (a *answer) patch() {
	if a.tier > 0 {
		a.patchCells()
		return
	}
	for i, x := range a.older.span.v {
		if v := a.span.v[i]; v != v {
			a.span.v[i] = x
		}
	}
}

// slots are those of the raw tier, and of the ring.
func (a *answer) slots(s *source, m spate.Metric) (known bool, err error) {
	whole := a.e.ports.covers(s.port, a.e.cfg.Step.Milliseconds(), a.span.from)
	if !whole || !a.keeper.away() {
		times, vals, err := a.found.rows(key{column{metric: m}, s.port})
		if err != nil && !whole {
			return false, err
		}
		if err == nil { // else the ring knows all that was asked
			times, vals = s.among(times, vals)
			known = a.span.rows(times, vals, a.steps)
		}
	}
	return a.e.ports.fill(s, m, a.e.cfg.Step.Milliseconds(), &a.span) || known, nil
}

// among are the rows of its times.
func (s *source) among(times []int64, vals []float64) (at []int64, of []float64) {
	if s.whole() {
		return times, vals
	}
	for i, t := range times {
		if s.has(t) {
			at, of = append(at, t), append(of, vals[i])
		}
	}
	return at, of
}

func some(v []float64) bool {
	for _, x := range v {
		if x == x {
			return true
		}
	}
	return false
}
