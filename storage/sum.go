package storage

import "math"

// Rules of a sum, in ms. A sum must not dip because one member is unknown for a
// moment, nor claim what nobody measured:
//
//   - a slot's sum is known only where a member was measured in it; a gap of all
//     is a gap;
//   - a member unknown between two known values is bridged by a straight line
//     between them, and for five minutes after its last one that value is held;
//   - a bridge longer than five minutes is believed only while all such bridges
//     make up at most a tenth of the sum; beyond it the slot is unknown;
//   - before its first value, and five minutes after its last one, a member is
//     not there and adds nothing. Values up to an hour outside the asked range
//     count as neighbours, so that most gaps look the same at every zoom.
//
// How many members had values at all is the frame's coverage.
const (
	shortBridge = 300_000
	sumMargin   = 3_600_000
	mostDoubt   = 0.1
)

// A total adds the members of a sum slot by slot.
type total struct {
	base     int64
	sum      []float64 // measured and bridged
	doubt    []float64 // of it, by long bridges
	measured []uint32  // members with a value of their own
}

func newTotal(base int64, n int) *total {
	return &total{base: base, sum: make([]float64, n), doubt: make([]float64, n), measured: make([]uint32, n)}
}

// add adds one member; v is NaN where it is unknown.
func (t *total) add(v []float64) {
	last := -1 // newest known slot
	for i, x := range v {
		if x != x {
			continue
		}
		if last >= 0 && i > last+1 {
			t.bridge(last, i, v[last], x)
		}
		t.sum[i] += x
		t.measured[i]++
		last = i
	}
	if last < 0 {
		return
	}
	for i := last + 1; i < len(v) && int64(i-last)*t.base <= shortBridge; i++ {
		t.sum[i] += v[last]
	}
}

// bridge fills the slots between a and b by a straight line.
func (t *total) bridge(a, b int, va, vb float64) {
	long := int64(b-a-1)*t.base > shortBridge
	for i := a + 1; i < b; i++ {
		x := va + (vb-va)*float64(i-a)/float64(b-a)
		t.sum[i] += x
		if long {
			t.doubt[i] += x
		}
	}
}

// into writes the sum where it is known, NaN elsewhere.
func (t *total) into(v []float64) {
	for i := range v {
		v[i] = math.NaN()
		if t.measured[i] > 0 && t.doubt[i] <= mostDoubt*t.sum[i] {
			v[i] = t.sum[i]
		}
	}
}

func (t *total) reset() {
	clear(t.sum)
	clear(t.doubt)
	clear(t.measured)
}
