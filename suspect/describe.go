package suspect

import (
	"fmt"
	"math"
	"slices"

	"spate"
)

const (
	replicatedPorts = 10   // edge ports with equal excess: frames are copied
	replicatedShare = 0.6  // of the edge ports with excess must be equal
	equalWithin     = 0.35 // of the level
	smallFrame      = 128  // octets
	oneWay          = 0.1  // packets back for each one
	answered        = 0.2  // packets back for each one: a transfer (bulk ones show 0.3 to 0.5)
	largeFrame      = 400  // octets: frames of a transfer
	busyPackets     = 50e3 // per second; below it one-way traffic is nothing
	manyPackets     = 0.1  // of the line rate: where the port is slow, fewer are many
	lossy           = 10   // packets per second that a port drops
)

// describe fills in what the flood does, from the traces to its origins.
func (c *cluster) describe(f *spate.Finding, origins []*ballot) {
	first := origins[0].port
	for _, s := range c.seeds {
		f.Seeds = append(f.Seeds, s.port.id)
	}
	way := c.path(origins[0])
	f.Path = c.hops(way)
	f.Impact = c.impact(first, way)
	edges := c.egress(origins)
	c.spread(f, edges, origins[:min(len(origins), 2)])
	f.Victims = victims(edges, first, f.Impact.Replicated > 0)
	f.Kind = c.kind(f, origins)
	f.Evidence = c.evidence(f, origins)
}

// path is the flood's way: forward from the origin as far as its excess is found,
// or the longest trace that led there, turned round, where that knows more.
func (c *cluster) path(b *ballot) []step {
	out := c.forward(b.port)
	var best path
	for _, p := range b.paths {
		if len(p.hops) > len(best.hops) {
			best = p
		}
	}
	if len(best.hops) > len(out) {
		out = slices.Clone(best.hops)
		slices.Reverse(out)
	}
	return out
}

// forward follows the excess of an origin downstream: on each device it leaves by
// the port that fits it best, or by the largest towards another device.
func (c *cluster) forward(origin *port) []step {
	e, known := c.over(origin, c.q, in)
	if !known || e <= 0 {
		return nil
	}
	out := []step{{origin, in, e}}
	for at := origin; len(out) < 2*mostHops; {
		next, over := c.egressOf(at, e)
		if next == nil {
			return out
		}
		out = append(out, step{next, 1, over})
		far, _, _ := c.far(next)
		if far == nil || slices.ContainsFunc(out, func(s step) bool { return s.port.dev == far.dev }) {
			return out
		}
		comes, known := c.over(far, c.q, in)
		if !known {
			comes = math.NaN()
		}
		out = append(out, step{far, in, comes})
		at, e = far, min(e, over)
	}
	return out
}

// egressOf is the port by which an excess that comes in by a port leaves its device.
func (c *cluster) egressOf(at *port, e float64) (best *port, over float64) {
	dist := math.Inf(1)
	for _, p := range at.dev.ports {
		if p == at || !p.logical(c.topo) {
			continue
		}
		v, known := c.over(p, c.q, out)
		if !known || v < e/4 {
			continue
		}
		d := math.Abs(math.Log2(v / e))
		if far, _, _ := c.far(p); far == nil && c.topo.Role(p.id) != spate.RoleExternal {
			d += 0.3 // of two that fit alike the way on, not a host that gets a copy
		}
		if d < dist {
			best, over, dist = p, v, d
		}
	}
	return best, over
}

// hops are steps as the API tells them: a port whose far end was traced did the
// opposite.
func (c *cluster) hops(steps []step) []spate.Hop {
	var hops []spate.Hop
	for _, s := range steps {
		dir := "in"
		if (s.dir == out) != s.port.far {
			dir = "out"
		}
		hop := spate.Hop{Device: s.port.id.Device, Port: s.port.id.Name, Direction: dir, ExcessBps: spate.Unknown(), ExcessPps: spate.Unknown()}
		if v, known := c.over(s.port, bits, s.dir); known {
			hop.ExcessBps = spate.Figure(math.Round(math.Max(0, v)))
		}
		if v, known := c.over(s.port, packets, s.dir); known {
			hop.ExcessPps = spate.Figure(math.Round(math.Max(0, v)))
		}
		hops = append(hops, hop)
	}
	return hops
}

func (c *cluster) impact(origin *port, way []step) spate.Impact {
	var im spate.Impact
	own, _ := c.over(origin, c.q, in)
	im.PortShare = own / origin.lineRate(c.q)
	bps, _ := c.over(origin, bits, in)
	pps, _ := c.over(origin, packets, in)
	back, _ := c.over(origin, packets, out)
	im.SmallFrames = pps >= min(busyPackets, manyPackets*origin.lineRate(packets)) && bps/8/pps < smallFrame
	im.OneWay = pps >= busyPackets && back < oneWay*pps
	im.TwoWay = pps > 0 && back >= answered*pps && bps/8/pps >= largeFrame
	im.Broadcast = pps > 0 && float64(origin.recent[0].cast[in]) > 0.5*pps
	for _, s := range way {
		if _, _, linked := c.topo.Far(s.port.id); linked || c.topo.Role(s.port.id) == spate.RoleExternal {
			im.UplinkShare = max(im.UplinkShare, orZero(s.over)/s.port.lineRate(c.q))
			im.UplinkFull = max(im.UplinkFull, float64(s.port.recent[0].rate[c.q.metric(s.dir)])/s.port.lineRate(c.q))
		}
		im.Discards = im.Discards || s.port.recent[0].lost[out] > lossy
	}
	if n := len(way); n > 1 && way[n-1].dir == out { // a little of a border's port is all of a victim's
		im.PortShare = max(im.PortShare, orZero(way[n-1].over)/way[n-1].port.lineRate(c.q))
	}
	return im
}

// egress are the edge and external ports that the flood leaves by, greatest first.
func (c *cluster) egress(origins []*ballot) []step {
	own, _ := c.over(origins[0].port, c.q, in)
	var all []step
	for _, d := range c.net.devices {
		for _, p := range d.ports {
			// Of half a million ports few have an excess: that is asked first.
			if over, known := c.raw(p, out); !known || over <= 0.1*own || over <= c.noise || !p.logical(c.topo) {
				continue
			}
			if far, _, _ := c.far(p); far != nil {
				continue
			}
			if over, known := c.over(p, c.q, out); known && over > 0.1*own && over > c.noise {
				all = append(all, step{p, out, over})
			}
		}
	}
	slices.SortFunc(all, func(a, b step) int {
		switch {
		case a.over > b.over:
			return -1
		case a.over < b.over:
			return 1
		}
		return compareIDs(a.port.id, b.port.id)
	})
	return all
}

func compareIDs(a, b spate.PortID) int {
	if a.Device != b.Device {
		if a.Device < b.Device {
			return -1
		}
		return 1
	}
	switch {
	case a.Name < b.Name:
		return -1
	case a.Name > b.Name:
		return 1
	}
	return 0
}

// spread tells a flood that is copied to many ports: what leaves by them is what
// comes in by an origin, or by both ends of a loop.
func (c *cluster) spread(f *spate.Finding, edges []step, origins []*ballot) {
	if len(edges) < replicatedPorts {
		return
	}
	level := edges[len(edges)/2].over
	equal := 0
	for _, e := range edges {
		if math.Abs(e.over-level) <= equalWithin*level {
			equal++
		}
	}
	if equal < replicatedPorts || float64(equal) < replicatedShare*float64(len(edges)) {
		return
	}
	sum := 0.0
	for _, b := range origins {
		own, known := c.over(b.port, c.q, in)
		if !known {
			continue
		}
		if sum += own; math.Abs(sum-level) <= equalWithin*level || math.Abs(own-level) <= equalWithin*level {
			f.Impact.Replicated = equal
		}
	}
}

// victims are the ports that suffer: the first by which it leaves, or, where it
// is copied, those that get it. What leaves by the origin itself are answers.
func victims(edges []step, origin *port, copied bool) []spate.PortID {
	if !copied {
		edges = slices.DeleteFunc(slices.Clone(edges), func(e step) bool { return e.port == origin })
	}
	var out []spate.PortID
	for i, e := range edges {
		if len(out) == 20 || !copied && i > 0 && e.over < edges[0].over/3 {
			break
		}
		out = append(out, e.port.id)
	}
	return out
}

func (c *cluster) kind(f *spate.Finding, origins []*ballot) spate.IncidentKind {
	switch {
	case f.Impact.Replicated > 0 && c.mirrored(origins):
		return spate.KindLoop
	case f.Impact.Replicated > 0 && f.Impact.Broadcast:
		return spate.KindBroadcastStorm
	case f.Impact.Replicated > 0:
		return spate.KindUnicastFlood
	case f.Origins[0].External:
		return spate.KindInboundDDoS
	case f.Impact.SmallFrames:
		return spate.KindPacketFlood
	}
	return spate.KindFlood
}

// mirrored tells a loop: two origins on one switch, and what comes in by each
// leaves by it too.
func (c *cluster) mirrored(origins []*ballot) bool {
	if len(origins) < 2 || origins[0].port.dev != origins[1].port.dev {
		return false
	}
	for _, b := range origins[:2] {
		i, _ := c.over(b.port, c.q, in)
		o, _ := c.over(b.port, c.q, out)
		if i <= 0 || o < i/2 {
			return false
		}
	}
	return true
}

func (c *cluster) evidence(f *spate.Finding, origins []*ballot) []spate.Evidence {
	var out []spate.Evidence
	say := func(kind, format string, args ...any) {
		out = append(out, spate.Evidence{Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	b := origins[0]
	say("origin", "%d of %d traces of unusual traffic end at %s", len(b.paths), c.traces(), b.port.id)
	if len(origins) > 1 {
		say("origins", "%d ports send alike", len(origins))
	}
	if f.Impact.Replicated > 0 {
		say("replication", "%d edge ports send it on in equal amount", f.Impact.Replicated)
	}
	if f.Impact.SmallFrames {
		say("small_packets", "packets are small: under %d octets", smallFrame)
	}
	if f.Impact.OneWay {
		say("one_way", "hardly a packet comes back")
	}
	if f.Impact.Discards {
		say("discards", "ports on the way drop packets")
	}
	if b.why != "" {
		say("missing", "%s", b.why)
	}
	return out
}

func (c *cluster) traces() int {
	n := 0
	for _, b := range c.votes {
		n += len(b.paths)
	}
	return n
}

func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
