package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"spate"
)

// ErrReadOnly says that the disk of the store is full.
var ErrReadOnly = errors.New("the store does not write: its disk is nearly full")

// A historyJob is a History for the writer.
type historyJob struct {
	history spate.History
	tier    int
	done    chan error
}

// Import writes what another store knew. Buckets that are stored already stay as
// they are, so that doing it again changes nothing. Means are kept to 0.1, as ever,
// and peaks too, which elsewhere have three digits. What was imported in the last
// fifteen seconds before a crash may be lost: do it again.
func (e *store) Import(ctx context.Context, h spate.History) (taken spate.Taken, err error) {
	tier, err := e.tierOf(h.Tier)
	if err != nil {
		return taken, err
	}
	if h.Metric >= spate.NumMetrics || len(h.Buckets) == 0 {
		return taken, fmt.Errorf("import of %s: no metric, or nothing of it", h.Port)
	}
	h.Buckets, taken = e.proper(h, tier)
	if len(h.Buckets) == 0 {
		return taken, nil
	}
	there, err := e.stored(ctx, h, tier)
	if err != nil {
		return taken, err
	}
	was, own := len(h.Buckets), e.measuredSince(h.Port, tier)
	h.Buckets = slices.DeleteFunc(h.Buckets, func(b spate.Bucket) bool {
		return there[b.At.UnixMilli()] || own > 0 && b.At.UnixMilli() >= own
	})
	taken.Known, taken.Written = was-len(h.Buckets), len(h.Buckets)
	if len(h.Buckets) == 0 {
		return taken, nil
	}
	job := historyJob{h, tier, make(chan error, 1)}
	select {
	case e.histories <- job:
	case <-e.stop:
		return taken, ErrClosed
	case <-ctx.Done():
		return taken, context.Cause(ctx)
	}
	select {
	case err = <-job.done:
		return taken, err
	case <-ctx.Done():
		return taken, context.Cause(ctx)
	}
}

func (e *store) tierOf(name spate.Tier) (int, error) {
	for i := range e.ages {
		if k := e.keeper(i); k != nil && k.about() == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no tier %q: import into raw, five_minutes or hour", name)
}

// proper sorts out buckets that cannot be kept. Those of a time in which another device
// had the name would be that one's, and are too old.
func (e *store) proper(h spate.History, tier int) (out []spate.Bucket, taken spate.Taken) {
	at, last := now(), int64(0)
	oldest := max(at-e.ages[tier].keep.Load(), e.sources(h.Port)[0].from)
	for _, b := range h.Buckets {
		t := b.At.UnixMilli()
		step := e.stepsOf(tier)(t, t+1)[0].Step
		switch {
		case t%step != 0, t+step > at, t <= last, !sane(b.Avg), !sane(b.Max), b.Known < 0, b.Known.Milliseconds() > step:
			taken.Bad++
		case t < oldest:
			taken.Old++
		default:
			last = t
			out = append(out, b)
		}
	}
	return out, taken
}

// stored are the times of buckets that are there, in ms; of the coarse tiers also
// those that only memory has.
func (e *store) stored(ctx context.Context, h spate.History, tier int) (map[int64]bool, error) {
	e.reading.RLock()
	defer e.reading.RUnlock()
	if e.closed || !e.isOpen() {
		return nil, ErrClosed
	}
	c := column{metric: h.Metric}
	if tier > 0 {
		c.agg = aggAvg
	}
	from, to := h.Buckets[0].At.UnixMilli(), h.Buckets[len(h.Buckets)-1].At.UnixMilli()
	step := e.stepsOf(tier)(to, to+1)[0].Step
	there := map[int64]bool{}
	for _, s := range e.sources(h.Port) {
		f, err := e.keeper(tier).find(ctx, []spate.PortID{s.port}, []column{c}, from, to+step, e.cfg.MaxSamples)
		if err != nil {
			return nil, err
		}
		times, _, err := f.rows(key{c, s.port})
		for _, t := range times {
			if s.has(t) {
				there[floor(t, step)] = true
			}
		}
		f.close()
		if err != nil {
			return nil, err
		}
		if tier > 0 {
			for _, p := range e.ports.parts(s.port, tier-1, h.Metric) {
				if s.has(p.first) {
					there[floor(p.first, step)] = true
				}
			}
		}
	}
	return there, nil
}

// measuredSince is the start of the bucket in which this run began to measure a
// port, in ms; 0: it has not. What it has written since may not be seen yet.
func (e *store) measuredSince(id spate.PortID, tier int) int64 {
	e.ports.mu.RLock()
	defer e.ports.mu.RUnlock()
	p := e.ports.byID[id]
	if p == nil || p.ring.since == 0 {
		return 0
	}
	at := p.ring.since * e.cfg.Step.Milliseconds()
	return floor(at, e.stepsOf(tier)(at, at+1)[0].Step)
}

// history writes what is left of a History.
func (w *writer) history(job historyJob) {
	if w.closed() {
		job.done <- ErrReadOnly
		return
	}
	h, labels := &job.history, labelsOf(job.history.Port)
	into := w.rows
	if job.tier > 0 {
		into = w.levels[job.tier-1].rows
	}
	for i := range h.Buckets {
		into.addHistory(labels, h.Metric, &h.Buckets[i], job.tier > 0)
		w.e.ages[job.tier].note(h.Buckets[i].At.UnixMilli())
		if into.full() {
			w.push()
		}
	}
	w.push()
	job.done <- nil
}

func (r *rows) addHistory(labels []byte, m spate.Metric, b *spate.Bucket, coarse bool) {
	at := b.At.UnixMilli()
	if !coarse {
		r.one(labels, column{metric: m}, at, rounded(m, b.Avg))
		return
	}
	r.one(labels, column{m, aggAvg}, at, roundedMean(m, b.Avg))
	r.one(labels, column{m, aggMax}, at, roundedMean(m, max(b.Max, b.Avg)))
	if b.Known > 0 {
		r.one(labels, column{m, aggKnown}, at, float64(b.Known/time.Millisecond))
	}
}
