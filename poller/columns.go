package poller

import (
	"spate"
	"spate/mibs"
)

// source says which columns hold a counter: the 64-bit one where the row has
// it, else the 32-bit one. RFC 2863, section 3.1.6 asks for 64 bits only from
// 20 Mb/s up (octets) and 640 Mb/s up (packets), so this differs from row to row.
type source struct {
	counter      spate.Counter
	wide, narrow mibs.Object // zero where there is none
}

var sources = [...]source{
	{spate.InOctets, mibs.IfHCInOctets, mibs.IfInOctets},
	{spate.OutOctets, mibs.IfHCOutOctets, mibs.IfOutOctets},
	{spate.InUcastPkts, mibs.IfHCInUcastPkts, mibs.IfInUcastPkts},
	{spate.OutUcastPkts, mibs.IfHCOutUcastPkts, mibs.IfOutUcastPkts},
	{spate.InMcastPkts, mibs.IfHCInMulticastPkts, mibs.IfInMulticastPkts},
	{spate.OutMcastPkts, mibs.IfHCOutMulticastPkts, mibs.IfOutMulticastPkts},
	{spate.InBcastPkts, mibs.IfHCInBroadcastPkts, mibs.IfInBroadcastPkts},
	{spate.OutBcastPkts, mibs.IfHCOutBroadcastPkts, mibs.IfOutBroadcastPkts},
	{spate.InErrors, mibs.Object{}, mibs.IfInErrors},
	{spate.OutErrors, mibs.Object{}, mibs.IfOutErrors},
	{spate.InDiscards, mibs.Object{}, mibs.IfInDiscards},
	{spate.OutDiscards, mibs.Object{}, mibs.IfOutDiscards},
	{spate.InNUcastPkts, mibs.Object{}, mibs.IfInNUcastPkts},
	{spate.OutNUcastPkts, mibs.Object{}, mibs.IfOutNUcastPkts},
}

// counterOf finds the counter that a column holds.
func counterOf(oid mibs.OID) (c spate.Counter, wide, ok bool) {
	for _, s := range sources {
		switch oid {
		case s.wide.OID:
			return s.counter, true, oid != ""
		case s.narrow.OID:
			return s.counter, false, oid != ""
		}
	}
	return 0, false, false
}

// facts are the columns that say what a port is, read when ports are looked
// for and every few minutes.
func facts() []mibs.Object {
	return []mibs.Object{
		mibs.IfIndex, mibs.IfDescr, mibs.IfType, mibs.IfSpeed, mibs.IfPhysAddress,
		mibs.IfAdminStatus, mibs.IfOperStatus, mibs.IfName, mibs.IfHighSpeed, mibs.IfAlias,
		mibs.IfCounterDiscontinuityTime,
	}
}

// wideColumns and narrowColumns are the counters' columns by width.
func wideColumns() []mibs.Object {
	var out []mibs.Object
	for _, s := range sources {
		if s.wide.OID != "" {
			out = append(out, s.wide)
		}
	}
	return out
}

func narrowColumns() []mibs.Object {
	var out []mibs.Object
	for _, s := range sources {
		out = append(out, s.narrow)
	}
	return out
}
