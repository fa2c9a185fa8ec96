package poller

import (
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
