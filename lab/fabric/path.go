package fabric

import (
	"maps"
	"slices"
)

// path is a flow's way from a host to an external port.
func (n *Net) path(h *Host, ext *Port, key uint64) []hop {
	return n.way(h.Port, ext, key)
}

// reverse is the way from an external port to a host.
func (n *Net) reverse(h *Host, ext *Port, key uint64) []hop {
	return n.way(ext, h.Port, key)
}

// between is the way from one host to another; none where both share a port.
func (n *Net) between(a, b *Host, key uint64) []hop {
	if a.Port == b.Port {
		return nil
	}
	return n.way(a.Port, b.Port, key)
}

// way is the only way in the tree from one edge port to another: in by the
// first, out by the last.
func (n *Net) way(from, to *Port, key uint64) []hop {
	hops := []hop{{from, false}}
	up, down := from.Device.ancestors(), to.Device.ancestors()
	meet := 0 // in up: the first device that is above both
	for !slices.Contains(down, up[meet]) {
		meet++
	}
	for _, d := range up[:meet] {
		hops = append(hops, across(d.up, key)...)
	}
	turn := slices.Index(down, up[meet])
	for i := turn - 1; i >= 0; i-- {
		hops = append(hops, across(down[i].up.Peer, key)...)
	}
	return append(hops, hop{to, true})
}

// ancestors are the device and those above it, up to the root.
func (d *Device) ancestors() []*Device {
	out := []*Device{d}
	for d.up != nil {
		d = d.up.Peer.Device
		out = append(out, d)
	}
	return out
}

// across is out by p, or one member of it, and in by its peer.
func across(p *Port, key uint64) []hop {
	if len(p.Members) == 0 {
		return []hop{{p, true}, {p.Peer, false}}
	}
	m := p.Members[key%uint64(len(p.Members))]
	return []hop{{m, true}, {m.Peer, false}}
}

// replicate is the way of a frame that goes to every port of its VLAN but the
// one it came in by.
func (n *Net) replicate(from *Port, v *vlan) []hop {
	hops := []hop{{from, false}}
	type entry struct {
		d  *Device
		by *Port
	}
	todo := []entry{{from.Device, from}}
	for len(todo) > 0 {
		e := todo[0]
		todo = todo[1:]
		for _, p := range e.d.Ports {
			if p == e.by || p.Bundle != nil || p.Blocked || p.Down {
				continue
			}
			switch {
			case p.VLAN == v.id && len(p.Hosts) > 0:
				hops = append(hops, hop{p, true})
			case p.VLAN == 0 && p.Peer != nil && v.devices[p.Peer.Device] && v.devices[e.d] && inTree(p):
				hops = append(hops, across(p, uint64(v.id))...)
				todo = append(todo, entry{p.Peer.Device, p.Peer})
			}
		}
	}
	return hops
}

// inTree tells whether traffic passes the cable.
func inTree(p *Port) bool { return p.Device.up == p || p.Peer.Device.up == p.Peer }

func (n *Net) vlanIDs() []int { return slices.Sorted(maps.Keys(n.vlans)) }
