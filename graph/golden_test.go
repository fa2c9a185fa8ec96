package graph_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"spate"
	"spate/graph"
)

var update = flag.Bool("update", false, "write the golden files anew; look at the difference")

// goldens are small pictures of everything that can be seen on one.
func goldens(t *testing.T) map[string]graph.Picture {
	zone := berlin(t)
	flood := floodPicture(zone, 96)
	flood.Width, flood.Height = 800, 300
	f := flood.Frame
	flood.Shades = []graph.Shade{{From: f.From.Add(21 * time.Hour), To: f.From.Add(23 * time.Hour), Label: "flood since 01:07"}}
	flood.Baseline = &graph.Band{Low: make([]float64, 96), High: make([]float64, 96)}
	for i := range 96 {
		flood.Baseline.Low[i], flood.Baseline.High[i] = 50e6, 180e6+float64(i)*1e6
	}
	packets := floodPicture(zone, 96)
	packets.Kind, packets.Theme, packets.Width, packets.Height = graph.Packets, graph.Dark, 800, 300
	errs := floodPicture(zone, 48)
	errs.Kind, errs.Width, errs.Height = graph.Errors, 400, 150
	empty := floodPicture(zone, 24)
	empty.Width, empty.Height = 400, 150
	empty.Frame = &spate.Frame{From: f.From, To: f.To, Step: f.Step}
	hostile := floodPicture(zone, 24)
	hostile.Title, hostile.Subtitle, hostile.Width, hostile.Height = hostileText, hostileText, 800, 200
	full := floodPicture(zone, 48)
	full.Frame, full.Speed, full.Width, full.Height = level(48, 990e6, 400e6), 1e9, 800, 300
	past := floodPicture(zone, 96)
	past.Width, past.Height, past.Previous = 800, 300, sumUp(scene(f.From, f.Step, 96, 9))
	past.Marks = []graph.Mark{{At: f.From.Add(6 * time.Hour), Label: "restart"}, {At: f.From.Add(6*time.Hour + time.Minute), Label: "too near to be named"}, {At: f.From.Add(15 * time.Hour), Label: "speed 1 Gb/s, was 100 Mb/s"}, {At: f.From.Add(-time.Hour), Label: "before"}}
	stack := floodPicture(zone, 96)
	stack.Kind, stack.Width, stack.Height, stack.Layers = graph.Stack, 800, 360, layers(f, 4)
	stack.Layers[1].Label = hostileText
	return map[string]graph.Picture{
		"past": past, "stack": stack,
		"flood": flood, "packets": packets, "errors": errs, "empty": empty, "hostile": hostile, "at_speed": full,
	}
}

func TestPicturesAreAsTheyWereLookedAt(t *testing.T) {
	r := graph.NewRenderer()
	for name, p := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".svg")
			got := svgOf(t, r, p)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the SVG differs from %s: run go test ./graph -update and look at the difference", file)
			}
		})
	}
}

// layers are ports of a group, the third of which is unknown for a time.
func layers(f *spate.Frame, n int) (out []graph.Layer) {
	for i := range n {
		other := sumUp(scene(f.From, f.Step, f.Len(), uint64(20+i)))
		if i == 2 {
			silence(other, 0.3, 0.5)
			sumUp(other)
		}
		out = append(out, graph.Layer{Label: fmt.Sprintf("bdr-1 xe-0/0/%d", i), Series: other.Series[spate.InBps]})
	}
	return out
}

func TestAStackIsAsHighAsItsLayersTogether(t *testing.T) {
	zone := berlin(t)
	p := floodPicture(zone, 96)
	p.Kind, p.Layers = graph.Stack, layers(p.Frame, graph.MostLayers)
	if err := graph.NewRenderer().PNG(io.Discard, p); err != nil {
		t.Fatal(err)
	}
	p.Layers = layers(p.Frame, graph.MostLayers+1)
	if err := graph.NewRenderer().PNG(io.Discard, p); err == nil {
		t.Error("more layers than colours were drawn")
	}
	p.Layers = nil
	if err := graph.NewRenderer().PNG(io.Discard, p); err == nil {
		t.Error("a stack of nothing was drawn")
	}
}
