package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"spate"
)

const silencesShown = 50

type silenceRow struct {
	ID, What, From, Until, By, Reason, State string
	Active                                   bool // or yet to come: it can be ended
}

// silenceRows are the silences, those that count first.
func (s *Server) silenceRows(now time.Time) (rows []silenceRow) {
	for _, x := range s.notices.Silences() {
		r := silenceRow{ID: x.ID, What: matchWords(&x.Match), From: s.moment(x.From, now), Until: s.moment(x.Until, now), By: x.By, Reason: x.Reason, State: "over"}
		switch {
		case now.Before(x.From):
			r.State, r.Active = "planned", true
		case now.Before(x.Until):
			r.State, r.Active = "quiet now", true
		}
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows, func(a, b silenceRow) int {
		return cmp.Or(order(a.Active, b.Active), cmp.Compare(b.ID, a.ID))
	})
	return rows[:min(len(rows), silencesShown)]
}

// order puts what is true first.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// matchWords says what a silence covers.
func matchWords(m *spate.SilenceMatch) string {
	var parts []string
	for _, p := range []struct{ name, text string }{{"device", m.Device}, {"port", m.Port}, {"kind", string(m.Kind)}, {"severity", string(m.Severity)}} {
		if p.text != "" {
			parts = append(parts, p.name+" "+p.text)
		}
	}
	return strings.Join(parts, ", ")
}

type notifierRow struct {
	Name, Type, State, Level, Glyph, Detail string
}

// notifierRows are the targets and how they fare.
func (s *Server) notifierRows(now time.Time) (rows []notifierRow) {
	for _, n := range s.notices.Notifiers() {
		r := notifierRow{Name: n.Name, Type: n.Type, State: "nothing sent yet"}
		if n.Last != nil && n.Last.OK {
			r.State = "last message arrived " + s.moment(n.Last.At, now)
		} else if n.Last != nil {
			r.State, r.Detail, r.Level, r.Glyph = "last try failed "+s.moment(n.Last.At, now), n.Last.Error, "bad", "▲"
		}
		if n.Queued > 0 {
			r.State += fmt.Sprintf(" · %d waiting since %s", n.Queued, s.moment(n.Oldest, now))
		}
		if !n.QuietUntil.IsZero() {
			r.State += " · quiet until " + s.moment(n.QuietUntil, now)
		}
		rows = append(rows, r)
	}
	return rows
}
