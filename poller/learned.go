package poller

import (
	"encoding/json"
	"time"
)

// relearnAfter is how long a limit that a device has taught stands before more is
// tried again: firmware gets better, and a busy hour is no rule for ever.
const relearnAfter = 24 * time.Hour

// learned is what a device has taught of its limits, as it is kept over restarts
// of Spate so that they need not be found out again by failing.
type learned struct {
	Rows     int       `json:"rows,omitempty"`      // most rows in one PDU of a round; 0: as many as fit a datagram
	NoBulk   bool      `json:"no_bulk,omitempty"`   // rounds by GET: GETBULK gives other rows than it should
	WalkVars int       `json:"walk_vars,omitempty"` // most variables in one answer of a walk
	WalkNext bool      `json:"walk_next,omitempty"` // walks by GETNEXT: GETBULK is of no use
	Since    time.Time `json:"since"`
}

func (l learned) any() bool { return l.Rows > 0 || l.NoBulk || l.WalkVars > 0 || l.WalkNext }

// recall takes what an earlier run has learned. What cannot be read is nothing.
func (d *device) recall(b []byte, now time.Time) {
	var l learned
	if len(b) == 0 || json.Unmarshal(b, &l) != nil || !l.any() || now.Sub(l.Since) > relearnAfter || l.Rows < 0 || l.WalkVars < 0 {
		return
	}
	d.limits = limits{rows: l.Rows, noBulk: l.NoBulk}
	d.walkVars, d.walkNext, d.learnedAt = l.WalkVars, l.WalkNext, l.Since
}

// remember is what the device has taught, to be kept; nil: nothing.
func (d *device) remember(now time.Time) []byte {
	l := learned{Rows: d.limits.rows, NoBulk: d.limits.noBulk, WalkVars: d.walkVars, WalkNext: d.walkNext}
	if !l.any() {
		d.learnedAt, d.kept, d.keptAs = time.Time{}, nil, learned{}
		return nil
	}
	if d.learnedAt.IsZero() {
		d.learnedAt = now
	}
	l.Since = d.learnedAt.UTC().Truncate(time.Second)
	if l != d.keptAs {
		d.kept, _ = json.Marshal(l) // of plain fields: it cannot fail
		d.keptAs = l
	}
	return d.kept
}

// retry forgets limits that have stood for a day; they are learned again where
// they still hold.
func (d *device) retry(now time.Time) {
	if d.learnedAt.IsZero() || now.Sub(d.learnedAt) < relearnAfter {
		return
	}
	d.limits, d.walkVars, d.walkNext, d.learnedAt = limits{}, 0, false, time.Time{}
	if d.table != nil {
		d.plan = plan(d.table, d.limits, d.session.HasBulk())
	}
}

// taught takes over what a walk has found out.
func (d *device) taught(w *walker) {
	if w.vars < walkVars {
		d.walkVars = max(1, w.vars)
	}
	d.walkNext = d.walkNext || w.single && d.session.HasBulk()
}
