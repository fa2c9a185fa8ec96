package storage

import (
	"math"
	"sync/atomic"
	"time"

	"spate"
)

// A TierStatus is how one tier does.
type TierStatus struct {
	Tier   spate.Tier
	Step   time.Duration
	Keep   time.Duration // in force: shorter than configured where the budget asks for it
	Bytes  uint64        // on disk
	Oldest time.Time     // zero: nothing is stored
}

// A pace is how many values a second come in now, of rates that are not back-filled.
type pace struct {
	count, minutes int
	since          int64         // ms; beginning of the minute that is counted
	perSecond      atomic.Uint64 // bits of a float64; 0: not known yet
}

const (
	live   = 600_000 // ms; older slots are back-filled
	minute = 60_000  // ms
)

// slot counts the values of a slot.
func (p *pace) slot(at, now int64, v *values) {
	if at < now-live {
		return
	}
	for _, x := range v {
		if x == x {
			p.count++
		}
	}
}

// tick closes a minute that is over. The first is left out: not every device was
// there from its beginning. Later ones move the figure by a tenth each.
func (p *pace) tick(now int64) {
	if p.since == 0 || now < p.since {
		p.since, p.count = now, 0
		return
	}
	passed := now - p.since
	if passed < minute {
		return
	}
	rate := float64(p.count) / float64(passed) * 1000
	if p.minutes++; p.minutes > 2 {
		rate = 0.9*p.now() + 0.1*rate
	}
	if p.minutes > 1 {
		p.perSecond.Store(math.Float64bits(rate))
	}
	p.since, p.count = now, 0
}

func (p *pace) now() float64 { return math.Float64frombits(p.perSecond.Load()) }

// What a row takes on disk until a tier is old enough to tell itself, and what
// the names of a series take in a year; both measured.
var plannedRow = [1 + numLevels]float64{1.4, 0.95, 1.3}

const (
	seriesYear    = 900  // octets
	rowsPerBucket = 2.15 // mean and greatest, and smallest of two metrics in fourteen
	tellsRows     = 5_000_000
	day           = 24 * time.Hour
	year          = 365 * day
	month         = 31 * day
)

// forecast is what the store takes on disk in a year at this pace, in octets; -1
// while the pace is not known.
func (e *store) forecast() int64 {
	pace := e.pace.now()
	if pace == 0 {
		return -1
	}
	series := pace * e.cfg.Step.Seconds()
	sum := 0.0
	for i := range e.ages {
		rows := pace * day.Seconds()
		names := series
		if i > 0 {
			rows = series * rowsPerBucket * float64(day.Milliseconds()/levelSteps[i-1])
			names = series * rowsPerBucket
		}
		sum += e.inAYear(i, rows, names)
	}
	return int64(sum)
}

// inAYear is what a tier takes then, of so many rows a day and series.
func (e *store) inAYear(tier int, rows, series float64) float64 {
	t := e.sizes.tier(tier)
	age := time.Duration(0)
	if oldest := e.ages[tier].since(now()); oldest > 0 {
		age = max(time.Since(time.UnixMilli(oldest)), 0)
	}
	keep := time.Duration(e.ages[tier].keep.Load()) * time.Millisecond
	days := min(age+year, keep+month).Hours() / 24 // the engine drops whole months
	perRow := plannedRow[tier]
	index := series * seriesYear * min(days, 365) / 365
	if t.rows > tellsRows && age > day {
		perRow, index = float64(t.bytes)/float64(t.rows), 0 // with its names
	}
	return days*rows*perRow + index
}

// tiers lists how they do.
func (e *store) tiers() (out []TierStatus) {
	at := now()
	for i := range e.ages {
		k := e.keeper(i)
		if k == nil {
			continue
		}
		t := TierStatus{Tier: k.about(), Step: e.cfg.Step, Keep: time.Duration(e.ages[i].keep.Load()) * time.Millisecond, Bytes: e.sizes.tier(i).bytes}
		if i > 0 {
			t.Step = time.Duration(levelSteps[i-1]) * time.Millisecond
		}
		if since := e.ages[i].since(at); since > 1 {
			t.Oldest = time.UnixMilli(since).UTC()
		}
		out = append(out, t)
	}
	return out
}
