package fabric

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

const defaultStep = 10 * time.Second

// flow is traffic from one end to another, or to all of a VLAN.
type flow struct {
	hops   []hop
	back   []hop                     // way of the answers; nil: none
	host   *Host                     // whose usual traffic it is; nil: of nobody alone
	given  func(t time.Time) float64 // bits per second, where they are not made up
	mean   load                      // per second at the busiest hour
	noise  float64                   // of the bursts, in octaves
	shape  func(t time.Time) float64
	burst  float64 // state of the bursts
	dice   *rand.Rand
	now    load
	active bool
}

// hop is one port that a flow passes, in or out.
type hop struct {
	port *Port
	out  bool
}

const (
	in  = 0
	out = 1
)

func (h hop) dir() int {
	if h.out {
		return out
	}
	return in
}

// background gives every host its usual traffic: to and from the outside, with
// the day's rhythm and bursts; backups at night from servers to a neighbour's.
func (n *Net) background() {
	dice := n.Shape.dice(2)
	for i, h := range n.Hosts {
		up, down := usual(h, dice)
		ext := n.Outside[i%len(n.Outside)]
		phase := dice.Float64() * 2
		h.most = max(h.most, up.octets*8*math.Exp2(weekHigh*noiseOf(h)))
		n.flows = append(n.flows,
			newFlow(n.path(h, ext, uint64(i)), up, daily(phase, h.kind), h, dice),
			newFlow(n.reverse(h, ext, uint64(i)), down, daily(phase, h.kind), h, dice))
		if h.kind == "backup" {
			from := n.Hosts[dice.IntN(len(n.Hosts))]
			if from.Port != h.Port {
				mean := bits(200e6+300e6*dice.Float64(), 1400)
				from.most = max(from.most, mean.octets*8)
				job := newFlow(n.between(from, h, uint64(i)), mean, nightly(from), h, dice)
				job.back = n.between(h, from, uint64(i))
				n.flows = append(n.flows, job)
			}
		}
	}
	for _, id := range n.vlanIDs() {
		n.chatter(n.vlans[id], dice)
	}
}

func newFlow(hops []hop, mean load, shape func(time.Time) float64, h *Host, dice *rand.Rand) *flow {
	return &flow{hops: hops, host: h, mean: mean, shape: shape, noise: noiseOf(h), dice: rand.New(rand.NewPCG(dice.Uint64(), dice.Uint64()))}
}

// weekHigh is how many deviations the greatest of a week's 2,000 bursts of five
// minutes lies above the mean.
const weekHigh = 3

// noiseOf is the deviation of a host's bursts, in octaves.
func noiseOf(h *Host) float64 {
	if h.Busy {
		return 0.4
	}
	return 1
}

// usual is what a host sends and receives at its busiest.
func usual(h *Host, dice *rand.Rand) (up, down load) {
	spread := math.Exp(dice.NormFloat64())
	switch h.kind {
	case "web":
		return bits(12e6*spread, 1100), bits(1.5e6*spread, 200)
	case "backup":
		return bits(0.5e6*spread, 600), bits(1e6*spread, 900)
	case "desktop":
		return bits(0.1e6*spread, 250), bits(1.2e6*spread, 1000)
	}
	return bits(2e3*spread, 100), bits(2e3*spread, 100)
}

// bits is unicast traffic of so many bits per second in packets of size octets.
func bits(bps, size float64) load {
	return load{octets: bps / 8, ucast: bps / 8 / size}
}

// daily is the share of the busiest hour: low at five in the morning, high at
// about 15:00, lower at weekends.
func daily(phase float64, kind string) func(time.Time) float64 {
	floor := 0.3
	if kind == "desktop" {
		floor = 0.05
	}
	return func(t time.Time) float64 {
		h := float64(t.Hour()) + float64(t.Minute())/60
		day := 0.5 - 0.5*math.Cos((h-3-phase)/24*2*math.Pi)
		if wd := t.Weekday(); wd == time.Saturday || wd == time.Sunday {
			day *= 0.6
		}
		return floor + (1-floor)*day
	}
}

// nightly is a backup: an hour that begins at the same minute every night.
func nightly(h *Host) func(time.Time) float64 {
	begin := 60 + int(h.MAC[5])%180
	length := 30 + int(h.MAC[4]^h.MAC[5])%60
	return func(t time.Time) float64 {
		if m := t.Hour()*60 + t.Minute(); m >= begin && m < begin+length {
			return 1
		}
		return 0
	}
}

// chatter is the broadcast and multicast that every VLAN has.
func (n *Net) chatter(v *vlan, dice *rand.Rand) {
	var hosts []*Host
	for _, h := range n.Hosts {
		if h.VLAN == v.id {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) == 0 {
		return
	}
	for _, h := range hosts[:min(3, len(hosts))] {
		pps := 1 + 4*dice.Float64()
		mean := load{octets: pps * 90, bcast: pps * 0.7, mcast: pps * 0.3}
		n.flows = append(n.flows, newFlow(n.replicate(h.Port, v), mean, func(time.Time) float64 { return 1 }, h, dice))
	}
}

// acks is what answers a transfer: two packets of 64 octets for five that come.
func (l *load) acks() load {
	return load{octets: l.packets() * ackShare * 64, ucast: l.packets() * ackShare}
}

// ackShare is packets back for each one of a transfer: bulk transfers on a leaf
// switch show 0.3 to 0.5.
const ackShare = 0.4

// replaySize is the octets of a packet of replayed traffic, of which only bits are known.
const replaySize = 1000

// Replay gives a host what was recorded elsewhere, in bits per second to and from
// the outside, in place of its own traffic. Packets have 1,000 octets, and two are
// answered for five that come.
func (n *Net) Replay(h *Host, up, down func(t time.Time) float64) {
	n.flows = slices.DeleteFunc(n.flows, func(f *flow) bool { return f.host == h })
	ext := n.Outside[int(h.MAC[5])%len(n.Outside)]
	key := uint64(h.MAC[5])
	to, from := n.path(h, ext, key), n.reverse(h, ext, key)
	n.flows = append(n.flows, &flow{hops: to, back: from, given: up}, &flow{hops: from, back: to, given: down})
}

// change draws the flow's rate for the next step: an AR(1) walk of about five
// minutes' memory in log2.
func (f *flow) change(t time.Time, step time.Duration) {
	if f.given != nil {
		bps := f.given(t)
		f.active, f.now = bps > 0, bits(bps, replaySize)
		return
	}
	share := f.shape(t)
	f.active = share > 0
	if !f.active {
		f.now = load{}
		return
	}
	keep := math.Exp(-step.Seconds() / 300)
	f.burst = keep*f.burst + math.Sqrt(1-keep*keep)*f.dice.NormFloat64()*f.noise
	f.now = load{}
	f.now.add(&f.mean, share*math.Exp2(f.burst))
}
