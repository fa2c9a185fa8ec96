package storage

import (
	"math"

	"spate"
)

// The tiers that are made of slots as they come in.
const (
	levelFive = iota
	levelHour
	numLevels
)

// levelSteps are the lengths of their buckets in ms; fixed by the clock.
var levelSteps = [numLevels]int64{300_000, 3_600_000}

var levelTiers = [numLevels]spate.Tier{spate.TierFiveMinutes, spate.TierHour}

// A bucket gathers the slots of one port that fall into five minutes, or an
// hour, by the clock. It counts how much of it is known: its mean is of known
// time, weighted by time. However little is known, it is kept: it stands with
// that weight in wider columns and totals, so that the answer is the same at
// every zoom, and its greatest slot is never lost.
//
// A bucket may come in parts, when the clock was set back in it or it was taken
// for finished too soon. A part has its first slot's time as its own, and one
// millisecond more for each time the clock was set back, which tells it from
// others and makes writing it again harmless; readers join them.
type bucket struct {
	first int64                     // the time of its rows, ms: start of its first slot, and turns; 0: nothing is in it
	sum   [spate.NumMetrics]float64 // value x ms
	known [spate.NumMetrics]uint32  // ms
	most  [spate.NumMetrics]float64
	least [minMetrics]float64 // of those that keep it
}

// minMetrics is how many metrics, the first ones, keep their smallest slot.
const minMetrics = 2

// count adds a value of a metric known for some ms.
func (b *bucket) count(m spate.Metric, x float64, ms int64) {
	if b.known[m] == 0 || x > b.most[m] {
		b.most[m] = x
	}
	if m < minMetrics && (b.known[m] == 0 || x < b.least[m]) {
		b.least[m] = x
	}
	b.sum[m] += x * float64(ms)
	b.known[m] += uint32(ms)
}

// countAll adds a slot's values.
func (b *bucket) countAll(from, ms, turn int64, v *values) {
	for m, x := range v {
		if x == x { // not NaN
			if b.first == 0 {
				b.first = from + turn
			}
			b.count(spate.Metric(m), x, ms)
		}
	}
}

// mostKnown is the ms known of the metric known best.
func (b *bucket) mostKnown() (ms uint32) {
	for _, k := range b.known {
		ms = max(ms, k)
	}
	return ms
}

// A part is one metric of a bucket as it is stored.
type part struct {
	avg, most, least float64
	known            int64 // ms; 0: nothing
}

// part is what is stored of a metric: its mean to 0.1 (errors finer, of which
// there may be one an hour), its greatest and smallest to three digits.
func (b *bucket) part(m spate.Metric) part {
	k := b.known[m]
	if k == 0 {
		return part{}
	}
	p := part{
		avg:   roundedMean(m, b.sum[m]/float64(k)),
		most:  threeDigits(b.most[m]),
		known: int64(k),
	}
	if m < minMetrics {
		p.least = threeDigits(b.least[m])
	}
	return p
}

// roundedMean is a mean on the grid it is stored on: whole numbers of 1/10, or
// of 1/10,000 for errors and discards.
func roundedMean(m spate.Metric, x float64) float64 {
	per := 10.0
	if m >= spate.InErrorsPs {
		per = 10_000
	}
	return math.Round(x*per) / per
}

// threeDigits rounds to three significant decimal digits: half a percent at
// most, for two thirds of the disk.
func threeDigits(x float64) float64 {
	if x == 0 {
		return 0
	}
	e := int(math.Floor(math.Log10(x))) - 2
	if e >= 0 {
		unit := math.Pow10(e)
		return math.Round(x/unit) * unit
	}
	per := math.Pow10(-e)
	return math.Round(x*per) / per
}
