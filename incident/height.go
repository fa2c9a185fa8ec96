package incident

import (
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
	rate := float64(m.record.RatePps)
	if m.best.Bits {
		rate = float64(m.record.RateBps)
	}
	if rate >= fallen*m.full.rate || at.Sub(m.full.at) > settles {
		m.full = height{at, rate, m.record}
	}
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
