package spate

import "time"

// A History is what another store knew of one metric of a port, in the buckets of
// one tier.
type History struct {
	Port    PortID
	Tier    Tier // raw, five_minutes or hour
	Metric  Metric
	Buckets []Bucket // by time
}

// A Bucket is one step of a History.
type Bucket struct {
	At    time.Time     // when it begins, on the tier's grid
	Known time.Duration // how much of it is known; 0: all
	Avg   float64       // per second
	Max   float64
}

// A Taken says what became of a History.
type Taken struct {
	Written int // buckets
	Known   int // were there already: what is stored is never written over
	Old     int // are past the tier's retention
	Bad     int // are off the grid, of the future, or of a rate that cannot be
}
