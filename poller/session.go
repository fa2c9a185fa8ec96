package poller

import (
	"context"
	"time"

	"spate/mibs"
)

// A Session asks one device. One request is outstanding at a time: many agents
// have a single thread. Answers have passed the guard; that they name what was
// asked is checked by whoever knows what that is.
type Session interface {
	// Get reads exactly these instances.
	Get(ctx context.Context, oids []mibs.OID) (*Answer, error)
	// Next reads the instance after each.
	Next(ctx context.Context, oids []mibs.OID) (*Answer, error)
	// Bulk reads the instance after each of the first nonRepeaters once, and
	// up to repetitions instances after each of the others (RFC 3416, section
	// 4.2.3). SNMPv1 has none.
	Bulk(ctx context.Context, oids []mibs.OID, nonRepeaters, repetitions int) (*Answer, error)
	// Probe reads one instance with one packet and no second try: what a
	// device that has been silent for long may cost.
	Probe(ctx context.Context, oid mibs.OID) (*Answer, error)
	// HasBulk tells whether the version knows GETBULK.
	HasBulk() bool
	// Close ends the conversation.
	Close() error
}

// An Answer is one response PDU.
type Answer struct {
	Vars   []Var
	Status Status
	Index  int           // error-index, 1-based variable the status is about; 0 none
	At     time.Time     // when it was received
	Trip   time.Duration // since the request was sent
	Boots  uint32        // v3: snmpEngineBoots, 0 otherwise
}

// A Status is a response's error-status (RFC 3416, section 3).
type Status int

// The statuses a reader meets.
const (
	NoError    Status = 0
	TooBig     Status = 1
	NoSuchName Status = 2 // SNMPv1's way to say noSuchInstance and endOfMibView
	GenErr     Status = 5
	noAccess   Status = 6
	authError  Status = 16 // authorizationError: the view does not allow it
)

// A Var is one variable of an answer.
type Var struct {
	OID    mibs.OID
	Syntax mibs.Syntax // or one of the exceptions below
	Uint   uint64      // integers, counters, gauges, ticks
	Octets []byte      // OCTET STRING
	Name   mibs.OID    // OBJECT IDENTIFIER
}

// Exceptions in the place of a value (RFC 3416, section 3).
const (
	noSuchObject   mibs.Syntax = 0x80
	noSuchInstance mibs.Syntax = 0x81
	endOfMibView   mibs.Syntax = 0x82
)

// Missing tells whether the variable has no value on the device.
func (v *Var) Missing() bool {
	return v.Syntax == noSuchObject || v.Syntax == noSuchInstance || v.Syntax == endOfMibView
}

// Is tells whether the variable has a value that reads as syntax. Integer,
// Gauge32 and TimeTicks stand for each other: agents mix them up, and no width
// is lost. Counters are taken only as what they are: a Counter32 in the place of
// a Counter64 would wrap unseen.
func (v *Var) Is(syntax mibs.Syntax) bool {
	if v.Syntax == syntax {
		return true
	}
	return plainNumber(v.Syntax) && plainNumber(syntax)
}

func plainNumber(s mibs.Syntax) bool {
	return s == mibs.Integer || s == mibs.Gauge32 || s == mibs.TimeTicks
}
