package graph_test

import (
	"math"
	"regexp"
	"testing"

	"spate/graph"
)

func TestSparklines(t *testing.T) {
	gap := math.NaN()
	tests := []struct {
		name          string
		in, out       []float64
		wantIn, wantO string
	}{
		{"in is an area, out a line, on one scale", []float64{0, 50, 100}, []float64{25, 25, 0},
			"M0 20V20L50 10L100 0V20z", "M0 15L50 15L100 20"},
		{"a gap divides the path", []float64{100, 100, gap, 100, 100}, []float64{0, gap, gap, 0, 0},
			"M0 20V0L25 0V20zM75 20V0L100 0V20z", "M0 20H1M75 20L100 20"},
		{"nothing known", []float64{gap, gap}, nil, "", ""},
		{"all zero lies on the ground", []float64{0, 0}, []float64{0, 0}, "M0 20V20L100 20V20z", "M0 20L100 20"},
		{"what no wire carries is a gap", []float64{math.Inf(1), -1, 1e30}, []float64{1, 1, 1}, "", "M0 0L50 0L100 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, out := graph.Spark(tt.in, tt.out, 100, 20)
			if in != tt.wantIn {
				t.Errorf("in  %q, want %q", in, tt.wantIn)
			}
			if out != tt.wantO {
				t.Errorf("out %q, want %q", out, tt.wantO)
			}
		})
	}
}

func FuzzSpark(f *testing.F) {
	f.Add(1.0, 2.0, 3.0, 100, 20)
	f.Add(math.NaN(), math.Inf(-1), 1e308, 1, 1)
	path := regexp.MustCompile(`^([MLHV]-?\d+( -?\d+)?|z)*$`)
	f.Fuzz(func(t *testing.T, a, b, c float64, w, h int) {
		if w > 1e6 || h > 1e6 {
			t.Skip()
		}
		in, out := graph.Spark([]float64{a, b, c}, []float64{c, a}, w, h)
		for _, p := range []string{in, out} {
			if !path.MatchString(p) {
				t.Errorf("%q is no path of whole numbers", p)
			}
		}
	})
}
