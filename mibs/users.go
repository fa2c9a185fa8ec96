package mibs

// What `spate agent -pass-persist` serves through net-snmp's agent. It lies below
// netSnmpPlaypen (NET-SNMP-MIB: netSnmpExperimental 9999), which is everybody's.
const (
	AgentUsers OID = ".1.3.6.1.4.1.8072.9999.9999.1"

	// Columns of a table whose index is the uid.
	AgentUserName    = AgentUsers + ".1.1.1" // OCTET STRING
	AgentUserOctets  = AgentUsers + ".1.1.2" // Counter64, octets of layer 3 sent
	AgentUserPackets = AgentUsers + ".1.1.3" // Counter64, packets sent

	// Scalars.
	AgentBackend      = AgentUsers + ".2.0" // OCTET STRING: how they are counted
	AgentOtherOctets  = AgentUsers + ".3.0" // Counter64: of all users that are not named
	AgentOtherPackets = AgentUsers + ".4.0" // Counter64
)
