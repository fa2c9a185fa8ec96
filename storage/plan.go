package storage

import "spate"

// plan chooses the tier that answers a query: 0 raw, then the coarse ones.
//
// By range and width: the coarsest whose columns are at most a quarter wider than
// the raw tier's would be. A wider tier would show less than was asked for, a finer
// one would read more rows for the same picture.
//
// By age: where that tier no longer has the beginning of the range, or the
// beginning of all that is stored, the next coarser that has it; else, where only
// a finer one has it because the coarse tiers are newer than the store, that one.
func (e *store) plan(q *spate.Query) int {
	suits := e.suits(q)
	at := now()
	from, to := rangeOf(q)
	oldest := from
	if all := e.since(at); all > 0 {
		oldest = max(oldest, all)
	}
	has := func(tier int) bool {
		since := e.ages[tier].since(at)
		return e.keeper(tier) != nil && since > 0 && since <= oldest+e.stepsOf(tier)(from, to)[0].Step
	}
	for tier := suits; tier <= numLevels; tier++ {
		if has(tier) {
			return tier
		}
	}
	for tier := suits - 1; tier >= 0; tier-- {
		rows := (min(to, at) - oldest) / e.stepsOf(tier)(oldest, to)[0].Step
		if has(tier) && rows <= mostSlots && rows*int64(len(q.Ports)*len(q.Metrics)) <= int64(e.cfg.MaxSamples) {
			return tier
		}
	}
	return suits
}

// suits is the tier for range and width.
func (e *store) suits(q *spate.Query) int {
	from, to := rangeOf(q)
	width := int64(q.Width)
	raw := newGrid(q, e.folder.during)
	best := 0
	for l, step := range levelSteps {
		if e.coarse[l] != nil && step > raw.base && columnStep(from, to, step, width) <= raw.step+raw.step/4 {
			best = 1 + l
		}
	}
	return best
}

// since is the time of the oldest row of any tier; 0: there is none.
func (e *store) since(now int64) (oldest int64) {
	for i := range e.ages {
		if at := e.ages[i].since(now); at > 0 && e.keeper(i) != nil && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	return oldest
}
