package topology

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"spate"
)

// sighting is what is remembered of a station between views.
type sighting struct {
	port  spate.PortID
	first time.Time
	moves int

	seen time.Time // last
	vlan int
	ips  []netip.Addr
}

// keptUnseen is how long a host stands on the port where it was last seen, with
// that age: a quiet one leaves the forwarding table after five minutes, and a flood
// empties it.
const keptUnseen = 24 * time.Hour

// mostRouted is how many hosts are known of a router's port.
const mostRouted = 64

// Remember takes over what an earlier run knew of a host, before the first view.
func (g *Graph) Remember(h *spate.Host) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hosts[h.MAC] = &sighting{port: h.Port, first: h.FirstSeen, moves: h.Moves, seen: h.SeenAt, vlan: h.VLAN, ips: h.IPs}
}

// settleHosts puts every station on the port nearest to it: one that has no
// link, else the one from which the fewest devices are farther on.
func (g *Graph) settleHosts(v *View, id *identity, now time.Time) {
	type place struct {
		port spate.PortID
		vlan int
		at   time.Time
		near int // smaller is nearer
	}
	best := map[spate.MAC]place{}
	crowd := map[spate.PortID]int{}
	for _, name := range g.names() {
		d := g.devices[name]
		if d.tables == nil {
			continue
		}
		for _, s := range d.tables.Stations {
			crowd[spate.PortID{Device: name, Name: d.trunk(s.Port)}]++
		}
	}
	for _, name := range g.names() {
		d := g.devices[name]
		if d.tables == nil {
			continue
		}
		for _, s := range d.tables.Stations {
			if s.Self || s.MAC.Group() || id.own[s.MAC] || shared(s.MAC) || s.Port == "" {
				continue
			}
			at := spate.PortID{Device: name, Name: d.trunk(s.Port)}
			p := place{port: at, vlan: s.VLAN, at: d.tables.At, near: crowd[at]}
			if _, linked := v.far[at]; linked {
				p.near += 1 << 20
			}
			was, had := best[s.MAC]
			if !had || p.near < was.near || p.near == was.near && p.at.After(was.at) {
				if p.vlan == 0 {
					p.vlan = was.vlan
				}
				best[s.MAC] = p
			} else if was.vlan == 0 {
				was.vlan = s.VLAN
				best[s.MAC] = was
			}
		}
	}
	ips := g.addresses()
	for m, p := range best {
		if _, linked := v.far[p.port]; linked {
			continue // seen in passing only: where it sits is not known
		}
		v.Hosts = append(v.Hosts, g.host(m, p.port, p.vlan, p.at, ips[m], v.Settled))
	}
	placed := map[spate.MAC]bool{}
	for i := range v.Hosts {
		placed[v.Hosts[i].MAC] = true
		v.fresh[v.Hosts[i].Port]++
	}
	for m, s := range g.hosts {
		switch {
		case placed[m]:
		case now.Sub(s.seen) > keptUnseen || id.own[m]:
			delete(g.hosts, m)
		case g.has(s.port) && v.far[s.port] == end{}:
			v.Hosts = append(v.Hosts, g.named(spate.Host{MAC: m, VLAN: s.vlan, IPs: s.ips, Port: s.port, FirstSeen: s.first, SeenAt: s.seen, Moves: s.moves}))
		}
	}
	slices.SortFunc(v.Hosts, func(a, b spate.Host) int {
		return cmp.Or(compare(a.Port, b.Port), slices.Compare(a.MAC[:], b.MAC[:]))
	})
	for i := range v.Hosts {
		v.byPort[v.Hosts[i].Port] = append(v.byPort[v.Hosts[i].Port], i)
	}
	for port, list := range v.byPort {
		if n := v.fresh[port]; n > 1 {
			for _, i := range list {
				v.Hosts[i].Behind = fmt.Sprintf("one of %d behind a switch that is not polled", n)
			}
		}
	}
}

// settleRouted puts hosts that no forwarding table has on the port of the router, or the
// server, that has them in its ARP table. They count for no role and no link: where a
// router's port leads is not told by who has spoken to it.
func (g *Graph) settleRouted(v *View, id *identity) {
	v.routed = map[spate.PortID][]spate.Host{}
	for _, name := range g.names() {
		d := g.devices[name]
		if d.tables == nil || len(d.tables.Stations) > 0 {
			continue
		}
		ips := map[spate.PortID]map[spate.MAC][]netip.Addr{}
		for _, b := range d.tables.Bindings {
			at := spate.PortID{Device: name, Name: b.Port}
			p := d.byName[b.Port]
			if p == nil || p.HighLayer || v.has(b.MAC) || id.own[b.MAC] || shared(b.MAC) || b.MAC.Group() || v.far[at] != (end{}) {
				continue
			}
			if ips[at] == nil {
				ips[at] = map[spate.MAC][]netip.Addr{}
			}
			if len(ips[at]) < mostRouted {
				ips[at][b.MAC] = append(ips[at][b.MAC], b.IP)
			}
		}
		for at, macs := range ips {
			for m, list := range macs {
				slices.SortFunc(list, netip.Addr.Compare)
				v.routed[at] = append(v.routed[at], g.named(spate.Host{MAC: m, Port: at, IPs: list[:min(len(list), 16)], FirstSeen: d.tables.At, SeenAt: d.tables.At}))
			}
			slices.SortFunc(v.routed[at], func(a, b spate.Host) int { return slices.Compare(a.MAC[:], b.MAC[:]) })
		}
	}
	for _, hosts := range v.routed {
		for i := range hosts {
			v.macs[hosts[i].MAC] = hosts[i].Port
		}
	}
}

func (g *Graph) host(m spate.MAC, port spate.PortID, vlan int, at time.Time, ips []netip.Addr, settled bool) spate.Host {
	s := g.hosts[m]
	switch {
	case s == nil:
		s = &sighting{port: port, first: at}
		if settled {
			g.hosts[m] = s
		}
	case s.port != port && settled:
		s.port = port
		s.moves++
	}
	if s.port == port {
		s.seen, s.vlan, s.ips = at, vlan, ips
	}
	return g.named(spate.Host{MAC: m, VLAN: vlan, IPs: ips, Port: port, FirstSeen: s.first, SeenAt: at, Moves: s.moves})
}

// named gives a host the name that the operator has for it, else its port's alias.
func (g *Graph) named(h spate.Host) spate.Host {
	keys := []string{h.MAC.String()}
	for _, ip := range h.IPs {
		keys = append(keys, ip.String())
	}
	for _, k := range keys {
		if n, ok := g.cfg.Names[k]; ok && h.Name == "" {
			h.Name, h.Customer = n.Name, n.Customer
		}
	}
	if h.Name == "" && g.cfg.Called != nil {
		h.Name = g.cfg.Called(keys)
	}
	for i := 0; h.Name == "" && g.cfg.Reverse != nil && i < len(h.IPs); i++ {
		h.Name = g.cfg.Reverse(h.IPs[i])
	}
	if h.Name == "" {
		if p := g.devices[h.Port.Device].byName[h.Port.Name]; p != nil {
			h.Name = p.Alias
		}
	}
	return h
}

// addresses are the IPs of every MAC by the ARP tables of all devices.
func (g *Graph) addresses() map[spate.MAC][]netip.Addr {
	out := map[spate.MAC][]netip.Addr{}
	for _, name := range g.names() {
		d := g.devices[name]
		if d.tables == nil {
			continue
		}
		for _, b := range d.tables.Bindings {
			if list := out[b.MAC]; len(list) < 16 && !slices.Contains(list, b.IP) {
				out[b.MAC] = append(list, b.IP)
			}
		}
	}
	for _, list := range out {
		slices.SortFunc(list, netip.Addr.Compare)
	}
	return out
}

// shared are addresses that several routers answer for: VRRP (RFC 5798, section
// 7.3) and HSRP. They sit nowhere.
func shared(m spate.MAC) bool {
	return m[0] == 0 && m[1] == 0 && (m[2] == 0x5e && m[3] == 0 && (m[4] == 1 || m[4] == 2) || m[2] == 0x0c && m[3] == 7 && m[4] == 0xac)
}

// stations is how many hosts are behind a port and nowhere nearer.
func (v *View) stations(id spate.PortID) int { return v.fresh[id] }
