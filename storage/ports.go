package storage

import (
	"cmp"
	"iter"
	"slices"
	"sync"

	"github.com/VictoriaMetrics/VictoriaMetrics/lib/prompb"
	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"

	"spate"
)

// A port is what the writer keeps in memory of one port.
type port struct {
	slots  slots
	ring   ring
	latest spate.Rate
	sums   *accumulator
	labels []byte // device and ifName as the engine wants them, to append to a metric's name
}

// ports are all ports with recent rates. The writer alone changes them, one
// round at a time under the lock; readers copy what they want.
type ports struct {
	mu   sync.RWMutex
	byID map[spate.PortID]*port
	sums accumulators
	size int // slots of a ring
}

func newPorts(ringSlots int) *ports {
	return &ports{byID: map[spate.PortID]*port{}, sums: accumulators{}, size: max(ringSlots, 4)}
}

// get finds a port or makes it; with the lock held.
func (ps *ports) get(id spate.PortID) *port {
	p := ps.byID[id]
	if p == nil {
		p = &port{labels: labelsOf(id), sums: ps.sums.get(id)}
		p.ring.known = make([]uint16, ps.size)
		ps.byID[id] = p
	}
	return p
}

func labelsOf(id spate.PortID) []byte {
	return vm.MarshalMetricNameRaw(nil, []prompb.Label{{Name: labelDevice, Value: id.Device}, {Name: labelPort, Value: id.Name}})
}

func (ps *ports) len() int {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	return len(ps.byID)
}

// fill puts what the ring knows of a metric into gaps of a series.
func (ps *ports) fill(from *source, m spate.Metric, step int64, s *span) (known bool) {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	p := ps.byID[from.port]
	if p == nil {
		return false
	}
	first := max(p.ring.oldest(), floor(s.from, step)/step)
	last := min(p.ring.newest, (s.end()-1)/step)
	for n := first; n <= last; n++ {
		if v, ok := p.ring.get(m, n); ok && from.has(n*step) {
			s.put(n*step, step, v, false)
			known = true
		}
	}
	return known
}

// covers tells whether the ring has all slots of a port from a time on.
func (ps *ports) covers(id spate.PortID, step, from int64) bool {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	p := ps.byID[id]
	return p != nil && p.ring.since > 0 && max(p.ring.since, p.ring.oldest())*step <= from
}

// Latest is the newest rate of a port as it was accepted, if it had one within
// Config.Forget. The caller judges its age by its At.
func (e *store) Latest(id spate.PortID) (spate.Rate, bool) {
	e.ports.mu.RLock()
	defer e.ports.mu.RUnlock()
	p := e.ports.byID[id]
	if p == nil || p.latest.Over == 0 {
		return spate.Rate{}, false
	}
	return p.latest, true
}

// Newest runs over the newest rate of every port, in no order.
func (e *store) Newest() iter.Seq2[spate.PortID, spate.Rate] {
	type one struct {
		id   spate.PortID
		rate spate.Rate
	}
	return func(yield func(spate.PortID, spate.Rate) bool) {
		e.ports.mu.RLock()
		all := make([]one, 0, len(e.ports.byID))
		for id, p := range e.ports.byID {
			if p.latest.Over > 0 {
				all = append(all, one{id, p.latest})
			}
		}
		e.ports.mu.RUnlock() // whoever reads may be slow; the writer must not wait for it
		for i := range all {
			if !yield(all[i].id, all[i].rate) {
				return
			}
		}
	}
}

// A Ranked is a port in a ranking.
type Ranked struct {
	Port  spate.PortID
	Value float64
}

// Top is the n ports whose newest rate is greatest by some measure, greatest
// first, of ties the one with the lesser name. Those of which it is unknown are left
// out. Like Newest it knows ports with a rate within Config.Forget.
func (e *store) Top(n int, by func(*spate.Rate) float64) []Ranked {
	e.ports.mu.RLock()
	defer e.ports.mu.RUnlock()
	var top []Ranked
	for id, p := range e.ports.byID {
		if p.latest.Over <= 0 {
			continue
		}
		r := Ranked{id, by(&p.latest)}
		if r.Value != r.Value || n < 1 || len(top) == n && !r.before(top[n-1]) {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, r, func(a, b Ranked) int {
			if a.before(b) {
				return -1
			}
			return 1
		})
		if len(top) == n {
			top = top[:n-1]
		}
		top = slices.Insert(top, at, r)
	}
	return top
}

func (r Ranked) before(o Ranked) bool {
	if r.Value != o.Value {
		return r.Value > o.Value
	}
	return cmp.Or(cmp.Compare(r.Port.Device, o.Port.Device), cmp.Compare(r.Port.Name, o.Port.Name)) < 0
}
