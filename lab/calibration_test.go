package lab_test

import (
	"math"
	"testing"

	"spate"
	"spate/lab/fabric"
)

// How sure a link says it is, against how often it is right, over many networks.
func TestHowSureIsHowOftenRight(t *testing.T) {
	if testing.Short() {
		t.Skip("looks at many networks")
	}
	var right, all [10]int
	var said [10]float64
	sure, links, wrongSure := 0, 0, 0
	for seed := range uint64(12) {
		for _, silent := range []float64{0, 0.2, 0.5, 0.8, 1} {
			shape := fabric.Medium50(100 + seed)
			shape.NoLLDP = silent
			n := fabric.New(shape)
			v := learned(n, 30)
			truth := map[[2]spate.PortID]bool{}
			for _, l := range n.Links() {
				truth[[2]spate.PortID{l.A, l.B}] = true
			}
			for _, l := range v.Links {
				tenth := min(int(l.Confidence*10), 9)
				all[tenth]++
				said[tenth] += l.Confidence
				if truth[[2]spate.PortID{l.A, l.B}] {
					right[tenth]++
					if l.Confidence >= 0.9 {
						sure++
					}
				} else if l.Confidence >= 0.9 {
					wrongSure++
				}
			}
			links += len(truth)
		}
	}
	for tenth := range all {
		if all[tenth] > 0 {
			share := float64(right[tenth]) / float64(all[tenth])
			if mean := said[tenth] / float64(all[tenth]); all[tenth] >= 50 && math.Abs(mean-share) > 0.05 {
				t.Errorf("links that are %.0f %% sure on average are right in %.1f %%", 100*mean, 100*share)
			}
			t.Logf("%.1f to %.1f: %d links, %.1f %% right", float64(tenth)/10, float64(tenth+1)/10, all[tenth], 100*float64(right[tenth])/float64(all[tenth]))
		}
	}
	if float64(sure) < 0.8*float64(links) || float64(wrongSure) >= 0.005*float64(links) {
		t.Errorf("of %d links %d are right and sure, %d wrong and sure: want four of five, and under one of 200", links, sure, wrongSure)
	}
	t.Logf("of %d links %.1f %% are right and sure, %.2f %% wrong and sure", links, 100*float64(sure)/float64(links), 100*float64(wrongSure)/float64(links))
}
