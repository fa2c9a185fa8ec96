package spate

import (
	"net/netip"
	"time"
)

// Tables are what one device was read to know of the boxes around it. Strings
// are already cleaned. A table that was not read whole is as far as it came;
// Read tells which, and nothing may be taken from the lack of a row in it.
type Tables struct {
	Device string    // the configured name
	At     time.Time // when the reading ended
	Took   time.Duration
	PDUs   int // requests it cost

	Chassis   []ChassisID  // names the device itself goes by at layer 2
	SysName   string       // as LLDP and CDP tell it to others
	Addresses []netip.Addr // its own, from ipAdEntAddr, ipAddressTable and LLDP

	Neighbours []Neighbour
	Stations   []Station
	Bindings   []Binding
	Spanning   []SpanningPort
	Changes    uint32    // dot1dStpTopChanges
	ChangedAt  time.Time // of the last of them; zero not told
	Parts      []Part    // ENTITY-MIB: what the box is made of

	Read map[TableKind]TableRead
}

// A TableKind names a table that Tables are made from.
type TableKind string

// Kinds of tables.
const (
	TableLLDP     TableKind = "lldp"     // LLDP-MIB, IEEE 802.1AB
	TableCDP      TableKind = "cdp"      // CISCO-CDP-MIB
	TableFDB      TableKind = "fdb"      // BRIDGE-MIB and Q-BRIDGE-MIB forwarding tables
	TableARP      TableKind = "arp"      // ipNetToMediaTable, ipNetToPhysicalTable
	TableSpanning TableKind = "spanning" // dot1dStp
	TableEntity   TableKind = "entity"   // ENTITY-MIB
)

// A TableRead says how the reading of one table ended.
type TableRead struct {
	Rows    int
	Whole   bool   // read to its end; an absent table is whole with no rows
	Absent  bool   // the device does not have it
	Dropped int    // rows that made no sense or passed the bound
	Why     string // why it is not whole, for the operator
}

// A ChassisID names a box in LLDP or CDP (IEEE 802.1AB, section 8.5.2).
type ChassisID struct {
	Kind IDKind
	Text string // a MAC as aa:bb:cc:dd:ee:ff, an address as netip prints it
}

// An IDKind is the subtype of an LLDP chassis or port id.
type IDKind string

// Kinds of ids.
const (
	IDMAC       IDKind = "mac"
	IDAddress   IDKind = "address"
	IDName      IDKind = "name"  // ifName, or the CDP device id
	IDAlias     IDKind = "alias" // ifAlias
	IDComponent IDKind = "component"
	IDLocal     IDKind = "local" // whatever the vendor thought of: often an ifIndex, an ifDescr or a name
)

// A Neighbour is one box that announces itself on one port.
type Neighbour struct {
	Port         string     // ours, by Port.ID.Name; empty where its number leads to no ifTable row
	LocalNum     int        // lldpLocPortNum or cdpCacheIfIndex as read
	Source       LinkSource // LinkLLDP or LinkCDP
	Chassis      ChassisID
	PortID       string // theirs
	PortKind     IDKind
	PortDescr    string
	SysName      string
	SysDescr     string
	Addresses    []netip.Addr // management addresses
	Capabilities Capabilities // enabled ones; 0 not told
}

// Capabilities are what a neighbour says it does (IEEE 802.1AB, table 8-4).
type Capabilities uint16

// Bits of Capabilities.
const (
	CanOther Capabilities = 1 << iota
	CanRepeat
	CanBridge
	CanWLAN
	CanRoute
	CanPhone
	CanDocsis
	CanStationOnly
)

// A Station is a row of a forwarding table: frames to MAC leave by Port.
type Station struct {
	MAC  MAC
	VLAN int    // 0: not told
	Port string // by Port.ID.Name
	Self bool   // the bridge's own address
}

// A Binding is a row of an ARP or neighbour table.
type Binding struct {
	IP   netip.Addr
	MAC  MAC
	Port string // the layer 3 interface it was learned on, by Port.ID.Name; empty unknown
}

// A SpanningPort is a row of dot1dStpPortTable.
type SpanningPort struct {
	Port             string
	Number           int // dot1dBasePort, what other bridges call it
	Forwarding       bool
	Blocking         bool
	DesignatedBridge MAC // dot1dStpPortDesignatedBridge without its priority: whoever sends the best BPDUs there
	DesignatedPort   int // dot1dStpPortDesignatedPort without its priority, a base port there; 0 not told
}

// A Part is a piece of hardware with a name and a serial number of its own.
type Part struct {
	Class        string // chassis, module, stack, port … (entPhysicalClass)
	Name, Descr  string
	Model        string
	SerialNumber string
	Port         string // for a port, by Port.ID.Name, where entAliasMapping tells
}
