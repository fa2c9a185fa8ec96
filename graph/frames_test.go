package graph_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/graph"
)

// Whatever a frame holds, a picture of it can be drawn, is valid, prints no
// figure that is none, and says "no data" where the frame has no room for any
// or its values are none.
func FuzzFrames(f *testing.F) {
	f.Add(int64(1.8e9), int64(86400), int64(time.Minute), 5, 9, 1e6, 2e6, uint8(0))
	f.Add(int64(1.8e9), int64(86400), int64(1), 5, 0, math.NaN(), math.Inf(1), uint8(1))
	f.Add(int64(-1<<40), int64(1<<40), int64(-1), 0, 3, -1.0, 1e300, uint8(2))
	f.Add(int64(0), int64(0), int64(0), 7, 7, 0.0, 5e-324, uint8(2))
	r := graph.NewRenderer()
	kinds := []graph.Kind{graph.Bits, graph.Packets, graph.Errors}
	f.Fuzz(func(t *testing.T, from, span, step int64, averages, maxima int, a, b float64, k uint8) {
		if averages < 0 || maxima < 0 || averages > 5000 || maxima > 5000 || span < 0 || span > 1<<40 || from < -1<<40 || from > 1<<40 {
			t.Skip()
		}
		kind := kinds[int(k)%len(kinds)]
		frame := &spate.Frame{From: time.Unix(from, 0), To: time.Unix(from+span, 0), Step: time.Duration(step)}
		for _, m := range graph.Metrics(kind) {
			s := spate.Series{Metric: m, Stats: spate.Stats{Last: a, Mean: b, Max: b, P95: a, Total: b}}
			for i := range max(averages, maxima) {
				if i < averages {
					s.Avg = append(s.Avg, a)
				}
				if i < maxima {
					s.Max = append(s.Max, b)
				}
			}
			frame.Series = append(frame.Series, s)
		}
		p := graph.Picture{Kind: kind, Frame: frame, Width: 300, Height: 150}
		texts := strings.Join(contents(textsOf(t, svgOf(t, r, p))), "\n")
		if strings.Contains(texts, "NaN") || strings.Contains(texts, "Inf") {
			t.Errorf("unknown figures are printed: %q", texts)
		}
		empty := frame.Len() <= 0 || averages+maxima == 0 || !(a >= 0 && a < 1e21) && !(b >= 0 && b < 1e21)
		if empty != strings.Contains(texts, "no data in this range") && (empty || min(averages, maxima) > frame.Len()) {
			t.Errorf("empty is %v, and the texts are %q", empty, texts)
		}
		pngOf(t, r, p)
	})
}

func TestAnIncidentIsShadedToItsEndOrToNow(t *testing.T) {
	r := graph.NewRenderer()
	f := level(100, math.NaN(), math.NaN())
	seriesOf(f, spate.InBps).Avg[0] = 1e6
	from := f.From.Add(50 * time.Minute)
	tests := []struct {
		name                string
		shade               graph.Shade
		at25, at55, at75pct bool
	}{
		{"over", graph.Shade{From: from, To: f.From.Add(60 * time.Minute)}, false, true, false},
		{"still open", graph.Shade{From: from}, false, true, true},
		{"begun before the picture", graph.Shade{From: f.From.Add(-time.Hour), To: from}, true, false, false},
		{"past", graph.Shade{From: f.From.Add(-2 * time.Hour), To: f.From.Add(-time.Hour)}, false, false, false},
		{"to come", graph.Shade{From: f.To.Add(time.Hour)}, false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := graph.Picture{Frame: f, Width: 600, Height: 200, Shades: []graph.Shade{tt.shade}}
			area, _ := graph.PlotArea(r, p)
			img := decode(t, pngOf(t, r, p))
			for percent, want := range map[int]bool{25: tt.at25, 55: tt.at55, 75: tt.at75pct} {
				x, y := area.Dx()*percent/100, area.Min.Y+5
				if got := coloured(img, area.Min.X+x, y); got != want {
					t.Errorf("at %d %% shaded is %v, want %v", percent, got, want)
				}
			}
		})
	}
}

func TestAShortLegendNamesTheHighestLines(t *testing.T) {
	p := floodPicture(berlin(t), 48)
	p.Kind, p.Width, p.Height = graph.Errors, 400, 150
	all := strings.Join(contents(textsOf(t, svgOf(t, graph.NewRenderer(), p))), "\n")
	for name, want := range map[string]bool{"in discards": true, "out discards": true, "out errors": false} {
		if strings.Contains(all, name) != want {
			t.Errorf("%q named is %v, want %v: discards are highest here, and there is room for two", name, !want, want)
		}
	}
}
