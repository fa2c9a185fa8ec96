package storagetest

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"spate"
)

// twoDays feeds a port two days of polls a minute apart, with holes, and gives
// its slots.
func twoDays(b *bench, id spate.PortID, seed uint64) []float64 {
	b.Helper()
	b.start = b.start.Add(-48 * time.Hour)
	rnd := rand.New(rand.NewPCG(seed, 3))
	var slots []float64
	away := 0
	for minute := range 2 * 24 * 60 {
		v := math.Round(math.Pow(10, 3+6*rnd.Float64()))
		if away--; away > 0 || rnd.IntN(300) == 0 {
			if away <= 0 {
				away = rnd.IntN(200)
			}
			v = nan
		} else {
			b.one(id, rate(b.at(float64(60*minute+60)), time.Minute, map[spate.Metric]float64{spate.InBps: v, spate.InErrorsPs: v / 1e9}))
		}
		slots = append(slots, v, v, v, v, v, v)
	}
	return slots
}

// zooms draws random ranges over two days and compares every column of every
// tier with its samples.
func zooms(b *bench) {
	id := port("Te2/1")
	slots := twoDays(b, id, 1)
	rnd := rand.New(rand.NewPCG(5, 5))
	seen := map[spate.Tier]int{}
	for range 80 {
		from := rnd.IntN(2 * 86400)
		to := from + 1 + rnd.IntN(2*86400-from)
		f := b.ask(float64(from), float64(to), 1+rnd.IntN(300), inBps, id)
		seen[f.Tier]++
		zoom(b, f, slots)
	}
	for _, tier := range []spate.Tier{spate.TierRaw, spate.TierFiveMinutes, spate.TierHour} {
		if seen[tier] == 0 {
			b.Errorf("no question was answered by tier %s: %v", tier, seen)
		}
	}
}

func zoom(b *bench, f *spate.Frame, slots []float64) {
	b.Helper()
	s := f.Series[0]
	exact := f.Tier == spate.TierRaw
	for i := range s.Avg {
		first := int(f.From.Sub(b.start)/Step) + i*int(f.Step/Step)
		avg, most, least := summary(slots, first, first+int(f.Step/Step))
		ok := alike(s.Avg[i], avg) && alike(s.Max[i], most) && alike(s.Min[i], least)
		if !exact && avg == avg { // means to 0.1, extremes to three digits, none on the wrong side of the mean of its bucket
			ok = math.Abs(s.Avg[i]-avg) < 0.1 && math.Abs(s.Max[i]-most) <= 0.005*most && math.Abs(s.Min[i]-least) <= 0.005*least && s.Max[i] >= s.Avg[i] && s.Min[i] <= s.Avg[i]
		}
		if !ok {
			b.Fatalf("%s, step %v, column %d: %v %v %v, want %v %v %v", f.Tier, f.Step, i, s.Avg[i], s.Max[i], s.Min[i], avg, most, least)
		}
	}
}

// figures compares statistics of whole hours in the coarse tiers with those of
// the samples.
func figures(b *bench) {
	id := port("Te2/2")
	slots := twoDays(b, id, 2)
	for _, c := range []struct {
		hours int
		width int
		tier  spate.Tier
	}{{12, 72, spate.TierFiveMinutes}, {48, 48, spate.TierHour}} {
		f := b.ask(0, float64(c.hours)*3600, c.width, inBps, id)
		if f.Tier != c.tier {
			b.Errorf("%d h in %d columns: tier %s, want %s", c.hours, c.width, f.Tier, c.tier)
		}
		asked := slots[:c.hours*360]
		mean, most, _ := summary(asked, 0, len(asked))
		seconds := 0.0
		var means []float64
		for i := 0; i < len(asked); i += 30 {
			if m, _, _ := summary(asked, i, i+30); m == m {
				means = append(means, m)
			}
		}
		for _, v := range asked {
			if v == v {
				seconds += 10
			}
		}
		slices.Sort(means)
		p95 := means[(95*len(means)+99)/100-1]
		st := f.Series[0].Stats
		if math.Abs(st.Mean-mean) > 0.1 || math.Abs(st.Total-mean*seconds/8) > 0.1*seconds/8 || math.Abs(st.Max-most) > 0.005*most || math.Abs(st.P95-p95) > 0.1 {
			b.Errorf("%s: %+v, want mean %v, max %v, p95 %v, total %v", f.Tier, st, mean, most, p95, mean*seconds/8)
		}
	}
}

func leastOfOctets(b *bench) {
	id := port("Te2/3")
	twoDays(b, id, 3)
	f := b.ask(0, 48*3600, 48, []spate.Metric{spate.InBps, spate.InErrorsPs}, id)
	if f.Series[0].Min == nil || f.Series[1].Min != nil {
		b.Errorf("min of octets %d values, of errors %d; want 48 and none", len(f.Series[0].Min), len(f.Series[1].Min))
	}
	if total := f.Series[1].Stats.Total; !(total > 1000) {
		b.Errorf("%v errors in two days, want thousands: rounding took them", total)
	}
}

// aged asks for what no raw tier keeps.
func aged(b *bench) {
	id := port("Te2/4")
	b.start = b.start.Add(-40 * 24 * time.Hour)
	b.feed(id, 0, make([]float64, 30)...)
	b.feed(id, 300, 600, 600, 1200)
	f := b.ask(0, 600, 4096, inBps, id)
	if f.Tier != spate.TierFiveMinutes || f.Step != 5*time.Minute {
		b.Fatalf("forty days ago: tier %s, step %v, want five_minutes", f.Tier, f.Step)
	}
	b.same("means", f.Series[0].Avg, []float64{0, 800})
	b.same("greatest", f.Series[0].Max, []float64{0, 1200})
	if got := f.Series[0].Stats.Total; !alike(got, 3000) {
		b.Errorf("total %v octets, want 3000 of 330 s known", got)
	}
}

// openBuckets asks for hours and five minutes that are not over, before and
// after restarts in the middle of them.
func openBuckets(b *bench) {
	id := port("Te2/5")
	b.feed(id, 0, 60, 60, 60)
	ask := func(what string, avg, total float64) {
		b.Helper()
		for _, c := range []struct {
			to    float64
			width int
			tier  spate.Tier
		}{{3600, 1, spate.TierHour}, {300, 1, spate.TierFiveMinutes}} {
			f := b.ask(0, c.to, c.width, inBps, id)
			if f.Tier != c.tier || f.Series[0].Avg[0] != avg || f.Series[0].Stats.Total != total || f.Covered != 1 {
				b.Errorf("%s: %s has %v, total %v, %d covered; want %v, %v, 1", what, f.Tier, f.Series[0].Avg, f.Series[0].Stats.Total, f.Covered, avg, total)
			}
		}
	}
	ask("while they are open", 60, 30*60/8.0)
	b.reopen()
	ask("after a restart", 60, 30*60/8.0)
	b.feed(id, 30, 120, 120, 120)
	ask("and more", 90, 60*90/8.0)
	b.reopen()
	b.reopen()
	b.feed(id, 60, 90, 90, 90)
	ask("and more restarts", 90, 90*90/8.0)
	b.feed(id, 3600, 1, 1) // both are over
	ask("when they are over", 90, 90*90/8.0)
	b.reopen()
	ask("on disk", 90, 90*90/8.0)
}

// sumOfHours has one member away for some minutes, and for hours.
func sumOfHours(b *bench) {
	a, c := port("xe-4/0/0"), port("xe-4/0/1")
	b.start = b.start.Add(-24 * time.Hour)
	for minute := range 10 * 60 {
		end := b.at(float64(60*minute + 60))
		b.one(a, rate(end, time.Minute, map[spate.Metric]float64{spate.InBps: 1000}))
		if minute < 100 || minute >= 110 && minute < 300 || minute >= 480 {
			b.one(c, rate(end, time.Minute, map[spate.Metric]float64{spate.InBps: 50}))
		}
	}
	for _, width := range []int{120, 10} {
		f := b.ask(0, 36000, width, inBps, a, c)
		if f.Tier == spate.TierRaw || f.Covered != 2 || f.Of != 2 {
			b.Errorf("tier %s, coverage %d of %d, want a coarse one and 2 of 2", f.Tier, f.Covered, f.Of)
		}
		for i, v := range f.Series[0].Avg {
			if math.Abs(v-1050) > 0.01 {
				b.Errorf("%s: sum %d is %v, want 1050: it dips or ends where a small member is unknown", f.Tier, i, v)
				break
			}
		}
	}
	f := b.ask(0, 36000, 10, inBps, a, c, port("xe-4/0/9"))
	if f.Covered != 2 || f.Of != 3 {
		b.Errorf("coverage %d of %d, want 2 of 3", f.Covered, f.Of)
	}
}
