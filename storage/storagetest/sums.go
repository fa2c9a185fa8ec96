package storagetest

import (
	"strconv"

	"spate"
)

func sums(b *bench) {
	a, c, d := port("xe-0/0/0"), port("xe-0/0/1"), spate.PortID{Device: "bdr-2", Name: "xe-0/0/0"}
	b.feed(a, 0, 10, 20, 30)
	b.feed(c, 0, 1, 2, 3)
	b.feed(d, 0, 100, 200, 300)
	f := b.ask(0, 30, 10, inBps, a, c, d, a) // one named twice counts once
	b.same("sum", f.Series[0].Avg, []float64{111, 222, 333})
	if f.Covered != 3 || f.Of != 3 {
		b.Errorf("coverage %d of %d, want 3 of 3", f.Covered, f.Of)
	}
	f = b.ask(0, 30, 1, inBps, a, c, port("xe-0/0/99"))
	b.same("greatest of the sum, not sum of the greatest", f.Series[0].Max, []float64{33})
	if f.Covered != 2 || f.Of != 3 {
		b.Errorf("coverage %d of %d, want 2 of 3", f.Covered, f.Of)
	}
}

func sumOfMany(b *bench) {
	var ids []spate.PortID
	for i := range 250 { // more than one look-up holds
		ids = append(ids, port("Gi1/0/"+strconv.Itoa(i)))
		b.feed(ids[i], 0, float64(i))
	}
	f := b.ask(0, 10, 1, inBps, ids...)
	if f.Series[0].Avg[0] != 250*249/2 || f.Covered != 250 {
		b.Errorf("sum of %d ports %v, want 31125 of 250", f.Covered, f.Series[0].Avg[0])
	}
}

func sumWithHole(b *bench) {
	a, c, d := port("xe-1/0/0"), port("xe-1/0/1"), port("xe-1/0/2")
	b.feed(a, 0, 10, 10, 10, 10, 10, 10)
	b.feed(c, 0, 100, nan, nan, 400, 400) // its last slot is not there yet
	b.feed(d, 0, nan, nan, nan, 1, 1, 1)  // a port that is new
	want := []float64{110, 210, 310, 411, 411, 411}
	b.same("sum", b.bps(0, 60, a, c, d), want)
	b.same("the hole alone: neighbours outside the range bridge it too", b.bps(10, 30, a, c, d), want[1:3])
	b.same("one port alone keeps its gap", b.bps(0, 40, c), []float64{100, nan, nan, 400})
}

func sumOfGaps(b *bench) {
	a, c := port("xe-2/0/0"), port("xe-2/0/1")
	b.feed(a, 0, 10, nan, nan, 10)
	b.feed(c, 0, 1, nan, 1, 1)
	b.same("sum", b.bps(0, 40, a, c), []float64{11, nan, 11, 11})
}

func sumInDoubt(b *bench) {
	small, big, other := port("xe-3/0/0"), port("xe-3/0/1"), port("xe-3/0/2")
	steady := make([]float64, 60)
	away := make([]float64, 60)
	for i := range steady {
		steady[i], away[i] = 1000, nan
	}
	away[0], away[59] = 10, 10
	b.feed(small, 0, away...)
	away[0], away[59] = 900, 900
	b.feed(big, 0, away...)
	b.feed(other, 0, steady...)
	if f := b.ask(0, 600, 60, inBps, small, other); f.Series[0].Avg[30] != 1010 {
		b.Errorf("a hundredth of the sum unknown for ten minutes: %v, want 1010", f.Series[0].Avg[30])
	}
	if f := b.ask(0, 600, 60, inBps, big, other); f.Series[0].Avg[30] == f.Series[0].Avg[30] {
		b.Errorf("half of the sum unknown for ten minutes: %v, want a gap", f.Series[0].Avg[30])
	}
}
