package snmptest

import (
	"math/rand/v2"
	"sync"
	"time"

	"spate/mibs"
)

// Hide takes away the instances that hidden picks, in every request: holes,
// partial columns, columns an agent lacks.
func Hide(hidden func(oid mibs.OID, m Moment) bool) Quirk {
	return Quirk{View: func(v View) View { return &hiding{View: v, hidden: hidden} }}
}

// Holes takes away rows of one column.
func Holes(column mibs.OID, rows ...int) Quirk {
	gone := map[mibs.OID]bool{}
	for _, r := range rows {
		gone[column.Row(r)] = true
	}
	return Hide(func(oid mibs.OID, _ Moment) bool { return gone[oid] })
}

// Without takes away whole subtrees.
func Without(bases ...mibs.OID) Quirk {
	return Hide(func(oid mibs.OID, _ Moment) bool {
		for _, b := range bases {
			if b.Contains(oid) {
				return true
			}
		}
		return false
	})
}

// Shrinking takes away all rows of ifTable and ifXTable above last from the
// n-th request on: a table that shrinks while it is read.
func Shrinking(n, last int) Quirk {
	return Hide(func(oid mibs.OID, m Moment) bool {
		row, ok := ifRow(oid)
		return ok && m.Request >= n && row > last
	})
}

// ifRow is the ifIndex of an instance of ifTable or ifXTable.
func ifRow(oid mibs.OID) (int, bool) {
	for _, table := range [...]mibs.OID{mibs.IfTable, mibs.IfXTable} {
		if !table.Contains(oid) {
			continue
		}
		column := mustName(oid).parent().OID()
		return column.Index(oid)
	}
	return 0, false
}

type hiding struct {
	View
	hidden func(mibs.OID, Moment) bool
}

func (h *hiding) Get(n Name, m Moment) (Value, bool) {
	if h.hidden(n.OID(), m) {
		return Value{}, false
	}
	return h.View.Get(n, m)
}

func (h *hiding) Next(n Name, m Moment) (Name, Value, bool) {
	for {
		next, v, ok := h.View.Next(n, m)
		if !ok || !h.hidden(next.OID(), m) {
			return next, v, ok
		}
		n = next
	}
}

func (h *hiding) HasObject(n Name, m Moment) bool {
	next, _, ok := h.Next(n.parent(), m)
	return ok && next.Under(n.parent())
}

// Endless makes a subtree one without end: behind its last instance comes
// always another, with a number one higher. No GETNEXT ever leaves it.
func Endless(base mibs.OID) Quirk {
	b := mustName(base)
	return Quirk{View: func(v View) View { return &bent{View: v, base: b, after: successor} }}
}

// Looping makes the first instance of a subtree follow its last: a walk that
// does not check the order goes round for ever.
func Looping(base mibs.OID) Quirk {
	b := mustName(base)
	return Quirk{View: func(v View) View {
		return &bent{View: v, base: b, after: func(v View, _ Name, m Moment) (Name, Value, bool) { return v.Next(b, m) }}
	}}
}

// Stuck answers every GETNEXT in a subtree with the very instance that was
// asked for, where there is one.
func Stuck(base mibs.OID) Quirk {
	b := mustName(base)
	return Quirk{View: func(v View) View { return &stuck{View: v, base: b} }}
}

// successor is the instance whose last arc is one more, with a number as value.
func successor(_ View, n Name, m Moment) (Name, Value, bool) {
	arc := uint64(0)
	for _, c := range n[len(n.parent()):] {
		arc = arc<<7 | uint64(c&0x7f)
	}
	next := appendArc(append(Name(nil), n.parent()...), (arc+1)&(1<<32-1))
	return next, Int(int64(m.Request)), true
}

// bent is a view that does not leave base by itself.
type bent struct {
	View
	base  Name
	after func(v View, n Name, m Moment) (Name, Value, bool)
}

func (b *bent) Next(n Name, m Moment) (Name, Value, bool) {
	next, v, ok := b.View.Next(n, m)
	if n.Under(b.base) && !(ok && next.Under(b.base)) {
		return b.after(b.View, n, m)
	}
	return next, v, ok
}

type stuck struct {
	View
	base Name
}

func (s *stuck) Next(n Name, m Moment) (Name, Value, bool) {
	if v, ok := s.Get(n, m); ok && n.Under(s.base) {
		return n, v, true
	}
	return s.View.Next(n, m)
}

// Refreshing renews ifTable and ifXTable only every so often, as most switches
// do: between two refreshes all their computed values stand still. What a test
// writes into the table meanwhile is seen at once.
func Refreshing(every time.Duration) Quirk {
	return Quirk{View: func(v View) View { return &refreshing{View: v, every: every} }}
}

// RefreshingOnDemand renews ifTable and ifXTable when they are asked for and the
// last time is longer ago than every, as net-snmp does (3 s).
func RefreshingOnDemand(every time.Duration) Quirk {
	return Quirk{View: func(v View) View { return &refreshing{View: v, every: every, demand: true} }}
}

// RefreshingLate renews them by a timer that a busy processor serves up to late after it
// has gone, and that then begins anew.
func RefreshingLate(every, late time.Duration) Quirk {
	return Quirk{View: func(v View) View {
		return &refreshing{View: v, every: every, late: late, dice: rand.New(rand.NewPCG(uint64(every), uint64(late)))}
	}}
}

type refreshing struct {
	View
	every  time.Duration
	late   time.Duration
	dice   *rand.Rand // of late
	due    time.Time
	demand bool
	mu     sync.Mutex
	last   time.Time
}

// frozen is the moment of the last refresh, counted from the agent's start.
func (r *refreshing) frozen(m Moment) Moment {
	if r.demand {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.last.Before(m.Start) || m.Now.Sub(r.last) >= r.every {
			r.last = m.Now
		}
		m.Now = r.last
		return m
	}
	if r.late > 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.last.Before(m.Start) {
			r.last, r.due = m.Now, m.Now
		}
		for !r.due.After(m.Now) {
			r.last = r.due
			r.due = r.last.Add(r.every + time.Duration(r.dice.Int64N(int64(r.late))))
		}
		m.Now = r.last
		return m
	}
	m.Now = m.Start.Add(m.Uptime().Truncate(r.every))
	return m
}

func (r *refreshing) Get(n Name, m Moment) (Value, bool) {
	if cached(n) {
		m = r.frozen(m)
	}
	return r.View.Get(n, m)
}

func (r *refreshing) Next(n Name, m Moment) (Name, Value, bool) {
	next, v, ok := r.View.Next(n, m)
	if ok && cached(next) {
		v, _ = r.View.Get(next, r.frozen(m))
	}
	return next, v, ok
}

func cached(n Name) bool {
	_, ok := ifRow(n.OID())
	return ok
}

// Renumber gives the rows of ifTable and ifXTable other ifIndexes, as an agent
// may at every restart (RFC 2863, section 3.1.5). Two rows that f gives one
// number become one.
func Renumber(f func(ifIndex int) int) Quirk {
	return Quirk{View: func(v View) View {
		w := NewWalk()
		for n, _, ok := v.Next(nil, Moment{}); ok; n, _, ok = v.Next(n, Moment{}) {
			old, to := n, n
			row, interfaces := ifRow(n.OID())
			if interfaces {
				to = mustName(n.parent().OID().Row(f(row)))
			}
			isIndex := interfaces && mibs.IfIndex.OID.Contains(n.OID())
			w.set(to, Value{Func: func(m Moment) Value {
				if isIndex {
					return Int(int64(f(row)))
				}
				value, _ := v.Get(old, m)
				return value
			}})
		}
		return w
	}}
}
