package web

import (
	"errors"
	"time"

	"spate"
)

// Incidents are what is told to people; the site joins them.
type Incidents interface {
	// Open are those under way, the worst first.
	Open() []*spate.Incident
	// Incident finds one, open or not.
	Incident(id string) (*spate.Incident, bool)
	// Between gives those opened in [from, to), newest first, from below the ID
	// before on (empty: from the newest), until yield says no.
	Between(from, to time.Time, before string, yield func(*spate.Incident) bool) error
	// Suspects are the ports that may be origins of what is under way.
	Suspects() []Suspect
	Ack(id, by, note string) (*spate.Incident, error)
	Verdict(id, verdict, by string) (*spate.Incident, error)
}

// ErrNoIncident is what Ack and Verdict give for an ID that is none.
var ErrNoIncident = errors.New("there is no such incident")

// A Suspect is a port that may be the origin of a flood.
type Suspect struct {
	Port       spate.PortID
	Hosts      []spate.HostNamed
	Users      []spate.UserShare
	RateBps    float64
	RatePps    float64
	Factor     float64
	Confidence float64
	Since      time.Time
	Incident   string // empty: nobody was told yet
	Summary    string
}
