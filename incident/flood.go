package incident

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"spate"
)

const (
	sure        = 0.7 // below it the words say "likely", and a page waits for one poll more
	uplinkShare = 0.1 // of an uplink on the path: impact
	uplinkFull  = 0.8 // how full an uplink is when everybody feels it
	recordShare = 0.5 // of what is worth a page is worth a record
	pagePolls   = 2
	explains    = 0.5 // of the excess: the user is named in the sentence
	mostUsers   = 10
	mostTalkers = 20
)

// weigh decides what a flood is worth now, opens it when it is time, and fills in
// what is known.
func (d *Desk) weigh(at time.Time, m *matter) {
	severity := d.severity(m)
	if m.id == "" {
		if severity == "" || !m.ripe(severity) {
			return
		}
		m.id = d.name(at)
		m.record.ID, m.record.State, m.record.DetectedAt, m.record.Severity = m.id, spate.IncidentOpen, at.UTC(), severity
		m.record.Kind = m.best.Kind
		d.fill(at, m)
		m.record.Timeline = spate.List[spate.Moment]{{At: m.record.StartedAt, Text: "estimated start"}}
		m.moment(at, m.record.Summary)
		m.toldBps = float64(m.record.RateBps)
		m.paged = severity.Worse(spate.Info)
		m.dirty = true
		return
	}
	before := m.record
	if severity != "" && severity.Worse(m.record.Severity) && (m.record.Severity != spate.Info || m.ripe(severity)) {
		m.record.Severity = severity
		m.paged = m.paged || severity.Worse(spate.Info)
		m.moment(at, "now "+string(severity))
	}
	if m.record.EndedAt != nil {
		m.record.EndedAt = nil
		m.moment(at, "the excess is back")
	}
	d.fill(at, m)
	m.compare(at, &before)
}

// ripe tells whether enough polls have spoken for a case.
func (m *matter) ripe(severity spate.Severity) bool {
	need := pagePolls
	if m.best.Origins[0].Confidence < sure {
		need++
	}
	return m.polls >= need
}

// severity is what the flood is worth by what it does; "" is a mark and no more.
// The share of a port alone is no reason to wake anybody where what is sent is
// answered as a transfer is and nobody suffers: a backup, a crowd of visitors.
func (d *Desk) severity(m *matter) spate.Severity {
	im := &m.best.Impact
	page := d.cfg.PagePercent / 100
	joint := im.OneWay || im.SmallFrames || im.Replicated > 0 || im.Broadcast
	felt := im.Discards || im.UplinkFull >= uplinkFull && im.UplinkShare >= uplinkShare
	transfer := im.TwoWay && !joint && !felt
	switch {
	case transfer && (im.PortShare >= page*recordShare || im.UplinkShare >= page):
		return spate.Info
	case transfer:
		return ""
	case im.PortShare >= page, im.UplinkShare >= page, felt, im.Replicated > 0:
		return spate.Critical
	case joint && (im.PortShare >= page/4 || im.UplinkShare >= uplinkShare/4), im.UplinkShare >= uplinkShare:
		return spate.Warning
	case im.PortShare >= page*recordShare, joint:
		return spate.Info
	}
	return ""
}

// fill writes what the newest finding says into the record.
func (d *Desk) fill(at time.Time, m *matter) {
	in, f := &m.record, &m.best
	if f.Kind != in.Kind && (in.Kind == spate.KindFlood || in.Kind == spate.KindInboundDDoS || f.Kind != spate.KindFlood) {
		in.Kind = f.Kind // a storm may begin as a flood, it does not end as one; from outside is what its origin says
	}
	old := in.Origins
	in.Origins, in.RunnerUp = nil, nil
	for i := range f.Origins {
		in.Origins = append(in.Origins, m.origin(&f.Origins[i], old))
	}
	for i := range f.RunnerUp {
		in.RunnerUp = append(in.RunnerUp, m.origin(&f.RunnerUp[i], nil))
	}
	first := in.Origins[0]
	in.Origin = &first
	o := &f.Origins[0]
	in.RateBps, in.RatePps = whole(o.RateBps), whole(o.RatePps)
	in.UsualBps, in.UsualPps = whole(o.UsualBps), whole(o.UsualPps)
	in.Factor = tenth(o.Factor)
	in.StartedAt = in.StartedAt.UTC()
	dying := copied(in.Kind) && !copied(f.Kind) && len(in.Path) > 0
	if !dying { // of a storm that dies down, where it went is what was seen before
		in.Path, in.Evidence, in.Victims = f.Path, f.Evidence, nil
		for _, id := range f.Victims[:min(len(f.Victims), mostVictims)] {
			in.Victims = append(in.Victims, spate.Place{Device: id.Device, Port: id.Name})
		}
	}
	m.stay(at)
	d.senders(at, m)
	in.Summary = d.sentence(m, at)
	m.measure(at)
}

// senders asks which users send. What was known stays when a machine falls silent in
// the flood, or the flood dies down.
func (d *Desk) senders(at time.Time, m *matter) {
	in := &m.record
	if copied(in.Kind) || in.Kind == spate.KindInboundDDoS || in.EndedAt != nil {
		return
	}
	var all spate.Senders
	for i := range in.Origins {
		s := d.asks(&in.Origins[i])
		all.Users, all.Talkers, all.Evidence = append(all.Users, s.Users...), append(all.Talkers, s.Talkers...), append(all.Evidence, s.Evidence...)
		if i == 0 && len(s.Users) > 0 && in.Origins[0].Hosts != nil {
			in.Origins[0].Hosts = withUser(in.Origins[0].Hosts, &s.Users[0])
			first := in.Origins[0]
			in.Origin = &first
		}
		if len(all.Users) >= mostUsers {
			break
		}
	}
	if len(all.Users)+len(all.Evidence) > 0 {
		m.senders = m.heard(at, all)
	}
	if users := m.senders.Users; len(users) > 0 {
		in.Users, in.Talkers = users[:min(len(users), mostUsers)], m.senders.Talkers[:min(len(m.senders.Talkers), mostTalkers)]
	}
	in.Evidence = append(slices.Clip(m.best.Evidence), m.senders.Evidence...)
}

// withUser writes the user beside the host it is an account of.
func withUser(hosts spate.List[spate.HostNamed], u *spate.UserShare) spate.List[spate.HostNamed] {
	if u.Share < explains || u.UID < 0 {
		return hosts
	}
	out := slices.Clone(hosts)
	for i := range out {
		if short, _, _ := strings.Cut(out[i].Name, "."); len(out) == 1 || short == u.Host {
			out[i].User = u.User
			return out
		}
	}
	return hosts
}

// origin is a suspect as it is told, with the hosts that were behind its port
// before the flood: it flushes the very tables that say so.
func (m *matter) origin(s *spate.Suspect, old spate.List[spate.Origin]) spate.Origin {
	o := spate.Origin{
		Device: s.Port.ID.Device, Port: s.Port.ID.Name, IfIndex: s.Port.IfIndex, Confidence: math.Round(s.Confidence*100) / 100,
		External: s.External, RateBps: whole(s.RateBps), RatePps: whole(s.RatePps), Factor: tenth(s.Factor), Since: s.Onset.UTC(), Note: s.Note,
	}
	if at := slices.IndexFunc(old, func(x spate.Origin) bool { return x.ID() == s.Port.ID }); at >= 0 {
		if old[at].Since.Before(o.Since) {
			o.Since = old[at].Since
		}
		if o.Hosts = old[at].Hosts; len(o.Hosts) > 0 {
			return o
		}
	}
	if m.around == nil || s.External {
		return o
	}
	for _, h := range m.around.HostsAt(s.Port.ID) {
		if len(o.Hosts) == 16 {
			break
		}
		o.Hosts = append(o.Hosts, named(&h))
	}
	return o
}

func named(h *spate.Host) spate.HostNamed {
	seen := h.SeenAt.UTC()
	out := spate.HostNamed{MAC: h.MAC.String(), Name: h.Name, SeenAt: &seen}
	if len(h.IPs) > 0 {
		out.IP = h.IPs[0].String()
	}
	return out
}

// compare tells what has changed for people: a new origin, more of them, a rate
// far above what was told.
func (m *matter) compare(at time.Time, before *spate.Incident) {
	in := &m.record
	switch {
	case before.Origin == nil || before.Origin.ID() != in.Origin.ID():
		m.moment(at, fmt.Sprintf("the origin is now %v", in.Origin.ID()))
	case len(in.Origins) > len(before.Origins):
		m.moment(at, fmt.Sprintf("%d ports send now", len(in.Origins)))
	case userNamed(in) != "" && userNamed(in) != userNamed(before):
		m.moment(at, fmt.Sprintf("%s sends %.0f %% of the excess", userNamed(in), 100*in.Users[0].Share))
	case float64(in.RateBps) > worseBy*m.toldBps:
		m.moment(at, fmt.Sprintf("risen to %v", spate.BitRate(in.RateBps)))
		m.toldBps = float64(in.RateBps)
	case before.Severity == in.Severity && before.Kind == in.Kind && (before.EndedAt == nil) == (in.EndedAt == nil) && !rounder(before, in):
		return
	}
	m.dirty = true
}

// userNamed is the user who explains most of a flood, as the sentence says it; ""
// nobody does.
func userNamed(in *spate.Incident) string {
	if u := explained(in.Users); u != nil {
		return "user " + u.User
	}
	return ""
}

// explained is the first of the users where he sends most of a flood; nil: nobody does.
func explained(users spate.List[spate.UserShare]) *spate.UserShare {
	if len(users) == 0 || users[0].Share < explains || users[0].UID < 0 {
		return nil
	}
	return &users[0]
}

// rounder tells whether the rate shown would be another: the wall follows, nobody
// is told again.
func rounder(a, b *spate.Incident) bool {
	return spate.BitRate(a.RateBps).String() != spate.BitRate(b.RateBps).String()
}

func whole(v float64) spate.Figure {
	if math.IsNaN(v) {
		return spate.Unknown()
	}
	return spate.Figure(math.Round(v))
}

func tenth(v float64) spate.Figure {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return spate.Unknown()
	}
	return spate.Figure(math.Round(v*10) / 10)
}
