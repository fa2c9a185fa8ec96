package poller

import (
	"slices"

	"spate"
	"spate/mibs"
)

const (
	datagram   = 1400 // octets that pass any Ethernet without fragments
	overhead   = 60   // of message and PDU headers, community included
	varSize    = 24   // a counter with its OID and a one-octet ifIndex
	bigIndex   = 4    // more for an ifIndex of five octets
	minBulkRun = 2    // rows; fewer are asked for by name
)

// limits are what a device has taught about its answers. They only ever get
// smaller within a run and are kept between rounds.
type limits struct {
	rows    int  // most rows in one PDU; 0: as many as fit a datagram
	columns int  // most columns in one PDU; 0: all of a row
	noBulk  bool // GETBULK gives other rows than it should, or nothing
}

// A request is one PDU of a round: the same columns of some rows.
type request struct {
	columns []mibs.Object
	rows    []int // positions in Table.Rows, ascending
	bulk    bool  // consecutive rows: GETBULK from the row before
}

// layout is one set of columns that rows share.
type layout struct{ wide, narrow spate.CounterSet }

// columns of a layout: every counter, and the two states.
func (l layout) columns() []mibs.Object {
	var out []mibs.Object
	for _, s := range sources {
		switch {
		case l.wide.Has(s.counter):
			out = append(out, s.wide)
		case l.narrow.Has(s.counter):
			out = append(out, s.narrow)
		}
	}
	return append(out, mibs.IfOperStatus, mibs.IfAdminStatus)
}

// plan lays out the requests of one round over a table. Runs of neighbouring
// rows with one layout are read side by side by GETBULK, whose requests are
// short; rows in between that are not wanted break a run.
func plan(t *Table, l limits, bulk bool) []request {
	var out []request
	for start := 0; start < len(t.Rows); {
		end := run(t.Rows, start)
		if t.Rows[start].Wanted {
			out = append(out, split(t.Rows, start, end, l, bulk && !l.noBulk)...)
		}
		start = end
	}
	return joined(out, t.Rows, l)
}

// run is the end of the rows from start on that can be read alike.
func run(rows []Row, start int) int {
	end := start + 1
	for end < len(rows) && rows[end].Wanted == rows[start].Wanted && layoutOf(rows[end]) == layoutOf(rows[start]) {
		end++
	}
	return end
}

func layoutOf(r Row) layout { return layout{r.Port.Wide, r.Port.Narrow} }

func split(rows []Row, start, end int, l limits, bulk bool) []request {
	columns := layoutOf(rows[start]).columns()
	width := len(columns)
	if l.columns > 0 {
		width = min(width, l.columns)
	}
	var out []request
	for start < end {
		n := min(perPDU(width, rows[start].Index, l), end-start)
		var at []int
		for i := range n {
			at = append(at, start+i)
		}
		for some := range slices.Chunk(columns, width) {
			out = append(out, request{columns: some, rows: at, bulk: bulk && n >= minBulkRun})
		}
		start += n
	}
	return out
}

// perPDU is how many rows fit one answer.
func perPDU(columns, index int, l limits) int {
	size := varSize
	if index > 127 {
		size += bigIndex
	}
	n := max(1, (datagram-overhead-3*varSize)/(columns*size))
	if l.rows > 0 {
		n = min(n, l.rows)
	}
	return n
}

// joined puts small GETs of one layout together, so that a device whose wanted
// ports lie far apart is not asked one row at a time.
func joined(requests []request, rows []Row, l limits) []request {
	var out []request
	type kind struct {
		layout layout
		first  mibs.OID
	}
	open := map[kind]int{} // to the position of its last GET in out
	for _, q := range requests {
		key := kind{layoutOf(rows[q.rows[0]]), q.columns[0].OID}
		at, ok := open[key]
		if q.bulk || !ok || len(out[at].rows)+len(q.rows) > perPDU(len(q.columns), rows[q.rows[0]].Index, l) {
			if !q.bulk {
				open[key] = len(out)
			}
			out = append(out, q)
			continue
		}
		out[at].rows = slices.Concat(out[at].rows, q.rows)
	}
	return out
}
