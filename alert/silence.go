package alert

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"spate"
)

const (
	longestSilence = 366 * 24 * time.Hour
	mostSilences   = 1000
	silenceKept    = 30 * 24 * time.Hour // after its end
)

// Errors of silences, as sentences for the person who asked.
var (
	ErrNoSilence = errors.New("there is no such silence")
	ErrSilence   = errors.New("no silence")
)

type silenceError string

func (e silenceError) Error() string        { return string(e) }
func (e silenceError) Is(target error) bool { return target == ErrSilence }

// CheckSilence says what is wrong with a silence that somebody asks for.
func CheckSilence(s *spate.Silence, now time.Time) error {
	s.By, s.Reason = spate.Clean(s.By), spate.Clean(s.Reason)
	m := &s.Match
	switch {
	case s.By == "":
		return silenceError("by is missing: say who wants it")
	case s.Reason == "":
		return silenceError("reason is missing: say why, for those who wonder")
	case s.Until.IsZero():
		return silenceError("until is missing: every silence ends")
	case !s.Until.After(now):
		return silenceError("until is in the past")
	case !s.From.Before(s.Until):
		return silenceError("from is not before until")
	case s.Until.Sub(now) > longestSilence:
		return silenceError("until is more than a year away: every silence ends sooner")
	case m.Device == "" && m.Port == "" && m.Kind == "" && m.Severity == "":
		return silenceError(`match is empty: name a device, a port, a kind or a severity; {"device":"*"} is all`)
	case m.Severity != "" && !slices.Contains([]spate.Severity{spate.Critical, spate.Warning, spate.Info}, m.Severity):
		return silenceError("match.severity: wanted critical, warning or info")
	case m.Kind != "" && !spate.KnownKind(m.Kind):
		return silenceError("match.kind is no kind of incident")
	}
	for _, g := range []string{m.Device, m.Port} {
		if _, err := path.Match(g, ""); err != nil || len(g) > 255 {
			return silenceError("match: " + strconv.Quote(g) + " is no pattern; * stands for any text, ? for one letter, [0-9] for one of them")
		}
	}
	return nil
}

// silences tells whether s keeps an incident from being told now: it must match
// every port where it comes from.
func silences(s *spate.Silence, in *spate.Incident, now time.Time) bool {
	m := &s.Match
	if now.Before(s.From) || !now.Before(s.Until) || m.Kind != "" && m.Kind != in.Kind || m.Severity != "" && m.Severity != in.Severity {
		return false
	}
	if m.Device == "" && m.Port == "" {
		return true
	}
	for _, o := range in.Origins {
		if !matches(m.Device, o.Device) || !matches(m.Port, o.Port) {
			return false
		}
	}
	return len(in.Origins) > 0
}

// matches has * stand for any text, slashes too: "xe-*" is meant to cover xe-0/0/1.
func matches(glob, name string) bool {
	if glob == "" {
		return true
	}
	slash := func(s string) string { return strings.ReplaceAll(s, "/", "\x01") }
	ok, err := path.Match(slash(glob), slash(name))
	return err == nil && ok
}
