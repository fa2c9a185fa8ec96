package incident

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"spate"
)

const (
	mostSilent  = 0.8 // of the devices: then it is Spate's own way out
	leastSilent = 5
)

// Faults takes everything that is wrong now. What is wrong together is one
// incident: the devices behind a dead uplink are not told one by one. devices is
// how many are polled.
func (d *Desk) Faults(at time.Time, faults []spate.Fault, around Around, devices int) {
	d.mu.Lock()
	groups := fold(faults, around, devices)
	found := map[*matter]bool{}
	for _, g := range groups {
		m := d.faultCase(g)
		if m == nil {
			if len(d.cases) >= mostFaultCase {
				d.log.Warn("too many incidents are open: another fault is not told", "device", g[0].Port.Device)
				continue
			}
			m = &matter{fault: true, around: around, members: map[spate.PortID]bool{}, ports: map[spate.PortID]bool{}, score: map[spate.PortID]float64{}}
			d.cases = append(d.cases, m)
		}
		found[m] = true
		d.faulty(at, m, g, devices)
	}
	d.cases = slices.DeleteFunc(d.cases, func(m *matter) bool {
		if !m.fault || found[m] {
			return false
		}
		if m.record.Kind == spate.KindFlap && at.Sub(m.seen) < d.cfg.CloseAfter {
			return false
		}
		m.seen = at
		if root := d.within(m, found, faults); root != nil {
			m.record.Summary = "Part of a larger fault: " + root.record.Summary
			m.moment(at, "it belongs to "+root.id)
		} else {
			m.moment(at, "all is well again")
		}
		d.shut(at, m)
		return true
	})
	d.finish()
}

// within is the case that now has what another one was about: they have one cause.
func (d *Desk) within(m *matter, found map[*matter]bool, faults []spate.Fault) *matter {
	for other := range found {
		for _, f := range faults {
			if other != m && m.members[f.Port] && other.members[f.Port] && m.record.Kind == f.Kind {
				return other
			}
		}
	}
	return nil
}

// faultCase is the open incident that shares a member with a group.
func (d *Desk) faultCase(g []spate.Fault) *matter {
	for _, m := range d.cases {
		if m.fault && slices.ContainsFunc(g, func(f spate.Fault) bool {
			return m.members[f.Port] && (len(g) > 1 || m.record.Kind == f.Kind || m.record.Kind == spate.KindLinkDown || m.record.Kind == spate.KindDeviceDown)
		}) {
			return m
		}
	}
	return nil
}

// faulty opens or updates the incident of a group, whose first member is its root.
func (d *Desk) faulty(at time.Time, m *matter, g []spate.Fault, devices int) {
	root := g[0]
	in := &m.record
	before := *in
	for _, f := range g {
		m.members[f.Port], m.ports[f.Port] = true, true
	}
	m.seen = at
	in.Kind = root.Kind
	if in.StartedAt.IsZero() || root.Since.Before(in.StartedAt) {
		in.StartedAt = root.Since.UTC()
	}
	for _, f := range g {
		if f.Severity.Worse(in.Severity) {
			in.Severity = f.Severity
		}
	}
	o := spate.Origin{Device: root.Port.Device, Port: root.Port.Name, Confidence: 1, Since: root.Since.UTC(), RateBps: spate.Unknown(), RatePps: spate.Unknown(), Factor: spate.Unknown()}
	in.RateBps, in.RatePps, in.UsualBps, in.UsualPps, in.Factor = spate.Unknown(), spate.Unknown(), spate.Unknown(), spate.Unknown(), spate.Unknown()
	if root.Facts != nil {
		o.IfIndex = root.Facts.IfIndex
	}
	if root.Rate.Over > 0 {
		o.RateBps, o.RatePps = whole(float64(root.Rate.Bits())), whole(float64(root.Rate.Packets()))
		in.RateBps, in.RatePps = o.RateBps, o.RatePps
	}
	in.Origin, in.Origins = &o, spate.List[spate.Origin]{o}
	in.Victims = nil
	for _, f := range g[1:] {
		if len(in.Victims) < mostVictims {
			in.Victims = append(in.Victims, spate.Place{Device: f.Port.Device, Port: f.Port.Name})
		}
	}
	in.Evidence = spate.List[spate.Evidence]{{Kind: string(root.Kind), Text: subject(root.Port) + " " + root.Text}}
	in.Summary = d.faultSentence(m, g, at, devices)
	if m.id == "" {
		m.id = d.name(at)
		in.ID, in.State, in.DetectedAt = m.id, spate.IncidentOpen, at.UTC()
		in.Timeline = spate.List[spate.Moment]{{At: in.StartedAt, Text: "began"}}
		m.moment(at, in.Summary)
		m.paged, m.dirty, m.polls = in.Severity.Worse(spate.Info), true, len(g)
		return
	}
	if len(g) != m.polls || before.Severity != in.Severity || before.Origin == nil || before.Origin.ID() != o.ID() {
		m.moment(at, in.Summary)
		m.dirty = true
	}
	m.polls = len(g)
}

func subject(id spate.PortID) string {
	if id.Name == "" {
		return id.Device
	}
	return id.String()
}

func (d *Desk) faultSentence(m *matter, g []spate.Fault, at time.Time, devices int) string {
	root := g[0]
	silent := 0
	for _, f := range g {
		if f.Kind == spate.KindDeviceDown {
			silent++
		}
	}
	since := d.clock(m.record.StartedAt, at)
	if silent >= leastSilent && float64(silent) >= mostSilent*float64(devices) {
		return fmt.Sprintf("%d of %d devices do not answer, since %s: is the way from Spate to them up?", silent, devices, since)
	}
	s := subject(root.Port) + " " + root.Text + ", since " + since
	if root.Kind == spate.KindDeviceDown {
		silent--
	}
	switch {
	case silent == 1:
		s += "; " + other(g, spate.KindDeviceDown).Device + " behind it does not answer either"
	case silent > 1:
		s += fmt.Sprintf("; %d devices behind it do not answer either", silent)
	}
	return s
}

// other is the first of a group after its root that is of a kind.
func other(g []spate.Fault, k spate.IncidentKind) spate.PortID {
	for _, f := range g[1:] {
		if f.Kind == k {
			return f.Port
		}
	}
	return spate.PortID{}
}

// fold puts faults together that have one cause: devices that are silent side by
// side, and the links that lead to them. The root comes first: a link that is down
// towards silent devices, else the silent device next to one that answers.
func fold(faults []spate.Fault, around Around, devices int) [][]spate.Fault {
	silent := map[string]int{}
	for i, f := range faults {
		if f.Kind == spate.KindDeviceDown {
			silent[f.Port.Device] = i
		}
	}
	parent := make([]int, len(faults))
	for i := range parent {
		parent[i] = i
	}
	var find func(i int) int
	find = func(i int) int {
		if parent[i] != i {
			parent[i] = find(parent[i])
		}
		return parent[i]
	}
	if len(silent) >= leastSilent && float64(len(silent)) >= mostSilent*float64(devices) {
		first := -1
		for _, i := range silent {
			if first < 0 {
				first = i
			}
			parent[find(i)] = find(first)
		}
	}
	next := map[int]bool{} // silent devices beside one that answers
	if around != nil {
		for i, f := range faults {
			for _, far := range beside(f, around) {
				j, dark := silent[far]
				switch {
				case dark:
					parent[find(j)] = find(i)
				case f.Kind == spate.KindDeviceDown:
					next[i] = true
				}
			}
			if f.Kind == spate.KindLinkDown { // both ends of one link, and the members of a bundle
				for j, g := range faults[:i] {
					if l, ok := around.Neighbour(f.Port); ok && g.Kind == spate.KindLinkDown {
						if o, ok := l.Other(f.Port); ok && o == g.Port {
							parent[find(j)] = find(i)
						}
					}
				}
			}
		}
	}
	groups := map[int][]int{}
	for i := range faults {
		groups[find(i)] = append(groups[find(i)], i)
	}
	var out [][]spate.Fault
	for _, list := range groups {
		slices.SortFunc(list, func(a, b int) int {
			return cmp.Or(cmp.Compare(rank(faults[a], next[a]), rank(faults[b], next[b])), faults[a].Since.Compare(faults[b].Since),
				cmp.Compare(faults[a].Port.Device, faults[b].Port.Device), cmp.Compare(faults[a].Port.Name, faults[b].Port.Name))
		})
		g := make([]spate.Fault, len(list))
		for k, i := range list {
			g[k] = faults[i]
		}
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b []spate.Fault) int {
		return cmp.Or(cmp.Compare(a[0].Port.Device, b[0].Port.Device), cmp.Compare(a[0].Port.Name, b[0].Port.Name), cmp.Compare(a[0].Kind, b[0].Kind))
	})
	return out
}

func rank(f spate.Fault, next bool) int {
	switch {
	case f.Kind == spate.KindLinkDown:
		return 0
	case next:
		return 1
	}
	return 2
}

// beside are the devices at the other end of a fault's links.
func beside(f spate.Fault, around Around) []string {
	if f.Kind == spate.KindLinkDown {
		if l, ok := around.Neighbour(f.Port); ok {
			if o, ok := l.Other(f.Port); ok {
				return []string{o.Device}
			}
		}
		return nil
	}
	if f.Kind != spate.KindDeviceDown {
		return nil
	}
	return around.Beside(f.Port.Device)
}
