package topology

import (
	"net/netip"
	"strconv"
	"strings"

	"spate"
)

// identity finds polled devices and their ports by what others call them. What
// two devices share names neither: the same chassis id twice, the same sysName.
type identity struct {
	byMAC  map[spate.MAC]*device
	byName map[string]*device
	byAddr map[netip.Addr]*device
	own    map[spate.MAC]bool // addresses of polled devices, no hosts
}

func (g *Graph) identify() *identity {
	id := &identity{map[spate.MAC]*device{}, map[string]*device{}, map[netip.Addr]*device{}, map[spate.MAC]bool{}}
	for _, name := range g.names() {
		d := g.devices[name]
		for _, p := range d.ports {
			if m, err := spate.ParseMAC(p.MAC); err == nil {
				id.own[m] = true
				set(id.byMAC, m, d)
			}
		}
		set(id.byName, shortName(name), d)
		if d.tables == nil {
			continue
		}
		for _, c := range d.tables.Chassis {
			if m, err := spate.ParseMAC(c.Text); err == nil {
				id.own[m] = true
				set(id.byMAC, m, d)
			}
		}
		if s := shortName(d.tables.SysName); s != "" && s != shortName(name) {
			set(id.byName, s, d)
		}
		for _, a := range d.tables.Addresses {
			set(id.byAddr, a, d)
		}
	}
	return id
}

// set notes who goes by a key; a key of two devices names none.
func set[K comparable](m map[K]*device, k K, d *device) {
	if was, taken := m[k]; taken && was != d {
		m[k] = nil
		return
	}
	m[k] = d
}

// shortName is a host name without its domain, in lower case; Cisco's CDP ids
// carry a serial number in brackets behind it.
func shortName(s string) string {
	s, _, _ = strings.Cut(s, "(")
	if _, err := netip.ParseAddr(s); err == nil {
		return s
	}
	s, _, _ = strings.Cut(s, ".")
	return strings.ToLower(strings.TrimSpace(s))
}

// neighbour is the polled device that an announcement comes from, nil where it
// is none of them or may be several.
func (id *identity) neighbour(n *spate.Neighbour) *device {
	if m, err := spate.ParseMAC(n.Chassis.Text); err == nil {
		if d := id.byMAC[m]; d != nil {
			return d
		}
	}
	for _, name := range []string{n.Chassis.Text, n.SysName} {
		if d := id.byName[shortName(name)]; d != nil && shortName(name) != "" {
			return d
		}
	}
	for _, a := range n.Addresses {
		if d := id.byAddr[a]; d != nil {
			return d
		}
	}
	return nil
}

// port is the port of d that an announcement names; nil where it cannot be told.
func (d *device) port(n *spate.Neighbour) *spate.Port {
	tries := []func(text string) *spate.Port{d.named, d.described, d.indexed, d.aliased}
	switch n.PortKind {
	case spate.IDMAC:
		if m, err := spate.ParseMAC(n.PortID); err == nil {
			if p := d.only(func(p *spate.Port) bool { return p.MAC == m.String() }); p != nil {
				return p
			}
		}
		tries = nil
	case spate.IDAlias:
		tries = []func(string) *spate.Port{d.aliased, d.named, d.described}
	case spate.IDName:
		tries = []func(string) *spate.Port{d.named, d.described}
	}
	for _, try := range tries {
		if p := try(n.PortID); p != nil {
			return p
		}
	}
	for _, try := range []func(string) *spate.Port{d.named, d.described} {
		if p := try(n.PortDescr); p != nil {
			return p
		}
	}
	return nil
}

func (d *device) named(s string) *spate.Port {
	if p := d.byName[s]; p != nil {
		return p
	}
	return d.only(func(p *spate.Port) bool { return s != "" && longName(p.ID.Name) == longName(s) })
}

func (d *device) described(s string) *spate.Port {
	return d.only(func(p *spate.Port) bool { return s != "" && strings.EqualFold(p.Descr, s) })
}

func (d *device) aliased(s string) *spate.Port {
	return d.only(func(p *spate.Port) bool { return s != "" && p.Alias == s })
}

func (d *device) indexed(s string) *spate.Port {
	n, err := strconv.Atoi(s)
	if err != nil {
		return nil
	}
	return d.only(func(p *spate.Port) bool { return p.IfIndex == n })
}

// only is the one port for which a test holds; nil where none or several do.
func (d *device) only(test func(*spate.Port) bool) *spate.Port {
	var found *spate.Port
	for _, p := range d.ports {
		if test(p) {
			if found != nil {
				return nil
			}
			found = p
		}
	}
	return found
}

// longName spells the short forms of Cisco's interface types out, so that
// "Gi1/0/1" of ifName and "GigabitEthernet1/0/1" of CDP are the same.
func longName(s string) string {
	head := strings.TrimRight(s, "0123456789/.:")
	short := strings.ToLower(strings.TrimSpace(head))
	for _, pair := range [...][2]string{
		{"fa", "fastethernet"}, {"gi", "gigabitethernet"}, {"te", "tengigabitethernet"}, {"twe", "twentyfivegige"},
		{"fo", "fortygigabitethernet"}, {"hu", "hundredgige"}, {"po", "port-channel"}, {"eth", "ethernet"}, {"et", "ethernet"}, {"vl", "vlan"},
		{"xge", "xgigabitethernet"}, {"ge", "gigabitethernet"},
	} {
		if short == pair[0] {
			short = pair[1]
			break
		}
	}
	return short + s[len(head):]
}
