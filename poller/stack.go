package poller

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"spate"
	"spate/mibs"
)

const (
	mostStacked = 1 << 16 // rows of ifStackTable that are looked at
	mostMembers = 64      // of one bundle: IEEE 802.1AX devices have at most 8 to 32
)

// stack is which rows lie over which, by ifIndex.
type stack struct {
	lower map[int][]int // of a higher row
	agg   map[int]int   // the aggregator that a port is attached to
}

// stacking reads ifStackTable and the ports of LAGs. A device may have neither;
// one that falls silent here keeps what was known of it.
func (f *finder) stacking(ctx context.Context) (*stack, error) {
	s := &stack{lower: map[int][]int{}, agg: map[int]int{}}
	rows := 0
	err := f.walker.each(ctx, []mibs.Object{mibs.IfStackStatus}, func(o mibs.Object, v *Var) {
		high, low, ok := pairOf(o.OID, v.OID)
		if ok && high > 0 && low > 0 && high != low && v.Uint == 1 && rows < mostStacked { // 1: active
			rows++
			s.lower[high] = append(s.lower[high], low)
		}
	})
	if err != nil && !errors.Is(err, ErrWalk) {
		return nil, err
	}
	err = f.walker.walk(ctx, []mibs.Object{mibs.Dot3adAggPortAttachedAggID}, func(_ mibs.Object, port int, v *Var) {
		if agg := int(v.Uint); v.Is(mibs.Integer) && agg > 0 && agg != port {
			s.agg[port] = agg
		}
	})
	if err != nil && !errors.Is(err, ErrWalk) {
		return nil, err
	}
	return s, nil
}

// pairOf is an index of two integers below a column.
func pairOf(column, instance mibs.OID) (a, b int, ok bool) {
	rest, ok := strings.CutPrefix(string(instance), string(column)+".")
	if !ok {
		return 0, 0, false
	}
	first, second, ok := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(second)
	return a, b, ok && errA == nil && errB == nil && a >= 0 && b >= 0
}

// layers says of every row which bundle it belongs to and whether it counts
// octets that another row counts too, and gives bundles the speed of their
// members. s is nil where it could not be read: what was known before stands.
func layers(rows []Row, s *stack, old *Table) {
	byIndex := map[int]*Row{}
	for i := range rows {
		byIndex[rows[i].Index] = &rows[i]
	}
	if s == nil {
		keepLayers(rows, old)
	} else {
		for bundle, members := range s.bundles(byIndex) {
			for _, m := range members {
				byIndex[m].Port.Bundle = byIndex[bundle].Port.ID.Name
			}
		}
		for i := range rows {
			rows[i].Port.HighLayer = s.over(&rows[i], byIndex)
		}
	}
	hideMembers(rows)
	bundleSpeeds(rows)
}

func keepLayers(rows []Row, old *Table) {
	if old == nil {
		return
	}
	was := map[string]*spate.Port{}
	for _, r := range old.Rows {
		was[r.Port.ID.Name] = r.Port
	}
	for i := range rows {
		if p := was[rows[i].Port.ID.Name]; p != nil {
			rows[i].Port.Bundle, rows[i].Port.HighLayer = p.Bundle, p.HighLayer
		}
	}
}

// bundles are the LAGs and their members: aggregators that ports are attached to,
// and rows of a LAG's type with Ethernet rows below them.
func (s *stack) bundles(byIndex map[int]*Row) map[int][]int {
	out := map[int][]int{}
	for _, port := range slices.Sorted(maps.Keys(s.agg)) {
		agg := s.agg[port]
		if byIndex[port] != nil && byIndex[agg] != nil && len(out[agg]) < mostMembers {
			out[agg] = append(out[agg], port)
		}
	}
	for _, high := range slices.Sorted(maps.Keys(s.lower)) {
		r := byIndex[high]
		if r == nil || out[high] != nil || !bundleLike(r.Port) {
			continue
		}
		var members []int
		for _, low := range s.lower[high] {
			if m := byIndex[low]; m != nil && physical(m.Port.Type) && len(members) < mostMembers {
				members = append(members, low)
			}
		}
		if len(members) > 0 {
			out[high] = members
		}
	}
	return out
}

// bundleLike tells a row that is a LAG by its type, or by its name where the
// type says only "virtual": Cisco IOS calls its port-channels propVirtual.
func bundleLike(p *spate.Port) bool {
	if p.Type == "ieee8023adLag" {
		return true
	}
	return p.Type == "propVirtual" && bundleName(p.ID.Name) || p.Type == "propMultiplexor"
}

func bundleName(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range [...]string{"po", "port-channel", "bond", "ae", "trk", "eth-trunk", "bridge-aggregation", "lag", "team", "channel", "link aggregation"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" && strings.Trim(rest, "0123456789 /.-") == "" {
			return true
		}
	}
	return false
}

func physical(t string) bool {
	switch t {
	case "ethernetCsmacd", "gigabitEthernet", "fastEther", "fastEtherFX", "iso88023Csmacd", "fibreChannel", "infiniband", "sonet":
		return true
	}
	return false
}

// over tells whether a row is a layer over others that count the same octets:
// by its type, by what lies below it, or by the name of a sub-unit ("Gi0/1.100")
// or a VLAN where nothing else tells.
func (s *stack) over(r *Row, byIndex map[int]*Row) bool {
	p := r.Port
	switch p.Type {
	case "l2vlan", "l3ipvlan", "bridge", "tunnel", "mplsTunnel", "mpls", "pppMultilinkBundle":
		return true
	case "ieee8023adLag", "softwareLoopback", "other":
		return false
	}
	if bundleLike(p) {
		return false // its members are hidden instead
	}
	for _, low := range s.lower[r.Index] {
		if byIndex[low] != nil {
			return true
		}
	}
	if p.Type == "propVirtual" && vlanName(p.ID.Name) {
		return true
	}
	return subUnit(p, byIndex)
}

func vlanName(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range [...]string{"vlan", "vl", "irb", "bdi", "ve", "vlanif", "vlan-interface"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" && strings.Trim(rest, "0123456789 .-") == "" {
			return true
		}
	}
	return false
}

// subUnit tells a row named after another with a dot and a number behind.
func subUnit(p *spate.Port, byIndex map[int]*Row) bool {
	dot := strings.LastIndexByte(p.ID.Name, '.')
	if dot < 1 || strings.Trim(p.ID.Name[dot+1:], "0123456789") != "" {
		return false
	}
	for _, r := range byIndex {
		if r.Port.ID.Name == p.ID.Name[:dot] {
			return true
		}
	}
	return false
}

// hideMembers leaves each octet of a bundle to one row: the bundle where it has
// octet counters, else its members.
func hideMembers(rows []Row) {
	counts := map[string]bool{}
	for i := range rows {
		p := rows[i].Port
		counts[p.ID.Name] = (p.Wide | p.Narrow).Has(spate.InOctets)
	}
	for i := range rows {
		p := rows[i].Port
		if p.Bundle != "" {
			p.HighLayer = counts[p.Bundle]
		}
	}
}

// bundleSpeeds gives each bundle the speed of its members that are up, unless the
// operator has said another, and as its capacity that of all of them: one that
// has just left or joined may have carried its part.
func bundleSpeeds(rows []Row) {
	type sum struct{ active, all spate.BitRate }
	sums := map[string]*sum{}
	for i := range rows {
		p := rows[i].Port
		if p.Bundle == "" {
			continue
		}
		s := sums[p.Bundle]
		if s == nil {
			s = &sum{}
			sums[p.Bundle] = s
		}
		s.all += p.Speed
		if p.Oper == spate.StatusUp {
			s.active += p.Speed
		}
	}
	for i := range rows {
		p := rows[i].Port
		s := sums[p.ID.Name]
		if s == nil || s.all == 0 || p.SpeedSource == spate.SpeedFromConfig {
			continue
		}
		p.Speed, p.Capacity, p.SpeedSource = s.active, s.all, spate.SpeedFromLAG
	}
}

// regroup gives bundles new speeds after members went up or down. Ports that were
// handed on stay as they are: changed ones are made anew.
func (d *device) regroup() {
	rows := make([]Row, len(d.ports))
	for i := range d.ports {
		p := *d.ports[i].port
		rows[i] = Row{Port: &p}
	}
	bundleSpeeds(rows)
	for i := range d.ports {
		if old := d.ports[i].port; old.Speed != rows[i].Port.Speed {
			d.ports[i].port = rows[i].Port
		}
	}
}
