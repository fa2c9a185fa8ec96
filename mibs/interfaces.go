package mibs

const (
	rfc2863t = "RFC 2863, section 6 (IF-MIB ifTable)"
	rfc2863x = "RFC 2863, section 6 (IF-MIB ifXTable)"
	rfc2863s = "RFC 2863, section 6 (IF-MIB)"
)

// IfTable holds one row per interface with 32-bit counters, IfXTable its names,
// 64-bit counters and speeds beyond 4 Gb/s.
const (
	IfTable  OID = ".1.3.6.1.2.1.2.2"
	IfXTable OID = ".1.3.6.1.2.1.31.1.1"
)

// Columns of ifTable, and ifTableLastChange.
var (
	IfIndex           = Object{"ifIndex", ".1.3.6.1.2.1.2.2.1.1", Integer, "", rfc2863t, false}
	IfDescr           = Object{"ifDescr", ".1.3.6.1.2.1.2.2.1.2", OctetString, "", rfc2863t, false}
	IfType            = Object{"ifType", ".1.3.6.1.2.1.2.2.1.3", Integer, "", rfc2863t, false}
	IfSpeed           = Object{"ifSpeed", ".1.3.6.1.2.1.2.2.1.5", Gauge32, "b/s", rfc2863t, false}
	IfPhysAddress     = Object{"ifPhysAddress", ".1.3.6.1.2.1.2.2.1.6", OctetString, "", rfc2863t, false}
	IfAdminStatus     = Object{"ifAdminStatus", ".1.3.6.1.2.1.2.2.1.7", Integer, "", rfc2863t, false}
	IfOperStatus      = Object{"ifOperStatus", ".1.3.6.1.2.1.2.2.1.8", Integer, "", rfc2863t, false}
	IfInOctets        = Object{"ifInOctets", ".1.3.6.1.2.1.2.2.1.10", Counter32, "octets", rfc2863t, false}
	IfInUcastPkts     = Object{"ifInUcastPkts", ".1.3.6.1.2.1.2.2.1.11", Counter32, "packets", rfc2863t, false}
	IfInNUcastPkts    = Object{"ifInNUcastPkts", ".1.3.6.1.2.1.2.2.1.12", Counter32, "packets", rfc2863t, false} // deprecated: multicast and broadcast in one
	IfInDiscards      = Object{"ifInDiscards", ".1.3.6.1.2.1.2.2.1.13", Counter32, "packets", rfc2863t, false}
	IfInErrors        = Object{"ifInErrors", ".1.3.6.1.2.1.2.2.1.14", Counter32, "packets", rfc2863t, false}
	IfOutOctets       = Object{"ifOutOctets", ".1.3.6.1.2.1.2.2.1.16", Counter32, "octets", rfc2863t, false}
	IfOutUcastPkts    = Object{"ifOutUcastPkts", ".1.3.6.1.2.1.2.2.1.17", Counter32, "packets", rfc2863t, false}
	IfOutNUcastPkts   = Object{"ifOutNUcastPkts", ".1.3.6.1.2.1.2.2.1.18", Counter32, "packets", rfc2863t, false} // deprecated
	IfOutDiscards     = Object{"ifOutDiscards", ".1.3.6.1.2.1.2.2.1.19", Counter32, "packets", rfc2863t, false}
	IfOutErrors       = Object{"ifOutErrors", ".1.3.6.1.2.1.2.2.1.20", Counter32, "packets", rfc2863t, false}
	IfNumber          = Object{"ifNumber", ".1.3.6.1.2.1.2.1", Integer, "", rfc2863s, true} // how many interfaces there are
	IfTableLastChange = Object{"ifTableLastChange", ".1.3.6.1.2.1.31.1.5", TimeTicks, "1/100 s", rfc2863s, true}
)

// Columns of ifXTable.
var (
	IfName                     = Object{"ifName", ".1.3.6.1.2.1.31.1.1.1.1", OctetString, "", rfc2863x, false}
	IfInMulticastPkts          = Object{"ifInMulticastPkts", ".1.3.6.1.2.1.31.1.1.1.2", Counter32, "packets", rfc2863x, false}
	IfInBroadcastPkts          = Object{"ifInBroadcastPkts", ".1.3.6.1.2.1.31.1.1.1.3", Counter32, "packets", rfc2863x, false}
	IfOutMulticastPkts         = Object{"ifOutMulticastPkts", ".1.3.6.1.2.1.31.1.1.1.4", Counter32, "packets", rfc2863x, false}
	IfOutBroadcastPkts         = Object{"ifOutBroadcastPkts", ".1.3.6.1.2.1.31.1.1.1.5", Counter32, "packets", rfc2863x, false}
	IfHCInOctets               = Object{"ifHCInOctets", ".1.3.6.1.2.1.31.1.1.1.6", Counter64, "octets", rfc2863x, false}
	IfHCInUcastPkts            = Object{"ifHCInUcastPkts", ".1.3.6.1.2.1.31.1.1.1.7", Counter64, "packets", rfc2863x, false}
	IfHCInMulticastPkts        = Object{"ifHCInMulticastPkts", ".1.3.6.1.2.1.31.1.1.1.8", Counter64, "packets", rfc2863x, false}
	IfHCInBroadcastPkts        = Object{"ifHCInBroadcastPkts", ".1.3.6.1.2.1.31.1.1.1.9", Counter64, "packets", rfc2863x, false}
	IfHCOutOctets              = Object{"ifHCOutOctets", ".1.3.6.1.2.1.31.1.1.1.10", Counter64, "octets", rfc2863x, false}
	IfHCOutUcastPkts           = Object{"ifHCOutUcastPkts", ".1.3.6.1.2.1.31.1.1.1.11", Counter64, "packets", rfc2863x, false}
	IfHCOutMulticastPkts       = Object{"ifHCOutMulticastPkts", ".1.3.6.1.2.1.31.1.1.1.12", Counter64, "packets", rfc2863x, false}
	IfHCOutBroadcastPkts       = Object{"ifHCOutBroadcastPkts", ".1.3.6.1.2.1.31.1.1.1.13", Counter64, "packets", rfc2863x, false}
	IfHighSpeed                = Object{"ifHighSpeed", ".1.3.6.1.2.1.31.1.1.1.15", Gauge32, "Mb/s", rfc2863x, false}
	IfAlias                    = Object{"ifAlias", ".1.3.6.1.2.1.31.1.1.1.18", OctetString, "", rfc2863x, false}
	IfCounterDiscontinuityTime = Object{"ifCounterDiscontinuityTime", ".1.3.6.1.2.1.31.1.1.1.19", TimeTicks, "1/100 s", rfc2863x, false}
)

// Interfaces over others: ifStackTable, whose index is the ifIndex of the higher
// one and that of the lower one, and the ports of LAGs.
var (
	IfStackStatus              = Object{"ifStackStatus", ".1.3.6.1.2.1.31.1.2.1.3", Integer, "", rfc2863s, false}
	Dot3adAggPortAttachedAggID = Object{"dot3adAggPortAttachedAggID", ".1.2.840.10006.300.43.1.2.1.1.13", Integer, "", ieee8021ax, false} // 0: of none
)

const ieee8021ax = "IEEE 802.1AX-2014, clause 7.4 (IEEE8023-LAG-MIB)"

// Objects lists everything Spate reads, in the order of their OIDs.
func Objects() []Object {
	return []Object{
		SysDescr, SysObjectID, SysUpTime, SysName, SysLocation,
		IfNumber, IfIndex, IfDescr, IfType, IfSpeed, IfPhysAddress, IfAdminStatus, IfOperStatus,
		IfInOctets, IfInUcastPkts, IfInNUcastPkts, IfInDiscards, IfInErrors,
		IfOutOctets, IfOutUcastPkts, IfOutNUcastPkts, IfOutDiscards, IfOutErrors,
		IfName, IfInMulticastPkts, IfInBroadcastPkts, IfOutMulticastPkts, IfOutBroadcastPkts,
		IfHCInOctets, IfHCInUcastPkts, IfHCInMulticastPkts, IfHCInBroadcastPkts,
		IfHCOutOctets, IfHCOutUcastPkts, IfHCOutMulticastPkts, IfHCOutBroadcastPkts,
		IfHighSpeed, IfAlias, IfCounterDiscontinuityTime, IfTableLastChange,
		IfStackStatus, Dot3adAggPortAttachedAggID,
	}
}
