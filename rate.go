package spate

import (
	"math"
	"time"
)

// A Rate is what a port did between two samples, per second.
type Rate struct {
	At     time.Time     // end of the time it covers
	Over   time.Duration // length of it; 0 is no rate
	Values [NumMetrics]float64
}

// InBits is what the port received; NaN when unknown.
func (r *Rate) InBits() BitRate { return BitRate(r.Values[InBps]) }

// OutBits is what the port sent; NaN when unknown.
func (r *Rate) OutBits() BitRate { return BitRate(r.Values[OutBps]) }

// Bits is the larger of both directions; NaN when neither is known.
func (r *Rate) Bits() BitRate { return BitRate(larger(r.Values[InBps], r.Values[OutBps])) }

// Packets is the larger of both directions; NaN when neither is known.
func (r *Rate) Packets() PacketRate { return PacketRate(larger(r.Values[InPps], r.Values[OutPps])) }

func larger(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}
