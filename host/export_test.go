package host

import (
	"maps"
	"time"
)

// What tests of the decoders need.
var (
	ParseOSRelease = parseOSRelease
	ParseUptime    = parseUptime
	ParseSpeed     = parseSpeed
	KernelSource   = kernelSource
)

// SetNow gives a fleet another clock.
func SetNow(f *Fleet, now func() time.Time) { f.now = now }

// Frames cuts a stream of syslog into messages.
var Frames = frames

// NewCensus is a census of readings of all users, one after another.
func NewCensus() func(up time.Duration, all map[uint32]Tally) (named []UserCount, other UserCount) {
	c := newCensus()
	return func(up time.Duration, all map[uint32]Tally) ([]UserCount, UserCount) {
		named, other, _ := c.take(up, (&accounts{}).name, func(to map[uint32]Tally) error { maps.Copy(to, all); return nil })
		return named, other
	}
}

// PlainSnapshot and PlainHeader read a line if it is in the form in which agents write it.
func PlainSnapshot(text []byte) (s Snapshot, ok bool) {
	var l line
	l.begin(text)
	ok = l.snapshot(&s)
	return s, ok
}

func PlainHeader(text []byte) (h Header, ok bool) {
	var l line
	l.begin(text)
	ok = l.header(&h)
	return h, ok
}

// PatienceFor is how long an agent waits after an answer with a status and a Retry-After.
func PatienceFor(status int, after, backoff time.Duration) time.Duration {
	return patienceFor(&refused{status: status, after: after}, backoff)
}
