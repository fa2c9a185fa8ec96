package graph_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"spate/graph"
)

func TestEqualPicturesAreEqualBytesFromAnyGoroutine(t *testing.T) {
	zone := berlin(t)
	var pictures []graph.Picture
	for _, kind := range []graph.Kind{graph.Bits, graph.Packets, graph.Errors} {
		for _, theme := range []graph.Theme{graph.Light, graph.Dark} {
			p := floodPicture(zone, 288)
			p.Kind, p.Theme = kind, theme
			if theme == graph.Dark {
				p.Width, p.Height = 300, 200
			}
			pictures = append(pictures, p)
		}
	}
	type drawn struct {
		png []byte
		svg string
	}
	want := make([]drawn, len(pictures))
	for i, p := range pictures {
		r := graph.NewRenderer() // one that has drawn nothing before
		want[i] = drawn{pngOf(t, r, p), svgOf(t, r, p)}
	}
	shared := graph.NewRenderer()
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for j := range 2 * len(pictures) {
				i := (j + worker) % len(pictures)
				if !bytes.Equal(pngOf(t, shared, pictures[i]), want[i].png) {
					t.Errorf("goroutine %d: the PNG of picture %d differs", worker, i)
				}
				if svgOf(t, shared, pictures[i]) != want[i].svg {
					t.Errorf("goroutine %d: the SVG of picture %d differs", worker, i)
				}
			}
		})
	}
	wg.Wait()
}

func TestAWriterThatFailsFailsThePicture(t *testing.T) {
	r := graph.NewRenderer()
	p := floodPicture(time.UTC, 24)
	if err := r.PNG(broken{}, p); !errors.Is(err, errBroken) {
		t.Errorf("PNG: error %v, want the writer's", err)
	}
	if err := r.SVG(broken{}, p); !errors.Is(err, errBroken) {
		t.Errorf("SVG: error %v, want the writer's", err)
	}
}

var errBroken = errors.New("pipe broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
