package poller

import (
	"spate/mibs"
)

// take hands the rows of an answer on and tells how many there were.
func (w *walker) take(open []*column, a *Answer, visit func(mibs.Object, *Var)) int {
	rows := 0
	for i := range a.Vars {
		c, v := open[i%len(open)], &a.Vars[i]
		if c.done {
			continue
		}
		switch {
		case v.Missing():
			c.done = true
		case mibs.Compare(v.OID, c.last) <= 0:
			if w.backwards(c) {
				return rows // the rest is asked for again
			}
		case !c.object.OID.Contains(v.OID):
			c.done = true
		case c.rows >= w.most:
			w.note(FallbackRows, "%s has more than %d rows: the rest is left out", c.object.Name, w.most)
			w.short++
			c.done = true
		default:
			c.last = v.OID
			c.rows++
			rows++
			visit(c.object, v)
		}
	}
	return rows
}

// expect takes a device's word for how many rows there are: ifNumber, which may
// lag behind. A device that makes rows up has to say so first.
func (w *walker) expect(rows uint64) {
	w.most = int(max(plainRows, min(2*rows, maxRows)))
}

// backwards deals with an answer that does not go forward. After GETBULK the same
// is asked for once more, row by row, which some agents can do better: true. Else
// the column ends there: whatever comes behind could go on for ever.
func (w *walker) backwards(c *column) (again bool) {
	w.reject(RejectOrder)
	if !w.single {
		w.note(FallbackNext, "%s goes backwards with GETBULK: read with GETNEXT", c.object.Name)
		w.single, w.careful = true, true
		return true
	}
	w.note(FallbackOrder, "%s goes backwards after row %d: the walk ends there", c.object.Name, c.rows)
	w.cut[c.object.OID] = c.rows
	w.short++
	c.done = true
	return false
}

// endRunaway ends a column that goes on long after all others of its table have
// ended: it has no end, or is no column of the table.
func (w *walker) endRunaway(columns []*column) {
	open := stillOpen(columns)
	if len(open) != 1 || len(columns) == 1 {
		return
	}
	longest := 0
	for _, c := range columns {
		if c.done {
			longest = max(longest, c.rows)
		}
	}
	if longest == 0 {
		return // the others are not there at all: an agent may lack a column
	}
	if c := open[0]; c.rows > 2*longest+runawayRows {
		w.note(FallbackRows, "%s goes on after the %d rows of the table: the rest is left out", c.object.Name, longest)
		w.short++
		c.done = true
	}
}
