// Package storage keeps what ports did: rates on a fixed grid of steps, in
// VictoriaMetrics' storage engine, behind a ring of the newest quarter of an
// hour in memory. [Embedded] is the whole of it in one folder, [Remote] keeps the
// rows in a VictoriaMetrics elsewhere; [State] beside it keeps what is no time
// series, such as which ports a device had.
//
// A [spate.Round] comes in by Accept, is cut into slots of one step
// by rrdtool's rule for primary data points (slots.go), goes into the ring
// (ring.go) and in batches to the engine of the raw tier (tier.go). Finished slots
// are gathered into buckets of five minutes and an hour (accumulator.go, bucket.go),
// which go to the engines of the coarse tiers (levels.go). Query chooses a tier
// (plan.go), reads slots (span.go) or buckets (cells.go) back, adds what only memory
// knows yet, sums members (sum.go) and reduces them to columns (columns.go).
//
// Stored are integer bit rates and rounded packet rates with the start of their
// slot as the time, under the names spate_in_bps, spate_out_bps and so on
// ([spate.Metric]), labelled with device and ifName only; of buckets spate_in_bps_avg,
// _max, _min, and spate_known_ms where a bucket is not known as a whole.
package storage
