package poller

import (
	"slices"
	"time"
)

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
			phase, blur, wrong := timer(looks, period)
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

// phaseGrain is how finely a timer's phase is told.
const phaseGrain = 20 * time.Millisecond

// timer counts the looks that do not go with a timer of a period, at the phase
// at which they are fewest: a look that saw a move must have a renewal in it,
// another none. Every look speaks for or against one arc of phases, so that all
// phases are judged in one pass.
func timer(looks []glance, period time.Duration) (phase, blur time.Duration, least int) {
	bins := int(period / phaseGrain)
	against := make([]int, bins+1) // differences of the count from bin to bin
	always := 0
	for i := range looks {
		g, by := &looks[i], 1
		if g.moved {
			always++ // unless the phase lies in it
			by = -1
		}
		if g.to-g.from >= period {
			always += by
			continue
		}
		from, to := int(g.from%period/phaseGrain)+1, int(g.to%period/phaseGrain)+1
		against[min(from, bins)] += by
		against[min(to, bins)] -= by
		if to < from { // over the end of the period
			against[0] += by
		}
	}
	from, length, least := fewest(against[:bins])
	half := time.Duration(length-1) * phaseGrain / 2
	return (time.Duration(from)*phaseGrain + half) % period, half + phaseGrain + 60*time.Millisecond, always + least
}

// fewest is the longest run, round the end too, of the smallest value of a
// sequence given by its differences.
func fewest(differences []int) (from, length, least int) {
	sums, sum := make([]int, len(differences)), 0
	for i, d := range differences {
		sum += d
		sums[i] = sum
	}
	least = slices.Min(sums)
	for i := 0; i < len(sums); i++ {
		n := 0
		for n < len(sums) && sums[(i+n)%len(sums)] == least {
			n++
		}
		if n > length {
			from, length = i, n
		}
		i += n
	}
	return from, length, least
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
