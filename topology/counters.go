package topology

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"spate"
)

const (
	trackLength  = 60  // windows of a loose port that are kept
	fewWindows   = 8   // fewer say nothing
	quietPackets = 5.0 // packets per second; below it two ports look alike by chance
	alikeOctaves = 0.6 // mean |log2| of what leaves one and comes in by the other
	halfOfNext   = 0.5 // of the runner-up's distance: a match that clear was always right
)

// track is what a loose port carried lately, to find its other end by.
type track struct {
	windows []pace // oldest first
}

// pace is one poll window, in packets per second.
type pace struct {
	from, to int64 // ms
	in, out  float64
}

// follow keeps the windows of the device's loose ports.
func (d *device) follow(r *spate.Round) {
	if len(d.rates) == 0 {
		return
	}
	for i := range r.Readings {
		rd := &r.Readings[i]
		t := d.rates[rd.Port.ID.Name]
		if t == nil || rd.Gap != "" || rd.Rate.Over == 0 {
			continue
		}
		w := pace{rd.Rate.At.Add(-rd.Rate.Over).UnixMilli(), rd.Rate.At.UnixMilli(), rd.Rate.Values[spate.InPps], rd.Rate.Values[spate.OutPps]}
		if math.IsNaN(w.in) || math.IsNaN(w.out) {
			continue
		}
		if len(t.windows) == trackLength {
			t.windows = slices.Delete(t.windows, 0, 1)
		}
		t.windows = append(t.windows, w)
	}
}

// watch sets which ports are followed from now on.
func (d *device) watch(loose map[string]bool) {
	for name := range d.rates {
		if !loose[name] {
			delete(d.rates, name)
		}
	}
	for name := range loose {
		if d.rates[name] == nil {
			d.rates[name] = &track{}
		}
	}
}

// mean of in and out over the track.
func (t *track) mean() (in, out float64) {
	for _, w := range t.windows {
		in += w.in
		out += w.out
	}
	n := float64(max(1, len(t.windows)))
	return in / n, out / n
}

// apart is the mean distance in octaves between what leaves a and comes in by b
// and the other way, over windows brought to the same time; false where too few
// overlap.
func apart(a, b *track) (float64, bool) {
	sum, n := 0.0, 0.0
	for _, w := range a.windows {
		in, out, ok := b.over(w.from, w.to)
		if !ok {
			continue
		}
		sum += octaves(w.out, in) + octaves(w.in, out)
		n += 2
	}
	if n < 2*fewWindows {
		return 0, false
	}
	return sum / n, true
}

func octaves(x, y float64) float64 { return math.Abs(math.Log2((x + 1) / (y + 1))) }

// over is the mean of the windows that cover a stretch of time.
func (t *track) over(from, to int64) (in, out float64, ok bool) {
	covered := 0.0
	for _, w := range t.windows {
		share := float64(min(to, w.to) - max(from, w.from))
		if share <= 0 {
			continue
		}
		in += w.in * share
		out += w.out * share
		covered += share
	}
	if covered < 0.9*float64(to-from) {
		return 0, 0, false
	}
	return in / covered, out / covered, true
}

// loosePort is an end that waits for its other.
type loosePort struct {
	id  spate.PortID
	t   *track
	in  float64
	out float64
}

// counted are the clues of counters: what leaves one port comes in by the other,
// in both directions, and no third port is nearly as like.
func (g *Graph) counted() []clue {
	var ends []loosePort
	for _, name := range g.names() {
		d := g.devices[name]
		for port, t := range d.rates {
			in, out := t.mean()
			if len(t.windows) >= fewWindows && in+out > quietPackets {
				ends = append(ends, loosePort{spate.PortID{Device: name, Name: port}, t, in, out})
			}
		}
	}
	slices.SortFunc(ends, func(a, b loosePort) int {
		return cmp.Or(cmp.Compare(a.in+a.out, b.in+b.out), cmp.Compare(a.id.String(), b.id.String()))
	})
	type near struct {
		to           int
		best, second float64
	}
	nearest := make([]near, len(ends))
	for i := range nearest {
		nearest[i] = near{-1, math.Inf(1), math.Inf(1)}
	}
	note := func(i, j int, d float64) {
		n := &nearest[i]
		switch {
		case d < n.best:
			n.second, n.best, n.to = n.best, d, j
		case d < n.second:
			n.second = d
		}
	}
	for i := range ends {
		for j := i + 1; j < len(ends) && ends[j].in+ends[j].out < 2*(ends[i].in+ends[i].out); j++ {
			if ends[i].id.Device == ends[j].id.Device {
				continue
			}
			if octaves(ends[i].in, ends[j].out) > 1 || octaves(ends[i].out, ends[j].in) > 1 {
				continue
			}
			if d, ok := apart(ends[i].t, ends[j].t); ok {
				note(i, j, d)
				note(j, i, d)
			}
		}
	}
	var out []clue
	for i, n := range nearest {
		if n.to < i || nearest[n.to].to != i || n.best > alikeOctaves {
			continue
		}
		second := min(n.second, nearest[n.to].second)
		if n.best > halfOfNext*second {
			continue
		}
		a, b := ends[i].id, ends[n.to].id
		out = append(out, clue{a: a, b: b, source: spate.LinkInferred, sure: sureCounters, text: fmt.Sprintf("what leaves %s comes in by %s, and back", a, b)})
	}
	return out
}
