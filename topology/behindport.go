package topology

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"

	"spate"
)

const (
	fewStations  = 3   // fewer say nothing of what is behind a port
	alikeEnough  = 0.6 // share of stations that both sides agree on
	clearlyAhead = 1.15
)

// A place is a port of a device by number.
type place struct {
	dev  int
	port string
}

// A match says that the stations behind one port are those of another device seen
// from a port of its own.
type match struct {
	a, b  place
	alike float64
}

// behind are the clues of ports that see the very stations that another device
// sees on all its ports but one: that one leads there.
func (s *sights) behind(loose func(device, port string) bool) []clue {
	where := map[spate.MAC][]place{} // loose ports that see a station
	for i, ports := range s.macs {
		for p, macs := range ports {
			if loose(s.names[i], p) {
				for m := range macs {
					where[m] = append(where[m], place{i, p})
				}
			}
		}
	}
	var all []match
	for k := range s.names {
		all = append(all, s.matches(k, where, loose)...)
	}
	slices.SortFunc(all, func(x, y match) int {
		return cmp.Or(cmp.Compare(y.alike, x.alike), slices.Compare(
			[]string{s.names[x.a.dev], x.a.port, s.names[x.b.dev], x.b.port}, []string{s.names[y.a.dev], y.a.port, s.names[y.b.dev], y.b.port}))
	})
	best := map[place]float64{}
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

// matches are those of one device k: of each of its loose ports q, the loose ports
// elsewhere that see what k sees by all its ports but q. What each of them sees of
// all stations of k is counted once, and those behind q are taken off again: a core
// sees forty thousand, and has many ports.
func (s *sights) matches(k int, where map[spate.MAC][]place, loose func(device, port string) bool) (out []match) {
	onPort, largest := map[string][]spate.MAC{}, 0
	for m, p := range s.seenAt[k] {
		onPort[p] = append(onPort[p], m)
		largest = max(largest, len(onPort[p]))
	}
	count := func(macs iter.Seq[spate.MAC]) map[place]int {
		n := map[place]int{}
		for m := range macs {
			for _, w := range where[m] {
				if w.dev != k {
					n[w]++
				}
			}
		}
		return n
	}
	seen := count(maps.Keys(s.seenAt[k]))
	least := max(fewStations, int(alikeEnough*float64(len(s.seenAt[k])-largest)))
	maps.DeleteFunc(seen, func(_ place, n int) bool { return n < least })
	if len(seen) == 0 {
		return nil
	}
	for q := range s.macs[k] {
		own := len(s.seenAt[k]) - len(onPort[q])
		if !loose(s.names[k], q) || own < fewStations {
			continue
		}
		off := count(slices.Values(onPort[q]))
		for w, n := range seen {
			n -= off[w]
			union := own + len(s.macs[w.dev][w.port]) - n
			if alike := float64(n) / float64(union); n >= fewStations && alike >= alikeEnough {
				out = append(out, match{w, place{k, q}, alike})
			}
		}
	}
	return out
}
