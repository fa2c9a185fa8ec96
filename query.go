package spate

import "time"

// A Query asks for the rates of one port, or the sum of several, over a range.
type Query struct {
	Ports    []PortID
	Metrics  []Metric
	From, To time.Time
	Width    int // at most so many values a series; 1..4096
}

// A Tier names the store's resolution that answered.
type Tier string

// Tiers, finest first.
const (
	TierRing        Tier = "ring"
	TierRaw         Tier = "raw"
	TierFiveMinutes Tier = "five_minutes"
	TierHour        Tier = "hour"
)

// A Frame is the answer to a Query: series of equal length on one grid. Value
// i covers [From + i Step, From + (i+1) Step); NaN is a gap.
type Frame struct {
	From, To time.Time // From floored and To raised to Step
	Step     time.Duration
	Tier     Tier
	Series   []Series // in the order of Query.Metrics
	Covered  int      // ports with at least one value
	Of       int      // ports asked for
}

// Len is the number of values in each series.
func (f *Frame) Len() int {
	if f.Step <= 0 {
		return 0
	}
	return int(f.To.Sub(f.From) / f.Step)
}

// A Series is one metric of a Frame. Avg is the mean of the step weighted by
// time, Max and Min the greatest and smallest sample in it; Min is nil where
// it is not kept.
type Series struct {
	Metric        Metric
	Avg, Max, Min []float64
	Stats         Stats
}

// Stats sum up one series over the asked range; NaN is unknown.
type Stats struct {
	Last  float64 // newest known value
	Mean  float64 // weighted by time
	Max   float64 // greatest sample
	P95   float64 // nearest rank of 5-minute means
	Total float64 // octets for bps, packets for pps, errors or discards for the rest
}
