package graph_test

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/graph"
)

// unknown is the stats of nothing, which draw no percentile.
var unknown = spate.Stats{Last: math.NaN(), Mean: math.NaN(), Max: math.NaN(), P95: math.NaN(), Total: math.NaN()}

// level is a frame of n minutes with one value for in and out each.
func level(n int, in, out float64) *spate.Frame {
	from := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	f := &spate.Frame{From: from, To: from.Add(time.Duration(n) * time.Minute), Step: time.Minute}
	for m, v := range map[spate.Metric]float64{spate.InBps: in, spate.OutBps: out} {
		s := spate.Series{Metric: m, Avg: make([]float64, n), Max: make([]float64, n), Stats: unknown}
		for i := range n {
			s.Avg[i], s.Max[i] = v, v
		}
		f.Series = append(f.Series, s)
	}
	return f
}

func seriesOf(f *spate.Frame, m spate.Metric) spate.Series {
	for _, s := range f.Series {
		if s.Metric == m {
			return s
		}
	}
	return spate.Series{}
}

func decode(t testing.TB, b []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// coloured tells blue and orange, even pale, from the greys of everything else.
func coloured(img image.Image, x, y int) bool {
	r, _, b, _ := img.At(x, y).RGBA()
	return max(r, b)-min(r, b) > 30<<8
}

// topOf is the first coloured pixel row of a column of the plot area, or its
// lower edge.
func topOf(img image.Image, area image.Rectangle, column int) int {
	for y := area.Min.Y; y < area.Max.Y; y++ {
		if coloured(img, area.Min.X+column, y) {
			return y
		}
	}
	return area.Max.Y
}

func TestThePeakStandsWhereAndAsHighAsItWas(t *testing.T) {
	r := graph.NewRenderer()
	n := r.Columns(1200)
	f := level(n, 100e6, 20e6)
	in := seriesOf(f, spate.InBps)
	in.Avg[700], in.Max[700] = 400e6, 900e6
	p := graph.Picture{Frame: f, Width: 1200, Height: 400}
	area, top := graph.PlotArea(r, p)
	if area.Dx() != n {
		t.Fatalf("the plot has %d columns, Columns says %d", area.Dx(), n)
	}
	img := decode(t, pngOf(t, r, p))
	want := area.Max.Y - int(math.Round(900e6/top*float64(area.Dy()*8)))/8
	if got := topOf(img, area, 700); got != want && got != want-1 {
		t.Errorf("the peak's column begins at row %d, want %d", got, want)
	}
	plain := area.Max.Y - int(100e6/top*float64(area.Dy()))
	for _, column := range []int{699, 701} {
		if got := topOf(img, area, column); got < plain-1 || got > plain+1 {
			t.Errorf("column %d begins at row %d, want %d: the peak has spread", column, got, plain)
		}
	}
}

func TestAPeakOfOneValueInADayOf8640IsDrawn(t *testing.T) {
	r := graph.NewRenderer()
	f := level(8640, 100e6, 20e6)
	in := seriesOf(f, spate.InBps)
	in.Avg[5000], in.Max[5000] = 900e6, 900e6
	p := graph.Picture{Frame: f, Width: 1200, Height: 400}
	area, top := graph.PlotArea(r, p)
	img := decode(t, pngOf(t, r, p))
	column := 5000 * area.Dx() / 8640
	want := area.Max.Y - int(900e6/top*float64(area.Dy()))
	if got := topOf(img, area, column); got < want-1 || got > want+1 {
		t.Errorf("column %d begins at row %d, want %d", column, got, want)
	}
}

func TestAGapIsAHoleAndNotZero(t *testing.T) {
	r := graph.NewRenderer()
	f := level(r.Columns(1200), 100e6, 20e6)
	for _, s := range f.Series {
		for i := 300; i < 310; i++ {
			s.Avg[i], s.Max[i] = math.NaN(), math.NaN()
		}
	}
	p := graph.Picture{Frame: f, Width: 1200, Height: 400}
	area, _ := graph.PlotArea(r, p)
	img := decode(t, pngOf(t, r, p))
	for column := 300; column < 310; column++ {
		if top := topOf(img, area, column); top != area.Max.Y {
			t.Errorf("column %d of the gap has colour at row %d", column, top)
		}
	}
	ground := img.At(area.Min.X+100, area.Min.Y+1)
	hatched := 0
	for y := area.Min.Y; y < area.Max.Y; y++ {
		if img.At(area.Min.X+305, y) != ground {
			hatched++
		}
	}
	if hatched < area.Dy()/2 {
		t.Errorf("%d of %d pixels of a gap's column differ from the ground: it is not marked", hatched, area.Dy())
	}
	zero := level(r.Columns(1200), 100e6, 0)
	q := graph.Picture{Frame: zero, Width: 1200, Height: 400}
	line := decode(t, pngOf(t, r, q))
	if !coloured(line, area.Min.X+305, area.Max.Y-1) {
		t.Error("a rate of zero is not drawn at the ground: it looks like a gap")
	}
}

// The heights are chosen to be whole pixels, so that there is no blending of
// edges to judge.
func TestTheTopPixelOfEachColumnIsItsMax(t *testing.T) {
	r := graph.NewRenderer()
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 20 {
		p := graph.Picture{Width: 300 + rng.IntN(900), Height: 150 + rng.IntN(400)}
		n := r.Columns(p.Width)
		p.Frame = level(n, 1e9, 0)
		area, top := graph.PlotArea(r, p)
		s, other := seriesOf(p.Frame, spate.InBps), seriesOf(p.Frame, spate.OutBps)
		if round%2 == 1 {
			s, other = other, s
		}
		want := make([]int, n)
		for i := range n {
			other.Avg[i], other.Max[i] = math.NaN(), math.NaN()
			want[i] = rng.IntN(area.Dy() * 9 / 10)
			s.Max[i] = top * float64(want[i]) / float64(area.Dy())
			s.Avg[i] = s.Max[i] * rng.Float64()
			if rng.IntN(10) == 0 {
				s.Max[i], s.Avg[i], want[i] = math.NaN(), math.NaN(), -1
			}
		}
		s.Max[0], want[0] = 1e9, int(math.Round(1e9/top*float64(area.Dy())))
		img := decode(t, pngOf(t, r, p))
		for i, h := range want {
			got := area.Max.Y - topOf(img, area, i)
			tolerance := 0
			if i == 0 || h < 3 {
				tolerance = 2 // no whole pixel, or within the thickness of the line at the ground
			}
			if h >= 0 && (got < h-tolerance || got > h+tolerance) {
				t.Fatalf("round %d, %dx%d: column %d is %d pixels high, want %d", round, p.Width, p.Height, i, got, h)
			}
			if h < 0 && got != 0 {
				t.Fatalf("round %d: column %d is %d pixels high, want a gap", round, i, got)
			}
		}
	}
}

func TestTheLegendIsInBothFormatsFromOneLayout(t *testing.T) {
	r := graph.NewRenderer()
	for _, theme := range []graph.Theme{graph.Light, graph.Dark} {
		p := floodPicture(berlin(t), 1440)
		p.Theme = theme
		svg := svgOf(t, r, p)
		texts := textsOf(t, svg)
		for _, want := range []string{"now", "mean", "max", "95th", "total", "in (received)", "out (sent)", "912 Mb/s", "Europe/Berlin (CET)", p.Title, p.Subtitle} {
			if !strings.Contains(strings.Join(contents(texts), "\n"), want) {
				t.Errorf("%s: no text %q in the SVG", theme, want)
			}
		}
		img := decode(t, pngOf(t, r, p))
		legend := graph.LegendTop(r, p)
		for _, text := range texts {
			if text.y < legend {
				continue
			}
			if !inked(img, text) {
				t.Errorf("%s: the SVG has %q at %d,%d and the PNG has nothing there", theme, text.content, text.x, text.y)
			}
		}
	}
}

// inked tells whether there is anything but ground where a text must be.
func inked(img image.Image, t placed) bool {
	ground := img.At(0, 0)
	from, to := t.x, t.x+8
	switch t.anchor {
	case "end":
		from, to = t.x-8, t.x
	case "middle":
		from, to = t.x-4, t.x+4
	}
	for x := from; x < to; x++ {
		for y := t.y - 9; y < t.y; y++ {
			if img.At(x, y) != ground {
				return true
			}
		}
	}
	return false
}

func TestNoTextOfAPictureLeavesItOrTouchesAnother(t *testing.T) {
	r := graph.NewRenderer()
	for _, kind := range []graph.Kind{graph.Bits, graph.Packets, graph.Errors} {
		for _, size := range [][2]int{{200, 100}, {400, 150}, {800, 300}, {1200, 400}, {2400, 800}} {
			p := floodPicture(berlin(t), 288)
			p.Kind, p.Width, p.Height = kind, size[0], size[1]
			texts := textsOf(t, svgOf(t, r, p))
			for i, a := range texts {
				box := a.box(r)
				if !box.In(image.Rect(0, 0, size[0], size[1])) {
					t.Errorf("%s %v: %q at %v leaves the picture", kind, size, a.content, box)
				}
				for _, b := range texts[:i] {
					if box.Overlaps(b.box(r)) {
						t.Errorf("%s %v: %q at %v touches %q at %v", kind, size, a.content, box, b.content, b.box(r))
					}
				}
			}
		}
	}
}
