package storagetest

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"spate"
)

func widths(b *bench) {
	id := port("Te1/1")
	b.feed(id, 0, 1, 2, 3, 4, 5, 6)
	for _, c := range []struct {
		from, to  float64
		width     int
		step      time.Duration
		avg       []float64
		wantFrom  float64
		wantWidth int
	}{
		{0, 60, 6, Step, []float64{1, 2, 3, 4, 5, 6}, 0, 6},
		{0, 60, 5, 2 * Step, []float64{1.5, 3.5, 5.5}, 0, 3},
		{0, 60, 1, 6 * Step, []float64{3.5}, 0, 1},
		{1, 59, 6, Step, []float64{1, 2, 3, 4, 5, 6}, 0, 6},
		{9, 21, 2, 2 * Step, []float64{1.5, 3.5}, 0, 2}, // three slots of 10 s do not fit
		{45, 45.5, 100, Step, []float64{5}, 40, 1},
		{-20, 80, 100, Step, []float64{nan, nan, 1, 2, 3, 4, 5, 6, nan, nan}, -20, 10},
	} {
		f := b.ask(c.from, c.to, c.width, inBps, id)
		what := fmt.Sprintf("%v..%v width %d", c.from, c.to, c.width)
		if f.Step != c.step || !f.From.Equal(b.at(c.wantFrom)) || f.Len() != c.wantWidth {
			b.Errorf("%s: from %v step %v with %d values, want %v, %v, %d", what, f.From, f.Step, f.Len(), b.at(c.wantFrom), c.step, c.wantWidth)
			continue
		}
		b.same(what, f.Series[0].Avg, c.avg)
	}
}

// peaks draws random ranges over random data with holes and compares every
// column with its samples.
func peaks(b *bench) {
	rnd := rand.New(rand.NewPCG(2, 4))
	id := port("Te1/2")
	samples := make([]float64, 700)
	for i := range samples {
		if samples[i] = float64(rnd.IntN(1e9)); rnd.IntN(5) == 0 {
			samples[i] = nan
		}
	}
	b.feed(id, 0, samples...)
	for range 60 {
		from := rnd.IntN(6900)
		to := from + 1 + rnd.IntN(7000-from)
		f := b.ask(float64(from), float64(to), 1+rnd.IntN(200), inBps, id)
		s := f.Series[0]
		for i := range s.Avg {
			first := int(f.From.Sub(b.start)/Step) + i*int(f.Step/Step)
			avg, most, least := summary(samples, first, first+int(f.Step/Step))
			if f.Tier != spate.TierRaw {
				most, least = digits(most), digits(least)
				if avg == avg && math.Abs(s.Avg[i]-avg) <= 0.1 { // stored to 0.1
					avg = s.Avg[i]
				}
				most, least = max(most, avg), min(least, avg)
			}
			if !alike(s.Avg[i], avg) || !alike(s.Max[i], most) || !alike(s.Min[i], least) {
				b.Fatalf("%d..%d step %v column %d: %v %v %v, want %v %v %v", from, to, f.Step, i, s.Avg[i], s.Max[i], s.Min[i], avg, most, least)
			}
		}
		_, most, _ := summary(samples, from/10, (to+9)/10)
		if f.Tier == spate.TierRaw && !alike(s.Stats.Max, most) {
			b.Fatalf("%d..%d: greatest %v, want %v", from, to, s.Stats.Max, most)
		}
	}
}

// summary is mean, greatest and smallest of samples first..last-1; NaN of none.
func summary(samples []float64, first, last int) (mean, most, least float64) {
	var known []float64
	for i := max(first, 0); i < min(last, len(samples)); i++ {
		if samples[i] == samples[i] {
			known = append(known, samples[i])
		}
	}
	if len(known) == 0 {
		return nan, nan, nan
	}
	for _, v := range known {
		mean += v / float64(len(known))
	}
	return mean, slices.Max(known), slices.Min(known)
}

func statistics(b *bench) {
	id := port("Te1/3")
	b.feed(id, 0, 800, 1600, nan, 2400, 9999)
	b.one(id, rate(b.at(60), Step, map[spate.Metric]float64{spate.InPps: 2.5, spate.InBps: 80}))
	f := b.ask(0, 40, 1, []spate.Metric{spate.InBps, spate.InPps}, id)
	got, want := f.Series[0].Stats, spate.Stats{Last: 2400, Mean: 1600, Max: 2400, P95: 1600, Total: 4800 * 10 / 8}
	if got != want {
		b.Errorf("statistics %+v, want %+v: not of the asked range, or not of known time", got, want)
	}
	if p := f.Series[1].Stats; !math.IsNaN(p.Last) || !math.IsNaN(p.Mean) || !math.IsNaN(p.Max) || !math.IsNaN(p.P95) || !math.IsNaN(p.Total) {
		b.Errorf("statistics of nothing: %+v, want all unknown", p)
	}
	if p := b.ask(50, 60, 1, []spate.Metric{spate.InPps}, id).Series[0].Stats; p.Total != 25 {
		b.Errorf("total %v packets, want 25", p.Total)
	}
}

func percentile(b *bench) {
	id := port("Te1/4")
	slots := make([]float64, 41*30) // 41 times five minutes of 30 slots
	for i := range slots {
		slots[i] = float64(1000 * (i/30 + 1)) // the means are 1000, 2000 … 41000
	}
	slots[5] = 400_000 // a peak of 10 s is not what is billed: the first mean is 14300
	b.feed(id, 0, slots...)
	// ceil(0.95 x 41) = 39: of 2000 … 14000, 14300, 15000 … 41000 the 39th is 39000
	if got := b.ask(0, 41*300, 100, inBps, id).Series[0].Stats.P95; got != 39000 {
		b.Errorf("41 means: p95 %v, want 39000", got)
	}
	// ceil(0.95 x 20) = 19, and the means are by the clock: 20 whole ones
	if got := b.ask(300, 21*300, 100, inBps, id).Series[0].Stats.P95; got != 20000 {
		b.Errorf("20 means: p95 %v, want 20000", got)
	}
	// 150 s of the second and 150 s of the third five minutes are two means
	if got := b.ask(450, 750, 100, inBps, id).Series[0].Stats.P95; got != 3000 {
		b.Errorf("two halves: p95 %v, want 3000", got)
	}
}

func nobody(b *bench) {
	b.feed(port("Te1/5"), 0, 1, 2)
	f := b.ask(0, 20, 10, inBps, port("Te1/55"))
	b.same("a port nobody knows", f.Series[0].Avg, []float64{nan, nan})
	if f.Covered != 0 || f.Of != 1 {
		b.Errorf("coverage %d of %d, want 0 of 1", f.Covered, f.Of)
	}
	f = b.ask(-400*86400, -399*86400, 24, inBps, port("Te1/5"))
	if f.Len() != 24 || f.Covered != 0 {
		b.Errorf("before all retention: %d values of %d ports, want 24 unknown ones", f.Len(), f.Covered)
	}
}

func refused(b *bench) {
	good := spate.Query{Ports: []spate.PortID{port("Te1/6")}, Metrics: inBps, From: b.at(0), To: b.at(60), Width: 100}
	for name, spoil := range map[string]func(*spate.Query){
		"reversed range":      func(q *spate.Query) { q.From, q.To = q.To, q.From },
		"empty range":         func(q *spate.Query) { q.To = q.From },
		"more than ten years": func(q *spate.Query) { q.From = q.To.AddDate(-11, 0, 0) },
		"no ports":            func(q *spate.Query) { q.Ports = nil },
		"no metrics":          func(q *spate.Query) { q.Metrics = nil },
		"a metric that is none": func(q *spate.Query) {
			q.Metrics = []spate.Metric{spate.NumMetrics}
		},
		"no width":       func(q *spate.Query) { q.Width = 0 },
		"too much width": func(q *spate.Query) { q.Width = 4097 },
		"no times":       func(q *spate.Query) { q.From, q.To = time.Time{}, time.Time{} },
	} {
		q := good
		spoil(&q)
		if f, err := b.store.Query(b.Context(), q); err == nil || f != nil {
			b.Errorf("%s: frame %v and error %v, want an error alone", name, f, err)
		}
	}
	if _, err := b.store.Query(b.Context(), good); err != nil {
		b.Errorf("the question they were made of: %v", err)
	}
}

func hostileNames(b *bench) {
	ids := []spate.PortID{
		port("Gi1/0/1"), port("Gi1/0/1.100"), port("Gi1/0/11"), port("Gi1.0.1"), port(".*"), port("Gi.*"), port("a|b"), port("a"), port("b"),
		port(`back\slash`), port(`quo"te`), port("{}=~"), port("größe"), port("порт 1"), port("x y"), port("\x00\x01\x02"), port("(?i)a"), port("A"),
		{Device: "sw-acc-10", Name: "Gi1/0/1"}, {Device: "sw-acc", Name: "1 Gi1/0/1"}, {Device: ".*", Name: ".*"},
	}
	for i, id := range ids {
		b.feed(id, 0, float64(i+1))
	}
	whole := 0.0
	for i, id := range ids {
		b.same(fmt.Sprintf("%q alone", id), b.bps(0, 10, id), []float64{float64(i + 1)})
		whole += float64(i + 1)
	}
	b.same("all together", b.bps(0, 10, ids...), []float64{whole})
	b.same("three that look like patterns", b.bps(0, 10, ids[4], ids[5], ids[6]), []float64{5 + 6 + 7})
}

func readers(b *bench) {
	id := port("Te1/7")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				q := spate.Query{Ports: []spate.PortID{id}, Metrics: inBps, From: b.start, To: b.at(3000), Width: 300}
				f, err := b.store.Query(b.Context(), q)
				if err != nil {
					b.Errorf("query: %v", err)
					return
				}
				for i, v := range f.Series[0].Avg {
					if v == v && v != float64(i) {
						b.Errorf("slot %d is %v, want %d or nothing yet", i, v, i)
						return
					}
				}
			}
		})
	}
	for i := range 300 {
		b.feed(id, float64(10*i), float64(i))
	}
	wg.Wait()
	if f := b.ask(0, 3000, 300, inBps, id); f.Series[0].Stats.Last != 299 {
		b.Errorf("last %v, want 299", f.Series[0].Stats.Last)
	}
	if err := b.store.Close(); err != nil {
		b.Errorf("close: %v", err)
	}
	if _, err := b.store.Query(b.Context(), spate.Query{Ports: []spate.PortID{id}, Metrics: inBps, From: b.start, To: b.at(60), Width: 10}); err == nil {
		b.Error("a closed store answers")
	}
	if err := b.store.Write(b.Context(), &spate.Round{}); err == nil {
		b.Error("a closed store takes rounds")
	}
	if err := b.store.Flush(b.Context()); err == nil || errors.Is(err, b.Context().Err()) {
		b.Errorf("flush of a closed store: %v", err)
	}
}
