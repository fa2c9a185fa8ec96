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
