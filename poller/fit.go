package poller

import "time"

// fitted is the renewal that goes best with what was seen, a timer or a cache on
// demand, and whether the other kind goes clearly worse. Where neither goes,
// traffic is so thin that it looks like a cache. Kinds in not are left out.
func fitted(looks []glance, not refuted) (r Refresh, clear bool) {
	looks = looks[1:]
	most := len(looks)/20 + 1
	best := [2]Refresh{{Quiet: true}, {Quiet: true}}
	least := [2]int{most + clearBy, most + clearBy}
	better := func(kind, wrong int, r Refresh) {
		round := r.Period%time.Second == 0 && best[kind].Period%time.Second != 0
		if wrong < least[kind] || wrong == least[kind] && round {
			best[kind], least[kind] = r, wrong
		}
	}
	for period := 500 * time.Millisecond; period <= longestBeat; period += 100 * time.Millisecond {
		if !not.timer {
			phase, blur, wrong := timer(looks, period, least[0])
			better(0, wrong, Refresh{Period: period, phase: phase, blur: blur})
		}
		if !not.demand {
			better(1, demand(looks, period, least[1]), Refresh{Period: period, OnDemand: true})
		}
	}
	kind := 0
	if least[1] < least[0] && (least[1]+clearBy <= least[0] || !mostlyDisturbed(looks)) {
		kind = 1
	}
	if least[kind] > most {
		return Refresh{Quiet: true}, false
	}
	return best[kind], least[1-kind] >= least[kind]+clearBy
}

// clearBy is how many looks more must go against the other kind.
const clearBy = 3

// refuted are kinds of caches that a device has been taken for and is not.
type refuted struct{ timer, demand bool }

// mostlyDisturbed tells whether rounds came between most looks that saw a move,
// so that it stays open when a cache on demand was renewed.
func mostlyDisturbed(looks []glance) bool {
	n := 0
	for _, g := range looks {
		switch {
		case g.moved && g.disturbed:
			n++
		case g.moved:
			n--
		}
	}
	return n > 0
}

// timer counts the looks that do not go with a timer of a period, at the phase
// at which they are fewest: a look that saw a move must have a renewal in it,
// another none.
func timer(looks []glance, period time.Duration, bound int) (phase, blur time.Duration, least int) {
	const grain = 20 * time.Millisecond
	least = bound + 1
	var from, to time.Duration
	for at := time.Duration(0); at < period; at += grain {
		wrong := 0
		for i := range looks {
			g := &looks[i]
			if (g.to-at)/period-(g.from-at)/period > 0 != g.moved {
				if wrong++; wrong > least {
					break
				}
			}
		}
		switch {
		case wrong < least:
			least, from, to = wrong, at, at
		case wrong == least && at-to <= grain:
			to = at
		}
	}
	return (from + to) / 2, (to-from)/2 + grain + 60*time.Millisecond, least
}

// demand counts the looks that do not go with a cache that the first request
// after a period renews.
func demand(looks []glance, period time.Duration, bound int) int {
	const slack = 30 * time.Millisecond
	wrong := 0
	early, late := time.Duration(-1), time.Duration(-1) // bounds of the last renewal
	for i := range looks {
		g := &looks[i]
		must, mustNot := g.to-late >= period+slack, g.to-early < period-slack
		if early >= 0 && (must && !g.moved || mustNot && g.moved) {
			if wrong++; wrong > bound {
				break
			}
		}
		if g.moved {
			early, late = g.to, g.to
			if g.disturbed {
				early = g.from
			}
		}
	}
	return wrong
}
