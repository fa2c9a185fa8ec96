package promql

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Limits keep one question from holding up the others.
type Limits struct {
	Series  int           // of one selector
	Samples int           // read by one question, of all its selectors
	Points  int           // evaluations of a range
	Time    time.Duration // of one question
	AtOnce  int           // questions; others wait
	Text    int           // octets of one expression
}

// DefaultLimits suit Grafana's boards: Points is what Prometheus allows.
func DefaultLimits() Limits {
	return Limits{Series: 5000, Samples: 10_000_000, Points: 11_000, Time: 25 * time.Second, AtOnce: 4, Text: 32 << 10}
}

// An Error is what the caller is told: a status of HTTP, and the word that
// Prometheus' API has for it.
type Error struct {
	Status int
	Type   string
	Text   string
}

// Error is the sentence.
func (e *Error) Error() string { return e.Text }

func badData(format string, args ...any) *Error {
	return &Error{http.StatusBadRequest, "bad_data", fmt.Sprintf(format, args...)}
}

func tooMuch(format string, args ...any) *Error {
	return &Error{http.StatusUnprocessableEntity, "execution", fmt.Sprintf(format, args...)}
}

// asError is any error in the form the caller is told it.
func asError(err error) *Error {
	var own *Error
	var late promql.ErrQueryTimeout
	var many promql.ErrTooManySamples
	var gone promql.ErrQueryCanceled
	var broken promql.ErrStorage
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &many):
		return tooMuch("this needs more samples in memory than are allowed: ask for a shorter range or fewer series")
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		return tooMuch("this took too long: ask for a shorter range or fewer series")
	case errors.As(err, &gone), errors.Is(err, context.Canceled):
		return &Error{499, "canceled", "the caller has left"}
	case errors.As(err, &broken):
		return asError(broken.Err)
	}
	return tooMuch("%v", err)
}

// affordable refuses subqueries of too many evaluations before the engine sees
// them: it sets memory aside for all of them at once, and a range of ten years in
// milliseconds would end the process.
func (e *Engine) affordable(q question) error {
	expr, err := e.parser.ParseExpr(q.text)
	if err != nil {
		return badData("%v", err)
	}
	return e.affords(expr, q.to.Sub(q.from)*time.Duration(oneIf(q.step > 0)), 0)
}

// mostDeep is how deep expressions lie in each other; a sum of so many is as deep. The
// engine prints each of them with all that is in it.
const mostDeep = 1000

// affords looks at an expression that is evaluated over a span of time.
func (e *Engine) affords(node parser.Node, span time.Duration, depth int) error {
	if depth > mostDeep {
		return tooMuch("an expression more than %d deep is not answered", mostDeep)
	}
	if s, ok := node.(*parser.SubqueryExpr); ok {
		if s.RangeExpr != nil || s.StepExpr != nil {
			return tooMuch("a subquery with a calculated duration is not answered: write it as a number")
		}
		step := s.Step
		if step <= 0 {
			step = noStep
		}
		if s.Range > tenYears || span > 2*tenYears {
			return tooMuch("a subquery over more than ten years is not answered")
		}
		if span += s.Range; span/step >= time.Duration(e.limits.Points) {
			return tooMuch("a subquery has more than %d evaluations: ask for a longer step or a shorter range in its brackets", e.limits.Points)
		}
	}
	for child := range parser.ChildrenIter(node) {
		if err := e.affords(child, span, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A budget is the samples that may still be read.
type budget struct {
	left atomic.Int64
	most int
}

func newBudget(most int) *budget {
	b := &budget{most: most}
	b.left.Store(int64(most))
	return b
}

func (b *budget) spend(n int) error {
	if b.left.Add(-int64(n)) < 0 {
		return tooMuch("this reads more than %d samples: ask for a shorter range or fewer series", b.most)
	}
	return nil
}
