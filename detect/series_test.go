package detect_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"spate/detect"
)

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func limits() detect.Limits { return detect.Limits{Unit: 256, Floor: 20e6, Speed: 1e9} } // a 1 Gb/s port, floor 2 %

func sample(at time.Time, v float64) detect.Sample {
	since := at.Sub(monday)
	return detect.Sample{At: at.Unix(), Value: v, Hour: int(since/time.Hour) % 168, Day: int(since / (24 * time.Hour))}
}

// day is a port's usual day: 40 Mb/s at night, 160 in the afternoon, and noise of
// a third.
func day(at time.Time, dice *rand.Rand) float64 {
	hour := float64(at.Sub(monday)%(24*time.Hour)) / float64(time.Hour)
	return 1e6 * (100 - 60*math.Cos((hour-3)/24*2*math.Pi)) * math.Exp(0.3*dice.NormFloat64())
}

// lived is a series that has seen some days, a sample a minute.
func lived(t testing.TB, s *detect.Series, days float64, dice *rand.Rand) (at time.Time, surprises int) {
	t.Helper()
	end := monday.Add(time.Duration(days * 24 * float64(time.Hour)))
	for at = monday; at.Before(end); at = at.Add(time.Minute) {
		if r := s.Update(sample(at, day(at, dice)), limits(), false); r.Surprise {
			surprises++
		}
	}
	return at, surprises
}

func TestASeriesTakesAtMostItsOctets(t *testing.T) {
	if n := unsafe.Sizeof(detect.Series{}); n > 256 {
		t.Errorf("%d octets, want 256 at most", n)
	}
}

func TestUsualDaysAreNoSurprise(t *testing.T) {
	for seed := range uint64(20) {
		var s detect.Series
		if _, n := lived(t, &s, 21, rand.New(rand.NewPCG(seed, 1))); n > 0 {
			t.Errorf("seed %d: %d surprises in three usual weeks", seed, n)
		}
	}
}

// A flood is seen in its first samples where it is large, later where it is within
// what the port's noise has reached before; it is over a quarter of an hour after.
func TestAFloodIsASurprise(t *testing.T) {
	for _, c := range []struct {
		name   string
		days   float64
		hour   float64
		extra  float64
		within time.Duration
	}{
		{"900 Mb/s in the afternoon", 10, 15, 900e6, 2 * time.Minute}, // the busiest minutes of ten days had 400
		{"300 Mb/s at night", 10, 3, 300e6, 16 * time.Minute},
		{"300 Mb/s in the afternoon", 10, 15, 300e6, 40 * time.Minute},
		{"900 Mb/s on the first day, after six hours", 0, 6, 900e6, 16 * time.Minute},
	} {
		var s detect.Series
		dice := rand.New(rand.NewPCG(7, 7))
		at, _ := lived(t, &s, c.days+c.hour/24, dice)
		began, seen := at, time.Time{}
		for ; at.Sub(began) < time.Hour; at = at.Add(time.Minute) {
			r := s.Update(sample(at, day(at, dice)+c.extra), limits(), false)
			if r.Surprise && seen.IsZero() {
				seen = at
				if !r.Known || !r.Alarmed || r.Factor < 1.5 || r.Usual < 20e6 || r.Usual > 250e6 {
					t.Errorf("%s: %+v", c.name, r)
				}
			}
		}
		if seen.IsZero() || seen.Sub(began) > c.within {
			t.Errorf("%s: seen after %v, want %v at most", c.name, seen.Sub(began), c.within)
		}
		calm := at
		for s.Update(sample(at, day(at, dice)), limits(), false).Alarmed {
			if at = at.Add(time.Minute); at.Sub(calm) > 2*time.Hour {
				t.Fatalf("%s: alarmed two hours after", c.name)
			}
		}
		if after := at.Sub(calm); after < 14*time.Minute || after > 45*time.Minute {
			t.Errorf("%s: over %v after its end, want a quarter of an hour and what the longest level needs", c.name, after)
		}
	}
}

// A small burst of a port that is all but idle is a surprise only where it lasts; of one
// that carries something, or of a slow one, at once.
func TestASmallBurstOfAnIdlePortMustLast(t *testing.T) {
	slow := detect.Limits{Unit: 256, Floor: 2e6, Speed: 10e6}
	unknown := detect.Limits{Unit: 256, Floor: 2e6}
	for _, c := range []struct {
		name        string
		l           detect.Limits
		usual, more float64
		from, to    time.Duration // within which it is seen
	}{
		{"3 % of the speed, idle", limits(), 0.5e6, 30e6, 30 * time.Minute, 50 * time.Minute},
		{"5 % of the speed, idle", limits(), 0.5e6, 50e6, 0, time.Minute},
		{"from 1 % to 5 %", limits(), 10e6, 40e6, 0, time.Minute},
		{"3 % of the speed, 1 % is usual", limits(), 10e6, 30e6, 0, time.Minute},
		{"a quarter of 10 Mb/s, idle", slow, 0.1e6, 2.5e6, 0, time.Minute},
		{"3 Mb/s, idle, the speed is not known", unknown, 0.1e6, 3e6, 30 * time.Minute, 50 * time.Minute},
		{"5 Mb/s, idle, the speed is not known", unknown, 0.1e6, 5e6, 0, time.Minute},
	} {
		var s detect.Series
		dice := rand.New(rand.NewPCG(11, 11))
		rate := func() float64 { return c.usual * math.Exp(0.05*dice.NormFloat64()) }
		at := monday
		for ; at.Before(monday.Add(10 * 24 * time.Hour)); at = at.Add(time.Minute) {
			s.Update(sample(at, rate()), c.l, false)
		}
		began, hinted := at, false
		for ; at.Sub(began) < time.Hour; at = at.Add(time.Minute) {
			r := s.Update(sample(at, rate()+c.more), c.l, false)
			if r.Surprise {
				break
			}
			hinted = hinted || r.Hint
		}
		if hinted != (c.from > 0) {
			t.Errorf("%s: hinted at: %v", c.name, hinted)
		}
		if after := at.Sub(began); after < c.from || after > c.to {
			t.Errorf("%s: seen after %v, want %v to %v", c.name, after, c.from, c.to)
		}
	}
}

// What was not accepted is a surprise again; what was is none.
func TestOnlyWhatIsAcceptedIsLearned(t *testing.T) {
	var s detect.Series
	dice := rand.New(rand.NewPCG(3, 3))
	at, _ := lived(t, &s, 10+2.0/24, dice)
	flood := func() (surprises int) {
		for end := at.Add(30 * time.Minute); at.Before(end); at = at.Add(time.Minute) {
			if s.Update(sample(at, day(at, dice)+800e6), limits(), false).Surprise {
				surprises++
			}
		}
		for end := at.Add(2 * time.Hour); at.Before(end); at = at.Add(time.Minute) {
			s.Update(sample(at, day(at, dice)), limits(), false)
		}
		return surprises
	}
	if flood() == 0 || flood() == 0 {
		t.Error("a flood that was not accepted is none the second time")
	}
	flood()
	s.Accept()
	if n := flood(); n > 0 {
		t.Errorf("%d surprises of what was accepted", n)
	}
}

func TestWhatIsNotKnownChangesNothing(t *testing.T) {
	var s detect.Series
	dice := rand.New(rand.NewPCG(5, 5))
	at, _ := lived(t, &s, 3, dice)
	before := s
	for _, x := range []detect.Sample{sample(at, math.NaN()), sample(at, -1), sample(at.Add(-time.Minute), 1e9), {At: at.Unix(), Value: 1, Hour: 168}, {At: at.Unix(), Value: 1, Hour: -1}} {
		if s.Update(x, limits(), false); s != before {
			t.Errorf("%+v has changed the series", x)
		}
	}
	if r := s.Update(sample(at, math.Inf(1)), limits(), false); r.Factor > 100 {
		t.Errorf("more than the port carries: %+v", r)
	}
}

// Before anything is known, half of the speed is unusual and less is not.
func TestTheFirstSampleIsJudgedByTheSpeed(t *testing.T) {
	for v, want := range map[float64]bool{400e6: false, 600e6: true} {
		var s detect.Series
		if r := s.Update(sample(monday, v), limits(), false); r.Surprise != want || r.Known {
			t.Errorf("%v: %+v", v, r)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	dice := rand.New(rand.NewPCG(1, 1))
	series := make([]detect.Series, 100_000)
	values := make([]float64, 4096)
	for i := range values {
		values[i] = day(monday.Add(time.Duration(i)*time.Minute), dice)
	}
	l := limits()
	i := 0
	for b.Loop() {
		at := monday.Add(time.Duration(i/len(series)) * 10 * time.Second)
		series[i%len(series)].Update(sample(at, values[i%len(values)]), l, false)
		i++
	}
}
