package topology

import (
	"fmt"

	"spate"
)

// How often each kind of evidence has named the right link: of LLDP and CDP less
// than always, for cables through boxes that forward them; of the others as measured
// in simulated networks (all of thousands right, lab's TestHowSureIsHowOftenRight)
// less what real tables are worse. Of counters matches whose best is under half of
// the runner-up's distance were all right on real rates too. Two kinds that agree
// are surer than each.
const (
	sureConfig   = 1.0
	sureBothWays = 0.995
	sureOneWay   = 0.96
	sureSpanning = 0.97
	sureMutual   = 0.97
	sureRouted   = 0.96
	sureBehind   = 0.96
	sureCounters = 0.95
	sureInOrder  = 0.97 // that the members of a bundle are cabled in their order, where nothing pairs them
)

// A clue says that two ports are joined.
type clue struct {
	a, b   spate.PortID
	source spate.LinkSource
	sure   float64
	text   string
}

// announced are the clues of LLDP and CDP. An announcement that passed several
// devices, as through a hub or a switch that forwards LLDP, is one of many on
// its port and counts less.
func (g *Graph) announced(id *identity) []clue {
	type said struct {
		from, to spate.PortID
		source   spate.LinkSource
	}
	heard := map[said]bool{}
	var order []said
	onPort := map[spate.PortID]map[string]bool{}
	for _, name := range g.names() {
		d := g.devices[name]
		if d.tables == nil {
			continue
		}
		for i := range d.tables.Neighbours {
			n := &d.tables.Neighbours[i]
			here := spate.PortID{Device: name, Name: n.Port}
			far := id.neighbour(n)
			if far == nil || far == d || n.Port == "" {
				continue
			}
			if onPort[here] == nil {
				onPort[here] = map[string]bool{}
			}
			onPort[here][far.name] = true
			if p := far.port(n); p != nil {
				s := said{here, p.ID, n.Source}
				if !heard[s] {
					heard[s] = true
					order = append(order, s)
				}
			}
		}
	}
	var out []clue
	for _, s := range order {
		c := clue{a: s.from, b: s.to, source: s.source, sure: sureOneWay, text: fmt.Sprintf("%s hears %s by %s", s.from, s.to, s.source)}
		if heard[said{s.to, s.from, s.source}] {
			c.sure, c.text = sureBothWays, fmt.Sprintf("%s and %s hear each other by %s", s.from, s.to, s.source)
		}
		if k := len(onPort[s.from]); k > 1 {
			c.sure /= float64(k)
			c.text += fmt.Sprintf(", among %d devices on the port", k)
		}
		out = append(out, c)
	}
	return out
}

// spanned are the clues of the spanning tree: a port that is not designated
// names the bridge and the port that is, blocked ports too.
func (g *Graph) spanned(id *identity) []clue {
	numbers := map[*device]map[int]string{}
	for _, d := range g.devices {
		if d.tables == nil {
			continue
		}
		m := map[int]string{}
		for _, s := range d.tables.Spanning {
			if s.Number > 0 {
				m[s.Number] = s.Port
			}
		}
		numbers[d] = m
	}
	var out []clue
	for _, name := range g.names() {
		d := g.devices[name]
		if d.tables == nil {
			continue
		}
		for _, s := range d.tables.Spanning {
			far := id.byMAC[s.DesignatedBridge]
			if far == nil || far == d || s.DesignatedPort == 0 {
				continue
			}
			if to := numbers[far][s.DesignatedPort]; to != "" {
				out = append(out, clue{
					a: spate.PortID{Device: name, Name: s.Port}, b: spate.PortID{Device: far.name, Name: to}, source: spate.LinkFDB,
					sure: sureSpanning, text: fmt.Sprintf("the spanning tree at %s %s names %s %s", name, s.Port, far.name, to),
				})
			}
		}
	}
	return out
}

// routed are the clues of ARP tables: a device knows, on a port that no bridge
// has, the very address of one port of another device. Ports that share one MAC
// with others name nothing.
func (g *Graph) routed() []clue {
	byMAC := map[spate.MAC][]spate.PortID{}
	for _, name := range g.names() {
		for _, p := range g.devices[name].ports {
			if m, err := spate.ParseMAC(p.MAC); err == nil {
				byMAC[m] = append(byMAC[m], p.ID)
			}
		}
	}
	var out []clue
	for _, name := range g.names() {
		d := g.devices[name]
		if d.tables == nil {
			continue
		}
		for _, b := range d.tables.Bindings {
			p := d.byName[b.Port]
			if p == nil || virtual(p.Type) || len(byMAC[b.MAC]) != 1 {
				continue
			}
			if far := byMAC[b.MAC][0]; far.Device != name {
				out = append(out, clue{a: p.ID, b: far, source: spate.LinkInferred, sure: sureRouted, text: fmt.Sprintf("%s has the address of %s in its ARP table", p.ID, far)})
			}
		}
	}
	return out
}
