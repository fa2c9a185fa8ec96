package host

import (
	"errors"
	"net/netip"
)

// A Tally is what one user has sent since its counter began: octets and packets
// of layer 3, that is with IP headers and without those of Ethernet.
type Tally struct{ Octets, Packets uint64 }

// A Flow is where one user sends to.
type Flow struct {
	UID      uint32
	Protocol uint8 // IANA protocol number: 6 TCP, 17 UDP
	Dst      netip.Addr
	Port     uint16 // of the destination; 0 where the protocol has none
}

// A Counter counts what leaves this machine, by user.
type Counter interface {
	// Name says how it counts: "ebpf", "nftables", "iptables", "file".
	Name() string
	// Users adds what each uid has sent since the Counter was made, or since
	// somebody's rules were, to users. What leaves by the loopback interface is
	// not counted where the Counter can tell.
	Users(users map[uint32]Tally) error
	// Flows adds where they send to since Watch(true); nothing where it cannot.
	Flows(flows map[Flow]Tally) error
	// Watch begins or ends counting by destination, which costs more.
	Watch(on bool) error
	Close() error
}

// A Doubt is what has to be known about what a Counter says; "" nothing.
type Doubt interface{ Doubt() string }

// errBackend tells why a way of counting is not open on this machine.
var errBackend = errors.New("not here")

// mostUsers is how many users a kernel table holds; what comes later is counted
// as one, and mostFlows how many destinations, the least used of which give way.
const (
	mostUsers = 65536
	mostFlows = 16384
)
