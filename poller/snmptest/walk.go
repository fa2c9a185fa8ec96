package snmptest

import (
	"iter"
	"sort"

	"spate/mibs"
)

// A View is a table as an agent sees it at one moment. Names that are handed
// out are not changed by anybody.
type View interface {
	// Get is the value of one instance.
	Get(n Name, m Moment) (Value, bool)
	// Next is the first instance after n.
	Next(n Name, m Moment) (Name, Value, bool)
	// HasObject tells whether n's object has any instance: the difference
	// between noSuchInstance and noSuchObject. An object is taken to be the
	// name without its last arc, which is right for scalars and for tables
	// with one integer as index.
	HasObject(n Name, m Moment) bool
}

// index finds names in order. It is shared by all agents of one shape.
type index struct {
	names []Name
	slots map[string]int
}

func newIndex(names []Name) *index {
	x := &index{names: names, slots: make(map[string]int, len(names))}
	for i, n := range names {
		x.slots[string(n)] = i
	}
	return x
}

func (x *index) find(n Name) (slot int, ok bool) {
	slot, ok = x.slots[string(n)]
	return slot, ok
}

// after is the slot of the first name behind n, len(names) when there is none.
func (x *index) after(n Name) int {
	if slot, ok := x.slots[string(n)]; ok {
		return slot + 1
	}
	return sort.Search(len(x.names), func(i int) bool { return x.names[i].Compare(n) > 0 })
}

func (x *index) hasObject(n Name) bool {
	object := n.parent()
	slot := x.after(object)
	return slot < len(x.names) && x.names[slot].Under(object)
}

// A Walk is a table in a test's hands: what a device answered to a walk, or
// what a test writes. It is not safe for use by several goroutines; change it
// under [Agent.Do] while an agent serves it.
type Walk struct {
	Skipped int // lines of the recording that could not be read

	values map[string]Value
	order  *index // nil: names have come or gone since it was made
	slots  []Value
}

// NewWalk makes an empty table.
func NewWalk() *Walk { return &Walk{values: map[string]Value{}} }

// Set writes one instance; it panics when oid is no OID.
func (w *Walk) Set(oid mibs.OID, v Value) { w.set(mustName(oid), v) }

func (w *Walk) set(n Name, v Value) {
	if w.order != nil {
		if slot, ok := w.order.find(n); ok {
			w.slots[slot] = v
		} else {
			w.order = nil
		}
	}
	w.values[string(n)] = v
}

// Delete takes one instance out; nothing happens when there is none.
func (w *Walk) Delete(oid mibs.OID) {
	delete(w.values, string(mustName(oid)))
	w.order = nil
}

// Value is what stands at oid, a Func not yet called.
func (w *Walk) Value(oid mibs.OID) (Value, bool) {
	v, ok := w.values[string(mustName(oid))]
	return v, ok
}

// Len is the number of instances.
func (w *Walk) Len() int { return len(w.values) }

// All lists the instances in the order of a walk.
func (w *Walk) All() iter.Seq2[Name, Value] {
	return func(yield func(Name, Value) bool) {
		x := w.sorted()
		for i, n := range x.names {
			if !yield(n, w.slots[i]) {
				return
			}
		}
	}
}

func (w *Walk) sorted() *index {
	if w.order != nil {
		return w.order
	}
	names := make([]Name, 0, len(w.values))
	for n := range w.values {
		names = append(names, Name(n))
	}
	sort.Slice(names, func(i, j int) bool { return names[i].Compare(names[j]) < 0 })
	w.order = newIndex(names)
	w.slots = make([]Value, len(names))
	for i, n := range names {
		w.slots[i] = w.values[string(n)]
	}
	return w.order
}

// Get implements View.
func (w *Walk) Get(n Name, m Moment) (Value, bool) {
	slot, ok := w.sorted().find(n)
	if !ok {
		return Value{}, false
	}
	return w.slots[slot].at(m), true
}

// Next implements View.
func (w *Walk) Next(n Name, m Moment) (Name, Value, bool) {
	x := w.sorted()
	slot := x.after(n)
	if slot == len(x.names) {
		return nil, Value{}, false
	}
	return x.names[slot], w.slots[slot].at(m), true
}

// HasObject implements View.
func (w *Walk) HasObject(n Name, _ Moment) bool { return w.sorted().hasObject(n) }
