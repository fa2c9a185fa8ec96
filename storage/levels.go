package storage

import "slices"

// Times of the writer's work on coarse buckets, in ms of the data.
const (
	tidyEvery = 60_000  // how often buckets are looked through
	patience  = 120_000 // a bucket is written so long after its end though no slot has ended it
)

// mostHeld is how many buckets wait for room on the disk, 240 octets each: an
// hour of 10,000 ports. The oldest are dropped beyond it and counted.
const mostHeld = 1 << 17

// A levelWriter is what the writer has of one coarse tier.
type levelWriter struct {
	rows *rows
	from int64 // what the tier takes: within the retention, ms
	held []heldBucket
}

// A heldBucket waits for room on the disk.
type heldBucket struct {
	labels []byte
	bucket bucket
}

// over takes a bucket of the port that w.about names.
func (w *writer) over(level int, b *bucket) {
	lw := &w.levels[level]
	if w.e.coarse[level] == nil || b.first < lw.from {
		return
	}
	if w.closed() {
		w.hold(lw, b)
		return
	}
	lw.rows.addBucket(w.about, b, levelSteps[level])
	if lw.rows.full() {
		w.pushLevel(level)
	}
}

func (w *writer) hold(lw *levelWriter, b *bucket) {
	if len(lw.held) >= mostHeld {
		n := len(lw.held) / 8
		w.e.counts.refused.Add(n)
		lw.held = slices.Delete(lw.held, 0, n)
	}
	lw.held = append(lw.held, heldBucket{w.about, *b})
	if w.refuse == 0 || b.first < w.refuse {
		w.refuse = max(b.first, 1)
	}
}

// release writes what was held while the disk was full.
func (w *writer) release() {
	for l := range w.levels {
		held := w.levels[l].held
		w.levels[l].held = nil
		for i := range held {
			w.about = held[i].labels
			w.over(l, &held[i].bucket)
		}
	}
}

// pushCoarse tells whether there was anything.
func (w *writer) pushCoarse() (some bool) {
	for l := range w.levels {
		some = some || len(w.levels[l].rows.list) > 0
		w.pushLevel(l)
	}
	return some
}

// pushLevel gives a batch to its engine. While the disk is full it waits: what
// comes meanwhile is held as buckets, which are smaller.
func (w *writer) pushLevel(l int) {
	r := w.levels[l].rows
	if len(r.list) == 0 || w.closed() || w.holds() {
		return
	}
	w.e.coarse[l].add(r.list)
	w.e.counts.rows.Add(len(r.list))
	r.empty()
}

// tidy writes buckets that were over some time ago, of ports that fell silent.
// Called with the lock held.
func (w *writer) tidy(at int64) {
	w.tidied = at
	for id, a := range w.e.ports.sums {
		w.about = nil
		a.finishBefore(at-patience, func(l int, b *bucket) {
			if w.about == nil {
				w.about = labelsOf(id)
			}
			w.over(l, b)
		})
	}
}

// forget lets go of ports that are no longer in memory otherwise.
func (w *writer) forget(oldest int64) {
	for id, a := range w.e.ports.sums {
		if w.e.ports.byID[id] == nil && a.end < oldest {
			w.about = labelsOf(id)
			a.finish(w.bucket)
			delete(w.e.ports.sums, id)
		}
	}
}

// rewrite writes buckets that may not have come to disk before a crash.
func (w *writer) rewrite() {
	w.e.ports.mu.Lock()
	defer w.e.ports.mu.Unlock()
	for id, a := range w.e.ports.sums {
		w.about = labelsOf(id)
		for l := range a.levels {
			if last := &a.levels[l].last; last.first != 0 {
				w.over(l, last)
			}
		}
	}
}
