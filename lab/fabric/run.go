package fabric

import (
	"slices"
	"time"
)

// Advance runs the network up to t. Rates are steady within a step, and a step
// ends where a flood begins or ends.
func (n *Net) Advance(t time.Time) {
	for n.at.Before(t) {
		if !n.at.Before(n.until) {
			n.next()
		}
		end := n.until
		if t.Before(end) {
			end = t
		}
		n.pass(end.Sub(n.at).Seconds())
		n.at = end
	}
}

// next works the traffic of the step that begins now out.
func (n *Net) next() {
	step := n.Shape.Step
	grid := n.Shape.Start.Add(n.at.Sub(n.Shape.Start).Truncate(step) + step)
	n.until = grid
	n.floods = slices.DeleteFunc(n.floods, func(f *Flood) bool { return !f.End.IsZero() && !n.at.Before(f.End) })
	for _, f := range n.floods {
		for _, edge := range []time.Time{f.Start, f.End} {
			if edge.After(n.at) && edge.Before(n.until) {
				n.until = edge
			}
		}
	}
	if k := n.at.Sub(n.Shape.Start).Nanoseconds() / step.Nanoseconds(); k != n.step || n.at.Equal(n.Shape.Start) {
		n.step = k
		for _, f := range n.flows {
			f.change(n.at, step)
		}
	}
	n.offer()
	n.carry()
}

// offer sums what wants to pass each port.
func (n *Net) offer() {
	n.clear()
	n.eachFlow(func(hops []hop, l *load) {
		for _, h := range hops {
			h.port.offered[h.dir()].add(l, 1)
		}
	})
}

func (n *Net) clear() {
	for _, d := range n.Devices {
		for _, p := range d.Ports {
			p.offered, p.carried = [2]load{}, [2]load{}
		}
	}
}

// carry sends what fits: a port that is asked for more than its speed drops the
// rest, and later hops see only what is left.
func (n *Net) carry() {
	n.eachFlow(func(hops []hop, l *load) {
		left := 1.0
		for _, h := range hops {
			dir := h.dir()
			if h.out {
				if over := h.port.offered[out].octets * 8 / float64(h.port.Speed); h.port.Speed > 0 && over > 0.99 {
					fits := 0.99 / over
					h.port.carried[out].discards += l.packets() * left * (1 - fits)
					if !replicated(hops) {
						left *= fits
						h.port.carried[dir].add(l, left)
						continue
					}
					h.port.carried[dir].add(l, left*fits)
					continue
				}
			}
			h.port.carried[dir].add(l, left)
		}
	})
	for _, d := range n.Devices {
		for _, p := range d.Ports {
			for _, m := range p.Members {
				p.carried[in].add(&m.carried[in], 1)
				p.carried[out].add(&m.carried[out], 1)
			}
		}
	}
}

// replicated tells a way that branches: it leaves more edge ports than one.
func replicated(hops []hop) bool {
	n := 0
	for _, h := range hops {
		if h.out && (h.port.VLAN > 0 || h.port.External) {
			n++
		}
	}
	return n > 1
}

func (n *Net) eachFlow(do func(hops []hop, l *load)) {
	for _, f := range n.flows {
		if !f.active || cut(f.hops) {
			continue
		}
		do(f.hops, &f.now)
		if f.back != nil {
			acks := f.now.acks()
			do(f.back, &acks)
		}
	}
	for _, f := range n.floods {
		f.each(n.at, do)
	}
}

// cut tells a way that begins or ends at a port without link.
func cut(hops []hop) bool {
	return len(hops) > 0 && (hops[0].port.Down || hops[len(hops)-1].port.Down)
}

// pass adds a stretch of seconds to the counters.
func (n *Net) pass(seconds float64) {
	for _, d := range n.Devices {
		for _, p := range d.Ports {
			p.sum[in].add(&p.carried[in], seconds)
			p.sum[out].add(&p.carried[out], seconds)
		}
	}
}
