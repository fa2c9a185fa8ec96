package mibs

const (
	ieee8021ab = "IEEE 802.1AB-2009, clause 11 (LLDP-MIB)"
	ciscoCDP   = "Cisco, CISCO-CDP-MIB"
	ciscoVTP   = "Cisco, CISCO-VTP-MIB"
	rfc4188    = "RFC 4188, section 4 (BRIDGE-MIB)"
	rfc4363    = "RFC 4363, section 5 (Q-BRIDGE-MIB)"
	rfc4293    = "RFC 4293, section 5 (IP-MIB)"
	rfc6933    = "RFC 6933, section 3 (ENTITY-MIB)"
)

// What a device says of itself by LLDP, and the names of its ports there: index
// lldpLocPortNum, which need not be an ifIndex.
var (
	LldpLocChassisIDSubtype = Object{"lldpLocChassisIdSubtype", ".1.0.8802.1.1.2.1.3.1", Integer, "", ieee8021ab, true}
	LldpLocChassisID        = Object{"lldpLocChassisId", ".1.0.8802.1.1.2.1.3.2", OctetString, "", ieee8021ab, true}
	LldpLocSysName          = Object{"lldpLocSysName", ".1.0.8802.1.1.2.1.3.3", OctetString, "", ieee8021ab, true}
	LldpLocPortIDSubtype    = Object{"lldpLocPortIdSubtype", ".1.0.8802.1.1.2.1.3.7.1.2", Integer, "", ieee8021ab, false}
	LldpLocPortID           = Object{"lldpLocPortId", ".1.0.8802.1.1.2.1.3.7.1.3", OctetString, "", ieee8021ab, false}
	LldpLocPortDesc         = Object{"lldpLocPortDesc", ".1.0.8802.1.1.2.1.3.7.1.4", OctetString, "", ieee8021ab, false}
)

// The boxes that announce themselves by LLDP: index lldpRemTimeMark,
// lldpRemLocalPortNum, lldpRemIndex; of management addresses also subtype, length
// and address.
var (
	LldpRemChassisIDSubtype = Object{"lldpRemChassisIdSubtype", ".1.0.8802.1.1.2.1.4.1.1.4", Integer, "", ieee8021ab, false}
	LldpRemChassisID        = Object{"lldpRemChassisId", ".1.0.8802.1.1.2.1.4.1.1.5", OctetString, "", ieee8021ab, false}
	LldpRemPortIDSubtype    = Object{"lldpRemPortIdSubtype", ".1.0.8802.1.1.2.1.4.1.1.6", Integer, "", ieee8021ab, false}
	LldpRemPortID           = Object{"lldpRemPortId", ".1.0.8802.1.1.2.1.4.1.1.7", OctetString, "", ieee8021ab, false}
	LldpRemPortDesc         = Object{"lldpRemPortDesc", ".1.0.8802.1.1.2.1.4.1.1.8", OctetString, "", ieee8021ab, false}
	LldpRemSysName          = Object{"lldpRemSysName", ".1.0.8802.1.1.2.1.4.1.1.9", OctetString, "", ieee8021ab, false}
	LldpRemSysDesc          = Object{"lldpRemSysDesc", ".1.0.8802.1.1.2.1.4.1.1.10", OctetString, "", ieee8021ab, false}
	LldpRemSysCapEnabled    = Object{"lldpRemSysCapEnabled", ".1.0.8802.1.1.2.1.4.1.1.12", OctetString, "", ieee8021ab, false}
	LldpRemManAddrIfSubtype = Object{"lldpRemManAddrIfSubtype", ".1.0.8802.1.1.2.1.4.2.1.3", Integer, "", ieee8021ab, false}
)

// The boxes that announce themselves by CDP: index cdpCacheIfIndex,
// cdpCacheDeviceIndex.
var (
	CdpCacheAddressType  = Object{"cdpCacheAddressType", ".1.3.6.1.4.1.9.9.23.1.2.1.1.3", Integer, "", ciscoCDP, false} // 1: IPv4
	CdpCacheAddress      = Object{"cdpCacheAddress", ".1.3.6.1.4.1.9.9.23.1.2.1.1.4", OctetString, "", ciscoCDP, false}
	CdpCacheDeviceID     = Object{"cdpCacheDeviceId", ".1.3.6.1.4.1.9.9.23.1.2.1.1.6", OctetString, "", ciscoCDP, false}
	CdpCacheDevicePort   = Object{"cdpCacheDevicePort", ".1.3.6.1.4.1.9.9.23.1.2.1.1.7", OctetString, "", ciscoCDP, false}
	CdpCachePlatform     = Object{"cdpCachePlatform", ".1.3.6.1.4.1.9.9.23.1.2.1.1.8", OctetString, "", ciscoCDP, false}
	CdpCacheCapabilities = Object{"cdpCacheCapabilities", ".1.3.6.1.4.1.9.9.23.1.2.1.1.9", OctetString, "", ciscoCDP, false}
)

// VtpVlanState lists a Cisco switch's VLANs, each of which has a bridge MIB of its
// own under community@vlan: index management domain, VLAN.
var VtpVlanState = Object{"vtpVlanState", ".1.3.6.1.4.1.9.9.46.1.3.1.1.2", Integer, "", ciscoVTP, false}

// The bridge: its address, its ports by dot1dBasePort, which is no ifIndex, and
// its spanning tree.
var (
	Dot1dBaseBridgeAddress       = Object{"dot1dBaseBridgeAddress", ".1.3.6.1.2.1.17.1.1", OctetString, "", rfc4188, true}
	Dot1dBasePortIfIndex         = Object{"dot1dBasePortIfIndex", ".1.3.6.1.2.1.17.1.4.1.2", Integer, "", rfc4188, false}
	Dot1dStpTimeSinceChange      = Object{"dot1dStpTimeSinceTopologyChange", ".1.3.6.1.2.1.17.2.3", TimeTicks, "1/100 s", rfc4188, true}
	Dot1dStpTopChanges           = Object{"dot1dStpTopChanges", ".1.3.6.1.2.1.17.2.4", Counter32, "changes", rfc4188, true}
	Dot1dStpPortState            = Object{"dot1dStpPortState", ".1.3.6.1.2.1.17.2.15.1.3", Integer, "", rfc4188, false} // 2 blocking, 5 forwarding
	Dot1dStpPortDesignatedBridge = Object{"dot1dStpPortDesignatedBridge", ".1.3.6.1.2.1.17.2.15.1.8", OctetString, "", rfc4188, false}
	Dot1dStpPortDesignatedPort   = Object{"dot1dStpPortDesignatedPort", ".1.3.6.1.2.1.17.2.15.1.9", OctetString, "", rfc4188, false}
)

// Where frames go: index MAC, in Q-BRIDGE-MIB after the number of the filtering
// database, which dot1qVlanFdbId (index time mark, VLAN) leads to.
var (
	Dot1dTpFdbPort   = Object{"dot1dTpFdbPort", ".1.3.6.1.2.1.17.4.3.1.2", Integer, "", rfc4188, false}
	Dot1dTpFdbStatus = Object{"dot1dTpFdbStatus", ".1.3.6.1.2.1.17.4.3.1.3", Integer, "", rfc4188, false} // 2 invalid, 3 learned, 4 self, 5 mgmt
	Dot1qTpFdbPort   = Object{"dot1qTpFdbPort", ".1.3.6.1.2.1.17.7.1.2.2.1.2", Integer, "", rfc4363, false}
	Dot1qTpFdbStatus = Object{"dot1qTpFdbStatus", ".1.3.6.1.2.1.17.7.1.2.2.1.3", Integer, "", rfc4363, false}
	Dot1qVlanFdbID   = Object{"dot1qVlanFdbId", ".1.3.6.1.2.1.17.7.1.4.2.1.3", Gauge32, "", rfc4363, false}
)

// Which address has which MAC: index ifIndex and the address, in the newer table
// with its type and length; and a device's own addresses.
var (
	IPNetToMediaPhysAddress    = Object{"ipNetToMediaPhysAddress", ".1.3.6.1.2.1.4.22.1.2", OctetString, "", rfc4293, false}
	IPNetToMediaType           = Object{"ipNetToMediaType", ".1.3.6.1.2.1.4.22.1.4", Integer, "", rfc4293, false} // 2 invalid
	IPNetToPhysicalPhysAddress = Object{"ipNetToPhysicalPhysAddress", ".1.3.6.1.2.1.4.35.1.4", OctetString, "", rfc4293, false}
	IPNetToPhysicalType        = Object{"ipNetToPhysicalType", ".1.3.6.1.2.1.4.35.1.6", Integer, "", rfc4293, false} // 2 invalid, 5 local
	IPAdEntIfIndex             = Object{"ipAdEntIfIndex", ".1.3.6.1.2.1.4.20.1.2", Integer, "", rfc4293, false}
	IPAddressIfIndex           = Object{"ipAddressIfIndex", ".1.3.6.1.2.1.4.34.1.3", Integer, "", rfc4293, false}
)

// What the box is made of: index entPhysicalIndex. entAliasMappingIdentifier leads
// to the ifIndex of a port.
var (
	EntPhysicalDescr      = Object{"entPhysicalDescr", ".1.3.6.1.2.1.47.1.1.1.1.2", OctetString, "", rfc6933, false}
	EntPhysicalClass      = Object{"entPhysicalClass", ".1.3.6.1.2.1.47.1.1.1.1.5", Integer, "", rfc6933, false}
	EntPhysicalName       = Object{"entPhysicalName", ".1.3.6.1.2.1.47.1.1.1.1.7", OctetString, "", rfc6933, false}
	EntPhysicalSerialNum  = Object{"entPhysicalSerialNum", ".1.3.6.1.2.1.47.1.1.1.1.11", OctetString, "", rfc6933, false}
	EntPhysicalModelName  = Object{"entPhysicalModelName", ".1.3.6.1.2.1.47.1.1.1.1.13", OctetString, "", rfc6933, false}
	EntAliasMappingLeadID = Object{"entAliasMappingIdentifier", ".1.3.6.1.2.1.47.1.3.2.1.2", ObjectID, "", rfc6933, false}
)

// Neighbourhood lists the objects that say what is around a device.
func Neighbourhood() []Object {
	return []Object{
		LldpLocChassisIDSubtype, LldpLocChassisID, LldpLocSysName, LldpLocPortIDSubtype, LldpLocPortID, LldpLocPortDesc,
		LldpRemChassisIDSubtype, LldpRemChassisID, LldpRemPortIDSubtype, LldpRemPortID, LldpRemPortDesc, LldpRemSysName, LldpRemSysDesc, LldpRemSysCapEnabled,
		LldpRemManAddrIfSubtype, CdpCacheAddressType, CdpCacheAddress, CdpCacheDeviceID, CdpCacheDevicePort, CdpCachePlatform, CdpCacheCapabilities, VtpVlanState,
		Dot1dBaseBridgeAddress, Dot1dBasePortIfIndex, Dot1dStpTimeSinceChange, Dot1dStpTopChanges, Dot1dStpPortState, Dot1dStpPortDesignatedBridge, Dot1dStpPortDesignatedPort,
		Dot1dTpFdbPort, Dot1dTpFdbStatus, Dot1qTpFdbPort, Dot1qTpFdbStatus, Dot1qVlanFdbID,
		IPNetToMediaPhysAddress, IPNetToMediaType, IPNetToPhysicalPhysAddress, IPNetToPhysicalType, IPAdEntIfIndex, IPAddressIfIndex,
		EntPhysicalDescr, EntPhysicalClass, EntPhysicalName, EntPhysicalSerialNum, EntPhysicalModelName, EntAliasMappingLeadID,
	}
}
