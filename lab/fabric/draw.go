package fabric

import (
	"math/rand/v2"
	"time"
)

// Kinds are the floods that a network of any size can have.
func Kinds() []FloodKind {
	return []FloodKind{ToOutside, ToHost, Inbound, ToVLAN, Storm, Loop, Bots, SmallPkts, SlowRamp}
}

// Draw makes up a flood of a kind that begins at a time: 100 to 900 Mb/s from hosts
// that are alone on their ports, for two minutes. A slow ramp takes ten minutes to
// three times the most that its host sends in a week, and to 60 Mb/s at least.
func (n *Net) Draw(kind FloodKind, onset time.Time, dice *rand.Rand) Flood {
	f := Flood{Kind: kind, Start: onset, End: onset.Add(2 * time.Minute), Bps: 100e6 + 800e6*dice.Float64(), Hosts: []*Host{n.anyHost(dice)}}
	switch kind {
	case ToHost, BackupJob:
		for f.Victim == nil || f.Victim.Port == f.Hosts[0].Port {
			f.Victim = n.anyHost(dice)
		}
		f.Replies = 0.3
	case Inbound:
		f.Replies = 0.05
	case FlashCrowd:
		f.Replies = 0.8
		f.Bps /= 10
	case Storm, ToVLAN:
		f.Bps /= 3
	case Loop:
		f.Size, f.Bps = 200, f.Bps/3
		f.Hosts = n.pair(f.Hosts[0], dice)
	case Bots:
		f.Bps = 60e6 + 300e6*dice.Float64()
		for len(f.Hosts) < 5 {
			f.Hosts = append(f.Hosts, n.anyHost(dice))
		}
	case SmallPkts:
		f.Size = 64
		f.Bps = 64 * 8 * (100e3 + 200e3*dice.Float64())
	case SlowRamp:
		for 3*f.Hosts[0].most > 0.9*float64(f.Hosts[0].Port.Speed) {
			f.Hosts[0] = n.anyHost(dice) // a tripled rate must fit
		}
		f.Ramp = 10 * time.Minute
		f.Bps = max(60e6, 3*f.Hosts[0].most)
		f.End = onset.Add(12 * time.Minute)
	}
	return f
}

// anyHost is one alone on its port, on a switch that is polled.
func (n *Net) anyHost(dice *rand.Rand) *Host {
	for {
		if h := n.Hosts[dice.IntN(len(n.Hosts))]; h.Port.Device.Polled && len(h.Port.Hosts) == 1 {
			return h
		}
	}
}

// pair is a host and another of its VLAN on the same switch: the ends of a loop.
func (n *Net) pair(a *Host, dice *rand.Rand) []*Host {
	for {
		b := n.anyHost(dice)
		if b.VLAN == a.VLAN && b.Port.Device == a.Port.Device && b != a {
			return []*Host{a, b}
		}
		if dice.IntN(200) == 0 {
			a = n.anyHost(dice)
		}
	}
}
