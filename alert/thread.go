package alert

import (
	"fmt"
	"time"

	"spate"
)

const (
	stormWindow   = 10 * time.Minute
	stormMost     = 3                // messages to one target of one incident in the window
	foldTime      = 15 * time.Second // in which faults fold into their root
	updatePause   = 5 * time.Minute  // between two messages, but for what cannot wait
	suspectPause  = time.Minute
	suspectSteady = 30 * time.Second // another origin must stay so long to be told
	endedSteady   = 3 * time.Minute  // an excess must be gone so long to be told
	worseBy       = 1.5              // times the rate told last
	betterBy      = 1. / 3
	mostOfIt      = 0.5
	askAfter      = 24 * time.Hour // a reminder asks for a verdict then
)

// A thread is what one target was told of one incident.
type thread struct {
	Target   string
	Incident string
	Opened   time.Time
	Root     string // key of the first message
	Ref      string // of the channel
	Subject  string
	Because  string        // why a target is told that the severity does not tell: "escalated by noc"
	Sent     []time.Time   // what was written within the storm window
	Last     time.Time     // the last message
	Paused   time.Duration // by silences, since it was opened
	Rested   time.Duration // by silences, since the last message
	Steps    int           // of the escalation, done
	Fallback bool
	Acked    bool
	Closed   bool

	Severity spate.Severity // told last, as the rest
	Origin   spate.PortID
	Rate     float64 // bits/s
	User     string  // on the host, who explains most of it
	Ended    bool

	paused      bool         // now; timers stand still
	at          time.Time    // of the last look
	other       spate.PortID // another origin than was told,
	otherSince  time.Time    // named since then
	calmerSince time.Time
}

// due is what is to be sent now, with words for it; "" is nothing. silenced keeps
// everything back but the end of what was told.
func (th *thread) due(now time.Time, in *spate.Incident, t *Target, acks, silenced bool) (Event, string) {
	th.pass(now, silenced)
	if th.Closed || !th.room(now) {
		return "", ""
	}
	if in.State == spate.IncidentClosed {
		return Resolve, ""
	}
	if silenced {
		return "", ""
	}
	if in.AcknowledgedBy != nil && !th.Acked && acks {
		return Ack, "acknowledged by " + *in.AcknowledgedBy
	}
	if why := th.news(now, in); why != "" {
		return Update, why
	}
	waits := in.AcknowledgedBy == nil && in.EndedAt == nil
	if waits && t.Reminder > 0 && now.Sub(th.Last)-th.Rested >= t.Reminder {
		why := "still under way for " + spate.FormatAge(now.Sub(in.StartedAt)) + ", and nobody has acknowledged it"
		if now.Sub(in.DetectedAt) >= askAfter && in.Verdict == nil {
			why += "; is it an attack, or is it expected?"
		}
		return Reminder, why
	}
	return "", ""
}

// pass lets time go by: while a silence lasts, the clocks of reminders and
// escalations stand still.
func (th *thread) pass(now time.Time, silenced bool) {
	if th.paused && now.After(th.at) {
		th.Paused += now.Sub(th.at)
		th.Rested += now.Sub(th.at)
	}
	th.paused, th.at = silenced, now
}

// waited is how long the incident has gone without an answer, but for silences.
func (th *thread) waited(now time.Time) time.Duration { return now.Sub(th.Opened) - th.Paused }

// room tells whether the storm limit leaves room for one message more.
func (th *thread) room(now time.Time) bool {
	kept := th.Sent[:0]
	for _, at := range th.Sent {
		if now.Sub(at) < stormWindow {
			kept = append(kept, at)
		}
	}
	th.Sent = kept
	return len(kept) < stormMost
}

// news says what has changed enough since the last message to be told.
func (th *thread) news(now time.Time, in *spate.Incident) string {
	since := now.Sub(th.Last)
	if in.Severity.Worse(th.Severity) {
		return "now " + string(in.Severity)
	}
	if who := origin(in); who != th.Origin && in.EndedAt == nil {
		if who != th.other {
			th.other, th.otherSince = who, now
		}
		if since >= suspectPause && now.Sub(th.otherSince) >= suspectSteady {
			return fmt.Sprintf("the origin is now %v, not %v", who, th.Origin)
		}
	} else {
		th.other = spate.PortID{}
	}
	if who := user(in); who != "" && who != th.User && in.EndedAt == nil && (since >= updatePause || th.User == "" && since >= suspectPause) {
		return fmt.Sprintf("user %s sends %.0f %% of it", who, 100*in.Users[0].Share)
	}
	if since < updatePause {
		return ""
	}
	rate := bits(in)
	switch ended := in.EndedAt != nil; {
	case ended && !th.Ended && now.Sub(*in.EndedAt) >= endedSteady:
		return "the excess has stopped"
	case !ended && th.Ended:
		return "the excess is back"
	case ended || th.Rate <= 0 || rate <= 0:
		return ""
	case rate > worseBy*th.Rate:
		return fmt.Sprintf("risen from %v to %v", spate.BitRate(th.Rate), spate.BitRate(rate))
	case rate >= betterBy*th.Rate:
		th.calmerSince = time.Time{}
		return ""
	case th.calmerSince.IsZero():
		th.calmerSince = now
	case now.Sub(th.calmerSince) >= endedSteady:
		return fmt.Sprintf("fallen from %v to %v", spate.BitRate(th.Rate), spate.BitRate(rate))
	}
	return ""
}

// told notes that a message was written.
func (th *thread) told(now time.Time, in *spate.Incident, event Event) {
	th.Sent, th.Last, th.calmerSince = append(th.Sent, now), now, time.Time{}
	if event != Resolve && event != Ack {
		th.Severity, th.Origin, th.User, th.Ended = in.Severity, origin(in), user(in), in.EndedAt != nil
		th.Rate = bits(in)
	}
	th.Rested = 0
	th.Acked = in.AcknowledgedBy != nil
	th.Closed = th.Closed || event == Resolve
}

// user is the account that explains most of a flood; "" none does.
func user(in *spate.Incident) string {
	if len(in.Users) == 0 || in.Users[0].UID < 0 || in.Users[0].Share < mostOfIt {
		return ""
	}
	return in.Users[0].User
}

func origin(in *spate.Incident) spate.PortID {
	if in.Origin == nil {
		return spate.PortID{}
	}
	return in.Origin.ID()
}

func bits(in *spate.Incident) float64 {
	if !in.RateBps.Known() {
		return 0
	}
	return float64(in.RateBps)
}
