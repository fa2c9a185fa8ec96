package topology

import (
	"cmp"
	"slices"
	"time"

	"spate"
)

// link is a pair of ports with all that speaks for it.
type link struct {
	spate.Link
	doubt float64 // product of 1 - sure
}

// links makes links of the clues: those that agree on a pair add up, and where
// two pairs claim the same port the surer one has it.
func (g *Graph) join(now time.Time, id *identity) []spate.Link {
	var fixed []clue
	for _, l := range g.cfg.Links {
		if g.has(l[0]) && g.has(l[1]) {
			fixed = append(fixed, clue{a: l[0], b: l[1], source: spate.LinkConfig, sure: sureConfig, text: "the operator says so"})
		}
	}
	announced := g.settle(append(fixed, g.announced(id)...))
	known := g.settle(append(claims(announced), g.spread(g.spanned(id), ports(announced, g))...))
	taken := ports(known, g)
	loose := func(device, port string) bool { return !taken[spate.PortID{Device: device, Name: port}] }
	s := g.sights(id, loose)
	clues := append(s.facing(loose), s.behind(loose)...)
	for _, c := range append(g.routed(), g.counted()...) {
		if !taken[c.a] && !taken[c.b] {
			clues = append(clues, c)
		}
	}
	all := append(known, g.settle(g.spread(clues, taken))...)
	out := make([]spate.Link, 0, len(all))
	for _, l := range all {
		out = append(out, g.dated(l, now))
	}
	slices.SortFunc(out, func(a, b spate.Link) int { return cmp.Or(compare(a.A, b.A), compare(a.B, b.B)) })
	return out
}

func (g *Graph) has(id spate.PortID) bool {
	d := g.devices[id.Device]
	return d != nil && d.byName[id.Name] != nil
}

func compare(a, b spate.PortID) int {
	return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Name, b.Name))
}

// settle sums clues up by pair and lets the surest pair have its ports.
func (g *Graph) settle(clues []clue) []*link {
	pairs := map[linkKey]*link{}
	var all []*link
	for _, c := range clues {
		if compare(c.a, c.b) > 0 {
			c.a, c.b = c.b, c.a
		}
		k := linkKey{c.a, c.b}
		l := pairs[k]
		if l == nil {
			l = &link{Link: spate.Link{A: c.a, B: c.b, Source: c.source}, doubt: 1}
			pairs[k] = l
			all = append(all, l)
		}
		if rank(c.source) < rank(l.Source) {
			l.Source = c.source
		}
		l.doubt *= 1 - c.sure
		if !slices.Contains(l.Evidence, c.text) {
			l.Evidence = append(l.Evidence, c.text)
		}
	}
	slices.SortStableFunc(all, func(a, b *link) int {
		return cmp.Or(cmp.Compare(rank(a.Source)/2, rank(b.Source)/2), cmp.Compare(a.doubt, b.doubt), compare(a.A, b.A), compare(a.B, b.B))
	})
	taken := map[spate.PortID]*link{}
	out := all[:0]
	for _, l := range all {
		if rival := cmp.Or(taken[l.A], taken[l.B]); rival != nil {
			if rival.Source == l.Source && rival.doubt > l.doubt/3 {
				rival.doubt = max(rival.doubt, 0.3) // two pairs with equal claims: one of them is wrong
			}
			continue
		}
		taken[l.A], taken[l.B] = l, l
		out = append(out, l)
	}
	for _, l := range out {
		l.Confidence = max(0, min(1, 1-l.doubt))
		l.LAG = [2]string{g.bundle(l.A), g.bundle(l.B)}
	}
	return out
}

func rank(s spate.LinkSource) int {
	return slices.Index([]spate.LinkSource{spate.LinkConfig, "", spate.LinkLLDP, spate.LinkCDP, spate.LinkFDB, spate.LinkInferred}, s)
}

func (g *Graph) bundle(id spate.PortID) string {
	if d := g.devices[id.Device]; d != nil {
		if p := d.byName[id.Name]; p != nil {
			return p.Bundle
		}
	}
	return ""
}

// claims are links as clues again, to be weighed against others.
func claims(links []*link) []clue {
	var out []clue
	for _, l := range links {
		for i, text := range l.Evidence {
			c := clue{a: l.A, b: l.B, source: l.Source, text: text}
			if i == 0 {
				c.sure = 1 - l.doubt
			}
			out = append(out, c)
		}
	}
	return out
}

// ports are the ends of links, and the bundles that they belong to.
func ports(links []*link, g *Graph) map[spate.PortID]bool {
	out := map[spate.PortID]bool{}
	for _, l := range links {
		for i, id := range [2]spate.PortID{l.A, l.B} {
			out[id] = true
			if l.LAG[i] != "" {
				out[spate.PortID{Device: id.Device, Name: l.LAG[i]}] = true
			}
		}
	}
	return out
}

// members are the ports of a bundle that have no link yet, in order.
func (g *Graph) members(lag spate.PortID, taken map[spate.PortID]bool) []spate.PortID {
	var out []spate.PortID
	for _, p := range g.devices[lag.Device].ports {
		if p.Bundle == lag.Name && !taken[p.ID] {
			out = append(out, p.ID)
		}
	}
	return out
}

func (g *Graph) isBundle(id spate.PortID) bool {
	return slices.ContainsFunc(g.devices[id.Device].ports, func(p *spate.Port) bool { return p.Bundle == id.Name })
}

// spread turns clues between bundles into clues between their members: those
// that counters pair, and the rest in order.
func (g *Graph) spread(clues []clue, taken map[spate.PortID]bool) []clue {
	paired := map[spate.PortID]spate.PortID{}
	for _, c := range clues {
		if c.source == spate.LinkInferred {
			paired[c.a], paired[c.b] = c.b, c.a
		}
	}
	var out []clue
	for _, c := range clues {
		as, bs := g.members(c.a, taken), g.members(c.b, taken)
		if !g.isBundle(c.a) && !g.isBundle(c.b) {
			out = append(out, c)
			continue
		}
		for i, a := range as {
			b, sure := paired[a], c.sure
			if !slices.Contains(bs, b) {
				if i >= len(bs) {
					break
				}
				b, sure = bs[i], c.sure*sureInOrder
				if _, other := paired[b]; other {
					continue
				}
			}
			out = append(out, clue{a: a, b: b, source: c.source, sure: sure, text: c.text})
		}
	}
	return out
}

// dated is the link with the time since when it stands.
func (g *Graph) dated(l *link, now time.Time) spate.Link {
	k := linkKey{l.A, l.B}
	was := g.links[k]
	if was == nil {
		was = &known{since: now}
		g.links[k] = was
	}
	was.seen = now
	l.Since, l.SeenAt = was.since, now
	return l.Link
}
