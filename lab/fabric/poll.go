package fabric

import (
	"errors"
	"slices"
	"time"

	"spate"
)

// ErrDark is what a round says of a device that does not answer.
var ErrDark = errors.New("no answer")

// Darken makes a device silent from one time to another.
func (d *Device) Darken(from, to time.Time) { d.dark = append(d.dark, [2]time.Time{from, to}) }

// Restart makes the device begin its counters anew at t, which must be now.
func (d *Device) Restart(t time.Time) {
	d.started = t
	for _, p := range d.Ports {
		p.sum = [2]load{}
	}
}

// Link takes the link of an edge port away or gives it back, from the next step on.
func (p *Port) Link(up bool) {
	p.Down = !up
	q := *p.port // rounds that were given keep theirs
	q.Oper = spate.StatusUp
	if !up {
		q.Oper = spate.StatusDown
	}
	p.port = &q
}

// Renumber gives all ports another ifIndex, as a restart with a new card does.
func (d *Device) Renumber(by int) {
	for _, p := range d.Ports {
		p.Index += by
		q := *p.port
		q.IfIndex = p.Index
		p.port = &q
	}
}

func (d *Device) silentAt(t time.Time) bool {
	for _, span := range d.dark {
		if !t.Before(span[0]) && t.Before(span[1]) {
			return true
		}
	}
	return false
}

// Poll reads a device now, as the poller would, and gives the round.
func (n *Net) Poll(d *Device, interval time.Duration) *spate.Round {
	r := &spate.Round{
		Device: spate.Device{Name: d.Name, Address: d.Address.String()}, At: n.at, Took: 20 * time.Millisecond,
		Interval: interval, System: spate.System{Name: d.Name, Uptime: n.at.Sub(d.started)},
	}
	if d.silentAt(n.at) {
		r.Err = ErrDark
	}
	for _, p := range d.Ports {
		r.Readings = append(r.Readings, p.reading(n.at, interval, r.Err != nil))
	}
	return r
}

func (p *Port) reading(at time.Time, interval time.Duration, silent bool) spate.Reading {
	rd := spate.Reading{Port: p.port}
	if silent {
		rd.Gap = spate.GapSilent
		return rd
	}
	cur := p.sample(at)
	prev, had := p.Device.last[p]
	p.Device.last[p] = cur
	if had {
		rd.Rate, rd.Gap = spate.Between(&prev, &cur, spate.Bounds{Limit: p.port.Limit(), Heartbeat: 6 * interval})
	}
	return rd
}

func (p *Port) sample(at time.Time) spate.Sample {
	s := spate.Sample{At: at, Trip: 2 * time.Millisecond, UptimeKnown: true}
	s.Uptime = uint32(at.Sub(p.Device.started) / (10 * time.Millisecond))
	for dir := range p.sum {
		l, c := &p.sum[dir], spate.Counter(dir)
		s.Set(spate.InOctets+c, uint64(l.octets), true)
		s.Set(spate.InUcastPkts+c, uint64(l.ucast), true)
		s.Set(spate.InMcastPkts+c, uint64(l.mcast), true)
		s.Set(spate.InBcastPkts+c, uint64(l.bcast), true)
		s.Set(spate.InErrors+c, 0, true)
		s.Set(spate.InDiscards+c, uint64(l.discards), true)
	}
	return s
}

// Count is one of the port's counters.
func (p *Port) Count(c spate.Counter) uint64 {
	l := &p.sum[int(c)%2]
	switch c {
	case spate.InOctets, spate.OutOctets:
		return uint64(l.octets)
	case spate.InUcastPkts, spate.OutUcastPkts:
		return uint64(l.ucast)
	case spate.InMcastPkts, spate.OutMcastPkts:
		return uint64(l.mcast)
	case spate.InBcastPkts, spate.OutBcastPkts:
		return uint64(l.bcast)
	case spate.InDiscards, spate.OutDiscards:
		return uint64(l.discards)
	}
	return 0
}

// due is a device to be polled at a time.
type due struct {
	at time.Time
	d  *Device
}

// Run polls every polled device once an interval, each in its own phase, until
// to, and gives the rounds in the order of time.
func (n *Net) Run(to time.Time, interval time.Duration, accept func(*spate.Round)) {
	slots := n.slots(interval)
	for i := 0; ; i++ {
		s := &slots[i%len(slots)]
		if s.at.After(to) {
			n.Advance(to)
			return
		}
		n.Advance(s.at)
		accept(n.Poll(s.d, interval))
		s.at = s.at.Add(interval)
	}
}

// slots are the polled devices with their next slots from now on, soonest first.
func (n *Net) slots(interval time.Duration) []due {
	var out []due
	for i, d := range n.Devices {
		if !d.Polled {
			continue
		}
		at := n.at.Truncate(interval).Add(time.Duration(uint64(i) * 0x9e3779b97f4a7c15 % uint64(interval)))
		if at.Before(n.at) {
			at = at.Add(interval)
		}
		out = append(out, due{at, d})
	}
	slices.SortStableFunc(out, func(a, b due) int { return a.at.Compare(b.at) })
	return out
}

// Counters are a port's counters now.
func (n *Net) Counters(p *Port) spate.Sample { return p.sample(n.at) }
