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
	Floor    [NumUsual]float64   // less above the usual is never unusual
	Marked   [NumUsual]bool      // beyond its record, by the detector
	Hinted   [NumUsual]bool      // too small to be marked; counts where many ports have it at once
	Since    time.Time           // estimated onset of the oldest mark; zero: none
	Mark     *Mark               // shown until it has been calm for a while; nil: none
	Gap      Gap                 // why there is no rate; Rate is NaN then
	Far      bool                // as the other end of the wire has it, see Turned
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

// Turned is the excess as the other end of the wire has it: what the port sends comes
// in there.
func (e *Excess) Turned() Excess {
	out := *e
	out.Far = !e.Far
	for m := range NumMetrics {
		out.Rate[m] = e.Rate[m^1] // each InX stands before its OutX
	}
	for m := range Metric(NumUsual) {
		out.Usual[m], out.Floor[m], out.Marked[m], out.Hinted[m] = e.Usual[m^1], e.Floor[m^1], e.Marked[m^1], e.Hinted[m^1]
	}
	return out
}

// AnyMark tells whether the detector has marked the port.
func (e *Excess) AnyMark() bool { return e.Marked != [NumUsual]bool{} }

// Factor is the largest rate / usual of all, usual raised to the floor, and whose
// it is; NaN while there is no baseline.
func (e *Excess) Factor() (factor float64, of Metric) {
	factor = math.NaN()
	for m := range Metric(NumUsual) {
		f := e.Rate[m] / math.Max(e.Usual[m], e.Floor[m])
		if f > factor || math.IsNaN(factor) && !math.IsNaN(f) {
			factor, of = f, m
		}
	}
	return factor, of
}

// A Mark says that one port is unusual. It colours the wall and never pages.
type Mark struct {
	Since time.Time `json:"since"`
	Text  string    `json:"text"` // in the operator's units
}
