package detect

import (
	"fmt"
	"math"

	"spate"
)

// habits are what a port does beside its rates: how much broadcast and multicast
// passes it, how many small and how many unanswered packets, how much it loses, and
// since when a busy port has been silent.
type habits struct {
	most, today [numHabits]float32 // per second: record, and of today
	day         int32
	silent      uint32 // s since 1970; 0: not
	alarmed     uint32 // last time that something here was unusual; 0: not
	since       uint32
}

// Habits: pairs are in and out.
const (
	castIn, castOut   = iota, iota + 1
	smallIn, smallOut = iota + 1, iota + 2
	aloneIn, aloneOut = iota + 2, iota + 3
	lost              = iota + 3
	numHabits         = iota + 4
)

const (
	leastCast   = 1e3  // packets per second: a storm that hurts
	leastSmall  = 50e3 // packets per second of small frames
	leastAlone  = 20e3 // packets per second that nobody answers
	smallFrame  = 128  // octets, on average
	answers     = 10   // a packet for so many is an answer
	leastLost   = 10.0 // packets per second
	habitMargin = 4    // times the record
	habitLeak   = 0.98364
	silentShare = 0.02 // of the usual: less is silence
	silentAfter = 900  // s
	silentFloor = 4    // times the floor is busy enough to be missed
)

// note looks at a round, and marks the port where its habits are broken. Broadcast
// beyond all records is a mark of packets: that is what is traced.
func (h *habits) note(e *spate.Excess, p *portMemory, hour int, frozen bool) {
	if e.Gap != "" {
		return
	}
	if frozen { // judged, not learned
		kept := h.today
		defer func() { h.today = kept }()
	}
	h.turnDay(int32(e.To.Unix() / 86400))
	text := h.storm(e)
	if t := h.odd(e); text == "" {
		text = t
	}
	if t := h.losses(e); text == "" {
		text = t
	}
	if t := h.silence(e, p, hour); text == "" {
		text = t
	}
	now := uint32(e.To.Unix())
	if text != "" {
		if h.alarmed == 0 {
			h.since = uint32(e.From.Unix())
		}
		h.alarmed = now
		if e.Mark == nil {
			p.mark = &spate.Mark{Since: e.From.UTC(), Text: text}
			if h.since != 0 {
				p.mark.Since = unixTime(h.since)
			}
			e.Mark = p.mark
		}
		return
	}
	if h.alarmed != 0 && now-h.alarmed < clearAfter && e.Mark == nil {
		e.Mark = p.mark
		return
	}
	if now-h.alarmed >= clearAfter {
		h.alarmed, h.since = 0, 0
	}
}

func (h *habits) turnDay(day int32) {
	if day <= h.day {
		h.day = day // the clock was set back
		return
	}
	fade := float32(math.Pow(habitLeak, float64(min(day-h.day, 365))))
	for i := range h.most {
		h.most[i] = max(h.most[i]*fade, h.today[i])
	}
	h.today, h.day = [numHabits]float32{}, day
}

// beyond tells whether v is far above all that was seen of a habit, and learns it
// where it is not.
func (h *habits) beyond(habit int, v, least float32) (before float32, yes bool) {
	before = max(h.most[habit], h.today[habit])
	if v >= least && v >= habitMargin*before {
		return before, true
	}
	h.today[habit] = max(h.today[habit], v)
	return before, false
}

func (h *habits) storm(e *spate.Excess) (text string) {
	for dir := range 2 {
		v := float32(known(e.Rate[int(spate.InBcastPps)+dir]) + known(e.Rate[int(spate.InMcastPps)+dir]))
		before, yes := h.beyond(castIn+dir, v, leastCast)
		if !yes {
			continue
		}
		e.Marked[int(spate.InPps)+dir] = true
		if text == "" {
			text = fmt.Sprintf("%v of broadcast and multicast %s, %v at most before", spate.PacketRate(v), directions[dir], spate.PacketRate(before))
		}
	}
	return text
}

var directions = [...]string{"in", "out"}

// odd looks for what a port may carry within its records and yet never does: very
// many small packets, or very many that nobody answers.
func (h *habits) odd(e *spate.Excess) (text string) {
	for dir := range 2 {
		packets, back := known(e.Rate[int(spate.InPps)+dir]), known(e.Rate[int(spate.OutPps)-dir])
		small, alone := float32(0), float32(max(0, packets-answers*back))
		if known(e.Rate[int(spate.InBps)+dir]) < smallFrame*8*packets {
			small = float32(packets)
		}
		before, yes := h.beyond(smallIn+dir, small, leastSmall)
		what := "small packets"
		if !yes {
			what = "packets that nobody answers"
			small = alone
			before, yes = h.beyond(aloneIn+dir, alone, leastAlone)
		}
		if !yes {
			continue
		}
		e.Marked[int(spate.InPps)+dir] = true
		if text == "" {
			text = fmt.Sprintf("%v of %s %s, %v at most before", spate.PacketRate(small), what, directions[dir], spate.PacketRate(before))
		}
	}
	return text
}

func (h *habits) losses(e *spate.Excess) string {
	v := float32(known(e.Rate[spate.InErrorsPs]) + known(e.Rate[spate.OutErrorsPs]) + known(e.Rate[spate.InDiscardsPs]) + known(e.Rate[spate.OutDiscardsPs]))
	before, yes := h.beyond(lost, v, leastLost)
	if !yes {
		return ""
	}
	return fmt.Sprintf("%v broken or thrown away, %v at most before", spate.PacketRate(v), spate.PacketRate(before))
}

// silence is a port that is up and usually busy at this hour, and in those beside
// it, and has carried nothing for a while.
func (h *habits) silence(e *spate.Excess, p *portMemory, hour int) string {
	usual := math.Max(p.series[spate.InBps].steady(hour, unitBps), p.series[spate.OutBps].steady(hour, unitBps))
	rate := known(e.Rate[spate.InBps]) + known(e.Rate[spate.OutBps])
	if e.Port.Oper != spate.StatusUp || usual < silentFloor*e.Floor[spate.InBps] || rate > silentShare*usual {
		h.silent = 0
		return ""
	}
	if h.silent == 0 {
		h.silent = uint32(e.From.Unix())
	}
	if uint32(e.To.Unix())-h.silent < silentAfter {
		return ""
	}
	return fmt.Sprintf("silent, where %v is usual", spate.BitRate(usual))
}

// known is v, and 0 for what is not known.
func known(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
