// Package storagetest is what any store of rates must hold to: the same rounds
// give the same frames, whether they lie in one folder or in a cluster.
package storagetest

import (
	"context"
	"math"
	"testing"
	"time"

	"spate"
)

// Step is the grid the stores under test are opened with.
const Step = 10 * time.Second

// A Store is what the suite needs of one.
type Store interface {
	Write(ctx context.Context, r *spate.Round) error // waits for room
	Flush(ctx context.Context) error                 // all that was written can be found
	Query(ctx context.Context, q spate.Query) (*spate.Frame, error)
	// Part ends what is open of a device near a time and says when it did.
	Part(ctx context.Context, device string, at time.Time) (time.Time, error)
	// SetNames says which names devices had before; a store that is opened knows none.
	SetNames(names spate.Names)
	Close() error
}

// An Opener opens a store with steps of Step over what earlier stores of the
// same folder left. The suite closes it.
type Opener func(t *testing.T, folder string) Store

// Run runs the suite.
func Run(t *testing.T, open Opener) {
	for _, c := range []struct {
		name string
		test func(*bench)
	}{
		{"every metric comes back on the grid, rounded to its quantum", everyMetric},
		{"polls off the grid are weighted by the time they cover", offGrid},
		{"quick polls are averaged into their slot", quickPolls},
		{"a slow device fills every slot it covers", slowDevice},
		{"a gap is a gap", gaps},
		{"a slot known for less than half stays unknown", halfKnown},
		{"rates that cannot be are not stored", absurd},
		{"the frame's step is the smallest that fits the width", widths},
		{"the greatest of a column is the greatest of its samples", peaks},
		{"statistics are of the asked range", statistics},
		{"the 95th percentile is the nearest rank of five-minute means", percentile},
		{"ports add up", sums},
		{"hundreds of ports of one device add up", sumOfMany},
		{"a sum does not dip where one member is unknown", sumWithHole},
		{"a sum of members that are all unknown is unknown", sumOfGaps},
		{"a member unknown for long makes the sum unknown where it matters", sumInDoubt},
		{"a restart leaves the down time as the only gap", restart},
		{"the greatest of a column is the greatest of its samples in every tier", zooms},
		{"statistics of five minutes and hours are those of the samples", figures},
		{"min is kept of octets, and few errors are not rounded away", leastOfOctets},
		{"what the raw tier no longer keeps is answered by five minutes", aged},
		{"open five minutes and hours are seen, and go on after a restart", openBuckets},
		{"a sum of hours does not dip where a small member is unknown", sumOfHours},
		{"names of any letters are kept apart", hostileNames},
		{"a port nobody knows is unknown, not an error", nobody},
		{"what another store knew is taken over, and nothing is written over", imports},
		{"a device that is renamed keeps its history in every tier", renamed},
		{"two names that were polled side by side are put together slot by slot", renamedTwice},
		{"a device that takes an old name has an empty past", takenOver},
		{"questions that make no sense are refused", refused},
		{"many readers do not disturb the writer", readers},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{T: t, open: open, folder: t.TempDir(), start: Start()}
			b.store = open(t, b.folder)
			defer func() {
				if err := b.store.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			c.test(b)
		})
	}
}

// Start is a full hour some hours ago: within any retention, far from now.
func Start() time.Time { return time.Now().Add(-8 * time.Hour).Truncate(time.Hour).UTC() }

// A bench is one test at work.
type bench struct {
	*testing.T
	open   Opener
	folder string
	store  Store
	names  spate.Names
	start  time.Time
}

// reopen closes the store and opens it anew.
func (b *bench) reopen() {
	b.Helper()
	if err := b.store.Close(); err != nil {
		b.Fatalf("close: %v", err)
	}
	b.store = b.open(b.T, b.folder)
	b.store.SetNames(b.names)
}

// at is a time in seconds after start.
func (b *bench) at(seconds float64) time.Time {
	return b.start.Add(time.Duration(seconds * float64(time.Second)))
}

// A Rate of one port that ends at a time and covers so much before it.
func rate(end time.Time, over time.Duration, set map[spate.Metric]float64) spate.Rate {
	r := spate.Rate{At: end, Over: over}
	for m := range r.Values {
		r.Values[m] = math.NaN()
	}
	for m, v := range set {
		r.Values[m] = v
	}
	return r
}

// one writes a round with one rate.
func (b *bench) one(id spate.PortID, r spate.Rate) {
	b.Helper()
	b.write(spate.Reading{Port: &spate.Port{ID: id}, Rate: r})
}

func (b *bench) write(readings ...spate.Reading) {
	b.Helper()
	end := b.start
	for _, r := range readings {
		if r.Rate.At.After(end) {
			end = r.Rate.At
		}
	}
	id := readings[0].Port.ID
	round := &spate.Round{Device: spate.Device{Name: id.Device}, At: end, Interval: Step, Readings: readings}
	if err := b.store.Write(b.Context(), round); err != nil {
		b.Fatalf("write: %v", err)
	}
}

// feed writes a port's in_bps for each step from first on: NaN writes nothing.
func (b *bench) feed(id spate.PortID, first float64, bps ...float64) {
	b.Helper()
	for i, v := range bps {
		if v == v {
			end := b.at(first + float64(i+1)*Step.Seconds())
			b.one(id, rate(end, Step, map[spate.Metric]float64{spate.InBps: v}))
		}
	}
}

// ask queries from..to in seconds after start.
func (b *bench) ask(from, to float64, width int, metrics []spate.Metric, ids ...spate.PortID) *spate.Frame {
	b.Helper()
	if err := b.store.Flush(b.Context()); err != nil {
		b.Fatalf("flush: %v", err)
	}
	f, err := b.store.Query(b.Context(), spate.Query{Ports: ids, Metrics: metrics, From: b.at(from), To: b.at(to), Width: width})
	if err != nil {
		b.Fatalf("query: %v", err)
	}
	for _, s := range f.Series {
		if len(s.Avg) != f.Len() || len(s.Max) != f.Len() || s.Min != nil && len(s.Min) != f.Len() {
			b.Fatalf("%s has %d, %d, %d values in a frame of %d", s.Metric, len(s.Avg), len(s.Max), len(s.Min), f.Len())
		}
	}
	return f
}

var inBps = []spate.Metric{spate.InBps}

// bps asks for in_bps slot by slot.
func (b *bench) bps(from, to float64, ids ...spate.PortID) []float64 {
	b.Helper()
	return b.ask(from, to, 4096, inBps, ids...).Series[0].Avg
}

func (b *bench) same(what string, got, want []float64) {
	b.Helper()
	if len(got) != len(want) {
		b.Fatalf("%s: %d values %v, want %d %v", what, len(got), got, len(want), want)
	}
	for i := range want {
		if !alike(got[i], want[i]) {
			b.Errorf("%s: value %d is %v, want %v (all: %v)", what, i, got[i], want[i], got)
			return
		}
	}
}

// alike allows for the last bits of a mean.
func alike(a, b float64) bool {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(a) && math.IsNaN(b)
	}
	return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b))
}

func port(name string) spate.PortID { return spate.PortID{Device: "sw-acc-1", Name: name} }

var nan = math.NaN()
