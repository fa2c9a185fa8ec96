package graph_test

import (
	"bytes"
	"errors"
	"image/png"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/graph"
)

func TestPicturesThatCannotBeDrawnAreRefusedBeforeAnythingIsWritten(t *testing.T) {
	from := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		edit func(*graph.Picture)
		want string
	}{
		{"narrower than 200 pixels", func(p *graph.Picture) { p.Width = 199 }, "199x400"},
		{"wider than 4096 pixels", func(p *graph.Picture) { p.Width = 4097 }, "4097x400"},
		{"lower than 100 pixels", func(p *graph.Picture) { p.Height = 99 }, "1200x99"},
		{"higher than 2160 pixels", func(p *graph.Picture) { p.Height = 2161 }, "200 to 4096 pixels wide"},
		{"a kind nobody knows", func(p *graph.Picture) { p.Kind = "bytes" }, `"bytes": wanted bits, packets, errors or stack`},
		{"a theme nobody knows", func(p *graph.Picture) { p.Theme = "pink" }, `"pink": wanted light or dark`},
		{"a range that ends before it begins", func(p *graph.Picture) {
			p.Frame = &spate.Frame{From: from, To: from.Add(-time.Hour), Step: time.Minute}
		}, "ends before it begins"},
	}
	r := graph.NewRenderer()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := graph.Picture{Width: 1200, Height: 400}
			tt.edit(&p)
			var out bytes.Buffer
			for _, draw := range []func() error{func() error { return r.PNG(&out, p) }, func() error { return r.SVG(&out, p) }} {
				if err := draw(); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want one with %q", err, tt.want)
				}
			}
			if out.Len() > 0 {
				t.Errorf("%d bytes were written", out.Len())
			}
		})
	}
	if err := graph.CheckSize(1, 1); !errors.Is(err, graph.ErrSize) {
		t.Errorf("CheckSize(1, 1) = %v, want ErrSize", err)
	}
}

func TestThePictureHasTheSizeAskedFor(t *testing.T) {
	r := graph.NewRenderer()
	for _, size := range [][2]int{{graph.MinWidth, graph.MinHeight}, {799, 301}, {graph.MaxWidth, graph.MaxHeight}} {
		p := floodPicture(time.UTC, 288)
		p.Width, p.Height = size[0], size[1]
		config, err := png.DecodeConfig(bytes.NewReader(pngOf(t, r, p)))
		if err != nil {
			t.Fatal(err)
		}
		if config.Width != size[0] || config.Height != size[1] {
			t.Errorf("%dx%d, want %v", config.Width, config.Height, size)
		}
	}
}

func TestMetricsAreWhatThePictureDraws(t *testing.T) {
	for _, kind := range []graph.Kind{graph.Bits, graph.Packets, graph.Errors} {
		metrics := graph.Metrics(kind)
		if len(metrics) < 2 {
			t.Errorf("%s asks for %v", kind, metrics)
		}
		for _, m := range metrics {
			if m.IsBits() != (kind == graph.Bits) {
				t.Errorf("%s asks for %s", kind, m)
			}
		}
	}
	if m := graph.Metrics("bytes"); m != nil {
		t.Errorf("an unknown kind asks for %v", m)
	}
}

func pngOf(t testing.TB, r *graph.Renderer, p graph.Picture) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.PNG(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func svgOf(t testing.TB, r *graph.Renderer, p graph.Picture) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.SVG(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
