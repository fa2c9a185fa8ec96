package suspect

import (
	"math"
	"sync"
	"time"

	"spate"
)

// A Topology answers for links and roles as they were before the flood.
type Topology interface {
	// Far is the logical port at the other end of a logical port and how sure that
	// is (0..1); false where no polled device is known there.
	Far(id spate.PortID) (far spate.PortID, confidence float64, ok bool)
	// Bundle is the bundle that a port is a member of; false where it is none.
	Bundle(id spate.PortID) (lag spate.PortID, ok bool)
	// Role is what the port is for.
	Role(id spate.PortID) spate.Role
	// Stations is how many MACs are seen behind the port and nowhere nearer.
	Stations(id spate.PortID) int
}

// levelMemory is how long the level before a flood remembers, ms.
const levelMemory = 10 * 60_000.0

// windows is how many rounds of each port are kept.
const windows = 3

// A Network holds the last rounds' excesses of all ports. Accept may be called
// while Findings runs; nothing else may.
type Network struct {
	mu      sync.RWMutex
	devices map[string]*device
}

// NewNetwork makes an empty one.
func NewNetwork() *Network { return &Network{devices: map[string]*device{}} }

// device is one polled box.
type device struct {
	name   string
	ports  []*port
	marked []*port // of the last round
	hinted []*port // the others that have hints
	byName map[string]*port
	seen   time.Time // end of the last round that was answered
	silent time.Time // since when it does not answer; zero: it does
}

// port is one logical or physical port with its newest windows first.
type port struct {
	info   *spate.Port
	id     spate.PortID
	dev    *device
	recent [windows]window
	level  [spate.NumUsual]float32 // mean rate of about ten minutes before the recent windows
	cast   [2]float32              // the same of broadcast and multicast
	levels bool
	far    bool // what is known of it is as the other end of its wire has it
}

// window is one poll window. Figures are per second, 32 bits wide because half
// a million ports keep three of them.
type window struct {
	from, to int64 // ms
	over     [spate.NumUsual]float32
	rate     [spate.NumUsual]float32
	cast     [2]float32 // broadcast and multicast packets, in and out
	lost     [2]float32 // discards, in and out
	usual    [2]float32 // of what comes in, bits and packets; NaN: no baseline yet
	floor    [2]float32
	factor   float32 // of what comes in, usual raised to the floor; NaN: none
	marked   [spate.NumUsual]bool
	hinted   [spate.NumUsual]bool
	known    bool
	since    int64 // onset as the detector estimates it, ms; 0 none
}

// Accept takes one device's round: the excess of each of its ports, or, where
// err is not nil, that it did not answer.
func (n *Network) Accept(name string, at time.Time, excesses []spate.Excess, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.devices[name]
	if d == nil {
		d = &device{name: name, byName: map[string]*port{}}
		n.devices[name] = d
	}
	if err != nil {
		if d.silent.IsZero() {
			d.silent = at
		}
		return
	}
	d.seen, d.silent, d.marked, d.hinted = at, time.Time{}, d.marked[:0], d.hinted[:0]
	for i := range excesses {
		d.take(&excesses[i])
	}
	for _, p := range d.ports {
		switch w := &p.recent[0]; {
		case !w.known:
		case w.marked != [spate.NumUsual]bool{}:
			d.marked = append(d.marked, p)
		case w.hinted != [spate.NumUsual]bool{}:
			d.hinted = append(d.hinted, p)
		}
	}
}

// Retain forgets the devices that are polled no longer.
func (n *Network) Retain(names map[string]bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name := range n.devices {
		if !names[name] {
			delete(n.devices, name)
		}
	}
}

// Answers tells whether a device has answered its last round; one that was never
// polled has not failed to.
func (n *Network) Answers(name string) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	d := n.devices[name]
	return d == nil || d.silent.IsZero()
}

func (d *device) take(e *spate.Excess) {
	p := d.byName[e.Port.ID.Name]
	if p == nil {
		p = &port{id: e.Port.ID, dev: d}
		d.byName[e.Port.ID.Name] = p
		d.ports = append(d.ports, p)
	}
	p.info, p.far = e.Port, e.Far
	if e.Gap != "" || math.IsNaN(e.Rate[spate.InBps]) && math.IsNaN(e.Rate[spate.OutBps]) {
		return
	}
	w := window{from: e.From.UnixMilli(), to: e.To.UnixMilli(), marked: e.Marked, hinted: e.Hinted, known: true}
	if !e.Since.IsZero() {
		w.since = e.Since.UnixMilli()
	}
	for m := range spate.Metric(spate.NumUsual) {
		w.over[m], w.rate[m] = number(e.Over(m)), number(e.Rate[m])
	}
	w.cast = [2]float32{number(e.Rate[spate.InBcastPps]) + number(e.Rate[spate.InMcastPps]), number(e.Rate[spate.OutBcastPps]) + number(e.Rate[spate.OutMcastPps])}
	w.lost = [2]float32{number(e.Rate[spate.InDiscardsPs]), number(e.Rate[spate.OutDiscardsPs])}
	w.factor = float32(math.NaN())
	for q, m := range [...]spate.Metric{spate.InBps, spate.InPps} {
		w.usual[q], w.floor[q] = float32(e.Usual[m]), float32(e.Floor[m])
		if f := float32(e.Rate[m] / math.Max(e.Usual[m], e.Floor[m])); f > w.factor || math.IsNaN(float64(w.factor)) {
			w.factor = f
		}
	}
	p.fold()
	copy(p.recent[1:], p.recent[:windows-1])
	p.recent[0] = w
}

// fold takes the window that is about to be forgotten into the level. Windows
// with a mark are the flood's own and stay out.
func (p *port) fold() {
	old := &p.recent[windows-1]
	if !old.known || old.marked != [spate.NumUsual]bool{} {
		return
	}
	share := float32(1)
	if p.levels {
		share = float32(1 - math.Exp(-float64(old.to-old.from)/levelMemory))
	}
	p.levels = true
	for m := range old.rate {
		p.level[m] += share * (old.rate[m] - p.level[m])
	}
	for dir := range old.cast {
		p.cast[dir] += share * (old.cast[dir] - p.cast[dir])
	}
}

// number is v as it is added up: what is not known adds nothing.
func number(v float64) float32 {
	if math.IsNaN(v) {
		return 0
	}
	return float32(v)
}

// A quantity is what is traced: bits, packets, or broadcast and multicast packets,
// which in a storm tell more than all packets do.
type quantity int

const (
	bits quantity = iota
	packets
	casts
)

const (
	in  = 0
	out = 1
)

// metric is the quantity's metric in a direction: of broadcasts that of all packets.
func (q quantity) metric(dir int) spate.Metric {
	return spate.Metric(2*min(int(q), int(packets)) + dir)
}

// lineRate is the most of the quantity a port can carry: its speed, or that many
// frames of 64 octets, which take 84 on the wire (IEEE 802.3: preamble and gap).
func (p *port) lineRate(q quantity) float64 {
	speed := float64(p.info.Limit())
	if q != bits {
		return speed / (84 * 8)
	}
	return speed
}

// whole is the port's excess of a quantity in its newest window, scaled up where
// the window holds only part of the time since the onset. It is not known while
// under a fifth of the window is after it. A sudden flood is measured against the
// minutes before it, which says more than the usual of the hour.
func (p *port) whole(q quantity, dir int, onset int64, sudden bool) (v float64, known bool) {
	for i := range p.recent {
		w := &p.recent[i]
		if !w.known {
			break
		}
		over := p.beyond(w, q, dir, sudden)
		if pre := p.before(onset); sudden && p.levels && pre != nil {
			over = w.amount(q, dir) - justBefore*pre.amount(q, dir) - (1-justBefore)*p.base(q, dir)
		}
		if onset <= w.from {
			return over, true
		}
		part := float64(w.to-onset) / float64(w.to-w.from)
		if part >= 0.2 {
			return over / part, true
		}
		break
	}
	return 0, false
}

// justBefore is the weight of the window before the onset beside the ten minutes
// before it: bursts last for minutes, so that the last one says more.
const justBefore = 0.7

// before is the newest window that had ended when the flood began; nil: none is kept.
func (p *port) before(onset int64) *window {
	for i := range p.recent {
		if w := &p.recent[i]; w.known && w.to <= onset+(w.to-w.from)/20 {
			return w
		}
	}
	return nil
}

// amount is a window's rate of a quantity.
func (w *window) amount(q quantity, dir int) float64 {
	if q == casts {
		return float64(w.cast[dir])
	}
	return float64(w.rate[q.metric(dir)])
}

// base is what the ten minutes before the recent windows brought.
func (p *port) base(q quantity, dir int) float64 {
	if q == casts {
		return float64(p.cast[dir])
	}
	return float64(p.level[q.metric(dir)])
}

// beyond is a window's excess of a quantity: over the minutes before, or over the
// usual of the hour, which broadcasts have none of.
func (p *port) beyond(w *window, q quantity, dir int, sudden bool) float64 {
	if q == casts || sudden && p.levels {
		return w.amount(q, dir) - p.base(q, dir)
	}
	return float64(w.over[q.metric(dir)])
}

// logical tells a port that counts what no other port of its device counts: not
// a bundle's member, not a virtual one.
func (p *port) logical(t Topology) bool {
	if _, member := t.Bundle(p.id); member {
		return false
	}
	return t.Role(p.id) != spate.RoleVirtual
}
