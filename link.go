package spate

import (
	"net/netip"
	"time"
)

// A LinkSource says how a link is known, best first.
type LinkSource string

// Sources of links.
const (
	LinkConfig   LinkSource = "config"   // the operator's word, [[link]]
	LinkLLDP     LinkSource = "lldp"     // IEEE 802.1AB
	LinkCDP      LinkSource = "cdp"      // Cisco's own
	LinkFDB      LinkSource = "fdb"      // from which MACs are seen where
	LinkInferred LinkSource = "inferred" // from counters: out of A is in of B
)

// A Link joins two ports of polled devices. A bundle's members are links, one
// each; the bundle's ports stand in LAG.
type Link struct {
	A, B       PortID // A before B, by device then name
	Source     LinkSource
	Confidence float64   // 0..1: how often such evidence has been right
	Evidence   []string  // what speaks for it, for the operator
	LAG        [2]string // the bundle's port at A and at B; empty where there is none
	Since      time.Time // first seen so
	SeenAt     time.Time // last confirmed
}

// Other is the port at the far end; false where id is at neither.
func (l *Link) Other(id PortID) (PortID, bool) {
	switch id {
	case l.A:
		return l.B, true
	case l.B:
		return l.A, true
	}
	return PortID{}, false
}

// A Role is what a port is for. The words are part of the API.
type Role string

// Roles of ports.
const (
	RoleAccess   Role = "access"   // leads to hosts
	RoleUplink   Role = "uplink"   // leads to another polled or seen switch or router
	RoleExternal Role = "external" // leads to the outside: transit, peering
	RoleLAG      Role = "lag"      // a bundle
	RoleVirtual  Role = "virtual"  // SVI, sub-unit, loopback, tunnel
	RoleUnknown  Role = "unknown"
)

// A PortRole is a role with what speaks for it.
type PortRole struct {
	Port       PortID
	Role       Role
	Confidence float64 // 0..1
	Evidence   []string
	Stations   int       // MACs seen behind it that are seen nowhere nearer
	Unmanaged  bool      // several of them: behind a switch that nobody polls
	Peer       Neighbour // the box that announces itself there, polled or not; zero none
}

// A Host is a station behind an access port.
type Host struct {
	MAC       MAC
	VLAN      int
	IPs       []netip.Addr // newest first
	Name      string       // from [hosts] csv, ifAlias or reverse DNS; empty unknown
	Customer  string
	Port      PortID
	Behind    string // "" directly; "behind an unmanaged switch" and how many share the port
	FirstSeen time.Time
	SeenAt    time.Time
	Moves     int // times it changed ports since FirstSeen
}
