package spate

import "time"

// A Silence keeps incidents that match from being told for a time: a planned
// quiet, a maintenance window. They are found and recorded all the same.
type Silence struct {
	ID     string       `json:"id"`
	Match  SilenceMatch `json:"match"`
	From   time.Time    `json:"from"`
	Until  time.Time    `json:"until"`
	By     string       `json:"by"`
	Reason string       `json:"reason"`
}

// A SilenceMatch says which incidents: those that come from ports of these names and
// have this kind and severity. What is empty matches all.
type SilenceMatch struct {
	Device   string       `json:"device"` // a glob, as Port
	Port     string       `json:"port"`
	Kind     IncidentKind `json:"kind"`
	Severity Severity     `json:"severity"`
}
