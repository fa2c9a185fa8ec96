package spate

import "time"

// A Device is one polled box as configured.
type Device struct {
	Name    string // [A-Za-z0-9][A-Za-z0-9._-]{0,62}
	Address string // host or host:port as configured, "localhost" for this machine
	Site    string
}

// ValidDevice tells whether a name can be a device's: [A-Za-z0-9][A-Za-z0-9._-]{0,62}.
func ValidDevice(name string) bool {
	if name == "" || len(name) > 63 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		word := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !word && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// A System is what a device says of itself (SNMPv2-MIB system group), with
// strings from the network already made valid and bounded.
type System struct {
	Name   string // sysName
	Descr  string // sysDescr
	Vendor string // from sysObjectID's enterprise number, empty when unknown
	Uptime time.Duration
}

// A Reading is what one round brought of one port. Before the second poll it
// has neither rate nor gap.
type Reading struct {
	Port       *Port
	Rate       Rate // not set (Over 0) when there is none
	Gap        Gap
	Quarantine *Quarantine // the newest reading that was above the port's speed; nil: none yet
	Excess     *Excess     // what the detector says of it, which is the first to see a round; nil: nothing
}

// A Quarantine is a rate that was not believed: the counters say that the port
// carried more than it can.
type Quarantine struct {
	At    time.Time
	Bps   float64 // the larger of both directions, as the counters say
	Limit BitRate // what the port can carry
	Count int     // such readings since Spate has known the port
}

// A Round is one pass over one device: all its ports, or why there are none.
type Round struct {
	Device   Device
	At       time.Time     // when the pass ended
	Took     time.Duration // first request to last answer
	Interval time.Duration // until the next one
	Late     time.Duration // how long after its slot it started
	PDUs     int           // requests sent
	Backlog  bool          // kept elsewhere until now; it says nothing of what time it is
	Burst    bool          // read out of turn, as a device in an incident is; Interval is still its usual one
	Refresh  time.Duration // the device renews its counters this often; 0 not known
	System   System
	Learned  []byte // what the poller knows of the device's limits, to be kept for the next run; nil nothing
	Readings []Reading
	Err      error // why the device gave nothing; nil when it answered
}
