package poller

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spate"
	"spate/mibs"
)

// reading is what one pass has read so far of the rows of a table.
type reading struct {
	table   *Table
	session Session
	reject  func(Rejection)
	limits  *limits
	canary  int // position of the row whose name is checked in this round

	samples []spate.Sample // by position in Table.Rows; Known empty: not read
	oper    []uint64
	admin   []uint64

	led         bool   // the clock and the identity of the table were read
	uptime      uint32 // sysUpTime of the first answer
	uptimeKnown bool
	vanished    bool // a row has lost an instance
	renamed     bool // the canary has another name
	changed     bool // ifTableLastChange moved
}

var (
	// errDoubt stops a pass after its first answer: the rows may not be the
	// ports they were, and no delta may be taken before the names are read again.
	errDoubt   = errors.New("rows may have been renumbered")
	errTooBig  = errors.New("the agent cannot answer so much at once")
	errRefused = errors.New("the agent answers with an error")
)

// newReading prepares a pass over a table.
func newReading(t *Table, s Session, reject func(Rejection), l *limits, round int) *reading {
	n := len(t.Rows)
	return &reading{
		table: t, session: s, reject: reject, limits: l, canary: round % n,
		samples: make([]spate.Sample, n), oper: make([]uint64, n), admin: make([]uint64, n),
	}
}

// all sends every request of a plan. Requests that fail leave their rows unread.
// trusted is asked after the first answer whether the rows are still the ports
// they were; if not, nothing more is read. An error means that nothing was read.
func (r *reading) all(ctx context.Context, requests []request, trusted func(*reading) bool) error {
	var failed error
	failures := 0
	for i, q := range requests {
		err := r.one(ctx, q)
		if i == 0 && (r.led || r.renamed) && !trusted(r) {
			return errDoubt
		}
		if err == nil {
			continue
		}
		failed = err
		failures++
		if !r.led || failures > 2 || ctx.Err() != nil {
			break // not there, or not there any more: the rest can wait for the next round
		}
	}
	if r.read() > 0 {
		return nil
	}
	if failed == nil {
		failed = fmt.Errorf("%w: it names other variables than were asked for", ErrUnreadable)
	}
	return failed
}

// read is how many rows have been read.
func (r *reading) read() int {
	n := 0
	for i := range r.samples {
		if r.samples[i].Known != 0 {
			n++
		}
	}
	return n
}

// one sends a request, again for rows that an answer left out, and in smaller
// pieces where the agent finds it too big.
func (r *reading) one(ctx context.Context, q request) error {
	for failures := 0; len(q.rows) > 0; {
		q.bulk = q.bulk && !r.limits.noBulk
		answer, err := r.send(ctx, q)
		switch {
		case err != nil:
			return r.smaller(ctx, q, err)
		case answer.Status == NoError:
			rest := r.take(q, answer)
			if len(rest) == len(q.rows) && !q.bulk {
				return nil // nothing of it fits, and it was asked for by name
			}
			q.rows, q.bulk = rest, false
		case answer.Status == NoSuchName && r.drop(&q, answer.Index):
		case answer.Status == NoSuchName:
			return nil
		case answer.Status == TooBig:
			return r.smaller(ctx, q, errTooBig)
		case failures == 0:
			failures++ // genErr: busy agents say it once and answer the next time
		case q.bulk: // which some agents have and cannot do
			r.limits.noBulk, failures = true, 0
		default:
			return r.smaller(ctx, q, fmt.Errorf("%w: error-status %d", errRefused, answer.Status))
		}
	}
	return nil
}

// smaller asks for half of the rows, twice, after a refusal, or after silence
// of a device that has answered in this round; for half of the columns where one
// row is too big. It remembers what was learned.
func (r *reading) smaller(ctx context.Context, q request, err error) error {
	refused := errors.Is(err, errTooBig) || errors.Is(err, errRefused)
	switch {
	case ctx.Err() != nil || !refused && !r.led:
		return err
	case len(q.rows) == 1 && len(q.columns) > 1 && errors.Is(err, errTooBig):
		return r.narrower(ctx, q)
	case len(q.rows) == 1:
		return err
	}
	half := len(q.rows) / 2
	a, b := q, q
	a.rows, b.rows = q.rows[:half], q.rows[half:]
	if err := r.one(ctx, a); err != nil {
		return err
	}
	r.limits.rows = half
	return r.one(ctx, b)
}

// narrower asks for the columns of one row in two parts.
func (r *reading) narrower(ctx context.Context, q request) error {
	half := (len(q.columns) + 1) / 2
	a, b := q, q
	a.columns, b.columns = q.columns[:half], q.columns[half:]
	if err := r.one(ctx, a); err != nil {
		return err
	}
	if r.limits.columns == 0 || half < r.limits.columns {
		r.limits.columns = half
	}
	return r.one(ctx, b)
}

func (r *reading) send(ctx context.Context, q request) (*Answer, error) {
	leaders, canary := r.leaders(), r.table.Rows[r.canary].Index
	oids := make([]mibs.OID, 0, len(leaders)+len(q.rows)*len(q.columns))
	if q.bulk {
		for _, o := range leaders {
			oids = append(oids, before(o, canary))
		}
		for _, c := range q.columns {
			oids = append(oids, before(c, r.table.Rows[q.rows[0]].Index))
		}
		return r.session.Bulk(ctx, oids, len(leaders), len(q.rows))
	}
	for _, o := range leaders {
		oids = append(oids, o.Instance(canary))
	}
	for _, at := range q.rows {
		for _, c := range q.columns {
			oids = append(oids, c.Instance(r.table.Rows[at].Index))
		}
	}
	return r.session.Get(ctx, oids)
}

// before is an OID whose GETNEXT gives row index of the object.
func before(o mibs.Object, index int) mibs.OID {
	if o.Scalar || index == 0 {
		return o.OID
	}
	return o.OID.Row(index - 1)
}

// take stores what an answer holds of the rows that were asked for, and gives
// back the rows that are still to be asked: those a truncated answer left out,
// or those from where GETBULK went another way than the table.
func (r *reading) take(q request, a *Answer) []int {
	leaders := r.leaders()
	if len(a.Vars) < len(leaders) {
		return r.strange(q, 0)
	}
	clock, ok := r.leading(leaders, a.Vars)
	if !ok {
		return r.strange(q, 0)
	}
	vars, width := a.Vars[len(leaders):], len(q.columns)
	for i, at := range q.rows {
		if len(vars) < (i+1)*width {
			if i > 0 {
				r.limits.rows = i
			}
			return q.rows[i:]
		}
		if !r.row(at, q.columns, vars[i*width:(i+1)*width], a, clock) {
			return r.strange(q, i)
		}
	}
	return nil
}

// strange is what is left of a request from its i-th row on, when an answer
// names something else there. After GETBULK that can be a hole in the table;
// after GET it is an answer to another question.
func (r *reading) strange(q request, i int) []int {
	if q.bulk {
		r.limits.noBulk = true
	} else {
		r.reject(RejectOID)
	}
	return q.rows[i:]
}

// row stores one row's variables; false when they are of other instances.
func (r *reading) row(at int, columns []mibs.Object, vars []Var, a *Answer, clock *Var) bool {
	index := r.table.Rows[at].Index
	for j, c := range columns {
		if vars[j].OID != c.Instance(index) {
			return false
		}
	}
	s := r.samples[at]
	if s.Known == 0 || s.Known&countersOf(columns) != 0 { // else it is the rest of a row, some milliseconds later in every round
		s = spate.Sample{At: a.At, Trip: a.Trip, Discontinuity: r.table.Rows[at].Discontinuity, Boots: a.Boots}
		if clock != nil {
			s.Uptime, s.UptimeKnown = uint32(clock.Uint), true
		}
	}
	for j, c := range columns {
		r.value(at, &s, c, &vars[j])
	}
	r.samples[at] = s
	return true
}

func countersOf(columns []mibs.Object) (s spate.CounterSet) {
	for _, o := range columns {
		if c, _, ok := counterOf(o.OID); ok {
			s = s.With(c)
		}
	}
	return s
}

func (r *reading) value(at int, s *spate.Sample, o mibs.Object, v *Var) {
	switch {
	case v.Missing():
		r.vanished = true
	case !v.Is(o.Syntax):
		r.reject(RejectSyntax)
	case o.OID == mibs.IfOperStatus.OID:
		r.oper[at] = v.Uint
	case o.OID == mibs.IfAdminStatus.OID:
		r.admin[at] = v.Uint
	default:
		if c, wide, ok := counterOf(o.OID); ok {
			s.Set(c, v.Uint, wide)
		}
	}
}

// drop takes the row that SNMPv1's noSuchName is about out of a request; false
// when the answer points at none of the rows.
func (r *reading) drop(q *request, index int) bool {
	at := index - 1 - len(r.leaders())
	if at < 0 || at/len(q.columns) >= len(q.rows) {
		r.renamed = true // the table lacks what told its rows apart
		return false
	}
	r.vanished = true
	row := at / len(q.columns)
	q.rows = slices.Delete(slices.Clone(q.rows), row, row+1)
	return true
}
