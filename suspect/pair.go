package suspect

import (
	"math"

	"spate"
)

// pair looks for the far ends of ports that carry the flood, lead to another
// device and have no known link: what comes in by one of them must leave another
// device by such a port, in the same amount.
func (t *tracer) pair(s seed) {
	var ins, outs []step
	for _, d := range t.net.devices {
		if !d.silent.IsZero() {
			continue
		}
		for _, p := range d.ports {
			if !t.loose(p) {
				continue
			}
			if over, known := t.over(p, t.q, in); known && over > 0.1*s.over {
				ins = append(ins, step{p, in, over})
			}
			if over, known := t.over(p, t.q, out); known && over > 0.1*s.over {
				outs = append(outs, step{p, out, over})
			}
		}
	}
	for _, a := range ins {
		if t.pairs[a.port] != nil {
			continue
		}
		best, second := math.Inf(1), math.Inf(1)
		var far *port
		for _, b := range outs {
			if b.port.dev == a.port.dev {
				continue
			}
			d := math.Abs(math.Log2(a.over / b.over))
			if d < best {
				best, second, far = d, best, b.port
			} else if d < second {
				second = d
			}
		}
		if far != nil && best < math.Log2(1+fitWithin) {
			t.pairs[a.port] = far
		}
	}
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
	return t.topo.Role(p.id) == spate.RoleUplink || t.topo.Stations(p.id) > 20
}
