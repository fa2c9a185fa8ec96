package spate

import "strings"

// A PortID names a port by device and ifName. The ifIndex is deliberately left
// out: RFC 2863, section 3.1.5, lets an agent renumber it at every restart.
type PortID struct {
	Device string // the configured name
	Name   string // ifName; ifDescr where it is empty; "if<ifIndex>" where both are
}

// String is "sw-acc-1 Gi1/0/24", the way operators and [[link]] entries write it.
func (id PortID) String() string { return id.Device + " " + id.Name }

// A Status is ifAdminStatus or ifOperStatus in the words of RFC 2863.
type Status string

// The values of ifOperStatus (RFC 2863, IF-MIB); ifAdminStatus uses the first three.
const (
	StatusUp             Status = "up"
	StatusDown           Status = "down"
	StatusTesting        Status = "testing"
	StatusUnknown        Status = "unknown"
	StatusDormant        Status = "dormant"
	StatusNotPresent     Status = "notPresent"
	StatusLowerLayerDown Status = "lowerLayerDown"
)

// StatusOf turns the integer of ifAdminStatus or ifOperStatus into its word;
// anything outside 1..7 is "unknown".
func StatusOf(n uint64) Status {
	words := [...]Status{StatusUnknown, StatusUp, StatusDown, StatusTesting, StatusUnknown, StatusDormant, StatusNotPresent, StatusLowerLayerDown}
	if n >= uint64(len(words)) {
		return StatusUnknown
	}
	return words[n]
}

// A SpeedSource says where a port's speed comes from.
type SpeedSource string

// Sources of a port's speed, best first.
const (
	SpeedFromConfig      SpeedSource = "config"      // the operator's word, device.speed
	SpeedFromLAG         SpeedSource = "lag"         // sum of the active members
	SpeedFromIfHighSpeed SpeedSource = "ifHighSpeed" // RFC 2863, in Mb/s
	SpeedFromIfSpeed     SpeedSource = "ifSpeed"     // RFC 2863, in b/s, saturates at 2^32-1
	SpeedFromDriver      SpeedSource = "driver"      // this machine's own network driver
	SpeedUnknown         SpeedSource = "unknown"
)

// A Port is what is known of one ifTable row. A Port is never changed once it
// has been handed on: new facts make a new Port.
type Port struct {
	ID          PortID
	IfIndex     int    // today's row number; it may change at the next restart
	Alias       string // ifAlias, the operator's free text
	Descr       string // ifDescr
	Type        string // IANAifType name, "ethernetCsmacd"
	MAC         string // ifPhysAddress as aa:bb:cc:dd:ee:ff, empty where there is none
	Speed       BitRate
	Capacity    BitRate     // what it can carry at most where that is more: all members of a bundle, also those that are down; 0: Speed
	SpeedSource SpeedSource // SpeedUnknown: Speed is 0 and no percentage can be told
	Admin, Oper Status
	Wide        CounterSet // counters read from 64-bit columns
	Narrow      CounterSet // counters read from 32-bit columns
	Bundle      string     // ifName of the LAG it is a member of; empty: of none
	HighLayer   bool       // counts octets that another port of the device counts too
}

// Limit is the rate no true reading of the port can pass: its speed, or 800 Gb/s
// where the speed is unknown or means nothing (net-snmp reports lo as 10 Mb/s).
func (p *Port) Limit() BitRate {
	if p.Speed <= 0 || p.SpeedSource == SpeedUnknown {
		return maxBitRate
	}
	return max(p.Speed, p.Capacity)
}

const maxBitRate BitRate = 800e9

// NominalSpeed tells whether ifSpeed of an IANAifType is a figure by
// convention, not the speed of a wire.
func NominalSpeed(ifType string) bool {
	switch ifType {
	case "softwareLoopback", "tunnel", "propVirtual", "bridge", "l2vlan", "l3ipvlan":
		return true
	}
	return false
}

// MatchPort tells whether pattern matches an ifName. In a pattern * stands for
// any run of characters, a slash too, and ? for one: ifNames are full of
// slashes and brackets, which path.Match would take for syntax.
func MatchPort(pattern, name string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return matchPlain(pattern, name)
	}
	if len(name) < len(head) || !matchPlain(head, name[:len(head)]) {
		return false
	}
	for rest := name[len(head):]; ; rest = rest[1:] {
		if MatchPort(tail, rest) {
			return true
		}
		if rest == "" {
			return false
		}
	}
}

func matchPlain(pattern, name string) bool {
	if len(pattern) != len(name) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != '?' && pattern[i] != name[i] {
			return false
		}
	}
	return true
}
