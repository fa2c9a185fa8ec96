package suspect

import (
	"cmp"
	"math"
	"slices"

	"spate"
)

const (
	mostHops   = 14   // farther apart no two ports of a switched network are
	fitWithin  = 0.25 // of the excess that is looked for
	enough     = 0.75 // of an excess that several sources together must explain
	mostSource = 12   // sources of one excess that are followed
	smallShare = 0.04 // of the excess that is looked for: less is nobody's source
)

// tracer works on the network at one moment, for one quantity.
type tracer struct {
	net    *Network
	topo   Topology
	q      quantity
	onset  int64
	sudden bool    // the flood is minutes old: it is measured against the time before
	noise  float64 // excess that is nothing out of the ordinary, per second
	votes  map[*port]*ballot
	edges  map[*port]bool
	pairs  map[*port]*port // ends of links that no topology knows, found by equal excess; nil: none
	outs   []step          // loose ports that the flood may leave by
	walked bool            // they were looked for
}

// ballot is what was found at one boundary port.
type ballot struct {
	port   *port
	weight float64
	paths  []path
	fits   float64 // sum of weight x how well the hops conserve
	synced float64 // sum of weight x share of hops that were read after the onset
	why    string  // why the trace ended there, where it is not the edge
}

// path is a trace, from the seed backwards to the origin.
type path struct {
	hops   []step
	fit    float64 // product of the hops' fits
	synced int     // hops with a reading since the onset
	weight float64
}

// step is one port that a trace passed.
type step struct {
	port *port
	dir  int
	over float64
}

// trace follows a seed upstream and votes where it ends.
func (t *tracer) trace(seed *port, dir int, weight float64) {
	e, known := t.over(seed, t.q, dir)
	if !known || e <= t.noise {
		return
	}
	p := path{fit: 1, weight: weight}
	if dir == in {
		t.upstream(seed, e, p)
		return
	}
	p = p.with(seed, out, e)
	t.through(seed, e, p)
}

func (p path) with(at *port, dir int, over float64) path {
	p.hops = append(slices.Clone(p.hops), step{at, dir, over})
	p.synced++
	return p
}

func (p path) passed(d *device) bool {
	n := 0
	for _, s := range p.hops {
		if s.port.dev == d {
			n++
		}
	}
	return n > 2
}

// upstream continues a trace that comes in by a port.
func (t *tracer) upstream(at *port, e float64, p path) {
	p = p.with(at, in, e)
	far, sure, why := t.far(at)
	switch {
	case far == nil:
		t.vote(at, p, why)
	case len(p.hops) > mostHops || p.passed(far.dev):
		t.vote(at, p, "the trace runs in a circle")
	default:
		over, known := t.over(far, t.q, out)
		if known {
			p.fit *= agreement(over, e) * (0.5 + 0.5*sure)
			p = p.with(far, out, over)
		} else {
			p.hops = append(slices.Clone(p.hops), step{far, out, math.NaN()})
			p.fit *= 0.8
		}
		t.through(far, e, p)
	}
}

// through finds where on its device the excess that leaves by a port comes in.
func (t *tracer) through(leaves *port, e float64, p path) {
	sources := t.sources(leaves, e)
	if len(sources) == 0 {
		return // it vanishes in the device, or its ports were not read yet: no witness
	}
	sum := 0.0
	for _, s := range sources {
		sum += s.over
	}
	fit := agreement(sum, e)
	if len(sources) == 1 && sum > e {
		fit = max(fit, 0.9) // it may feed other ports too
	}
	for _, s := range sources {
		next := p
		next.fit *= fit
		next.weight *= s.over / sum
		t.upstream(s.port, min(s.over, max(e, s.over*0.999)), next)
	}
}

// over is a port's excess since the onset. At the edge it is no more than what is
// beyond the usual of the hour: there a job that has just begun is known by its
// hour, while on uplinks the minutes before are the better measure.
func (t *tracer) over(p *port, q quantity, dir int) (float64, bool) {
	v, known := p.whole(q, dir, t.onset, t.sudden)
	if !known || !t.sudden || v <= t.noise/2 || !t.edge(p) {
		return v, known
	}
	if hour, known := p.whole(q, dir, t.onset, false); known {
		v = min(v, hour)
	}
	return v, true
}

// raw is the excess of a port of which nothing else is known.
func (t *tracer) raw(p *port, dir int) (float64, bool) { return p.whole(t.q, dir, t.onset, t.sudden) }

// leadsOn tells a port behind which are more stations than one, or by its role.
func (t *tracer) leadsOn(p *port) bool {
	return t.topo.Role(p.id) == spate.RoleUplink || t.topo.Stations(p.id) > 20
}

// edge tells a port where hosts are, as far as is known.
func (t *tracer) edge(p *port) bool {
	e, known := t.edges[p]
	if !known {
		_, _, linked := t.topo.Far(p.id)
		role := t.topo.Role(p.id)
		e = !linked && role != spate.RoleExternal && role != spate.RoleUplink && t.topo.Stations(p.id) <= 20
		t.edges[p] = e
	}
	return e
}

// agreement is 1 where two figures are equal and falls with their ratio.
func agreement(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0.3
	}
	return max(0.3, 1-math.Abs(math.Log2(a/b))/2)
}

// source is a port by which an excess may have come in.
type source struct {
	port *port
	over float64
}

// sources are the ports by which an excess e that leaves by a port may have
// come in: the one that fits, else a larger one that feeds others too, else
// several that together make enough of it.
func (t *tracer) sources(leaves *port, e float64) []source {
	all := t.incoming(leaves, smallShare*e)
	if len(all) == 0 {
		return nil
	}
	best, dist := -1, math.Inf(1)
	for i, s := range all {
		if d := math.Abs(s.over - e); d < dist {
			best, dist = i, d
		}
	}
	if dist <= fitWithin*e+t.noise && !t.severalFitBetter(all, best, e) {
		return all[best : best+1]
	}
	var sum float64
	for i, s := range all {
		if s.over > e*(1+fitWithin) && i == 0 && t.feedsOthers(s, leaves) {
			return all[:1]
		}
		if sum += s.over; sum >= enough*e || i == mostSource-1 {
			if t.tail(all[i+1:], sum, e) {
				continue
			}
			return all[:i+1]
		}
	}
	if sum >= e/2 {
		return all
	}
	return all[:1]
}

// severalFitBetter tells whether the port that fits is only one of several equal
// ones, as bots are: then the excess of all of them leaves here.
func (t *tracer) severalFitBetter(all []source, best int, e float64) bool {
	sum := 0.0
	for _, s := range all {
		sum += s.over
	}
	return math.Abs(sum-e) < math.Abs(all[best].over-e)/4 && all[best].over < e*0.85
}

// tail tells whether the sources that are left would bring the sum nearer.
func (t *tracer) tail(rest []source, sum, e float64) bool {
	return len(rest) > 0 && sum < e && rest[0].over > 0.08*e && sum+rest[0].over <= e*1.1
}

// feedsOthers tells whether more leaves the device than by one port.
func (t *tracer) feedsOthers(s source, leaves *port) bool {
	sum := 0.0
	for _, p := range leaves.dev.ports {
		if p == s.port || !p.logical(t.topo) {
			continue
		}
		if over, known := t.over(p, t.q, out); known && over > 0 {
			sum += over
		}
	}
	return sum >= s.over*enough
}

// incoming are the device's ports with an excess that comes in above a bound,
// greatest first.
func (t *tracer) incoming(leaves *port, bound float64) []source {
	var out []source
	for _, p := range leaves.dev.ports {
		if p == leaves || !p.logical(t.topo) {
			continue
		}
		if over, known := t.over(p, t.q, in); known && over > bound && over > t.noise {
			out = append(out, source{p, over})
		}
	}
	slices.SortFunc(out, func(a, b source) int { return cmp.Compare(b.over, a.over) })
	return out
}

// far is the port at the other end of a link, and how sure that is; nil at a
// boundary, with the reason where it is not the edge.
func (t *tracer) far(at *port) (p *port, sure float64, why string) {
	if t.topo.Role(at.id) == spate.RoleExternal {
		return nil, 0, ""
	}
	id, sure, ok := t.topo.Far(at.id)
	if !ok {
		if q := t.paired(at); q != nil {
			return q, 0.5, ""
		}
		if t.leadsOn(at) {
			return nil, 0, "behind it is a device that is not polled"
		}
		return nil, 0, ""
	}
	d := t.net.devices[id.Device]
	switch {
	case d == nil:
		return nil, 0, id.Device + " behind it is not polled"
	case !d.silent.IsZero():
		return nil, 0, id.Device + " behind it does not answer"
	}
	q := d.byName[id.Name]
	if q == nil {
		return nil, 0, id.String() + " is not known"
	}
	return q, sure, ""
}

func (t *tracer) vote(at *port, p path, why string) {
	b := t.votes[at]
	if b == nil {
		b = &ballot{port: at, why: why}
		t.votes[at] = b
	}
	b.weight += p.weight
	b.fits += p.weight * p.fit
	b.synced += p.weight * float64(p.synced) / float64(max(1, len(p.hops)))
	b.paths = append(b.paths, p)
}
