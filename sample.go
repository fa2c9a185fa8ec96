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
	Boots         uint32 // snmpEngineBoots of the answer (RFC 3414, section 2.2); 0 before SNMPv3

	Held CounterSet // went back a little and were kept where they were, see Hold

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

// Short32 takes counters for what they are whose 64-bit column wraps at 2^32:
// the value has 32 bits.
func (s *Sample) Short32(counters CounterSet) { s.Wide &^= counters }

// WrappedAt32 are the 64-bit counters that went down between two samples as a
// 32-bit one does when it wraps: from the upper half of 32 bits into the lower.
func WrappedAt32(prev, cur *Sample) CounterSet {
	var out CounterSet
	for c := range NumCounters {
		a, b := prev.Values[c], cur.Values[c]
		if prev.Wide.Has(c) && cur.Wide.Has(c) && a>>31 == 1 && b>>31 == 0 {
			out = out.With(c)
		}
	}
	return out
}

// Hold keeps counters of cur where they were in prev that went back a little
// without a restart: Linux bonds do so when a member leaves (net-snmp issues
// 1079, 1080). Between has taken such a step as 0. A counter that is still behind
// in the next sample has really begun anew, and is no longer held.
func Hold(prev, cur *Sample, limit BitRate) {
	for c := range NumCounters {
		if steppedBack(prev, cur, c, limit) {
			cur.Values[c] = prev.Values[c]
			cur.Held = cur.Held.With(c)
		}
	}
}

// steppedBack tells a little step back: one that the wire carries in a second,
// of under an eighth of the value.
func steppedBack(prev, cur *Sample, c Counter, limit BitRate) bool {
	if !prev.Known.Has(c) || !cur.Known.Has(c) || prev.Held.Has(c) || cur.Wide.Has(c) != prev.Wide.Has(c) {
		return false
	}
	a, b := prev.Values[c], cur.Values[c]
	most := uint64(limit) / 8
	if c != InOctets && c != OutOctets {
		most /= smallestFrame
	}
	return b < a && a-b <= min(most, a/8)
}
