package detect

import (
	"fmt"
	"math"

	"spate"
)

// habits are what a port does beside its rates: how much broadcast and multicast
// passes it, how much it loses, and since when a busy port has been silent.
type habits struct {
	cast, castDay [2]float32 // packets per second: record, and of today
	lost, lostDay float32    // errors and discards per second
	day           int32
	silent        uint32 // s since 1970; 0: not
	alarmed       uint32 // last time that something here was unusual; 0: not
	since         uint32
}

const (
	leastCast   = 1e3  // packets per second: a storm that hurts
	leastLost   = 10.0 // packets per second
	habitMargin = 4    // times the record
	habitLeak   = 0.98364
	silentShare = 0.02 // of the usual: less is silence
	silentAfter = 900  // s
	silentFloor = 4    // times the floor is busy enough to be missed
)

// note looks at a round, and marks the port where its habits are broken. Broadcast
// beyond all records is a mark of packets: that is what is traced.
func (h *habits) note(e *spate.Excess, p *portMemory, frozen bool) {
	if e.Gap != "" {
		return
	}
	if frozen { // judged, not learned
		kept := [...]float32{h.castDay[0], h.castDay[1], h.lostDay}
		defer func() { h.castDay, h.lostDay = [2]float32{kept[0], kept[1]}, kept[2] }()
	}
	h.turnDay(int32(e.To.Unix() / 86400))
	text := h.storm(e)
	if t := h.losses(e); text == "" {
		text = t
	}
	if t := h.silence(e); text == "" {
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
		return
	}
	fade := float32(math.Pow(habitLeak, float64(min(day-h.day, 365))))
	for dir := range h.cast {
		h.cast[dir] = max(h.cast[dir]*fade, h.castDay[dir])
	}
	h.lost = max(h.lost*fade, h.lostDay)
	h.castDay, h.lostDay, h.day = [2]float32{}, 0, day
}

func (h *habits) storm(e *spate.Excess) (text string) {
	for dir := range 2 {
		v := float32(known(e.Rate[int(spate.InBcastPps)+dir]) + known(e.Rate[int(spate.InMcastPps)+dir]))
		most := max(h.cast[dir], h.castDay[dir])
		if v < leastCast || v < habitMargin*most {
			h.castDay[dir] = max(h.castDay[dir], v)
			continue
		}
		e.Marked[int(spate.InPps)+dir] = true
		if text == "" {
			text = fmt.Sprintf("%v of broadcast and multicast %s, %v at most before", spate.PacketRate(v), [...]string{"in", "out"}[dir], spate.PacketRate(most))
		}
	}
	return text
}

func (h *habits) losses(e *spate.Excess) string {
	v := float32(known(e.Rate[spate.InErrorsPs]) + known(e.Rate[spate.OutErrorsPs]) + known(e.Rate[spate.InDiscardsPs]) + known(e.Rate[spate.OutDiscardsPs]))
	most := max(h.lost, h.lostDay)
	if v < leastLost || v < habitMargin*most {
		h.lostDay = max(h.lostDay, v)
		return ""
	}
	return fmt.Sprintf("%v broken or thrown away, %v at most before", spate.PacketRate(v), spate.PacketRate(most))
}

// silence is a port that is up and usually busy at this hour, and has carried
// nothing for a while.
func (h *habits) silence(e *spate.Excess) string {
	usual := math.Max(known(e.Usual[spate.InBps]), known(e.Usual[spate.OutBps]))
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
