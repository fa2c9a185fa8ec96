package poller

import (
	"context"

	"spate"
	"spate/mibs"
)

// leaders are the variables before the rows of a PDU: the agent's clock in
// each, and in the first one of a round also what tells that rows have moved:
// ifTableLastChange, and the name of one row, another in every round. Only what
// the device was found to have is asked for; SNMPv1 refuses the whole otherwise.
func (r *reading) leaders() []mibs.Object {
	out := []mibs.Object{mibs.SysUpTime}
	if r.led {
		return out
	}
	if r.table.HasLastChange {
		out = append(out, mibs.IfTableLastChange)
	}
	if column, _ := r.canaryName(); column.OID != "" {
		out = append(out, column)
	}
	return out
}

// canaryName is the column that names the canary row, and what it should say.
func (r *reading) canaryName() (mibs.Object, string) {
	row := r.table.Rows[r.canary]
	switch {
	case row.Name != "":
		return mibs.IfName, row.Name
	case row.Descr != "":
		return mibs.IfDescr, row.Descr
	}
	return mibs.Object{}, ""
}

// leading reads the variables before the rows; false: they are not what was
// asked for.
func (r *reading) leading(leaders []mibs.Object, vars []Var) (clock *Var, ok bool) {
	index := r.table.Rows[r.canary].Index
	for i, o := range leaders {
		if vars[i].OID == o.Instance(index) {
			continue
		}
		if o.Scalar {
			return nil, false
		}
		r.renamed = true // GETBULK passed over the row: it is not there
	}
	clock = &vars[0]
	if !clock.Is(mibs.SysUpTime.Syntax) {
		clock = nil
	} else if !r.uptimeKnown {
		r.uptime, r.uptimeKnown = uint32(clock.Uint), true
	}
	for i, o := range leaders[1:] {
		r.identity(o, &vars[i+1])
	}
	r.led = true
	return clock, true
}

// identity compares one of the leading variables with what is known.
func (r *reading) identity(o mibs.Object, v *Var) {
	switch {
	case o.OID == mibs.IfTableLastChange.OID:
		r.changed = v.Is(o.Syntax) && uint32(v.Uint) != r.table.LastChange
	case v.Missing():
		r.renamed = true
	default:
		_, want := r.canaryName()
		r.renamed = r.renamed || spate.Clean(string(v.Octets)) != want
	}
}

// mostNames is how many rows' names one request asks for.
const mostNames = 30

// youngRounds: a counter that holds less than so many of its last steps has begun
// shortly ago. Two rows with such counters can change places without one of them
// going down, so that their names are looked at in every round.
const youngRounds = 60

// odd are the rows whose octets went down, or faster than the port can: each may
// be a wrap, a reseated card, or another port under the row's number. Where two
// rows have changed places one of them always goes down.
func (d *device) odd(r *reading) []int {
	var out []int
	for i := range d.ports {
		p, cur := &d.ports[i], &r.samples[i]
		if !p.hasPrev || cur.Known == 0 || cur.Uptime < p.prev.Uptime {
			continue
		}
		for _, c := range [...]spate.Counter{spate.InOctets, spate.OutOctets} {
			a, b := p.prev.Values[c], cur.Values[c]
			if !cur.Known.Has(c) || !p.prev.Known.Has(c) {
				continue
			}
			most := float64(p.port.Limit()) / 8 * cur.At.Sub(p.prev.At).Seconds() * 2
			if b < a || float64(b-a) > most || b > a && b/(b-a) < youngRounds {
				out = append(out, i)
				break
			}
		}
	}
	return out
}

// stand asks for the names of rows and tells whether they are the ports they
// were. What cannot be asked now is taken for true: the names are read again
// every few minutes.
func (d *device) stand(ctx context.Context, rows []int) bool {
	for len(rows) > 0 {
		n := min(len(rows), mostNames)
		var oids []mibs.OID
		var want []string
		for _, i := range rows[:n] {
			row := d.table.Rows[i]
			switch {
			case row.Name != "":
				oids, want = append(oids, mibs.IfName.Instance(row.Index)), append(want, row.Name)
			case row.Descr != "":
				oids, want = append(oids, mibs.IfDescr.Instance(row.Index)), append(want, row.Descr)
			}
		}
		rows = rows[n:]
		if len(oids) == 0 {
			continue
		}
		a, err := d.session.Get(ctx, oids)
		if err != nil {
			return true
		}
		if a.Status == NoSuchName {
			return false
		}
		for j := range a.Vars {
			if j < len(want) && a.Vars[j].OID == oids[j] && (a.Vars[j].Missing() || spate.Clean(string(a.Vars[j].Octets)) != want[j]) {
				return false
			}
		}
	}
	return true
}
