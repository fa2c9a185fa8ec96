package graph

import (
	"math"

	"gonum.org/v1/plot"

	"spate"
)

// headroom keeps the highest peak off the upper edge.
const headroom = 1.06

// topOf is the value at the upper edge of the plot: a little above the highest
// peak, and never so low that labels could not tell the steps apart.
func topOf(most float64, k Kind) float64 {
	switch k {
	case Bits:
		return max(most*headroom, 1000)
	case Packets:
		return max(most*headroom, 10)
	}
	return max(most*headroom, 0.1)
}

// valueTicks are the labels of the value axis from 0 to top, at round values
// in SI steps, about one for each room pixels of height and never zero alone.
func valueTicks(top float64, height, room int, unit string) []plot.Tick {
	most := max(height/max(room, 1), 2)
	step := roundStep(top / float64(most))
	var ticks []plot.Tick
	for i := 0; float64(i)*step <= top; i++ {
		v := float64(i) * step
		ticks = append(ticks, plot.Tick{Value: v, Label: spate.FormatSI(v, unit)})
	}
	return ticks
}

// roundStep is the smallest 1, 2, 2.5 or 5 times a power of ten that is at
// least v. Below 0.1 there is no 2.5: labels have two decimals.
func roundStep(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m == 2.5 && unit < 0.1 {
			continue
		}
		if m*unit >= v*(1-1e-9) {
			return m * unit
		}
	}
	return 10 * unit
}
