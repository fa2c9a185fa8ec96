package poller

import (
	"time"

	"spate"
)

// readings turns samples into rates. What was not read is silent, never zero.
func (d *device) readings(got *reading) []spate.Reading {
	d.renewal.study.round(got)
	var dated bool
	d.shown, dated = d.renewal.study.date(time.Now())
	moved, any := d.moved(got)
	d.idle = !any
	now := time.Now()
	d.states(got)
	// Samples that were not taken at a renewal give no rate, nor do those between
	// which a study may have had the cache renewed.
	seed := d.renewal.coarse(d.every()) && (!d.renewal.anchored || d.renewal.study != nil)
	out := make([]spate.Reading, 0, len(d.ports))
	d.renewal.odd, d.renewal.passed = false, false
	for i := range d.ports {
		if !d.table.Rows[i].Wanted {
			continue
		}
		fresh := moved[got.samples[i].At]
		still := d.renewal.holds(now, d.every(), fresh) || !dated
		r := d.reading(&d.ports[i], got, i, still, fresh)
		if seed && r.Gap == "" {
			r.Rate = spate.Rate{}
		}
		out = append(out, r)
	}
	d.renewal.after(now, any)
	if d.renewal.doubtful() {
		d.unsettle()
	}
	return out
}

// moved tells of which answers a counter is another one than when its port was
// last dated, and whether that is so of any.
func (d *device) moved(got *reading) (byAnswer map[time.Time]bool, any bool) {
	byAnswer = map[time.Time]bool{}
	for i := range d.ports {
		p, cur := &d.ports[i], &got.samples[i]
		if p.hasPrev && cur.Known != 0 && p.prev.Values != cur.Values {
			byAnswer[cur.At], any = true, true
		}
	}
	return byAnswer, any
}

// reading is one port's rate. still: the device has renewed nothing since; moved:
// something in the port's answer is new.
func (d *device) reading(p *portState, got *reading, i int, still, moved bool) spate.Reading {
	cur := &got.samples[i]
	if cur.Known == 0 && len(d.plan) > 0 {
		return d.unread(p, got, i)
	}
	out := spate.Reading{Port: p.port, Quarantine: p.refused}
	if still && p.hasPrev {
		return out
	}
	if d.renewal.follows() && cur.UptimeKnown {
		if !d.renewal.stamp(cur, &p.prev, p.hasPrev, moved) {
			return out
		}
		if p.hasPrev && cur.Uptime == p.prev.Uptime { // the same renewal as in the last round
			if p.prev.Values != cur.Values {
				d.renewal.odd, p.prev = true, *cur // its timer was late: the next rate is from here
			}
			return out
		}
		d.renewal.passed = d.renewal.passed || p.hasPrev
		if p.hasPrev && d.idle {
			return out // late, or idle: it is not known yet which, so this is no silence
		}
	}
	if d.renewal.known && d.renewal.coarse(d.every()) {
		d.renewal.demanded(cur, moved)
		if p.hasPrev && cur.At.Equal(p.prev.At) {
			return out
		}
	}
	if !d.shown.IsZero() && cur.At.After(d.shown) {
		cur.Uptime -= uint32(cur.At.Sub(d.shown) / (10 * time.Millisecond))
		cur.At = d.shown
		if p.hasPrev && !cur.At.After(p.prev.At) {
			return out
		}
	}
	cur.Short32(p.short)
	if p.hasPrev {
		out.Rate, out.Gap = d.between(p, cur)
		out.Quarantine = p.refused
	}
	if out.Gap != spate.GapOrder {
		p.prev, p.hasPrev = *cur, true
	}
	return out
}

// restamp dates the samples kept, after a study has told how.
func (d *device) restamp() {
	for i := range d.ports {
		p := &d.ports[i]
		if p.hasPrev && d.renewal.follows() {
			p.hasPrev = d.renewal.stamp(&p.prev, nil, false, false)
		}
	}
}

// unsettle drops what is known of the renewals, and the samples dated by it.
func (d *device) unsettle() {
	for i := range d.ports {
		d.ports[i].hasPrev = false
	}
	d.renewal.refute(time.Now())
}

// between is the rate since the last sample. A 64-bit column that goes down as
// a 32-bit counter wraps is one, from now on, if that explains the step.
func (d *device) between(p *portState, cur *spate.Sample) (spate.Rate, spate.Gap) {
	bounds := d.bounds(p.port)
	rate, gap := spate.Between(&p.prev, cur, bounds)
	if short := spate.WrappedAt32(&p.prev, cur); gap == spate.GapDiscontinuity && short != 0 && cur.Discontinuity == p.prev.Discontinuity {
		a, b := p.prev, *cur
		a.Short32(short)
		b.Short32(short)
		if again, stillGap := spate.Between(&a, &b, bounds); stillGap == "" {
			p.short |= short
			rate, gap, *cur = again, "", b
		}
	}
	switch gap {
	case "":
		spate.Hold(&p.prev, cur, p.port.Limit())
	case spate.GapOverSpeed:
		p.quarantine(cur)
	}
	return rate, gap
}

// quarantine keeps what the counters claimed, for people to see.
func (p *portState) quarantine(cur *spate.Sample) {
	q := &spate.Quarantine{At: cur.At, Bps: spate.Claimed(&p.prev, cur), Limit: p.port.Limit(), Count: 1}
	if p.refused != nil {
		q.Count += p.refused.Count
	}
	p.refused = q
}

// states takes over which ports are up, and the speeds of bundles with them.
func (d *device) states(got *reading) {
	changed := false
	for i := range d.ports {
		p := &d.ports[i]
		was := p.port
		p.port = withState(p.port, got.admin[i], got.oper[i])
		changed = changed || p.port != was && p.port.Bundle != ""
	}
	if changed {
		d.regroup()
	}
}

// unread is a port whose counters were not read in this round; a port without
// any counters still has its states.
func (d *device) unread(p *portState, got *reading, i int) spate.Reading {
	if p.port.Wide|p.port.Narrow == 0 && got.oper[i] != 0 {
		return spate.Reading{Port: p.port}
	}
	return spate.Reading{Port: p.port, Gap: spate.GapSilent, Quarantine: p.refused}
}

func (d *device) bounds(p *spate.Port) spate.Bounds {
	return spate.Bounds{
		Limit: p.Limit(), SpeedLies: p.SpeedSource == spate.SpeedUnknown,
		Heartbeat: heartbeat * max(d.every(), d.renewal.longest()),
	}
}

// withState is the port with the states just read; the same one when they are
// what they were.
func withState(p *spate.Port, admin, oper uint64) *spate.Port {
	a, o := p.Admin, p.Oper
	if admin != 0 {
		a = spate.StatusOf(admin)
	}
	if oper != 0 {
		o = spate.StatusOf(oper)
	}
	if a == p.Admin && o == p.Oper {
		return p
	}
	next := *p
	next.Admin, next.Oper = a, o
	return &next
}

// silent are the known ports of a device that did not answer.
func (d *device) silent() []spate.Reading {
	out := make([]spate.Reading, 0, len(d.ports))
	for i := range d.ports {
		if d.table.Rows[i].Wanted {
			out = append(out, spate.Reading{Port: d.ports[i].port, Gap: spate.GapSilent, Quarantine: d.ports[i].refused})
		}
	}
	return out
}
