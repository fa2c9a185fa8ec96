package storage

import (
	"fmt"
	"time"

	"spate"
)

// A grid says how a query is answered: columns of one step over the frame, and
// beneath them slots of base, the longest time that both the columns and every
// stored row of the range are multiples of.
type grid struct {
	from, to int64 // of the frame, ms: multiples of step
	step     int64 // of a column
	base     int64 // of a slot

	asked struct{ from, to int64 } // what statistics are taken of: the asked range, out to whole slots
	data  struct{ from, to int64 } // where rows can be: within the frame and the retention
}

// checkQuery refuses a query that makes no sense.
func checkQuery(q *spate.Query) error {
	if len(q.Ports) == 0 || len(q.Metrics) == 0 || q.Width < 1 || q.Width > mostWidth {
		return fmt.Errorf("%w: it has %d, %d and %d", ErrQuery, len(q.Ports), len(q.Metrics), q.Width)
	}
	for _, m := range q.Metrics {
		if m >= spate.NumMetrics {
			return fmt.Errorf("%w: metric %d is none", ErrQuery, m)
		}
	}
	span := q.To.Sub(q.From)
	if span <= 0 || span > tenYears || q.From.UnixMilli() < -tenYears.Milliseconds() {
		return fmt.Errorf("%w: %s to %s", ErrRange, q.From.UTC().Format(time.RFC3339), q.To.UTC().Format(time.RFC3339))
	}
	return nil
}

// rangeOf is the asked range in whole ms, at least one.
func rangeOf(q *spate.Query) (from, to int64) {
	from, to = q.From.UnixMilli(), q.To.UnixMilli()
	if q.To.After(time.UnixMilli(to)) || from == to {
		to++ // a part of a millisecond is asked for too
	}
	return from, to
}

// newGrid lays the grid of q over rows that were written with the steps of
// epochs, oldest first.
func newGrid(q *spate.Query, epochs func(from, to int64) []epoch) (g grid) {
	from, to := rangeOf(q)
	steps := epochs(from, to)
	finest := steps[0].Step
	g.base = finest
	for _, e := range steps {
		finest = min(finest, e.Step)
		g.base = gcd(g.base, e.Step)
	}
	g.step = columnStep(from, to, finest, int64(q.Width))
	g.from, g.to = floor(from, g.step), ceil(to, g.step)
	g.asked.from, g.asked.to = floor(from, g.base), ceil(to, g.base)
	return g
}

// columnStep is the smallest multiple of step by which from..to, out to whole
// columns, has at most width of them.
func columnStep(from, to, step, width int64) int64 {
	n := max((to-from)/(step*width), 1)
	for (ceil(to, n*step)-floor(from, n*step))/(n*step) > width {
		n++
	}
	return n * step
}

// within narrows the data to where rows can be. Frames reach further and are
// unknown there.
func (g *grid) within(from, to int64) {
	g.data.from = max(g.from, floor(from, g.base))
	g.data.to = max(min(g.to, ceil(to, g.base)), g.data.from)
}

func (g *grid) columns() int { return int((g.to - g.from) / g.step) }

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
