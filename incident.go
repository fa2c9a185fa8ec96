package spate

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

// An Incident is one flood or fault that is told to people, whatever the number
// of ports it touches. Its JSON is the API's, the webhook's and the record's.
// Strings from devices in it are cleaned, not escaped.
type Incident struct {
	ID         string        `json:"id"`
	State      IncidentState `json:"state"`
	Severity   Severity      `json:"severity"`
	Kind       IncidentKind  `json:"kind"`
	Summary    string        `json:"summary"` // the sentence
	StartedAt  time.Time     `json:"started_at"`
	DetectedAt time.Time     `json:"detected_at"`
	EndedAt    *time.Time    `json:"ended_at"`

	Origin   *Origin      `json:"origin"`  // the largest; nil while none can be named
	Origins  List[Origin] `json:"origins"` // all
	RunnerUp List[Origin] `json:"runner_up"`
	Path     List[Hop]    `json:"path"` // from origin to exit, in before out
	Victims  List[Place]  `json:"victims"`

	RateBps  Figure `json:"rate_bps"` // of the origin's port, as the factor
	RatePps  Figure `json:"rate_pps"`
	UsualBps Figure `json:"usual_bps"`
	UsualPps Figure `json:"usual_pps"`
	Factor   Figure `json:"factor"`

	Users    List[UserShare] `json:"users"`
	Talkers  List[Talker]    `json:"talkers"`
	Evidence List[Evidence]  `json:"evidence"`
	Timeline List[Moment]    `json:"timeline"`

	AcknowledgedBy *string        `json:"acknowledged_by"`
	Verdict        *Verdict       `json:"verdict"`
	Notified       List[Delivery] `json:"notified"`
}

// An IncidentRecord is an incident as it is kept, with what is needed to go on
// after a restart.
type IncidentRecord struct {
	Incident *Incident
	Ports    []PortID // what it touches: their baselines learn nothing
	Paged    bool     // it was told to people
}

// An IncidentState is open or closed.
type IncidentState string

// States of incidents.
const (
	IncidentOpen   IncidentState = "open"
	IncidentClosed IncidentState = "closed"
)

// A Severity says who is told. The words are part of the API.
type Severity string

// Severities, worst first.
const (
	Critical Severity = "critical" // a flood with impact on an uplink or on most of its port
	Warning  Severity = "warning"  // other pages
	Info     Severity = "info"     // recorded, nobody is paged
)

// Worse tells whether s is worse than other.
func (s Severity) Worse(other Severity) bool { return s.rank() > other.rank() }

func (s Severity) rank() int {
	switch s {
	case Critical:
		return 3
	case Warning:
		return 2
	case Info:
		return 1
	}
	return 0
}

// An IncidentKind says what happened. The words are part of the API.
type IncidentKind string

// Kinds of incidents.
const (
	KindFlood          IncidentKind = "flood"           // a host to anywhere, several bots, a slow ramp
	KindPacketFlood    IncidentKind = "packet_flood"    // small packets
	KindBroadcastStorm IncidentKind = "broadcast_storm" // replicated to every port of a VLAN
	KindUnicastFlood   IncidentKind = "unicast_flood"   // replicated too: unknown unicast
	KindLoop           IncidentKind = "loop"
	KindInboundDDoS    IncidentKind = "inbound_ddos" // comes in by an external port
	KindScan           IncidentKind = "scan"
	KindFlap           IncidentKind = "flap"
	KindDeviceDown     IncidentKind = "device_down"
	KindLinkDown       IncidentKind = "link_down"
	KindThreshold      IncidentKind = "threshold" // a plain limit of the config
	KindOther          IncidentKind = "other"
)

// KnownKind tells whether k is one of the kinds above.
func KnownKind(k IncidentKind) bool {
	switch k {
	case KindFlood, KindPacketFlood, KindBroadcastStorm, KindUnicastFlood, KindLoop, KindInboundDDoS, KindScan, KindFlap, KindDeviceDown, KindLinkDown, KindThreshold, KindOther:
		return true
	}
	return false
}

// An Origin is a port where a flood comes in, and who sits behind it.
type Origin struct {
	Device     string          `json:"device"`
	Port       string          `json:"port"`
	IfIndex    int             `json:"if_index"`
	Confidence float64         `json:"confidence"` // 0..1
	External   bool            `json:"external"`   // leads to the outside
	Hosts      List[HostNamed] `json:"hosts"`      // as known before the flood
	RateBps    Figure          `json:"rate_bps"`
	RatePps    Figure          `json:"rate_pps"`
	Factor     Figure          `json:"factor"`
	Since      time.Time       `json:"since"`
	Note       string          `json:"note"` // "behind this port: sw-acc-9, which is not polled"
}

// ID names the origin's port.
func (o *Origin) ID() PortID { return PortID{Device: o.Device, Name: o.Port} }

// A HostNamed is a host as the API shows it.
type HostNamed struct {
	MAC    string     `json:"mac"`
	IP     string     `json:"ip"`
	Name   string     `json:"name"`
	User   string     `json:"user"`
	SeenAt *time.Time `json:"seen_at"`
}

// A Hop is one step of a flood's path.
type Hop struct {
	Device    string `json:"device"`
	Port      string `json:"port"`
	Direction string `json:"direction"` // "in" or "out", the switch's
	ExcessBps Figure `json:"excess_bps"`
	ExcessPps Figure `json:"excess_pps"`
}

// A Place is a port that suffers.
type Place struct {
	Device string `json:"device"`
	Port   string `json:"port"`
}

// A UserShare is what one account on a host sends of the excess.
type UserShare struct {
	UID   int     `json:"uid"`
	User  string  `json:"user"`
	Host  string  `json:"host"`  // the machine
	Share float64 `json:"share"` // 0..1
	TxBps Figure  `json:"tx_bps"`
}

// A Talker is one flow among the greatest of a port.
type Talker struct {
	Src      string  `json:"src"`
	Dst      string  `json:"dst"`
	Protocol string  `json:"protocol"`
	SrcPort  int     `json:"src_port"`
	DstPort  int     `json:"dst_port"`
	Share    float64 `json:"share"` // 0..1
	Samples  uint64  `json:"samples"`
}

// Evidence is one thing that speaks for the verdict, in words.
type Evidence struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// A Moment is one line of an incident's timeline.
type Moment struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// A Verdict is what a person said of an incident.
type Verdict struct {
	Verdict string    `json:"verdict"` // "attack" or "expected"
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// A Delivery is one try to tell people.
type Delivery struct {
	Name  string    `json:"name"`
	At    time.Time `json:"at"`
	OK    bool      `json:"ok"`
	Error string    `json:"error"`
}

// A List is a slice that is [] in JSON when it is empty, never null.
type List[T any] []T

// MarshalJSON writes an array.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if len(l) == 0 {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

// A Figure is a number that may be unknown: NaN, null in JSON.
type Figure float64

// Unknown is the Figure that says nothing.
func Unknown() Figure { return Figure(math.NaN()) }

// Known tells whether f is a number.
func (f Figure) Known() bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

// MarshalJSON writes null for what is unknown.
func (f Figure) MarshalJSON() ([]byte, error) {
	if !f.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// UnmarshalJSON reads null as unknown.
func (f *Figure) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*f = Unknown()
		return nil
	}
	return json.Unmarshal(b, (*float64)(f))
}

// Renamed is r after a device got another name; not ok where it is not about that one.
// Its words stay as they were said.
func (r IncidentRecord) Renamed(from, to string) (out IncidentRecord, ok bool) {
	out = r
	name := func(device *string) {
		if *device == from {
			*device, ok = to, true
		}
	}
	out.Ports = slices.Clone(r.Ports)
	for i := range out.Ports {
		name(&out.Ports[i].Device)
	}
	in := *r.Incident
	if in.Origin != nil {
		o := *in.Origin
		in.Origin = &o
		name(&o.Device)
	}
	in.Origins, in.RunnerUp, in.Path, in.Victims = slices.Clone(in.Origins), slices.Clone(in.RunnerUp), slices.Clone(in.Path), slices.Clone(in.Victims)
	for _, list := range [...]List[Origin]{in.Origins, in.RunnerUp} {
		for i := range list {
			name(&list[i].Device)
		}
	}
	for i := range in.Path {
		name(&in.Path[i].Device)
	}
	for i := range in.Victims {
		name(&in.Victims[i].Device)
	}
	out.Incident = &in
	return out, ok
}
