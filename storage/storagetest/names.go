package storagetest

import (
	"context"
	"math"
	"time"

	"spate"
)

// A place is where a stretch of a port's history is stored.
type place struct {
	port        spate.PortID
	from, until int64
}

func (p *place) has(at int64) bool { return at >= p.from && at < p.until }

// places are those of a port, the newest first.
func (m *Memory) places(id spate.PortID) []place {
	out := []place{{id, math.MinInt64, math.MaxInt64}}
	if since := m.names.Since(id.Device); !since.IsZero() {
		out[0].from = since.UnixMilli()
	}
	for _, f := range m.names.Of(id.Device) {
		p := place{spate.PortID{Device: f.Name, Name: id.Name}, math.MinInt64, math.MaxInt64}
		if !f.From.IsZero() {
			p.from = f.From.UnixMilli()
		}
		if !f.Until.IsZero() {
			p.until = f.Until.UnixMilli()
		}
		out = append(out, p)
	}
	return out
}

// SetNames takes over which names devices had.
func (m *Memory) SetNames(names spate.Names) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names = names
}

// Part ends a device's stretches; the slot that is open is lost.
func (m *Memory) Part(_ context.Context, device string, at time.Time) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	until := down(at.UnixMilli(), stepMs)
	for id, s := range m.folder.ports {
		if n := len(s); id.Device == device && n > 0 {
			last := s[n-1].rates[len(s[n-1].rates)-1].to
			until = max(until, down(last, stepMs))
			end(s, stepMs+1)
		}
	}
	return time.UnixMilli(until).UTC(), nil
}

// rename gives a device another name near a time.
func (b *bench) rename(from, to string, near time.Time) time.Time {
	b.Helper()
	at, err := b.store.Part(b.Context(), from, near)
	if err != nil {
		b.Fatalf("part: %v", err)
	}
	b.names = b.names.Rename(from, to, at)
	b.store.SetNames(b.names)
	return at
}

// both looks now and after a restart.
func (b *bench) both(look func(when string)) {
	b.Helper()
	look("at once")
	b.reopen()
	look("after a restart")
}

func renamed(b *bench) {
	slots := twoDays(b, port("Te3/1"), 9)
	id := spate.PortID{Device: "sw-new", Name: "Te3/1"}
	last := b.at(float64(len(slots)) * Step.Seconds())
	b.rename("sw-acc-1", "sw-new", last)
	b.feed(id, float64(len(slots))*Step.Seconds(), 10, 20, 30)
	slots = append(slots, 10, 20, 30)
	b.both(func(when string) {
		seen := map[spate.Tier]bool{}
		for _, q := range []struct{ from, to, width int }{{0, 2 * 86400, 48}, {3600, 86400, 300}, {86400, 90000, 400}, {2*86400 - 600, 2*86400 + 30, 100}} {
			f := b.ask(float64(q.from), float64(q.to), q.width, inBps, id)
			seen[f.Tier] = true
			zoom(b, f, slots)
			if q.from == 0 && f.Covered != 1 {
				b.Errorf("%s: %d ports covered", when, f.Covered)
			}
		}
		if len(seen) != 3 {
			b.Errorf("%s: asked tiers %v, want all three", when, seen)
		}
		for _, width := range []int{48, 300, 4096} {
			if f := b.ask(0, 20*3600, width, inBps, port("Te3/1")); f.Covered != 0 {
				b.Errorf("%s: the old name still has a history", when)
			}
		}
	})
}

// renamedTwice renames, lets both names be polled for a while, and renames again.
func renamedTwice(b *bench) {
	a, c, d := port("Te3/2"), spate.PortID{Device: "sw-b", Name: "Te3/2"}, spate.PortID{Device: "sw-c", Name: "Te3/2"}
	b.feed(a, 0, 1, 2, 3, 4, nan, 6, 7, 8)
	b.feed(c, 40, 50, 60, nan, 80, 90)
	b.rename("sw-acc-1", "sw-b", b.at(80))
	want := []float64{1, 2, 3, 4, 50, 60, 7, 80, 90, nan}
	b.same("once", b.bps(0, 100, c), want)
	b.feed(d, 90, 100)
	b.rename("sw-b", "sw-c", b.at(95))
	want[9] = 100
	b.both(func(when string) {
		b.same(when, b.bps(0, 100, d), want)
		b.same(when+", the first name", b.bps(0, 30, a), []float64{nan, nan, nan})
		b.same(when+", the second name", b.bps(40, 70, c), []float64{nan, nan, nan})
		b.same(when+", with another port", b.bps(0, 20, d, a), []float64{1, 2})
		mean := b.ask(0, 100, 1, inBps, d).Series[0].Stats.Mean
		if !alike(mean, (1+2+3+4+50+60+7+80+90+100)/10.) {
			b.Errorf("%s: mean %v", when, mean)
		}
	})
	b.rename("sw-c", "sw-acc-1", b.at(105)) // and back: what is stored under the name of today goes first
	want[5], want[7] = 6, 8
	b.both(func(when string) { b.same("back, "+when, b.bps(0, 100, a), want) })
}

// takenOver gives an old name to another device within the same five minutes.
func takenOver(b *bench) {
	old, now := port("Te3/3"), spate.PortID{Device: "sw-moved", Name: "Te3/3"}
	b.feed(old, 0, 100, 100, 100, 100, 100, 100)
	at := b.rename("sw-acc-1", "sw-moved", b.at(60))
	if !at.Equal(b.at(60)) {
		b.Errorf("it ended at %v, want %v", at, b.at(60))
	}
	b.feed(old, 60, 900, 900, 900)
	b.feed(now, 60, 100, 100, 100)
	b.both(func(when string) {
		b.same(when+", the new device", b.bps(0, 90, old), []float64{nan, nan, nan, nan, nan, nan, 900, 900, 900})
		b.same(when+", the renamed one", b.bps(0, 90, now), []float64{100, 100, 100, 100, 100, 100, 100, 100, 100})
		for _, length := range []float64{300, 3600} {
			for id, want := range map[spate.PortID]float64{old: 900, now: 100} {
				f := b.ask(0, length, 1, inBps, id)
				if s := f.Series[0]; !alike(s.Avg[0], want) || !alike(s.Max[0], want) || !alike(s.Min[0], want) {
					b.Errorf("%s: %s of %s: %v, %v, %v, want %v", when, f.Tier, id, s.Avg[0], s.Max[0], s.Min[0], want)
				}
			}
		}
	})
}
