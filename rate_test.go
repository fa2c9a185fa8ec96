package spate_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"spate"
)

var start = time.Date(2026, 3, 3, 14, 0, 0, 0, time.UTC)

// sample is a reading at start + at seconds of an agent that has run for up ticks.
func sample(at float64, up uint32, wide bool, in, out uint64) spate.Sample {
	s := spate.Sample{At: start.Add(time.Duration(at * float64(time.Second))), Uptime: up, UptimeKnown: true, Trip: time.Millisecond}
	s.Set(spate.InOctets, in, wide)
	s.Set(spate.OutOctets, out, wide)
	return s
}

func with(s spate.Sample, change func(*spate.Sample)) spate.Sample {
	change(&s)
	return s
}

const day = 24 * 3600 * 100 // ticks

var gigabit = spate.Bounds{Limit: 1e9, Heartbeat: time.Minute}

func TestBetween(t *testing.T) {
	tests := []struct {
		name      string
		prev, cur spate.Sample
		bounds    spate.Bounds
		in        spate.BitRate
		gap       spate.Gap
	}{
		{name: "steady 10 Mb/s",
			prev: sample(0, day, true, 1000, 0), cur: sample(10, day+1000, true, 12_501_000, 0), bounds: gigabit, in: 10e6},
		{name: "poll seven seconds late: divided by the time that really passed",
			prev: sample(0, day, true, 0, 0), cur: sample(17, day+1700, true, 21_250_000, 0), bounds: gigabit, in: 10e6},
		{name: "32-bit counter wrapped once",
			prev: sample(0, day, false, 1<<32-1000, 0), cur: sample(10, day+1000, false, 12_499_000, 0), bounds: gigabit, in: 10e6},
		{name: "64-bit counter near 2^63 loses nothing",
			prev: sample(0, day, true, 1<<63-100, 0), cur: sample(10, day+1000, true, 1<<63+12_499_900, 0), bounds: gigabit, in: 10e6},
		{name: "agent restarted, counters already past the old value",
			prev: sample(0, day, true, 1000, 0), cur: sample(10, 300, true, 12_501_000, 0), bounds: gigabit, gap: spate.GapRestart},
		{name: "agent restarted during a long silence and has run for longer than before",
			prev: sample(0, 100, true, 1000, 0), cur: sample(50, 3000, true, 5000, 0), bounds: gigabit, gap: spate.GapRestart},
		{name: "sysUpTime rolled over after 497 days",
			prev: sample(0, math.MaxUint32-499, true, 0, 0), cur: sample(10, 500, true, 12_500_000, 0), bounds: gigabit, in: 10e6},
		{name: "late duplicate response", prev: sample(0, day, true, 1000, 0), cur: sample(0.01, day, true, 1000, 0), bounds: gigabit, gap: spate.GapOrder},
		{name: "answers in the wrong order",
			prev: sample(0, day+100, true, 1000, 0), cur: sample(0.5, day, true, 900, 0), bounds: gigabit, gap: spate.GapOrder},
		{name: "64-bit counter went down without a restart is no wrap",
			prev: sample(0, day, true, 5_000_000, 0), cur: sample(10, day+1000, true, 1000, 0), bounds: gigabit, gap: spate.GapDiscontinuity},
		{name: "ifCounterDiscontinuityTime moved",
			prev: sample(0, day, true, 0, 0), cur: with(sample(10, day+1000, true, 12_500_000, 0), func(s *spate.Sample) { s.Discontinuity = day + 500 }),
			bounds: gigabit, gap: spate.GapDiscontinuity},
		{name: "32-bit counter went down further than the wire can carry",
			prev: sample(0, day, false, 3_000_000_000, 0), cur: sample(10, day+1000, false, 1000, 0),
			bounds: spate.Bounds{Limit: 100e6}, gap: spate.GapWrapUnsure},
		{name: "32-bit counter went down and the agent has no clock",
			prev: with(sample(0, 0, false, 1<<32-1000, 0), func(s *spate.Sample) { s.UptimeKnown = false }),
			cur:  with(sample(10, 0, false, 1000, 0), func(s *spate.Sample) { s.UptimeKnown = false }), bounds: gigabit, gap: spate.GapWrapUnsure},
		{name: "32-bit counter of a 10 Gb/s port may have wrapped twice",
			prev: sample(0, day, false, 0, 0), cur: sample(10, day+1000, false, 12_500_000, 0), bounds: spate.Bounds{Limit: 10e9}, gap: spate.GapNotMeasurable},
		{name: "the same port polled every second can be measured",
			prev: sample(0, day, false, 0, 0), cur: sample(1, day+100, false, 1_250_000_00, 0), bounds: spate.Bounds{Limit: 10e9}, in: 1e9},
		{name: "32-bit counter of a port whose speed nobody knows",
			prev: sample(0, day, false, 0, 0), cur: sample(10, day+1000, false, 12_500_000, 0), bounds: spate.Bounds{Limit: 800e9, SpeedLies: true}, in: 10e6},
		{name: "a terabit on a gigabit port",
			prev: sample(0, day, true, 0, 0), cur: sample(10, day+1000, true, 1_250_000_000_000, 0), bounds: gigabit, gap: spate.GapOverSpeed},
		{name: "silence of an hour is not spread over",
			prev: sample(0, day, true, 0, 0), cur: sample(3600, day+360000, true, 4_500_000_000, 0), bounds: gigabit, gap: spate.GapMissed},
		{name: "agent whose clock stands still",
			prev: sample(0, 77, true, 0, 0), cur: sample(10, 77, true, 12_500_000, 0), bounds: gigabit, in: 10e6},
		{name: "answer delayed by 800 ms: the agent's clock decides",
			prev: sample(0, day, true, 0, 0),
			cur:  with(sample(10.8, day+1000, true, 12_500_000, 0), func(s *spate.Sample) { s.Trip = 850 * time.Millisecond }), bounds: gigabit, in: 10e6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rate, gap := spate.Between(&tt.prev, &tt.cur, tt.bounds)
			if gap != tt.gap {
				t.Fatalf("gap %q, want %q (rate %v)", gap, tt.gap, rate.InBits())
			}
			if gap != "" {
				if rate.Over != 0 {
					t.Errorf("a gap came with a rate over %v", rate.Over)
				}
				return
			}
			if off := math.Abs(float64(rate.InBits()-tt.in)) / float64(tt.in); off > 1e-9 {
				t.Errorf("in %v, want %v", rate.InBits(), tt.in)
			}
			if rate.OutBits() != 0 {
				t.Errorf("out %v, want 0", rate.OutBits())
			}
			if rate.At != tt.cur.At {
				t.Errorf("at %v, want %v", rate.At, tt.cur.At)
			}
		})
	}
}

func TestWhatWasNotReadIsUnknownNotZero(t *testing.T) {
	prev, cur := sample(0, day, true, 0, 0), sample(10, day+1000, true, 10, 10)
	rate, _ := spate.Between(&prev, &cur, gigabit)
	for m := spate.InPps; m < spate.NumMetrics; m++ {
		if !math.IsNaN(rate.Values[m]) {
			t.Errorf("%s is %v, want unknown", m, rate.Values[m])
		}
	}
}

func TestPacketsAreTheSumOfTheirKinds(t *testing.T) {
	tests := []struct {
		name string
		set  map[spate.Counter]uint64
		want float64
	}{
		{"unicast, multicast and broadcast", map[spate.Counter]uint64{spate.InUcastPkts: 100, spate.InMcastPkts: 20, spate.InBcastPkts: 30}, 15},
		{"an agent without ifXTable has them in one", map[spate.Counter]uint64{spate.InUcastPkts: 100, spate.InNUcastPkts: 50}, 15},
		{"the sum in one column is not added to its parts", map[spate.Counter]uint64{spate.InUcastPkts: 100, spate.InMcastPkts: 20, spate.InBcastPkts: 30, spate.InNUcastPkts: 50}, 15},
		{"multicast alone is no sum", map[spate.Counter]uint64{spate.InMcastPkts: 20}, math.NaN()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			prev, cur := sample(0, day, true, 0, 0), sample(10, day+1000, true, 0, 0)
			for c, n := range tt.set {
				prev.Set(c, 0, true)
				cur.Set(c, n, true)
			}
			rate, gap := spate.Between(&prev, &cur, gigabit)
			if got := rate.Values[spate.InPps]; gap != "" || got != tt.want && !(math.IsNaN(got) && math.IsNaN(tt.want)) {
				t.Errorf("in_pps %v (gap %q), want %v", got, gap, tt.want)
			}
		})
	}
}

// net-snmp issues 1079 and 1080: a bond's ifHCInUcastPkts goes backwards.
func TestALittleStepBackIsHeldOnce(t *testing.T) {
	at := func(seconds float64, packets uint64) spate.Sample {
		s := sample(seconds, day+uint32(seconds*100), true, uint64(seconds)*1000, 0)
		s.Set(spate.InUcastPkts, packets, true)
		return s
	}
	prev, sum := at(0, 50_000), 0.0
	for i, packets := range []uint64{51_000, 50_900, 52_000, 53_000} {
		cur := at(float64(i+1)*10, packets)
		rate, gap := spate.Between(&prev, &cur, gigabit)
		if gap != "" || rate.Values[spate.InUcastPps] < 0 {
			t.Fatalf("poll %d: gap %q, %v pps", i, gap, rate.Values[spate.InUcastPps])
		}
		spate.Hold(&prev, &cur, gigabit.Limit)
		sum += rate.Values[spate.InUcastPps] * rate.Over.Seconds()
		prev = cur
	}
	if math.Round(sum) != 3000 {
		t.Errorf("%v packets in all, the counter went from 50,000 to 53,000", sum)
	}
	// Still behind in the next sample: it has begun anew.
	first, second, third := at(0, 50_000), at(10, 49_000), at(20, 49_500)
	spate.Hold(&first, &second, gigabit.Limit)
	rate, _ := spate.Between(&second, &third, gigabit)
	if !math.IsNaN(rate.Values[spate.InUcastPps]) {
		t.Errorf("a counter that stays behind gives %v pps, want unknown", rate.Values[spate.InUcastPps])
	}
}

func TestAnEngineThatBootedRestarted(t *testing.T) {
	prev, cur := sample(0, 5000, true, 1000, 0), sample(10, 6000, true, 2000, 0)
	prev.Boots, cur.Boots = 4, 5
	if _, gap := spate.Between(&prev, &cur, gigabit); gap != spate.GapRestart {
		t.Errorf("snmpEngineBoots went from 4 to 5: gap %q, want restart", gap)
	}
}

func TestOneBadCounterLeavesTheOthers(t *testing.T) {
	prev, cur := sample(0, day, true, 0, 0), sample(10, day+1000, true, 12_500_000, 0)
	prev.Set(spate.InUcastPkts, 5000, true)
	cur.Set(spate.InUcastPkts, 12, true)
	rate, gap := spate.Between(&prev, &cur, gigabit)
	if gap != "" || rate.InBits() != 10e6 || !math.IsNaN(rate.Values[spate.InUcastPps]) || !math.IsNaN(rate.Values[spate.InPps]) {
		t.Errorf("gap %q, in %v, unicast %v, packets %v", gap, rate.InBits(), rate.Values[spate.InUcastPps], rate.Values[spate.InPps])
	}
}

// A port that is really used, with polls at random times, restarts and a
// counter of either width, never has a rate above its speed or below zero,
// and the rates add up to what was counted between polls without a gap.
func TestRatesOfTrueCountersAreNeverAbsurd(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		wide := r.IntN(2) == 0
		speed := 1e9
		counter, up, at := r.Uint64(), uint64(r.Uint32()), 0.0
		var prev spate.Sample
		for i := range 200 {
			step := 1 + 14*r.Float64()
			octets := uint64(r.Float64() * speed / 8 * step)
			at, counter, up = at+step, counter+octets, up+uint64(step*100)
			if i > 0 && r.IntN(20) == 0 { // it was off for at least half of the time
				counter, up = uint64(r.Uint32()>>8), uint64(step*50*r.Float64())
			}
			shown := counter
			if !wide {
				shown = uint64(uint32(counter))
			}
			cur := sample(at, uint32(up), wide, shown, 0)
			if i == 0 {
				prev = cur
				continue
			}
			rate, gap := spate.Between(&prev, &cur, spate.Bounds{Limit: spate.BitRate(speed), Heartbeat: time.Minute})
			prev = cur
			if gap != "" {
				continue
			}
			if bits := float64(rate.InBits()); bits < 0 || bits > speed*1.001 {
				t.Fatalf("seed %d, poll %d: %v on a port of 1 Gb/s", seed, i, rate.InBits())
			}
			got := float64(rate.InBits()) / 8 * rate.Over.Seconds()
			if math.Abs(got-float64(octets)) > 1 {
				t.Fatalf("seed %d, poll %d: rates hold %.0f octets, the port counted %d", seed, i, got, octets)
			}
		}
	}
}

func FuzzBetween(f *testing.F) {
	f.Add(int64(10e9), uint32(100), uint32(1100), uint64(1<<32-5), uint64(7), false, int64(1e6))
	f.Add(int64(10e9), uint32(100), uint32(1100), uint64(0), uint64(0), true, int64(0))
	f.Add(int64(-1), uint32(9), uint32(3), uint64(5), uint64(4), true, int64(1e9))
	f.Fuzz(func(t *testing.T, apart int64, up1, up2 uint32, a, b uint64, wide bool, trip int64) {
		prev, cur := sample(0, up1, wide, a, b), sample(0, up2, wide, b, a)
		cur.At, cur.Trip = prev.At.Add(time.Duration(apart)), time.Duration(trip)
		rate, gap := spate.Between(&prev, &cur, gigabit)
		if (gap == "") == (rate.Over <= 0) {
			t.Fatalf("gap %q with a rate over %v", gap, rate.Over)
		}
		for _, v := range []spate.BitRate{rate.InBits(), rate.OutBits()} {
			if gap == "" && !(v >= 0 && v <= 2.2e9) {
				t.Fatalf("%v on a port of 1 Gb/s", v)
			}
		}
	})
}
