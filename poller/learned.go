package poller

import (
	"context"
	"encoding/json"
	"time"

	"spate/mibs"
)

// relearnAfter is how long a limit that a device has taught stands before more is
// tried again: firmware gets better, and a busy hour is no rule for ever.
const relearnAfter = 24 * time.Hour

// learned is what a device has taught of its limits, as it is kept over restarts
// of Spate so that they need not be found out again by failing.
type learned struct {
	Rows     int       `json:"rows,omitempty"`      // most rows in one PDU of a round; 0: as many as fit a datagram
	NoBulk   bool      `json:"no_bulk,omitempty"`   // rounds by GET: GETBULK gives other rows than it should
	Columns  int       `json:"columns,omitempty"`   // most columns in one PDU of a round; 0: all of a row
	V1       bool      `json:"v1,omitempty"`        // silent to SNMPv2c
	WalkVars int       `json:"walk_vars,omitempty"` // most variables in one answer of a walk
	WalkNext bool      `json:"walk_next,omitempty"` // walks by GETNEXT: GETBULK is of no use
	Since    time.Time `json:"since"`
}

func (l learned) any() bool {
	return l.Rows > 0 || l.Columns > 0 || l.NoBulk || l.V1 || l.WalkVars > 0 || l.WalkNext
}

// recall takes what an earlier run has learned. What cannot be read is nothing.
func (d *device) recall(b []byte, now time.Time) {
	var l learned
	if len(b) == 0 || json.Unmarshal(b, &l) != nil || !l.any() || now.Sub(l.Since) > relearnAfter || l.Rows < 0 || l.Columns < 0 || l.WalkVars < 0 {
		return
	}
	d.limits, d.v1 = limits{rows: l.Rows, columns: l.Columns, noBulk: l.NoBulk}, l.V1 && d.target.Credentials.Version == V2c
	d.walkVars, d.walkNext, d.learnedAt = l.WalkVars, l.WalkNext, l.Since
}

// remember is what the device has taught, to be kept; nil: nothing.
func (d *device) remember(now time.Time) []byte {
	l := learned{Rows: d.limits.rows, Columns: d.limits.columns, V1: d.v1, NoBulk: d.limits.noBulk, WalkVars: d.walkVars, WalkNext: d.walkNext}
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
func (d *device) retry(ctx context.Context, now time.Time) {
	if d.learnedAt.IsZero() || now.Sub(d.learnedAt) < relearnAfter {
		return
	}
	d.limits, d.walkVars, d.walkNext, d.learnedAt = limits{}, 0, false, time.Time{}
	if d.v1 && d.answersIn(ctx, V2c) {
		d.v1 = false
	}
	if d.table != nil {
		d.plan = plan(d.table, d.limits, d.session.HasBulk())
	}
}

// taught takes over what a walk has found out.
func (d *device) taught(w *walker) {
	if w.vars < walkVars {
		d.walkVars = max(1, w.vars)
	}
	if w.single && d.session.HasBulk() {
		d.limits.noBulk = true
	}
	d.walkNext = d.walkNext || w.single && d.session.HasBulk()
}

// answersIn asks one thing in another version with one packet, and stays with that
// version if there is an answer.
func (d *device) answersIn(ctx context.Context, version string) bool {
	c, ok := d.session.(*client)
	if !ok {
		return false
	}
	before := c.cred.Version
	c.cred.Version = version
	if _, err := c.Probe(ctx, mibs.SysUpTime.Instance(0)); err != nil {
		c.cred.Version = before
		return false
	}
	return true
}

// olderEvery is in how many rounds a silent device is once asked in SNMPv1.
const olderEvery = 8

// older finds out whether a device that has never answered SNMPv2c knows version 1
// only; asked tells whether the one packet was spent that a dead device may cost.
func (d *device) older(ctx context.Context) (asked bool) {
	never := d.table == nil && d.target.Credentials.Version == V2c && !d.v1
	if !never || d.misses < deadAfter || (d.misses-deadAfter)%olderEvery != 0 {
		return false
	}
	if d.answersIn(ctx, V1) {
		d.v1 = true
		d.counts.fell(FallbackV1)
		d.voice.noted([]string{"it is silent to SNMPv2c: read with SNMPv1, which has no 64-bit counters"})
		return false
	}
	return true
}

// instructed counts and tells what a round has taught.
func (d *device) instructed(before limits) {
	now := d.limits
	if now.noBulk && !before.noBulk {
		d.counts.fell(FallbackGet)
		d.voice.noted([]string{"GETBULK does not give the rows it should: read with GET"})
	}
	if now.rows != before.rows || now.columns != before.columns {
		d.counts.fell(FallbackSmaller)
		d.voice.noted([]string{"answers of a round were too big: asked for fewer rows or columns at once"})
	}
}
