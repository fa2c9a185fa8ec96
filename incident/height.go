package incident

import (
	"slices"
	"time"

	"spate"
)

const (
	fallen  = 0.8             // of the rate it had: it is falling
	settles = 2 * time.Minute // a lower rate that lasts so long is the rate it has now
)

// height is a flood as it was before its rate began to fall. The last windows of a
// flood hold only a part of it: what they say is no record of what it was.
type height struct {
	at     time.Time
	rate   float64
	record spate.Incident
}

// measure keeps the record while it is as high as it was, or has settled lower.
func (m *matter) measure(at time.Time) {
	if !m.falls(at) {
		m.full = height{at, m.rate(), m.record}
	}
}

// falls tells a rate that is below the height and has not settled there.
func (m *matter) falls(at time.Time) bool {
	return m.rate() < fallen*m.full.rate && at.Sub(m.full.at) <= settles
}

func (m *matter) rate() float64 {
	if m.best.Bits {
		return float64(m.record.RateBps)
	}
	return float64(m.record.RatePps)
}

// stay keeps an origin as sure as it was while the rate falls: the rest of a flood
// proves less, and is of the same port.
func (m *matter) stay(at time.Time) {
	in, was := &m.record, m.full.record.Origin
	if was == nil || was.ID() != in.Origin.ID() || was.Confidence <= in.Origin.Confidence || !m.falls(at) {
		return
	}
	in.Origins[0].Confidence = was.Confidence
	first := in.Origins[0]
	in.Origin = &first
}

// heard is what is known of who sends. While the rate falls and nobody explains what is
// left, the user who explained the height stays, with what he sends now.
func (m *matter) heard(at time.Time, now spate.Senders) spate.Senders {
	if explained(now.Users) != nil || explained(m.senders.Users) == nil || !m.falls(at) {
		return now
	}
	before := m.senders
	before.Evidence = now.Evidence
	before.Users = slices.Clone(before.Users)
	for i := range before.Users {
		u := &before.Users[i]
		for j := range now.Users {
			if n := &now.Users[j]; n.UID == u.UID && n.Host == u.Host {
				u.TxBps = n.TxBps
			}
		}
	}
	return before
}

// recall gives an incident that is over the figures of its height.
func (m *matter) recall() {
	in, was := &m.record, &m.full.record
	if was.Origin == nil || in.Origin == nil || was.Origin.ID() != in.Origin.ID() {
		return
	}
	in.Origin, in.Origins, in.RunnerUp, in.Path, in.Victims = was.Origin, was.Origins, was.RunnerUp, was.Path, was.Victims
	in.RateBps, in.RatePps, in.UsualBps, in.UsualPps, in.Factor = was.RateBps, was.RatePps, was.UsualBps, was.UsualPps, was.Factor
	in.Users, in.Talkers, in.Evidence, in.Summary = was.Users, was.Talkers, was.Evidence, was.Summary
}
