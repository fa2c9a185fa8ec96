package incident

import (
	"cmp"
	"slices"
	"time"

	"spate"
)

// matter is one flood or fault under way.
type matter struct {
	id      string // empty: a candidate, not an incident yet
	record  spate.Incident
	around  Around // as it was when it began
	ports   map[spate.PortID]bool
	score   map[spate.PortID]float64 // of each port ever named as origin
	best    spate.Finding
	full    height
	fault   bool
	members map[spate.PortID]bool // faults that are folded into it
	senders spate.Senders         // as last heard
	paged   bool
	polls   int       // different windows that spoke for it
	newest  time.Time // end of the newest window
	seen    time.Time // last time it was found
	toldBps float64   // rate told last
	asked   time.Time // when a verdict was asked for
	dirty   bool      // the change is to be written and told
	unsaved bool      // it could not be written
}

// match is the case that a finding belongs to: the one that has its origin, else
// one that shares the victim or an uplink.
func (d *Desk) match(f *spate.Finding) *matter {
	for _, m := range d.cases {
		if !m.fault && m.score[f.Origins[0].Port.ID] > 0 {
			return m
		}
	}
	var best *matter
	for _, m := range d.cases {
		if m.fault || copied(m.best.Kind) != copied(f.Kind) || !m.near(f) {
			continue // what is copied to a whole VLAN passes ports of other floods too
		}
		if best == nil || best.id == "" && m.id != "" {
			best = m
		}
	}
	return best
}

// echo tells a finding that only repeats what is told: its marks are ports of an open
// incident, and the port it names has none of its own.
func (d *Desk) echo(f *spate.Finding) bool {
	if len(f.Seeds) == 0 || slices.Contains(f.Seeds, f.Origins[0].Port.ID) {
		return false
	}
	for _, m := range d.cases {
		if m.fault || m.id == "" || f.Onset.Before(m.record.StartedAt.Add(-together)) {
			continue
		}
		known := 0
		for _, id := range f.Seeds {
			if m.ports[id] {
				known++
			}
		}
		if float64(known) >= echoShare*float64(len(f.Seeds)) {
			return true
		}
	}
	return false
}

// join puts what is not told yet to what began at the same moment, or is on the same
// way, before it becomes an incident of its own: several machines that send together.
func (d *Desk) join(taken map[*matter]bool) {
	gone := map[*matter]bool{}
	for i, b := range d.cases {
		if b.fault || b.id != "" || !taken[b] || len(b.best.Origins) == 0 {
			continue
		}
		for j, a := range d.cases {
			if a == b || a.fault || gone[a] || a.id == "" && j > i || a.record.EndedAt != nil || len(a.best.Origins) == 0 || copied(a.best.Kind) != copied(b.best.Kind) {
				continue
			}
			if b.record.StartedAt.Sub(a.record.StartedAt).Abs() <= together || a.near(&b.best) {
				a.also(&b.best)
				gone[b] = true
				break
			}
		}
	}
	d.cases = slices.DeleteFunc(d.cases, func(m *matter) bool { return gone[m] })
}

// copied tells a flood that goes to many ports at once.
func copied(k spate.IncidentKind) bool {
	return k == spate.KindBroadcastStorm || k == spate.KindUnicastFlood || k == spate.KindLoop
}

// near tells whether a finding shares the first victim or a port on the way with
// what the case has seen last.
func (m *matter) near(f *spate.Finding) bool {
	on := map[spate.PortID]bool{}
	for i, h := range m.best.Path {
		if i > 0 {
			on[spate.PortID{Device: h.Device, Name: h.Port}] = true
		}
	}
	for _, id := range m.best.Victims {
		on[id] = true
	}
	for i, h := range f.Path {
		if i > 0 && on[spate.PortID{Device: h.Device, Name: h.Port}] {
			return true
		}
	}
	return slices.ContainsFunc(f.Victims, func(id spate.PortID) bool { return on[id] })
}

// take adds a finding to a case.
func (m *matter) take(at time.Time, f *spate.Finding, around Around, cfg Config) {
	if m.around == nil {
		m.around = around
	}
	if f.At.After(m.newest) {
		m.newest = f.At
		m.polls++
	}
	m.seen = at
	if len(m.best.Origins) == 0 && m.id == "" || m.polls <= onsetPolls && f.Onset.Before(m.record.StartedAt) {
		m.record.StartedAt = f.Onset
	}
	for id := range m.score {
		m.score[id] *= 0.8
	}
	for _, o := range f.Origins {
		if len(m.score) < mostOrigins || m.score[o.Port.ID] > 0 {
			m.score[o.Port.ID] += o.Confidence
		}
	}
	for _, id := range f.Ports() {
		m.ports[id] = true
	}
	m.best = m.merge(f)
}

// also adds a second finding of one look: what it names is an origin too where it
// is sure and of the first's size, else a runner-up.
func (m *matter) also(f *spate.Finding) {
	for _, id := range f.Ports() {
		m.ports[id] = true
	}
	first := &m.best.Origins[0]
	for _, o := range f.Origins {
		named := func(s spate.Suspect) bool { return s.Port.ID == o.Port.ID }
		switch {
		case slices.ContainsFunc(m.best.Origins, named) || slices.ContainsFunc(m.best.RunnerUp, named):
		case o.Confidence >= sure && o.OverBps >= first.OverBps/3 && o.OverPps >= first.OverPps/3 && len(m.best.Origins) < mostOrigins:
			m.best.Origins = append(m.best.Origins, o)
			m.score[o.Port.ID] += o.Confidence
		default:
			m.best.RunnerUp = append(slices.Clip(m.best.RunnerUp), o) // the finding's own list stays
		}
	}
}

// merge keeps the origin that most looks have named in front, so that one odd look
// does not change the name on the wall: another must be named clearly more often.
func (m *matter) merge(f *spate.Finding) spate.Finding {
	out := *f
	out.Origins = slices.Clone(f.Origins)
	for _, o := range m.best.Origins {
		known := slices.ContainsFunc(out.Origins, func(x spate.Suspect) bool { return x.Port.ID == o.Port.ID })
		if !known && f.Onset.Sub(o.Onset) < time.Hour && m.score[o.Port.ID] > 0.3 && m.best.At.Add(time.Minute).After(f.At) {
			out.Origins = append(out.Origins, o)
		}
	}
	var front spate.PortID
	if len(m.best.Origins) > 0 {
		front = m.best.Origins[0].Port.ID
	}
	rank := func(s *spate.Suspect) float64 {
		if s.Port.ID == front {
			return m.score[front] * staysBy
		}
		return m.score[s.Port.ID]
	}
	slices.SortStableFunc(out.Origins, func(a, b spate.Suspect) int { return cmp.Compare(rank(&b), rank(&a)) })
	if first := out.Origins[0].Port.ID; first != f.Origins[0].Port.ID && len(m.best.Origins) > 0 && m.best.Origins[0].Port.ID == first {
		out.Kind, out.Path, out.Victims, out.Impact, out.Evidence = m.best.Kind, m.best.Path, m.best.Victims, m.best.Impact, m.best.Evidence
	}
	return out
}

func (m *matter) moment(at time.Time, text string) {
	if len(m.record.Timeline) >= mostMoments { // the beginning and the newest are kept
		m.record.Timeline = append(m.record.Timeline[:mostMoments/2], m.record.Timeline[mostMoments/2+1:]...)
	}
	m.record.Timeline = append(slices.Clone(m.record.Timeline), spate.Moment{At: at.UTC(), Text: text})
}
