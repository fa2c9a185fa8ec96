package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"spate"
	"spate/storage"
)

// chronicle notes what happens to devices and ports, for the marks on their graphs.
type chronicle struct {
	state *storage.State
	log   *slog.Logger

	mu      sync.Mutex
	last    map[string][]*spate.Port // of the round before, by device
	pending []spate.Change
	said    map[string]allowed // by device
}

// allowed is how many changes of a device may be noted in an hour.
type allowed struct {
	since time.Time
	left  int
}

const (
	changesKept    = 2 * 365 * 24 * time.Hour
	changesAnHour  = 200 // of one device: one that flaps does not fill the disk
	chronicleEvery = 5 * time.Second
)

func newChronicle(state *storage.State, log *slog.Logger) *chronicle {
	return &chronicle{state: state, log: log, last: map[string][]*spate.Port{}, said: map[string]allowed{}}
}

// Accept takes a round.
func (c *chronicle) Accept(_ context.Context, r *spate.Round) {
	if r.Err != nil || len(r.Readings) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.ContainsFunc(r.Readings, func(rd spate.Reading) bool { return rd.Gap == spate.GapRestart }) {
		c.note(r, spate.PortID{Device: r.Device.Name}, spate.ChangeRestart, "restart")
	}
	last := c.last[r.Device.Name]
	if samePorts(last, r.Readings) {
		return
	}
	was := make(map[string]*spate.Port, len(last))
	for _, p := range last {
		was[p.ID.Name] = p
	}
	now := make([]*spate.Port, 0, len(r.Readings))
	for i := range r.Readings {
		p := r.Readings[i].Port
		if p == nil {
			continue
		}
		now = append(now, p)
		if old := was[p.ID.Name]; old != nil && old != p {
			c.compare(r, old, p)
		}
	}
	c.last[r.Device.Name] = now
}

// samePorts compares ports by pointer: a Port is never changed, so the same pointer is the
// same port.
func samePorts(last []*spate.Port, readings []spate.Reading) bool {
	if len(last) != len(readings) {
		return false
	}
	for i, p := range last {
		if readings[i].Port != p {
			return false
		}
	}
	return true
}

// compare notes what is another about a port.
func (c *chronicle) compare(r *spate.Round, old, p *spate.Port) {
	if old.Speed != p.Speed && old.Speed > 0 && p.Speed > 0 {
		c.note(r, p.ID, spate.ChangeSpeed, "speed "+p.Speed.String()+", was "+old.Speed.String())
	}
	if old.Oper != p.Oper && (old.Oper == spate.StatusUp || p.Oper == spate.StatusUp) {
		c.note(r, p.ID, spate.ChangeState, string(p.Oper))
	}
}

// note keeps one for the next write.
func (c *chronicle) note(r *spate.Round, id spate.PortID, kind spate.ChangeKind, text string) {
	a := c.said[id.Device]
	if r.At.Sub(a.since) > time.Hour {
		a = allowed{r.At, changesAnHour}
	}
	if a.left == 0 {
		return
	}
	a.left--
	c.said[id.Device] = a
	c.pending = append(c.pending, spate.Change{At: r.At, Port: id, Kind: kind, Text: text})
}

// retain forgets devices that are polled no longer.
func (c *chronicle) retain(devices []spate.Device) {
	here := map[string]bool{}
	for _, d := range devices {
		here[d.Name] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.last {
		if !here[name] {
			delete(c.last, name)
			delete(c.said, name)
		}
	}
}

// run writes until ctx ends.
func (c *chronicle) run(ctx context.Context) {
	tick, prune := time.NewTicker(chronicleEvery), time.NewTicker(24*time.Hour)
	defer tick.Stop()
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			c.flush()
			return
		case <-tick.C:
			c.flush()
		case <-prune.C:
			if err := c.state.PruneChanges(time.Now().Add(-changesKept)); err != nil {
				c.log.Error("old changes are not forgotten", "err", err)
			}
		}
	}
}

func (c *chronicle) flush() {
	c.mu.Lock()
	list := c.pending
	c.pending = nil
	c.mu.Unlock()
	if err := c.state.SaveChanges(list); err != nil {
		c.log.Error("changes not noted: graphs have no marks for them", "err", err)
	}
}
