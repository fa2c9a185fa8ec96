package poller

import (
	"context"
	"errors"
	"fmt"

	"spate/mibs"
)

const (
	maxRows        = 1 << 15 // rows of one table; hardly a device has more interfaces
	plainRows      = 1 << 12 // rows that are read whatever the device says of their number
	runawayRows    = 64      // rows that a column may have more than twice those of all others
	mostRepeats    = 10      // rows asked for in one request
	walkVars       = 50      // variables wanted in one answer: about 1,400 octets
	walkColumns    = 12      // columns walked side by side
	fruitlessLimit = 3       // answers without any row before a walk gives up
)

// A walker reads whole tables: our own loop over GETBULK. gosnmp's BulkWalk
// gives a truncated table as success when an agent answers tooBig or genErr in
// mid-walk. Everything an agent says is bounded: rows, requests, order.
type walker struct {
	session Session
	reject  func(Rejection)
	fell    func(Fallback)
	vars    int  // variables an answer; halved when the agent cannot
	single  bool // GETNEXT: the agent's GETBULK is of no use
	careful bool // single for these columns only: an answer to GETBULK went backwards
	most    int  // rows of one column
	noted   map[string]bool
	notes   []string         // oddities, for spate walk
	short   int              // how often rows were left out
	cut     map[mibs.OID]int // columns that ended by going backwards, and their rows by then
}

func newWalker(s Session, reject func(Rejection), fell func(Fallback)) *walker {
	return &walker{session: s, reject: reject, fell: fell, vars: walkVars, most: plainRows, single: !s.HasBulk(), noted: map[string]bool{}, cut: map[mibs.OID]int{}}
}

// note remembers an oddity of the device once.
func (w *walker) note(what Fallback, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !w.noted[text] {
		w.fell(what)
		w.noted[text] = true
		w.notes = append(w.notes, text)
	}
}

// column is the state of one column of a walk.
type column struct {
	object mibs.Object
	last   mibs.OID
	rows   int
	skips  int
	done   bool
}

// walk reads the columns and calls visit for every row of each, in the
// order of the table. An error means that the rows are not all there.
func (w *walker) walk(ctx context.Context, objects []mibs.Object, visit func(o mibs.Object, row int, v *Var)) error {
	return w.each(ctx, objects, func(o mibs.Object, v *Var) {
		if row, ok := o.OID.Index(v.OID); ok {
			visit(o, row, v)
		}
	})
}

// each is walk for tables whose index is not one integer: visit finds it in the
// variable's name.
func (w *walker) each(ctx context.Context, objects []mibs.Object, visit func(o mibs.Object, v *Var)) error {
	for len(objects) > 0 {
		n := min(len(objects), walkColumns)
		if err := w.sideBySide(ctx, objects[:n], visit); err != nil {
			return err
		}
		objects = objects[n:]
	}
	return nil
}

func (w *walker) sideBySide(ctx context.Context, objects []mibs.Object, visit func(mibs.Object, *Var)) error {
	defer func(single bool) { w.careful, w.single = false, single || w.single && !w.careful }(w.single)
	columns := make([]*column, len(objects))
	for i, o := range objects {
		columns[i] = &column{object: o, last: o.OID}
	}
	for fruitless := 0; ; {
		open := stillOpen(columns)
		if len(open) == 0 {
			return nil
		}
		answer, err := w.ask(ctx, &open)
		if err != nil {
			return fmt.Errorf("%s: %w", open[0].object.Name, err)
		}
		if answer == nil {
			continue // a column was given up
		}
		rows := w.take(open, answer, visit)
		w.endRunaway(columns)
		if rows == 0 && len(stillOpen(open)) == len(open) {
			if fruitless++; fruitless >= fruitlessLimit {
				return fmt.Errorf("%w: %s after %s: answers bring nothing new", ErrWalk, open[0].object.Name, open[0].last)
			}
		}
	}
}

func stillOpen(columns []*column) []*column {
	var open []*column
	for _, c := range columns {
		if !c.done {
			open = append(open, c)
		}
	}
	return open
}

// ask sends one request for the columns. What the agent finds too big is asked
// again in smaller pieces; nil without an error means that a column ended.
func (w *walker) ask(ctx context.Context, open *[]*column) (*Answer, error) {
	for {
		answer, err := w.request(ctx, *open)
		switch {
		case err == nil && answer.Status == NoError:
			return answer, nil
		case err == nil && (answer.Status == authError || answer.Status == noAccess):
			return nil, ErrDenied
		case err == nil && answer.Status == NoSuchName:
			return nil, w.endOne(*open, answer) // v1: the end of the view
		case err != nil && !errors.Is(err, ErrNoAnswer) && !errors.Is(err, ErrUnreadable):
			return nil, err
		}
		if !w.smaller(open) {
			if err != nil {
				return nil, err
			}
			if answer.Status == TooBig && w.skip((*open)[0]) {
				continue
			}
			return nil, fmt.Errorf("%w: error-status %d for a single row", ErrWalk, answer.Status)
		}
	}
}

// mostSkips is how many rows of a column are passed over because the agent cannot
// give them.
const mostSkips = 64

// skip passes over the row behind the last one, which the agent cannot send even
// alone: a text longer than a datagram, or a bug in one row.
func (w *walker) skip(c *column) bool {
	row, ok := c.object.OID.Index(c.last)
	if !ok && c.last != c.object.OID || c.skips == mostSkips {
		return false
	}
	c.skips++
	w.short++
	c.last = c.object.OID.Row(row + 1)
	w.note(FallbackRow, "%s of row %d or one behind it cannot be read: it is left out", c.object.Name, row+1)
	return true
}

func (w *walker) request(ctx context.Context, open []*column) (*Answer, error) {
	oids := make([]mibs.OID, len(open))
	for i, c := range open {
		oids[i] = c.last
	}
	if w.single {
		return w.session.Next(ctx, oids)
	}
	return w.session.Bulk(ctx, oids, 0, w.rows(len(open)))
}

// rows is how many rows of so many columns are asked for at once.
func (w *walker) rows(columns int) int { return max(1, min(mostRepeats, w.vars/columns)) }

// smaller makes the next request ask for less, and tells whether there is less.
// Silence is taken for too big as well: the device has answered before.
func (w *walker) smaller(open *[]*column) bool {
	asked := w.rows(len(*open))
	switch {
	case !w.single && asked > 1:
		w.vars = asked * len(*open) / 2
		w.note(FallbackSmaller, "answers are too big at %d rows", asked)
	case !w.single:
		w.single, w.careful = true, false
		w.note(FallbackNext, "GETBULK is refused: reading with GETNEXT")
	case len(*open) > 1:
		*open = (*open)[:len(*open)/2]
	default:
		return false
	}
	return true
}

// endOne ends the column that a v1 agent has no next instance for.
func (w *walker) endOne(open []*column, a *Answer) error {
	if a.Index < 1 || a.Index > len(open) {
		return fmt.Errorf("%w: noSuchName with error-index %d of %d", ErrWalk, a.Index, len(open))
	}
	open[a.Index-1].done = true
	return nil
}
