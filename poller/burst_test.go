package poller

import (
	"errors"
	"testing"
	"time"

	"spate"
)

func TestABurstKeepsToWhatADeviceBears(t *testing.T) {
	now := time.Now()
	due := now.Add(30 * time.Second)
	for _, x := range []struct {
		what  string
		round spate.Round
		every time.Duration // 0: none
	}{
		{"a quick one", spate.Round{At: now, Took: 10 * time.Millisecond, PDUs: 6}, time.Second},
		{"one that takes half a second", spate.Round{At: now, Took: 500 * time.Millisecond, PDUs: 6}, 2 * time.Second},
		{"one with many requests", spate.Round{At: now, Took: 50 * time.Millisecond, PDUs: 120}, 3 * time.Second},
		{"one that would need longer", spate.Round{At: now, Took: 2 * time.Second, PDUs: 6}, 0},
		{"a silent one", spate.Round{At: now, Err: errors.New("no answer")}, 0},
	} {
		b := newBurst()
		b.hurry(now.Add(time.Minute))
		b.took(&x.round)
		at, on := b.next(due)
		if on != (x.every > 0) || on && at.Sub(now) != x.every {
			t.Errorf("%s: next %v %v, want after %v", x.what, at.Sub(now), on, x.every)
		}
	}
	b := newBurst()
	b.hurry(now.Add(time.Minute))
	b.took(&spate.Round{At: now, PDUs: 6})
	if _, on := b.next(now.Add(1100 * time.Millisecond)); on {
		t.Error("an extra round takes the place of the usual one")
	}
	b.until.Store(now.Add(-time.Second).UnixNano())
	if _, on := b.next(due); on {
		t.Error("the burst goes on after its end")
	}
	b.hurry(now.Add(time.Minute))
	select {
	case <-b.wake:
	default:
		t.Error("a device that sleeps until its slot is not woken")
	}
}
