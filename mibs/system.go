package mibs

const rfc3418 = "RFC 3418, section 2 (SNMPv2-MIB system)"

// The system group: what a device says of itself.
var (
	SysDescr    = Object{"sysDescr", ".1.3.6.1.2.1.1.1", OctetString, "", rfc3418, true}
	SysObjectID = Object{"sysObjectID", ".1.3.6.1.2.1.1.2", ObjectID, "", rfc3418, true}
	// SysUpTime counts from the last start of the agent and wraps after 497 days.
	SysUpTime   = Object{"sysUpTime", ".1.3.6.1.2.1.1.3", TimeTicks, "1/100 s", rfc3418, true}
	SysName     = Object{"sysName", ".1.3.6.1.2.1.1.5", OctetString, "", rfc3418, true}
	SysLocation = Object{"sysLocation", ".1.3.6.1.2.1.1.6", OctetString, "", rfc3418, true}
)

// A report PDU's only variable says why a v3 request was refused (RFC 3414,
// section 5, and RFC 3412, section 5).
const (
	UsmStatsUnsupportedSecLevels OID = ".1.3.6.1.6.3.15.1.1.1.0"
	UsmStatsNotInTimeWindows     OID = ".1.3.6.1.6.3.15.1.1.2.0"
	UsmStatsUnknownUserNames     OID = ".1.3.6.1.6.3.15.1.1.3.0"
	UsmStatsUnknownEngineIDs     OID = ".1.3.6.1.6.3.15.1.1.4.0"
	UsmStatsWrongDigests         OID = ".1.3.6.1.6.3.15.1.1.5.0"
	UsmStatsDecryptionErrors     OID = ".1.3.6.1.6.3.15.1.1.6.0"
	SnmpUnknownContexts          OID = ".1.3.6.1.6.3.12.1.5.0"
)
