package alert

import (
	"time"

	"spate"
)

// A Target is one [[notify]] of the config.
type Target struct {
	Name       string
	Type       string // as in the config; for people to read
	Channel    Channel
	Severities []spate.Severity // told from the start
	Reminder   time.Duration    // 0: never
	Escalate   []Step
	Quiet      []Span
	Fallback   string // told in its place while it cannot be reached
}

// A Step of an escalation tells another target after so long without an
// acknowledgement.
type Step struct {
	After time.Duration
	To    string
}

// A Span is a part of the day from midnight on, over midnight where To is not
// after From.
type Span struct{ From, To time.Duration }

// wants tells whether the target is told of a severity.
func (t *Target) wants(s spate.Severity) bool {
	for _, w := range t.Severities {
		if w == s {
			return true
		}
	}
	return false
}

// quiet tells whether the target is to be left alone at a time, and until when.
// The clock is the wall's: in a night of 25 hours a span has 25 hours.
func (t *Target) quiet(at time.Time, zone *time.Location) (until time.Time, yes bool) {
	local := at.In(zone)
	for _, s := range t.Quiet {
		for _, day := range [...]int{-1, 0} {
			from, to := clock(local, day, s.From), clock(local, day, s.To)
			if s.To <= s.From {
				to = clock(local, day+1, s.To)
			}
			if !local.Before(from) && local.Before(to) && to.After(until) {
				until, yes = to, true
			}
		}
	}
	return until, yes
}

// clock is a time of the day that is some days from a day.
func clock(at time.Time, days int, t time.Duration) time.Time {
	return time.Date(at.Year(), at.Month(), at.Day()+days, int(t/time.Hour), int(t/time.Minute)%60, 0, 0, at.Location())
}
