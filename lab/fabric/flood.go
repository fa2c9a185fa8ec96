package fabric

import (
	"time"

	"spate"
)

// A FloodKind is how a flood travels.
type FloodKind string

// Kinds of floods.
const (
	ToOutside  FloodKind = "host to Internet"
	ToHost     FloodKind = "host to host"
	Inbound    FloodKind = "inbound DDoS"
	ToVLAN     FloodKind = "VLAN flood" // unknown unicast
	Storm      FloodKind = "broadcast storm"
	Loop       FloodKind = "loop"
	Bots       FloodKind = "five bots"
	SmallPkts  FloodKind = "small packets"
	SlowRamp   FloodKind = "slow ramp"
	FlashCrowd FloodKind = "flash crowd" // no flood: people
	BackupJob  FloodKind = "backup"      // no flood: a planned transfer
)

// A Flood is extra traffic with a beginning and an end.
type Flood struct {
	Kind    FloodKind
	Start   time.Time
	End     time.Time     // zero: goes on
	Ramp    time.Duration // grows so long to its full rate
	Bps     float64       // of each origin
	Size    float64       // octets of a packet; 0 is 1,000
	Hosts   []*Host       // origins, or the victim of Inbound and the two ports of Loop
	Victim  *Host
	Replies float64 // share of the packets that is answered with small ones

	ways    [][]hop
	back    [][]hop
	scale   func(t time.Time) float64
	bcast   bool
	origins []*Port
}

// Add puts a flood on the script; its times must not be in the past.
func (n *Net) Add(f Flood) *Flood {
	if f.Size == 0 {
		f.Size = 1000
	}
	fl := &f
	key := uint64(f.Start.UnixNano()) ^ n.Shape.Seed
	for i, h := range f.Hosts {
		k := key + uint64(i)*7
		ext := n.Outside[int(k%uint64(len(n.Outside)))]
		fl.route(n, h, ext, k)
	}
	n.floods = append(n.floods, fl)
	if n.until.After(f.Start) && f.Start.After(n.at) {
		n.until = f.Start
	}
	return fl
}

func (f *Flood) route(n *Net, h *Host, ext *Port, key uint64) {
	switch f.Kind {
	case ToHost, BackupJob:
		f.ways = append(f.ways, n.between(h, f.Victim, key))
		f.back = append(f.back, n.between(f.Victim, h, key))
		f.origins = append(f.origins, h.Port)
	case Inbound, FlashCrowd:
		f.ways = append(f.ways, n.reverse(h, ext, key))
		f.back = append(f.back, n.path(h, ext, key))
		f.origins = append(f.origins, ext)
	case ToVLAN:
		f.ways = append(f.ways, n.replicate(h.Port, n.vlans[h.VLAN]))
		f.origins = append(f.origins, h.Port)
	case Storm, Loop:
		f.bcast = true
		f.ways = append(f.ways, n.replicate(h.Port, n.vlans[h.VLAN]))
		f.origins = append(f.origins, h.Port)
	default:
		f.ways = append(f.ways, n.path(h, ext, key))
		f.back = append(f.back, n.reverse(h, ext, key))
		f.origins = append(f.origins, h.Port)
	}
}

// Origins are the ports where the flood comes in: the truth.
func (f *Flood) Origins() []*Port { return f.origins }

// each gives the flood's ways with what passes them at t.
func (f *Flood) each(t time.Time, do func(hops []hop, l *load)) {
	if t.Before(f.Start) || !f.End.IsZero() && !t.Before(f.End) {
		return
	}
	share := 1.0
	if f.Ramp > 0 {
		share = min(1, max(0.01, t.Sub(f.Start).Seconds()/f.Ramp.Seconds()))
	}
	l := bits(f.Bps*share, f.Size)
	if f.bcast {
		l.bcast, l.ucast = l.ucast, 0
	}
	for _, w := range f.ways {
		do(w, &l)
	}
	if f.Replies > 0 {
		answer := load{octets: l.packets() * f.Replies * 64, ucast: l.packets() * f.Replies}
		if f.Kind == FlashCrowd {
			answer.octets *= 15
		}
		for _, w := range f.back {
			do(w, &answer)
		}
	}
}

// OriginIDs are the origins' names.
func (f *Flood) OriginIDs() []spate.PortID {
	var out []spate.PortID
	for _, p := range f.origins {
		out = append(out, p.Trunk().ID())
	}
	return out
}
