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
}

// Remember takes over what an earlier run knew of a host, before the first view.
func (g *Graph) Remember(m spate.MAC, port spate.PortID, first time.Time, moves int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hosts[m] = &sighting{port: port, first: first, moves: moves}
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
	slices.SortFunc(v.Hosts, func(a, b spate.Host) int {
		return cmp.Or(compare(a.Port, b.Port), slices.Compare(a.MAC[:], b.MAC[:]))
	})
	for i := range v.Hosts {
		v.byPort[v.Hosts[i].Port] = append(v.byPort[v.Hosts[i].Port], i)
	}
	for _, list := range v.byPort {
		if len(list) < 2 {
			continue
		}
		for _, i := range list {
			v.Hosts[i].Behind = fmt.Sprintf("one of %d behind a switch that is not polled", len(list))
		}
	}
	for m := range g.hosts {
		if _, here := best[m]; !here && v.Settled {
			delete(g.hosts, m)
		}
	}
}

func (g *Graph) host(m spate.MAC, port spate.PortID, vlan int, at time.Time, ips []netip.Addr, settled bool) spate.Host {
	s := g.hosts[m]
	switch {
	case s == nil:
		s = &sighting{port: port, first: at}
		g.hosts[m] = s
	case s.port != port && settled:
		s.port = port
		s.moves++
	}
	h := spate.Host{MAC: m, VLAN: vlan, IPs: ips, Port: port, FirstSeen: s.first, SeenAt: at, Moves: s.moves}
	keys := []string{m.String()}
	for _, ip := range ips {
		keys = append(keys, ip.String())
	}
	for _, k := range keys {
		if n, ok := g.cfg.Names[k]; ok && h.Name == "" {
			h.Name, h.Customer = n.Name, n.Customer
		}
	}
	if h.Name == "" {
		if p := g.devices[port.Device].byName[port.Name]; p != nil {
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
func (v *View) stations(id spate.PortID, d *device) int { return len(v.byPort[id]) }
