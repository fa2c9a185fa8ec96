package topology

import (
	"fmt"

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

// view of the forwarding tables: which MACs each logical port of a device sees. Of
// devices without a loose port that may lead to another it knows nothing.
type sights struct {
	names   []string
	number  map[string]int
	ports   []map[string]bitset             // device to port to the polled devices seen there
	macs    []map[string]map[spate.MAC]bool // device to port to the stations seen there
	seenAt  []map[spate.MAC]string          // device to MAC to its port
	devices map[spate.MAC]int               // own addresses of polled devices
}

func (g *Graph) sights(id *identity, loose func(device, port string) bool) *sights {
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
		if leading := s.leading(d, i, loose); len(leading) > 0 {
			for _, st := range d.tables.Stations {
				if st.Self || st.MAC.Group() || st.Port == "" {
					continue
				}
				at := d.trunk(st.Port)
				if leading[at] && ports[at] == nil {
					ports[at], macs[at] = make(bitset, (len(s.names)+63)/64), map[spate.MAC]bool{}
				}
				k, own := s.devices[st.MAC]
				switch {
				case own && k != i && leading[at]:
					ports[at].set(k)
				case own:
				default:
					seen[st.MAC] = at
					if leading[at] {
						macs[at][st.MAC] = true
					}
				}
			}
		}
		s.ports, s.macs, s.seenAt = append(s.ports, ports), append(s.macs, macs), append(s.seenAt, seen)
	}
	return s
}

// leading are the loose ports of a device that may lead to another: they see one,
// or more stations than a host has.
func (s *sights) leading(d *device, i int, loose func(device, port string) bool) map[string]bool {
	if d.tables == nil {
		return nil
	}
	stations := map[string]int{}
	for _, st := range d.tables.Stations {
		if st.Self || st.MAC.Group() || st.Port == "" {
			continue
		}
		n := 1
		if k, own := s.devices[st.MAC]; own && k != i {
			n = fewStations
		}
		stations[st.Port] += n
	}
	out := map[string]bool{}
	sums := map[string]int{}
	for port, n := range stations { // members of a bundle count together
		at := d.trunk(port)
		if sums[at] += n; sums[at] >= fewStations && loose(d.name, at) {
			out[at] = true
		}
	}
	return out
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
