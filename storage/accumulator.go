package storage

// An accumulator makes the coarse buckets of one port of its slots as these are
// finished: about 1 KB a port.
type accumulator struct {
	end    int64 // of the newest slot counted, ms
	turn   int64 // how often the clock was set back, modulo what fits between two slots
	levels [numLevels]struct {
		open bucket // not yet over
		last bucket // the one before, until the engine shows it
	}
}

// add counts the slot at..at+step and hands each bucket that is over to emit. A
// slot that reaches into several buckets counts in each for the time it covers.
// One that begins before its forerunner's end means that the clock was set back:
// what is open is closed, and the slot begins a new part.
func (a *accumulator) add(at, step int64, v *values, emit func(level int, b *bucket)) {
	if at < a.end {
		a.finish(emit)
		a.turn = (a.turn + 1) % gridUnit.Milliseconds()
	}
	for l := range a.levels {
		a.spread(l, at, at+step, v, emit)
	}
	a.end = at + step
}

func (a *accumulator) spread(l int, from, to int64, v *values, emit func(int, *bucket)) {
	length, lv := levelSteps[l], &a.levels[l]
	for from < to {
		start := floor(from, length)
		if lv.open.first != 0 && floor(lv.open.first, length) != start {
			a.close(l, emit)
		}
		until := min(to, start+length)
		lv.open.countAll(from, until-from, a.turn, v)
		if until == start+length {
			a.close(l, emit)
		}
		from = until
	}
}

// counted tells whether the slot that ends at a time is in already, as one of a
// journal may be.
func (a *accumulator) counted(end int64) bool { return end <= a.end }

// close hands out a level's open bucket.
func (a *accumulator) close(l int, emit func(int, *bucket)) {
	lv := &a.levels[l]
	if lv.open.first == 0 {
		return
	}
	emit(l, &lv.open)
	lv.last, lv.open = lv.open, bucket{}
}

// finish hands out everything.
func (a *accumulator) finish(emit func(int, *bucket)) {
	for l := range a.levels {
		a.close(l, emit)
	}
}

// finishBefore hands out buckets that were over at a time, of ports that have
// nothing new to say.
func (a *accumulator) finishBefore(at int64, emit func(int, *bucket)) {
	for l := range a.levels {
		if b := &a.levels[l].open; b.first != 0 && floor(b.first, levelSteps[l])+levelSteps[l] <= at {
			a.close(l, emit)
		}
	}
}

// empty tells whether nothing is open.
func (a *accumulator) empty() bool {
	for l := range a.levels {
		if a.levels[l].open.first != 0 {
			return false
		}
	}
	return true
}
