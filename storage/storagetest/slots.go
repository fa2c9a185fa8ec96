package storagetest

import (
	"math"
	"time"

	"spate"
)

func everyMetric(b *bench) {
	id := port("Gi1/0/1")
	all := map[spate.Metric]float64{}
	var metrics []spate.Metric
	for m := range spate.NumMetrics {
		metrics = append(metrics, m)
		all[m] = 1234.56789 * float64(m+1)
	}
	b.one(id, rate(b.at(10), Step, all))
	f := b.ask(0, 10, 10, metrics, id)
	if f.Len() != 1 || !f.From.Equal(b.start) || f.Step != Step {
		b.Fatalf("frame from %v step %v with %d values, want %v, %v, 1", f.From, f.Step, f.Len(), b.start, Step)
	}
	for m, s := range f.Series {
		q := spate.Metric(m).Quantum()
		want := math.Round(all[spate.Metric(m)]/q) * q
		if s.Metric != spate.Metric(m) || math.Abs(s.Avg[0]-want) > q/1000 {
			b.Errorf("series %d is %s %v, want %v", m, s.Metric, s.Avg[0], want)
		}
	}
}

func offGrid(b *bench) {
	id := port("Gi1/0/2")
	for i, v := range []float64{100, 200, 300} { // each from 3 s in one slot to 3 s in the next
		b.one(id, rate(b.at(13+10*float64(i)), Step, map[spate.Metric]float64{spate.InBps: v}))
	}
	// 3 s of the fourth slot are known only, and no rate has ended it
	b.same("slots", b.bps(0, 40, id), []float64{100, 130 + 40, 230 + 40, nan})
}

func quickPolls(b *bench) {
	id := port("Gi1/0/3")
	for i := range 10 {
		b.one(id, rate(b.at(2*float64(i+1)), 2*time.Second, map[spate.Metric]float64{spate.InBps: float64(100 * i)}))
	}
	b.same("slots", b.bps(0, 20, id), []float64{200, 700})
}

func slowDevice(b *bench) {
	id := port("Gi1/0/4")
	b.one(id, rate(b.at(65), time.Minute, map[spate.Metric]float64{spate.InBps: 500}))
	b.one(id, rate(b.at(125), time.Minute, map[spate.Metric]float64{spate.InBps: 700}))
	b.same("slots", b.bps(0, 120, id), []float64{500, 500, 500, 500, 500, 500, 600, 700, 700, 700, 700, 700})
}

func gaps(b *bench) {
	id := port("Gi1/0/5")
	b.feed(id, 0, 1, 2, nan, nan, 5)
	b.write(spate.Reading{Port: &spate.Port{ID: id}, Gap: spate.GapSilent},
		spate.Reading{Port: &spate.Port{ID: id}, Gap: spate.GapOverSpeed, Rate: rate(b.at(60), Step, map[spate.Metric]float64{spate.InBps: 6})},
		spate.Reading{Port: &spate.Port{ID: id}})
	b.same("slots", b.bps(0, 60, id), []float64{1, 2, nan, nan, 5, nan})
}

func halfKnown(b *bench) {
	id := port("Gi1/0/6")
	part := func(end float64, over time.Duration) {
		b.one(id, rate(b.at(end), over, map[spate.Metric]float64{spate.InBps: 8}))
	}
	part(10, 4900*time.Millisecond)
	part(20, 5*time.Second)
	part(24, 4*time.Second)
	part(29, time.Second) // with the second before it, 5 s of the third slot
	part(40, 10*time.Second)
	b.same("slots", b.bps(0, 40, id), []float64{nan, 8, 8, 8})
}

func absurd(b *bench) {
	id := port("Gi1/0/7")
	for i, v := range []float64{7, math.Inf(1), -3, math.MaxFloat64, 9} {
		b.one(id, rate(b.at(10*float64(i+1)), Step, map[spate.Metric]float64{spate.InBps: v, spate.OutBps: 1}))
	}
	b.one(id, rate(b.at(60), 5*365*24*time.Hour, map[spate.Metric]float64{spate.InBps: 1})) // before there was a store
	b.one(id, rate(b.at(40), Step, map[spate.Metric]float64{spate.InBps: 99}))              // late
	b.same("slots", b.bps(0, 60, id), []float64{7, nan, nan, nan, 9, nan})
}

func restart(b *bench) {
	id := port("Gi1/0/8")
	b.feed(id, 3, 1000, 1000, 1000) // to 33 s, of which 3 s in the fourth slot
	b.one(id, rate(b.at(37), 4*time.Second, map[spate.Metric]float64{spate.InBps: 1000}))
	b.reopen() // 7 s of the slot are known: it is written
	b.one(id, rate(b.at(75), Step, map[spate.Metric]float64{spate.InBps: 2000}))
	b.one(id, rate(b.at(85), Step, map[spate.Metric]float64{spate.InBps: 2000}))
	want := []float64{1000, 1000, 1000, 1000, nan, nan, 2000, 2000}
	b.same("after the restart", b.bps(0, 80, id), want)
	b.reopen()
	b.same("after one more", b.bps(0, 80, id), want)
	b.one(id, rate(b.at(96), 6*time.Second, map[spate.Metric]float64{spate.InBps: 500}))
	b.reopen() // in the middle of a slot: the first part has more than half of it, the second adds nothing
	b.one(id, rate(b.at(100), 4*time.Second, map[spate.Metric]float64{spate.InBps: 9000}))
	b.one(id, rate(b.at(105), 5*time.Second, map[spate.Metric]float64{spate.InBps: 500}))
	b.reopen() // exactly half: the second part has it
	b.one(id, rate(b.at(110), 5*time.Second, map[spate.Metric]float64{spate.InBps: 700}))
	b.same("quick restarts", b.bps(80, 110, id), []float64{nan, 500, 700})
	f := b.ask(0, 80, 4096, inBps, id)
	if want := (4*1000 + 2*2000) * 10 / 8.0; !alike(f.Series[0].Stats.Total, want) {
		b.Errorf("total %v octets, want %v: a slot was counted twice or not at all", f.Series[0].Stats.Total, want)
	}
}
