package storage

import (
	"spate"
)

// A ring holds the newest slots of one port. It answers what the engine does
// not show yet (its rows can be found after about two seconds), and everything
// while the disk is full.
//
// Values are float32, 24 bits: exact to 16 Mb/s, 4 kb/s off at most at 100 Gb/s,
// until the engine answers with the exact one. A metric that was never other
// than zero, as most counts of errors, takes no room of its own.
type ring struct {
	newest int64    // number of the newest slot: its start / step
	since  int64    // number of the first slot that was kept, 0 none: what was before is not known here
	known  []uint16 // by slot: the metrics known, one bit each
	cells  [spate.NumMetrics]*[]float32
}

// set keeps slot number n. Slots before the ring's oldest are not kept.
func (r *ring) set(n int64, v *values) {
	size := int64(len(r.known))
	if n <= r.newest-size {
		return
	}
	if r.since == 0 {
		r.since = n
	}
	for ; r.newest < n; r.newest++ {
		if n-r.newest > size {
			r.newest = n - size
		}
		r.known[(r.newest+1)%size] = 0
	}
	i := n % size
	for m, x := range v {
		if x != x {
			continue
		}
		r.known[i] |= 1 << m
		if r.cells[m] == nil {
			if x == 0 {
				continue
			}
			cells := make([]float32, size)
			r.cells[m] = &cells
		}
		(*r.cells[m])[i] = float32(x)
	}
}

// get is the value of a metric in slot number n.
func (r *ring) get(m spate.Metric, n int64) (float64, bool) {
	size := int64(len(r.known))
	if n > r.newest || n <= r.newest-size || n < 0 || r.known[n%size]&(1<<m) == 0 {
		return 0, false
	}
	if r.cells[m] == nil {
		return 0, true
	}
	return rounded(m, float64((*r.cells[m])[n%size])), true
}

// clear forgets everything, when the clock was set back and what is newest is
// no longer so.
func (r *ring) clear() {
	clear(r.known)
	r.newest, r.since = 0, 0
}

// oldest is the number of the oldest slot that may be kept.
func (r *ring) oldest() int64 { return max(r.newest-int64(len(r.known))+1, 0) }
