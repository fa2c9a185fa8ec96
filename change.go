package spate

import "time"

// A Change is something that happened to a device or a port and that a person who
// reads its graphs wants to know of.
type Change struct {
	At   time.Time  `json:"at"`
	Port PortID     `json:"-"` // Name is empty where the device as a whole is meant
	Kind ChangeKind `json:"kind"`
	Text string     `json:"text"` // a few words: "speed 1 Gb/s, was 100 Mb/s"
}

// A ChangeKind says what happened. The words are part of the API.
type ChangeKind string

// Kinds of changes.
const (
	ChangeRestart ChangeKind = "restart" // of the device's agent
	ChangeSpeed   ChangeKind = "speed"
	ChangeState   ChangeKind = "state" // ifOperStatus
)
