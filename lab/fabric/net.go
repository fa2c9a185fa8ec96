package fabric

import (
	"net/netip"
	"time"

	"spate"
)

// A Net is a network at work. It is not safe for use by several goroutines.
type Net struct {
	Shape   Shape
	Devices []*Device // borders, cores, distribution, access
	Hosts   []*Host
	Outside []*Port // external ports of the borders

	at     time.Time // traffic is worked out up to here
	until  time.Time // and does not change before here
	flows  []*flow
	floods []*Flood
	vlans  map[int]*vlan
	step   int64 // number of the traffic step in force
}

// A Tier is a device's place in the tree.
type Tier int

// Tiers, from the outside in.
const (
	Border Tier = iota
	Core
	Distribution
	Access
)

// A Device is a switch or router.
type Device struct {
	Name    string
	Tier    Tier
	Vendor  Vendor
	Polled  bool
	Ports   []*Port // ascending by ifIndex
	Chassis spate.MAC
	Address netip.Addr
	Pod     int // of distribution and access; -1 others

	up      *Port // towards the border: a bundle or a single port; nil at the first border
	started time.Time
	dark    [][2]time.Time // does not answer between
	last    map[*Port]spate.Sample
}

// A Port is one ifTable row. A bundle counts what its members count.
type Port struct {
	Device   *Device
	Name     string
	Index    int
	Speed    spate.BitRate
	Type     string // IANAifType name
	VLAN     int    // of an access port; 0: a trunk
	External bool
	Peer     *Port   // other end of the cable
	Bundle   *Port   // it is a member of
	Members  []*Port // of a bundle
	Blocked  bool    // by the spanning tree
	Mute     bool    // neither end announces itself
	Hosts    []*Host // behind an access port
	MAC      spate.MAC
	Down     bool

	offered [2]load // what wants to pass, in and out, per second
	carried [2]load
	sum     [2]load // counters
	port    *spate.Port
}

// load is traffic per second, or its sum.
type load struct {
	octets, ucast, mcast, bcast, discards float64
}

func (l *load) add(o *load, by float64) {
	l.octets += o.octets * by
	l.ucast += o.ucast * by
	l.mcast += o.mcast * by
	l.bcast += o.bcast * by
	l.discards += o.discards * by
}

func (l *load) packets() float64 { return l.ucast + l.mcast + l.bcast }

// ID names the port as Spate does.
func (p *Port) ID() spate.PortID { return spate.PortID{Device: p.Device.Name, Name: p.Name} }

// Trunk is the logical port: the bundle of a member, else the port itself.
func (p *Port) Trunk() *Port {
	if p.Bundle != nil {
		return p.Bundle
	}
	return p
}

// A Host is a machine behind an access port.
type Host struct {
	Name string
	MAC  spate.MAC
	IP   netip.Addr
	VLAN int
	Port *Port
	Busy bool    // a server with much traffic
	LLDP bool    // runs an LLDP daemon
	kind string  // "web", "desktop", "idle", "backup"
	most float64 // bits per second: of what it sends in a week about the greatest
}

// vlan is a broadcast domain: the ports that carry it.
type vlan struct {
	id      int
	core    *Device // routes it
	devices map[*Device]bool
}

// Device finds a device by name, nil where there is none.
func (n *Net) Device(name string) *Device {
	for _, d := range n.Devices {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// Port finds a port by its name in Spate, nil where there is none.
func (n *Net) Port(id spate.PortID) *Port {
	if d := n.Device(id.Device); d != nil {
		for _, p := range d.Ports {
			if p.Name == id.Name {
				return p
			}
		}
	}
	return nil
}

// Now is the time up to which the network has run.
func (n *Net) Now() time.Time { return n.at }
