package suspect

import "math"

// paired is the far end of a port that leads to another device as far as anything
// shows it, while no link says to which: what comes in by it must leave another
// device by such a port, in the same amount. It is nil where none fits.
func (t *tracer) paired(at *port) *port {
	if far, known := t.pairs[at]; known {
		return far
	}
	t.pairs[at] = nil
	over, known := t.over(at, t.q, in)
	if !known || over <= t.noise || !t.loose(at) {
		return nil
	}
	best := math.Log2(1 + fitWithin)
	var far *port
	for _, b := range t.looseOut() {
		if b.port.dev == at.dev {
			continue
		}
		if d := math.Abs(math.Log2(over / b.over)); d < best {
			best, far = d, b.port
		}
	}
	t.pairs[at] = far
	return far
}

// looseOut are the loose ports by which an excess leaves. Most ports have none, and
// are passed over before the topology is asked.
func (t *tracer) looseOut() []step {
	if t.walked {
		return t.outs
	}
	t.walked = true
	for _, d := range t.net.devices {
		if !d.silent.IsZero() {
			continue
		}
		for _, p := range d.ports {
			if over, known := t.raw(p, out); known && over > t.noise && t.loose(p) {
				t.outs = append(t.outs, step{p, out, over})
			}
		}
	}
	return t.outs
}

// loose tells a port that leads to another device as far as anything shows it,
// while no link says which.
func (t *tracer) loose(p *port) bool {
	if !p.logical(t.topo) {
		return false
	}
	if _, _, ok := t.topo.Far(p.id); ok {
		return false
	}
	return t.leadsOn(p)
}
