package spate

import "time"

// A Sample is one reading of a port's counters, all taken from one PDU.
type Sample struct {
	At    time.Time     // when the answer was received here, with the monotonic clock
	Trip  time.Duration // round trip of the request
	Known CounterSet    // which Values were read
	Wide  CounterSet    // which of them are Counter64

	Uptime        uint32 // sysUpTime of the same PDU, 1/100 s, wraps after 497 days
	UptimeKnown   bool
	Discontinuity uint32 // ifCounterDiscontinuityTime, sysUpTime at the last break; 0 none or not told

	Values [NumCounters]uint64 // as read; only Between subtracts them
}

// Set stores one counter as read.
func (s *Sample) Set(c Counter, v uint64, wide bool) {
	s.Values[c] = v
	s.Known = s.Known.With(c)
	if wide {
		s.Wide = s.Wide.With(c)
	}
}
