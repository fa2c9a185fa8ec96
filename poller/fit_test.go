package poller_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"spate/poller"
)

// looked is what irregular looks at a cache see, of which moves tells whether
// something new is seen between two times.
func looked(lasting time.Duration, moves func(from, to time.Duration) bool) []poller.Glance {
	dice := rand.New(rand.NewPCG(1, 2))
	var out []poller.Glance
	for at := 3 * time.Second; at < lasting; {
		next := at + 100*time.Millisecond + time.Duration(dice.Int64N(int64(200*time.Millisecond)))
		out = append(out, poller.NewGlance(at, next, moves(at, next)))
		at = next
	}
	return out
}

func TestATimersPeriodAndPhaseAreFitted(t *testing.T) {
	for _, period := range []time.Duration{2500 * time.Millisecond, 3 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second} {
		for _, phase := range []time.Duration{0, 20 * time.Millisecond, period / 3, period - 10*time.Millisecond} {
			looks := looked(120*time.Second, func(from, to time.Duration) bool { return (to-phase)/period > (from-phase)/period })
			got, at, blur := poller.Fitted(looks)
			off := (at - phase).Abs()
			off = min(off, period-off)
			if got != period || off > blur {
				t.Errorf("a timer of %v at %v is taken for %v at %v, give or take %v", period, phase, got, at, blur)
			}
		}
	}
}

// Thin traffic makes a study try every period over and over: it must be cheap,
// for half of a large network is idle.
func BenchmarkFitOfThinTraffic(b *testing.B) {
	dice := rand.New(rand.NewPCG(3, 4))
	looks := looked(100*time.Second, func(_, _ time.Duration) bool { return dice.IntN(12) == 0 })
	b.ReportAllocs()
	for b.Loop() {
		poller.Fitted(looks)
	}
}
