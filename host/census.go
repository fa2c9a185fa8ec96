package host

import (
	"cmp"
	"slices"
	"time"
)

const (
	topUsers   = 50        // by octets, and as many by packets, of the last interval
	namedFor   = time.Hour // a user who was among them stays named
	mostSticky = 256       // named at once
	topFlows   = 32
)

// A census turns the counters of all users into those of a few and the rest, so that a
// machine with four thousand users sends what one with fifty does.
type census struct {
	last   map[uint32]Tally
	next   map[uint32]Tally
	named  map[uint32]time.Duration // since boot: when last among the greatest
	listed map[uint32]bool          // in the last snapshot
	others Tally
	grew   []growth // of the last call of grown: room for the next
	flows  map[Flow]Tally
	fresh  map[Flow]Tally
}

func newCensus() *census {
	return &census{named: map[uint32]time.Duration{}, listed: map[uint32]bool{}, next: map[uint32]Tally{}}
}

// take makes the list of users of one snapshot. fill reads the counters.
func (c *census) take(up time.Duration, name func(uint32) string, fill func(map[uint32]Tally) error) ([]UserCount, UserCount, error) {
	clear(c.next)
	if err := fill(c.next); err != nil {
		return nil, c.rest(), err
	}
	first := c.last == nil
	if first {
		c.last = map[uint32]Tally{}
	}
	grown := c.grown()
	c.choose(up, grown)
	var out []UserCount
	for uid := range c.named {
		t, known := c.next[uid]
		if !known {
			continue
		}
		u := UserCount{UID: uid, Name: name(uid), Octets: t.Octets, Packets: t.Packets}
		if !c.listed[uid] && !first {
			u.From = &[2]uint64{c.last[uid].Octets, c.last[uid].Packets}
		}
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b UserCount) int { return cmp.Compare(a.UID, b.UID) })
	clear(c.listed)
	for i := range out {
		c.listed[out[i].UID] = true
	}
	for _, g := range grown {
		if !c.listed[g.uid] {
			c.others.Octets += g.Octets
			c.others.Packets += g.Packets
		}
	}
	c.last, c.next = c.next, c.last
	return out, c.rest(), nil
}

func (c *census) rest() UserCount {
	return UserCount{Name: "(other)", Octets: c.others.Octets, Packets: c.others.Packets}
}

type growth struct {
	uid uint32
	Tally
}

// grown is what each user has sent since the last snapshot. A counter that went down
// has begun anew.
func (c *census) grown() []growth {
	out := c.grew[:0]
	for uid, now := range c.next {
		was := c.last[uid]
		if now.Octets < was.Octets || now.Packets < was.Packets {
			was = Tally{}
		}
		if d := (Tally{now.Octets - was.Octets, now.Packets - was.Packets}); d != (Tally{}) {
			out = append(out, growth{uid, d})
		}
	}
	c.grew = out
	return out
}

// choose keeps the list of who is named up to date.
func (c *census) choose(up time.Duration, grown []growth) {
	for _, by := range [...]func(a, b growth) int{
		func(a, b growth) int { return cmp.Compare(b.Octets, a.Octets) },
		func(a, b growth) int { return cmp.Compare(b.Packets, a.Packets) },
	} {
		slices.SortFunc(grown, by)
		for _, g := range grown[:min(len(grown), topUsers)] {
			c.named[g.uid] = up
		}
	}
	for uid, at := range c.named {
		if up-at > namedFor {
			delete(c.named, uid)
		}
	}
	for len(c.named) > mostSticky { // those that were greatest longest ago go first
		oldest, when := uint32(0), time.Duration(1<<62)
		for uid, at := range c.named {
			if at < when {
				oldest, when = uid, at
			}
		}
		delete(c.named, oldest)
	}
}

// watch makes the list of destinations of one snapshot.
func (c *census) watch(fill func(map[Flow]Tally) error) ([]FlowCount, error) {
	if c.fresh == nil {
		c.fresh = map[Flow]Tally{}
	}
	clear(c.fresh)
	if err := fill(c.fresh); err != nil {
		return nil, err
	}
	var out []FlowCount
	for f, now := range c.fresh {
		was := c.flows[f]
		if now.Octets < was.Octets {
			was = Tally{}
		}
		if now != was {
			out = append(out, FlowCount{UID: f.UID, Protocol: f.Protocol, Dst: f.Dst, Port: f.Port, Octets: now.Octets - was.Octets, Packets: now.Packets - was.Packets})
		}
	}
	c.flows, c.fresh = c.fresh, c.flows
	slices.SortFunc(out, func(a, b FlowCount) int { return cmp.Compare(b.Octets, a.Octets) })
	return out[:min(len(out), topFlows)], nil
}

func (c *census) unwatch() { c.flows, c.fresh = nil, nil }
