// Package alert tells people: one incident is one thread at each target, with the
// sentence first and the picture in it.
//
// A Notifier decides what is due (thread.go), writes it to the outbox before
// anything is sent (outbox.go), and sends it, target by target and in order
// (sender.go). What a channel looks like is in mail.go, slack.go, webhook.go,
// alertmanager.go and pagerduty.go. An Incident that was told is always told to be
// over; one that could not be told while it lasted is told once, as over.
package alert

import (
	"context"
	"time"

	"spate"
)

// An Event is why a message is sent.
type Event string

// Events. The words are part of the webhook.
const (
	Open     Event = "open"
	Update   Event = "update"   // worse, better, or another suspect
	Reminder Event = "reminder" // nobody has said to look after it
	Escalate Event = "escalate" // the first message to one who is told later
	Ack      Event = "ack"      // for machines: somebody looks after it
	Resolve  Event = "resolve"
	Digest   Event = "digest" // many at once
	Test     Event = "test"
)

// A Message is what a channel sends. Its strings are cleaned; each channel escapes
// them for itself.
type Message struct {
	Key      string // the same for each try
	Event    Event
	First    bool              // nothing of this incident was sent here before
	Incident *spate.Incident   // nil in a Digest and a Test
	Digest   []*spate.Incident // oldest first
	Why      string            // what has changed, in words; empty where the event says it
	At       time.Time         // when it was decided
	Link     string            // to the incident's page, or to all of them
	Root     string            // key of the thread's first message; empty: this is it
	Subject  string            // of the first message
	Ref      string            // what the channel gave back then
	Zone     *time.Location
	Graphs   Graphs // nil: no pictures
}

// A Channel is one way to reach people or machines.
type Channel interface {
	// Send delivers m. ref is what the channel wants to be given with later messages
	// of the thread. An error may be a *Failure.
	Send(ctx context.Context, m *Message) (ref string, err error)
	// Traits say how the channel is to be treated.
	Traits() Traits
}

// Traits of a channel.
type Traits struct {
	People bool // reads text: many at once are one digest
	Acks   bool // wants to know who looks after it
}

// A Keeper is a channel that must be told again and again what is open.
type Keeper interface {
	KeepAlive(ctx context.Context, open []*Message) error
}

// Graphs draws and measures an incident's port.
type Graphs interface {
	// Picture is a PNG of 1200x400, from two hours before the start.
	Picture(ctx context.Context, in *spate.Incident) ([]byte, error)
	// Recent is what the origin's port carried since two hours before the start.
	Recent(ctx context.Context, in *spate.Incident) (Recent, error)
}

// Recent is the traffic of an origin.
type Recent struct {
	Rates []float64    // bits/s, oldest first; NaN where there is a gap
	Total spate.Octets // since the start of the incident; NaN: not known
}

// A Failure is an error with what is known of the message's fate.
type Failure struct {
	Err    error
	After  time.Duration // the other side asks for so much patience; 0: it does not
	Unsure bool          // it may have arrived
	Final  bool          // this message will never be taken
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap implements errors.
func (f *Failure) Unwrap() error { return f.Err }
