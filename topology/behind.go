package topology

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"spate"
)

// trunk is the name of the logical port: the bundle of a member, else its own.
func (d *device) trunk(name string) string {
	if p := d.byName[name]; p != nil && p.Bundle != "" {
		return p.Bundle
	}
	return name
}

// bitset is a set of devices by number.
type bitset []uint64

func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

// meets tells whether the sets share a device other than i and j.
func (b bitset) meets(o bitset, i, j int) bool {
	for w := range b {
		both := b[w] & o[w]
		if w == i/64 {
			both &^= 1 << (i % 64)
		}
		if w == j/64 {
			both &^= 1 << (j % 64)
		}
		if both != 0 {
			return true
		}
	}
	return false
}

// view of the forwarding tables: which MACs each logical port of a device sees.
type sights struct {
	names   []string
	number  map[string]int
	ports   []map[string]bitset             // device to port to the polled devices seen there
	macs    []map[string]map[spate.MAC]bool // device to port to the stations seen there
	seenAt  []map[spate.MAC]string          // device to MAC to its port
	devices map[spate.MAC]int               // own addresses of polled devices
}

func (g *Graph) sights(id *identity) *sights {
	s := &sights{names: g.names(), number: map[string]int{}, devices: map[spate.MAC]int{}}
	for i, n := range s.names {
		s.number[n] = i
	}
	for m, d := range id.byMAC {
		if d != nil {
			s.devices[m] = s.number[d.name]
		}
	}
	for i, name := range s.names {
		d := g.devices[name]
		ports, macs, seen := map[string]bitset{}, map[string]map[spate.MAC]bool{}, map[spate.MAC]string{}
		if d.tables != nil {
			for _, st := range d.tables.Stations {
				if st.Self || st.MAC.Group() || st.Port == "" {
					continue
				}
				at := d.trunk(st.Port)
				if ports[at] == nil {
					ports[at], macs[at] = make(bitset, (len(s.names)+63)/64), map[spate.MAC]bool{}
				}
				if k, own := s.devices[st.MAC]; own {
					if k != i {
						ports[at].set(k)
					}
					continue
				}
				macs[at][st.MAC] = true
				seen[st.MAC] = at
			}
		}
		s.ports, s.macs, s.seenAt = append(s.ports, ports), append(s.macs, macs), append(s.seenAt, seen)
	}
	return s
}

// facing are the clues of two devices that see each other by ports behind which
// both see no third: then nothing polled lies between.
func (s *sights) facing(loose func(device, port string) bool) []clue {
	var out []clue
	towards := make([]map[int]string, len(s.names)) // device to device to the loose port
	for i, ports := range s.ports {
		towards[i] = map[int]string{}
		for p, set := range ports {
			if !loose(s.names[i], p) {
				continue
			}
			for k := range s.names {
				if set.has(k) {
					towards[i][k] = p
				}
			}
		}
	}
	for i := range s.names {
		for k, p := range towards[i] {
			q, back := towards[k][i]
			if k < i || !back || s.ports[i][p].meets(s.ports[k][q], i, k) {
				continue
			}
			a, b := spate.PortID{Device: s.names[i], Name: p}, spate.PortID{Device: s.names[k], Name: q}
			out = append(out, clue{a: a, b: b, source: spate.LinkFDB, sure: sureMutual, text: fmt.Sprintf("%s and %s see each other's MAC and no other device between", a, b)})
		}
	}
	return out
}

const (
	fewStations  = 3   // fewer say nothing of what is behind a port
	alikeEnough  = 0.6 // share of stations that both sides agree on
	clearlyAhead = 1.15
)

// behind are the clues of ports that see the very stations that another device
// sees on all its ports but one: that one leads there.
func (s *sights) behind(loose func(device, port string) bool) []clue {
	type at struct {
		dev  int
		port string
	}
	where := map[spate.MAC][]at{} // loose ports that see a station
	for i, ports := range s.macs {
		for p, macs := range ports {
			if loose(s.names[i], p) {
				for m := range macs {
					where[m] = append(where[m], at{i, p})
				}
			}
		}
	}
	type match struct {
		a, b  at
		alike float64
	}
	var all []match
	for k := range s.names {
		onPort := map[string][]spate.MAC{}
		largest := 0
		for m, p := range s.seenAt[k] {
			onPort[p] = append(onPort[p], m)
			largest = max(largest, len(onPort[p]))
		}
		// How many of all stations of k each loose port elsewhere sees; those of a
		// port of k are then taken off again, so that each station is looked at twice
		// and not once for every port.
		count := func(into map[at]int, macs iter.Seq[spate.MAC]) {
			for m := range macs {
				for _, w := range where[m] {
					if w.dev != k {
						into[w]++
					}
				}
			}
		}
		seen := map[at]int{}
		count(seen, maps.Keys(s.seenAt[k]))
		least := max(fewStations, int(alikeEnough*float64(len(s.seenAt[k])-largest)))
		maps.DeleteFunc(seen, func(_ at, n int) bool { return n < least })
		if len(seen) == 0 {
			continue
		}
		for q := range s.macs[k] {
			own := len(s.seenAt[k]) - len(onPort[q])
			if !loose(s.names[k], q) || own < fewStations {
				continue
			}
			off := map[at]int{}
			count(off, slices.Values(onPort[q]))
			for w, n := range seen {
				n -= off[w]
				union := own + len(s.macs[w.dev][w.port]) - n
				if alike := float64(n) / float64(union); n >= fewStations && alike >= alikeEnough {
					all = append(all, match{w, at{k, q}, alike})
				}
			}
		}
	}
	slices.SortFunc(all, func(x, y match) int {
		switch {
		case x.alike > y.alike:
			return -1
		case x.alike < y.alike:
			return 1
		}
		return slices.Compare([]string{s.names[x.a.dev], x.a.port, s.names[x.b.dev], x.b.port}, []string{s.names[y.a.dev], y.a.port, s.names[y.b.dev], y.b.port})
	})
	best := map[at]float64{}
	var out []clue
	for _, m := range all {
		rival := max(best[m.a], best[m.b])
		best[m.a], best[m.b] = max(best[m.a], m.alike), max(best[m.b], m.alike)
		if rival > m.alike/clearlyAhead {
			continue // another pair says nearly the same
		}
		a, b := spate.PortID{Device: s.names[m.a.dev], Name: m.a.port}, spate.PortID{Device: s.names[m.b.dev], Name: m.b.port}
		out = append(out, clue{a: a, b: b, source: spate.LinkFDB, sure: sureBehind * m.alike, text: fmt.Sprintf("the stations behind %s are those of %s", a, b.Device)})
	}
	return out
}
