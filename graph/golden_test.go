package graph_test

import (
	"flag"
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
	return map[string]graph.Picture{
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
