package spate

import (
	"math"
	"time"
)

// NumUsual is how many metrics have a baseline: InBps, OutBps, InPps, OutPps,
// the first of the Metrics.
const NumUsual = 4

// An Excess is what a port carries beyond its usual in one round: what room
// detect says of it and room suspect traces. Soft excess needs no mark: uplinks
// rarely pass their records, and yet a flood crosses them.
type Excess struct {
	Port     *Port
	From, To time.Time           // the window of the rate
	Rate     [NumMetrics]float64 // as in Rate.Values
	Usual    [NumUsual]float64   // for this hour of the week; NaN: no baseline yet
	Marked   [NumUsual]bool      // beyond its record, by the detector
	Since    time.Time           // estimated onset of the oldest mark; zero: none
	Gap      Gap                 // why there is no rate; Rate is NaN then
}

// Over is rate - usual of a metric that has a baseline: negative where there is
// less than usual, the whole rate where no usual is known, NaN without a rate.
func (e *Excess) Over(m Metric) float64 {
	usual := e.Usual[m]
	if math.IsNaN(usual) {
		usual = 0
	}
	return e.Rate[m] - usual
}

// AnyMark tells whether the detector has marked the port.
func (e *Excess) AnyMark() bool { return e.Marked != [NumUsual]bool{} }

// A Mark says that one port is unusual. It colours the wall and never pages.
type Mark struct {
	Since time.Time
	Text  string // in the operator's units
}
