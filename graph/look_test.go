package graph_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"spate"
	"spate/graph"
)

var look = flag.String("look", "", "write pictures into this folder, to be looked at by people")

// TestPicturesToLookAt writes every kind, theme and size into a folder:
// go test ./graph -run LookAt -look DIR.
func TestPicturesToLookAt(t *testing.T) {
	if *look == "" {
		t.Skip("no folder given with -look")
	}
	zone := berlin(t)
	r := graph.NewRenderer()
	sizes := [][2]int{{200, 100}, {400, 150}, {800, 300}, {1200, 400}, {2400, 800}}
	for _, kind := range []graph.Kind{graph.Bits, graph.Packets, graph.Errors} {
		for _, theme := range []graph.Theme{graph.Light, graph.Dark} {
			for _, size := range sizes {
				p := floodPicture(zone, 1440)
				p.Kind, p.Theme, p.Width, p.Height = kind, theme, size[0], size[1]
				f := p.Frame
				p.Shades = []graph.Shade{{From: f.From.Add(f.To.Sub(f.From) * 88 / 100), To: f.From.Add(f.To.Sub(f.From) * 94 / 100), Label: "flood"}}
				save(t, r, fmt.Sprintf("%s-%s-%dx%d", kind, theme, size[0], size[1]), p)
			}
		}
	}
	for name, p := range goldens(t) {
		for _, theme := range []graph.Theme{graph.Light, graph.Dark} {
			p.Theme = theme
			save(t, r, "golden-"+name+"-"+string(theme), p)
		}
	}
	empty := floodPicture(zone, 1440)
	empty.Frame = &spate.Frame{From: empty.Frame.From, To: empty.Frame.To, Step: empty.Frame.Step}
	save(t, r, "empty", empty)
	empty.Theme, empty.Width, empty.Height = graph.Dark, 400, 150
	save(t, r, "empty-dark", empty)
	hostile := floodPicture(zone, 24)
	hostile.Title, hostile.Subtitle = hostileText, hostileText
	save(t, r, "hostile", hostile)
}

func save(t *testing.T, r *graph.Renderer, name string, p graph.Picture) {
	t.Helper()
	var png, svg bytes.Buffer
	if err := r.PNG(&png, p); err != nil {
		t.Fatal(err)
	}
	if err := r.SVG(&svg, p); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d bytes of PNG, %d of SVG", name, png.Len(), svg.Len())
	for ext, b := range map[string][]byte{".png": png.Bytes(), ".svg": svg.Bytes()} {
		if err := os.WriteFile(filepath.Join(*look, "graph-"+name+ext), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const hostileText = "<script>alert('x')</script> & \"q\" \x00\x1b[31m \u202eRTL עברית العربية 💣🔥 Z͑͗̃a͌l̃go ﷽ ]]> -- very long 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789"
