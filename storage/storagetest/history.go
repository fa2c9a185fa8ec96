package storagetest

import (
	"context"
	"math"
	"time"

	"spate"
)

// An Importer takes over what another store knew. [Memory] is none: it keeps
// rates as they came, and these never came.
type Importer interface {
	Import(ctx context.Context, h spate.History) (spate.Taken, error)
}

// imports gives a port a history of five minutes and of hours before and over
// what the store has itself, twice.
func imports(b *bench) {
	store, ok := b.store.(Importer)
	if !ok {
		return
	}
	id := port("Te1/9")
	own := make([]float64, 360) // the hour from start on
	for i := range own {
		own[i] = 7777
	}
	b.feed(id, 0, own...)
	if err := b.store.Flush(b.Context()); err != nil { // what waits in the queue is not yet known to be there
		b.Fatal(err)
	}
	first := b.start.Add(-30 * 24 * time.Hour)
	hours := 30*24 + 1 // the last is the store's own
	value := func(i int) float64 { return float64(1_000_000 + i*1001) }
	histories := []spate.History{{Port: id, Tier: spate.TierHour, Metric: spate.InBps}, {Port: id, Tier: spate.TierFiveMinutes, Metric: spate.InBps}}
	for i := range hours {
		at := first.Add(time.Duration(i) * time.Hour)
		if i%50 == 49 {
			continue // unknown
		}
		histories[0].Buckets = append(histories[0].Buckets, spate.Bucket{At: at, Avg: value(i), Max: 2 * value(i)})
		for k := range 12 {
			x := spate.Bucket{At: at.Add(time.Duration(k) * 5 * time.Minute), Avg: value(i) + float64(k), Max: 2*value(i) + float64(k)}
			if k == 3 {
				x.Known = 100 * time.Second
			}
			histories[1].Buckets = append(histories[1].Buckets, x)
		}
	}
	for round := range 2 {
		for _, h := range histories {
			n := len(h.Buckets)
			taken, err := store.Import(b.Context(), h)
			own := 1
			if h.Tier == spate.TierFiveMinutes {
				own = 12
			}
			want := spate.Taken{Written: n - own, Known: own}
			if round == 1 {
				want = spate.Taken{Known: n}
			}
			if err != nil || taken != want {
				b.Fatalf("round %d of %s: %+v, %v, want %+v", round, h.Tier, taken, err, want)
			}
		}
		if err := b.store.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		if round == 0 {
			b.seen(id, first, value)
		}
	}
	b.imported(id, first, value)
	b.reopen()
	b.imported(id, first, value)
}

// seen waits until a store elsewhere shows what it took.
func (b *bench) seen(id spate.PortID, first time.Time, value func(int) float64) {
	b.Helper()
	for range 100 {
		f := b.ask(first.Sub(b.start).Seconds(), first.Sub(b.start).Seconds()+3600, 12, inBps, id)
		if f.Series[0].Avg[11] == value(0)+11 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.Fatal("what was imported is not seen after 10 s")
}

func (b *bench) imported(id spate.PortID, first time.Time, value func(int) float64) {
	b.Helper()
	from := first.Sub(b.start).Seconds()
	f := b.ask(from, from+30*24*3600, 30*24, inBps, id)
	if f.Tier != spate.TierHour || f.Len() != 30*24 {
		b.Fatalf("30 days are answered by %s in %d columns", f.Tier, f.Len())
	}
	for i, x := range f.Series[0].Avg {
		if i%50 == 49 {
			if x == x {
				b.Errorf("hour %d is %v, want unknown", i, x)
			}
		} else if x != value(i) || f.Series[0].Max[i] != 2*value(i) {
			b.Errorf("hour %d is %v with a peak of %v, want %v and %v", i, x, f.Series[0].Max[i], value(i), 2*value(i))
		}
	}
	f = b.ask(from, from+6*3600, 72, inBps, id)
	if f.Tier != spate.TierFiveMinutes || f.Len() != 72 {
		b.Fatalf("6 hours of a month ago are answered by %s in %d columns", f.Tier, f.Len())
	}
	total := 0.0
	for i, x := range f.Series[0].Avg {
		want := value(i/12) + float64(i%12)
		if x != want || f.Series[0].Max[i] != 2*value(i/12)+float64(i%12) {
			b.Errorf("five minutes %d are %v, want %v", i, x, want)
		}
		if i%12 == 3 {
			total += want * 100 / 8
		} else {
			total += want * 300 / 8
		}
	}
	if got := f.Series[0].Stats.Total; math.Abs(got-total) > 1 {
		b.Errorf("%v octets in 6 hours, want %v: a bucket known for a third counts a third", got, total)
	}
	f = b.ask(0, 3600, 12, inBps, id)
	for i, x := range f.Series[0].Avg {
		if x != 7777 {
			b.Errorf("five minutes %d of what the store measured itself are %v", i, x)
		}
	}
}
