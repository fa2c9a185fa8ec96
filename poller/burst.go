package poller

import (
	"sync/atomic"
	"time"

	"spate"
)

const (
	burstLeast  = time.Second     // between two rounds of one device
	burstMost   = 5 * time.Second // a device that would need longer is not read more often
	burstBudget = 40              // requests per second that one device is asked at most
	burstShare  = 4               // times as long as it takes to answer a device is left alone
	burstMargin = 300 * time.Millisecond
)

// burst is a stretch of time in which a device is read more often than usual,
// because it stands on the path of a flood.
type burst struct {
	until *atomic.Int64 // ns since 1970
	wake  chan struct{}
	last  time.Time // end of the last round
	every time.Duration
}

func newBurst() burst {
	return burst{until: &atomic.Int64{}, wake: make(chan struct{}, 1), every: burstLeast}
}

// Hurry has devices read every second to five, as fast as each bears it, until a
// time. Their usual rounds keep their slots. Devices that are not polled are passed over.
func (p *Poller) Hurry(until time.Time, names ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		if l := p.running[name]; l != nil {
			l.device.burst.hurry(until)
		}
	}
}

func (b *burst) hurry(until time.Time) {
	was := b.until.Swap(until.UnixNano())
	if was > time.Now().UnixNano() {
		return // it is in a hurry already
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// took notes how long a round took: the next ones keep to the budget.
func (b *burst) took(r *spate.Round) {
	b.last = r.At
	b.every = max(burstLeast, burstShare*r.Took, time.Duration(r.PDUs)*time.Second/burstBudget)
	if r.Err != nil {
		b.every = 2 * burstMost // a silent device is left to its usual rounds
	}
}

// next is when an extra round is due before the usual one, if any is.
func (b *burst) next(due time.Time) (at time.Time, on bool) {
	if b.every > burstMost || time.Now().UnixNano() > b.until.Load() {
		return at, false
	}
	at = b.last.Add(b.every)
	return at, at.Before(due.Add(-burstMargin))
}
