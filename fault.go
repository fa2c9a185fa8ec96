package spate

import "time"

// A Fault is something that is plainly wrong and needs no baseline: a device that
// does not answer, a link that is down or flaps, a limit of the config that is
// passed.
type Fault struct {
	Kind     IncidentKind // KindDeviceDown, KindLinkDown, KindFlap or KindThreshold
	Port     PortID       // Name is empty where the device as a whole is meant
	Facts    *Port        // of the port; nil: of a device
	Since    time.Time
	Severity Severity
	Text     string // what is wrong, without the name: "passes 9 Gb/s for 1 min"
	Rate     Rate   // of a threshold
}
