package graph_test

import (
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"spate"
	"spate/graph"
)

// BenchmarkPNG draws a day as a mail or a page asks for it: with 8,640 values,
// reduced here, and with as many as there are columns, reduced by the store.
func BenchmarkPNG(b *testing.B) {
	r := graph.NewRenderer()
	for _, n := range []int{8640, r.Columns(1200)} {
		for _, kind := range []graph.Kind{graph.Bits, graph.Packets} {
			b.Run(fmt.Sprintf("%s/values=%d", kind, n), func(b *testing.B) {
				p := floodPicture(time.UTC, n)
				p.Kind = kind
				size := len(pngOf(b, r, p))
				b.ReportAllocs()
				for b.Loop() {
					if err := r.PNG(io.Discard, p); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "PNG/s")
				b.ReportMetric(float64(size), "bytes/PNG")
			})
		}
	}
}

func BenchmarkSVG(b *testing.B) {
	r := graph.NewRenderer()
	p := floodPicture(time.UTC, r.Columns(1200))
	size := len(svgOf(b, r, p))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.SVG(io.Discard, p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size), "bytes/SVG")
}

// BenchmarkSpark makes the sparklines of a wall: 24 rows of 144 values.
func BenchmarkSpark(b *testing.B) {
	f := scene(time.Unix(1.8e9, 0), 10*time.Minute, 144, 3)
	in, out := f.Series[spate.InBps].Avg, f.Series[spate.OutBps].Avg
	in[20] = math.NaN()
	b.ReportAllocs()
	for b.Loop() {
		for range 24 {
			graph.Spark(in, out, 288, 40)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/wall")
}
