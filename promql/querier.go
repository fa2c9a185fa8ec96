package promql

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// A queryable is the store for one question.
type queryable struct {
	e    *Engine
	left *budget
	now  time.Time
}

// Querier is called once for a question; the range comes with each selector.
func (q *queryable) Querier(int64, int64) (storage.Querier, error) { return q, nil }

// Close has nothing to do.
func (q *queryable) Close() error { return nil }

// readers is how many series of a selector are read at once.
const readers = 4

// Select reads the series of one selector.
func (q *queryable) Select(ctx context.Context, _ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	list, err := q.e.find(ctx, q.e.limits.Series, matchers)
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	if hints == nil || hints.Func == "series" {
		return q.set(list, make([]points, len(list)))
	}
	w := q.window(hints, len(list))
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	all := make([]points, len(list))
	next := make(chan int)
	var work sync.WaitGroup
	for range min(readers, len(list)) {
		work.Go(func() {
			for i := range next {
				s, err := q.e.samples(ctx, &list[i], w, q.left)
				if err != nil {
					end(err)
					return
				}
				all[i] = s
			}
		})
	}
	for i := range list {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	work.Wait()
	if err := context.Cause(ctx); err != nil {
		return storage.ErrSeriesSet(err)
	}
	return q.set(list, all)
}

// Slots a range vector should have at least where the store is fine enough, so
// that its edges cost little.
const slotsInRange = 60

// finest is the finest grid that is asked for; the store gives no finer than it has.
const finest = time.Second

// window is how much is read, and how finely: as the range or the step needs, and
// more coarsely where the question would read too many samples.
func (q *queryable) window(h *storage.SelectHints, series int) window {
	w := window{from: h.Start - 1, to: h.End, step: h.Step, function: h.Func, now: q.now.UnixMilli()}
	span := time.Duration(h.End-h.Start) * time.Millisecond
	grid := 10 * time.Second
	switch {
	case h.Range > 0:
		grid = time.Duration(h.Range) * time.Millisecond / slotsInRange
	case h.Step > 0:
		w.lookback = q.e.lookback.Milliseconds()
		grid = min(time.Duration(h.Step)*time.Millisecond, q.e.lookback/2) / 4 // a gap begins and ends so sharply
	}
	least := span * time.Duration(max(series, 1)) / time.Duration(max(q.e.limits.Samples/2, 1))
	if h.Range > 0 {
		// Two samples must fall into each range.
		least = min(least, time.Duration(h.Range)*time.Millisecond/3)
	}
	w.grid = max(grid, least, finest)
	return w
}

func (q *queryable) set(list []found, all []points) storage.SeriesSet {
	s := &seriesSet{at: -1}
	for i := range list {
		samples := all[i]
		s.list = append(s.list, &storage.SeriesEntry{
			Lset:             list[i].labels,
			SampleIteratorFn: func(chunkenc.Iterator) chunkenc.Iterator { return storage.NewListSeriesIterator(samples) },
		})
	}
	return s
}

// A seriesSet is a list.
type seriesSet struct {
	list []storage.Series
	at   int
}

// Next moves on.
func (s *seriesSet) Next() bool { s.at++; return s.at < len(s.list) }

// At is the series it is at.
func (s *seriesSet) At() storage.Series { return s.list[s.at] }

// Err is none: what fails fails before.
func (s *seriesSet) Err() error { return nil }

// Warnings are none.
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// LabelValues lists the values of a label.
func (q *queryable) LabelValues(ctx context.Context, name string, _ *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	v, err := q.e.LabelValues(ctx, name, [][]*labels.Matcher{matchers})
	return v, nil, err
}

// LabelNames lists the labels there are.
func (q *queryable) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return slices.Clone(labelNames()), nil, nil
}
