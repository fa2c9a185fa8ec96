package poller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"spate"
	"spate/mibs"
)

// A Table is what a device was found to be: its system group and its ports.
type Table struct {
	System spate.System
	Rows   []Row    // ascending by ifIndex
	Notes  []string // oddities of the agent that were worked around

	HasLastChange bool   // the device has ifTableLastChange
	LastChange    uint32 // 1/100 s; it moves when rows come or go
}

// A Row is one ifTable row: the port and what its counters are read from.
type Row struct {
	Index         int
	Name          string // ifName as read, to notice when the row becomes another port
	Descr         string // ifDescr as read
	Port          *spate.Port
	Discontinuity uint32 // ifCounterDiscontinuityTime
	Wanted        bool   // device.ports names it
}

// raw is one row while its table is being read.
type raw struct {
	index              int
	inTable            bool
	name, descr, alias string
	kind               int
	speed, highSpeed   uint64
	mac                string
	admin, oper        uint64
	discontinuity      uint32
	zero               spate.CounterSet // 64-bit counters that stand at 0
	counts             bool             // some counter does not
	wide, narrow       spate.CounterSet
}

// finder reads a device's tables.
type finder struct {
	walker  *walker
	target  Target
	reject  func(Rejection)
	strict  bool // a table that went backwards is not taken over, see complete
	rows    map[int]*raw
	suspect map[int]spate.CounterSet // ifIndex to 64-bit counters that stood at 0 in the last round while others counted
}

// find reads a device's ports; old is its table as last found, empty at first.
// Which columns the counters come from is found out only when rows came, went
// or changed their names. A port keeps its name when another begins to share it.
func (f *finder) find(ctx context.Context, old *Table) (*Table, error) {
	for tries := 1; ; tries++ {
		t, err := f.findOnce(ctx, old)
		if err != nil || tries == mostFinds {
			return t, err
		}
		now, err := f.system(ctx)
		if err != nil {
			return nil, err
		}
		if now.System.Uptime >= t.System.Uptime && now.LastChange == t.LastChange {
			return t, nil
		}
		f.walker.note(FallbackChanged, "the table changed while it was read")
	}
}

// mostFinds is how often a table that changes while it is read is read again.
const mostFinds = 3

func (f *finder) findOnce(ctx context.Context, old *Table) (*Table, error) {
	t, err := f.system(ctx)
	if err != nil {
		return nil, err
	}
	f.rows = map[int]*raw{}
	if err := f.walker.walk(ctx, facts(), f.fact); err != nil {
		return nil, err
	}
	f.dropStrangers()
	if len(f.rows) == 0 {
		return nil, ErrNoPorts
	}
	if err := f.complete(old); err != nil {
		return nil, err
	}
	if f.sameRows(old) {
		for _, row := range old.Rows {
			r := f.rows[row.Index]
			r.wide, r.narrow = row.Port.Wide, row.Port.Narrow
			r.zero, r.counts = f.suspect[row.Index], true
		}
		if err := f.walker.walk(ctx, f.wanted(), f.counter); err != nil {
			return nil, err
		}
	} else if err := f.counters(ctx); err != nil {
		return nil, err
	}
	t.Rows = f.table(old.names())
	stacked, err := f.stacking(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	layers(t.Rows, stacked, old)
	t.Notes = f.walker.notes
	return t, nil
}

// complete refuses a table whose names went backwards before there were as many
// as last time: a partial table never takes the place of a good one. When the
// agent stays like that, patience ends and it is read as far as it goes.
func (f *finder) complete(old *Table) error {
	if old == nil || !f.strict {
		return nil
	}
	for _, o := range [...]mibs.Object{mibs.IfIndex, mibs.IfDescr, mibs.IfName} {
		rows, cut := f.walker.cut[o.OID]
		if cut && rows < old.rowsWith(o) {
			return fmt.Errorf("%w: %s goes backwards after %d of %d rows", ErrWalk, o.Name, rows, old.rowsWith(o))
		}
	}
	return nil
}

// rowsWith is how many rows have a value of one of the columns that tell them apart.
func (t *Table) rowsWith(o mibs.Object) int {
	n := 0
	for _, r := range t.Rows {
		if o.OID == mibs.IfIndex.OID || o.OID == mibs.IfName.OID && r.Name != "" || o.OID == mibs.IfDescr.OID && r.Descr != "" {
			n++
		}
	}
	return n
}

func (f *finder) sameRows(old *Table) bool {
	if old == nil || len(old.Rows) != len(f.rows) {
		return false
	}
	for _, row := range old.Rows {
		if r := f.rows[row.Index]; r == nil || r.name != row.Name || r.descr != row.Descr {
			return false
		}
	}
	return true
}

// names are today's port names and their rows.
func (t *Table) names() map[string]int {
	out := map[string]int{}
	if t == nil {
		return out
	}
	for _, r := range t.Rows {
		out[r.Port.ID.Name] = r.Index
	}
	return out
}

// system reads the system group in one request, or one by one where an agent
// refuses the whole for the lack of one (SNMPv1).
func (f *finder) system(ctx context.Context) (*Table, error) {
	objects := []mibs.Object{mibs.SysDescr, mibs.SysObjectID, mibs.SysUpTime, mibs.SysName, mibs.IfTableLastChange, mibs.IfNumber}
	vars, err := getAll(ctx, f.walker.session, objects, f.reject)
	if err != nil {
		return nil, err
	}
	t := &Table{System: spate.System{
		Name:   spate.Clean(string(vars[mibs.SysName.OID].Octets)),
		Descr:  spate.Clean(string(vars[mibs.SysDescr.OID].Octets)),
		Vendor: mibs.Vendor(vars[mibs.SysObjectID.OID].Name),
		Uptime: time.Duration(vars[mibs.SysUpTime.OID].Uint) * 10 * time.Millisecond,
	}}
	f.walker.expect(vars[mibs.IfNumber.OID].Uint)
	last, has := vars[mibs.IfTableLastChange.OID]
	t.HasLastChange, t.LastChange = has, uint32(last.Uint)
	return t, nil
}

// getAll reads scalars; what the device lacks stays a zero Var.
func getAll(ctx context.Context, s Session, objects []mibs.Object, reject func(Rejection)) (map[mibs.OID]Var, error) {
	out := map[mibs.OID]Var{}
	for len(objects) > 0 {
		oids := make([]mibs.OID, len(objects))
		for i, o := range objects {
			oids[i] = o.Instance(0)
		}
		a, err := s.Get(ctx, oids)
		switch {
		case err != nil:
			return nil, err
		case a.Status == NoSuchName && a.Index >= 1 && a.Index <= len(objects):
			objects = slices.Delete(slices.Clone(objects), a.Index-1, a.Index)
			continue
		case a.Status != NoError && len(objects) > 1:
			half := len(objects) / 2
			first, err := getAll(ctx, s, objects[:half], reject)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, first)
			objects = objects[half:]
			continue
		case a.Status != NoError:
			return out, nil // the one scalar that this agent cannot give
		}
		for i, o := range objects {
			switch {
			case i >= len(a.Vars): // cut off
			case a.Vars[i].OID != o.Instance(0):
				reject(RejectOID)
			case a.Vars[i].Is(o.Syntax):
				out[o.OID] = a.Vars[i]
			}
		}
		return out, nil
	}
	return out, nil
}

// fact takes one value of a fact column.
func (f *finder) fact(o mibs.Object, index int, v *Var) {
	if !v.Is(o.Syntax) {
		f.reject(RejectSyntax)
		f.walker.note(FallbackSyntax, "%s is %s, want %s", o.Name, v.Syntax, o.Syntax)
		return
	}
	r := f.row(index)
	switch o.OID {
	case mibs.IfIndex.OID:
	case mibs.IfDescr.OID:
		r.descr = spate.Clean(string(v.Octets))
	case mibs.IfType.OID:
		r.kind = int(v.Uint)
	case mibs.IfSpeed.OID:
		r.speed = v.Uint
	case mibs.IfPhysAddress.OID:
		r.mac = macText(v.Octets)
	case mibs.IfAdminStatus.OID:
		r.admin = v.Uint
	case mibs.IfOperStatus.OID:
		r.oper = v.Uint
	case mibs.IfName.OID:
		r.name = spate.Clean(string(v.Octets))
	case mibs.IfHighSpeed.OID:
		r.highSpeed = v.Uint
	case mibs.IfAlias.OID:
		r.alias = spate.Clean(string(v.Octets))
	case mibs.IfCounterDiscontinuityTime.OID:
		r.discontinuity = uint32(v.Uint)
	}
	if mibs.IfTable.Contains(o.OID) {
		r.inTable = true
	}
}

func (f *finder) row(index int) *raw {
	r := f.rows[index]
	if r == nil {
		r = &raw{index: index}
		f.rows[index] = r
	}
	return r
}

// dropStrangers leaves out rows that ifXTable has and ifTable lacks, as long as
// ifTable has any: ifXTable augments it (RFC 2863, section 3.1.1).
func (f *finder) dropStrangers() {
	table := false
	for _, r := range f.rows {
		table = table || r.inTable
	}
	maps.DeleteFunc(f.rows, func(_ int, r *raw) bool { return table && !r.inTable })
}

func macText(b []byte) string {
	if len(b) != 6 || [6]byte(b) == [6]byte{} {
		return ""
	}
	return net.HardwareAddr(b).String()
}

// counters finds out from which columns each row's counters can be read. The
// 32-bit columns are read only where a row lacks the wide ones.
func (f *finder) counters(ctx context.Context) error {
	if err := f.walker.walk(ctx, wideColumns(), f.counter); err != nil && !errors.Is(err, ErrWalk) {
		return err
	}
	return f.walker.walk(ctx, f.wanted(), f.counter)
}

// wanted are the 32-bit columns that some row needs, or whose 64-bit twins are
// doubtful: some switches leave those at 0 for ever.
func (f *finder) wanted() []mibs.Object {
	var out []mibs.Object
	for _, s := range sources {
		for _, r := range f.rows {
			if r.wants(s) {
				out = append(out, s.narrow)
				break
			}
		}
	}
	return out
}

func (r *raw) wants(s source) bool {
	switch {
	case r.narrow.Has(s.counter):
		return false
	case r.wide.Has(s.counter):
		return r.zero.Has(s.counter) && r.counts
	}
	return !isNUcast(s.counter) || !r.wide.Has(spate.InMcastPkts)
}

func isNUcast(c spate.Counter) bool { return c == spate.InNUcastPkts || c == spate.OutNUcastPkts }

func (f *finder) counter(o mibs.Object, index int, v *Var) {
	r, known := f.rows[index]
	c, wide, ok := counterOf(o.OID)
	if !known || !ok {
		return
	}
	if !v.Is(o.Syntax) {
		f.reject(RejectSyntax)
		f.walker.note(FallbackSyntax, "%s is %s, want %s", o.Name, v.Syntax, o.Syntax)
		return
	}
	switch {
	case wide:
		r.wide = r.wide.With(c)
		if v.Uint == 0 {
			r.zero = r.zero.With(c)
		}
		r.counts = r.counts || v.Uint != 0
	case !r.wide.Has(c):
		r.narrow = r.narrow.With(c)
	case r.zero.Has(c) && v.Uint != 0: // LibreNMS issues 2376 and 4508: Cisco Small Business
		r.wide, r.narrow = r.wide.Without(c), r.narrow.With(c)
		f.walker.note(FallbackNarrow, "%s of row %d counts while its 64-bit twin stays at 0: read with 32 bits", o.Name, index)
	}
}

// table turns the raw rows into ports with names, speeds and columns.
func (f *finder) table(known map[string]int) []Row {
	sorted := slices.SortedFunc(maps.Values(f.rows), func(a, b *raw) int { return cmp.Compare(a.index, b.index) })
	names := nameRows(sorted, known)
	rows := make([]Row, len(sorted))
	for i, r := range sorted {
		if r.narrow.Has(spate.InMcastPkts) || r.wide.Has(spate.InMcastPkts) {
			r.narrow &^= spate.CounterSet(0).With(spate.InNUcastPkts).With(spate.OutNUcastPkts)
		}
		rows[i] = Row{Index: r.index, Name: r.name, Descr: r.descr, Discontinuity: r.discontinuity, Port: f.port(r, names[i])}
		rows[i].Wanted = f.target.wants(rows[i].Port.ID.Name)
	}
	return rows
}

func (f *finder) port(r *raw, name string) *spate.Port {
	p := &spate.Port{
		ID:      spate.PortID{Device: f.target.Device.Name, Name: name},
		IfIndex: r.index, Alias: r.alias, Descr: r.descr, MAC: r.mac,
		Type:  mibs.IfTypeName(r.kind),
		Admin: spate.StatusOf(r.admin), Oper: spate.StatusOf(r.oper),
		Wide: r.wide, Narrow: r.narrow,
	}
	p.Speed, p.SpeedSource = speedOf(p, r, f.target.Speed)
	return p
}
