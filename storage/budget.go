package storage

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"spate"
)

// The engine knows no budget. It keeps each month in folders of its own and
// drops the month that is past its retention; so the store keeps to a budget by
// whole months: it opens a tier again with a retention that ends with its
// oldest month. Slots first, which take most, never fewer than a week of them;
// then five minutes, never fewer than a quarter of a year; hours stay.
var leastKept = [1 + numLevels]time.Duration{7 * day, 91 * day, 0}

const budgetEvery = 3_600_000 // ms between two looks; the engine takes a minute to drop a month

// budget looks whether the store is over its budget, and drops a month if so.
func (w *writer) budget(at int64) {
	limit := w.e.cfg.Budget
	if limit == 0 || at-w.budgeted < budgetEvery && at >= w.budgeted || !w.e.isOpen() || w.e.space.full() {
		return
	}
	w.budgeted = at
	bytes := uint64(0)
	for k := range w.e.keepers() {
		bytes += k.bytes()
	}
	if bytes <= limit {
		w.e.overBudget.Store(nil)
		return
	}
	for tier := range w.e.ages {
		keep, ok := w.e.withoutOldestMonth(tier, time.UnixMilli(at))
		if !ok {
			continue
		}
		w.shorten(tier, keep, bytes)
		return
	}
	said := fmt.Sprintf("the store takes %v, storage.budget is %v, and nothing may be dropped that is old enough: raise it, or poll fewer ports", spate.Octets(bytes), spate.Octets(limit))
	if old := w.e.overBudget.Swap(&said); old == nil {
		w.e.space.log.Warn("the store is over its budget", "why", said)
	}
}

// withoutOldestMonth is the retention by which a tier loses its oldest month;
// not ok where it has but one, or would keep too little.
func (e *store) withoutOldestMonth(n int, at time.Time) (keep time.Duration, ok bool) {
	t, embedded := e.keeper(n).(*tier)
	if !embedded || leastKept[n] == 0 {
		return 0, false
	}
	months := t.months()
	had := time.Duration(e.ages[n].keep.Load()) * time.Millisecond
	for i, m := range months {
		if end := m.AddDate(0, 1, 0); i+1 < len(months) && end.After(at.Add(-had)) {
			keep = at.Sub(end)
			return keep, keep >= leastKept[n]
		}
	}
	return 0, false
}

// months are those that the tier has rows of, oldest first.
func (t *tier) months() (out []time.Time) {
	folders, _ := filepath.Glob(filepath.Join(t.path, "data", "small", "*")) // the pattern is sound
	for _, f := range folders {
		if m, err := time.Parse("2006_01", filepath.Base(f)); err == nil {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// shorten opens a tier again with a shorter retention. Readers wait for the
// moment it takes; the ring has what comes in meanwhile.
func (w *writer) shorten(n int, keep time.Duration, bytes uint64) {
	w.push()
	w.e.reading.Lock()
	defer w.e.reading.Unlock()
	t := w.e.keeper(n).(*tier)
	t.keep = keep
	err := errors.Join(t.rest(), t.wake())
	w.e.ages[n].keep.Store(keep.Milliseconds())
	w.window()
	if err != nil {
		w.e.space.log.Error("a tier could not be opened again with a shorter retention", "tier", t.name, "err", err)
		return
	}
	w.e.overBudget.Store(nil)
	w.e.space.log.Warn("the store is over its budget: its oldest month is dropped", "tier", t.name, "kept", keep.Round(time.Hour), "bytes", bytes, "budget", w.e.cfg.Budget)
}

// note is what an operator should know of budget and retention.
func (e *store) note() string {
	if said := e.overBudget.Load(); said != nil {
		return *said
	}
	var shorter error
	for i, want := range e.cfg.retentions() {
		if keep := time.Duration(e.ages[i].keep.Load()) * time.Millisecond; e.keeper(i) != nil && keep < want {
			shorter = errors.Join(shorter, fmt.Errorf("%s is kept for %d days instead of %d, within storage.budget %v", e.keeper(i).about(), int(keep/day), int(want/day), spate.Octets(e.cfg.Budget)))
		}
	}
	if shorter != nil {
		return shorter.Error()
	}
	if f := e.forecast(); e.cfg.Budget > 0 && f > int64(e.cfg.Budget) {
		return fmt.Sprintf("at this rate the store takes %v in a year, storage.budget is %v: it will keep the oldest months of raw values for less time", spate.Octets(f), spate.Octets(e.cfg.Budget))
	}
	return ""
}
