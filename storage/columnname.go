package storage

import (
	"strings"

	"spate"
)

// An agg says what a stored row is of its time.
type agg uint8

// What rows hold. The raw tier has slots, the coarse ones have means with their
// greatest and smallest slots beside them. How much of a bucket was known, in ms,
// is written only where it was not the whole.
const (
	aggSlot agg = iota
	aggAvg
	aggMax
	aggMin
	aggKnown
	numAggs
)

var aggSuffixes = [numAggs]string{"", "_avg", "_max", "_min", "_known_ms"}

// A column is one stored series of a port. Its metric is NumMetrics where it is
// what was known of the port's buckets whatever the metric.
type column struct {
	metric spate.Metric
	agg    agg
}

// portKnown is how much was known of a port's buckets, for all metrics that have
// no column of their own for it.
var portKnown = column{spate.NumMetrics, aggKnown}

const portKnownName = namePrefix + "known_ms"

// name is the metric's name in the engine: spate_in_bps, spate_in_bps_max.
func (c column) name() string {
	if c == portKnown {
		return portKnownName
	}
	return namePrefix + c.metric.String() + aggSuffixes[c.agg]
}

// columnOf reads such a name.
func columnOf(name string) (column, bool) {
	if name == portKnownName {
		return portKnown, true
	}
	short, ours := strings.CutPrefix(name, namePrefix)
	if !ours {
		return column{}, false
	}
	for a := numAggs - 1; a > aggSlot; a-- {
		if base, ok := strings.CutSuffix(short, aggSuffixes[a]); ok {
			m, ok := spate.ParseMetric(base)
			return column{m, a}, ok
		}
	}
	m, ok := spate.ParseMetric(short)
	return column{metric: m}, ok
}

// hasMin tells whether the smallest slot of a coarse bucket is kept: of octets only.
func hasMin(m spate.Metric) bool { return m.IsBits() }
