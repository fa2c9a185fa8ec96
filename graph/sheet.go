package graph

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// A shape is one thing on a picture. It can be painted into pixels and written
// as SVG; both come from the same numbers, so that both show the same.
type shape interface {
	paint(*canvas)
	write(*svgWriter)
}

// A sheet is a picture laid out: its shapes in whole pixels, back to front,
// with y growing downwards.
//
// It is also the vg.Canvas on which gonum/plot draws the axes. One vg.Length
// is one pixel there and y grows upwards, as gonum has it. A plot of ours
// strokes nothing but axis-parallel ticks and sets its text through a label
// (label.go), so the rest of vg.Canvas does nothing.
type sheet struct {
	width, height int
	shapes        []shape
	letters       *lettering
	thick         vg.Length
}

func (s *sheet) add(shapes ...shape) { s.shapes = append(s.shapes, shapes...) }

var _ vg.Canvas = (*sheet)(nil)

// Stroke keeps a line that is parallel to an axis as a rectangle of pixels.
func (s *sheet) Stroke(p vg.Path) {
	if s.thick <= 0 || len(p) != 2 {
		return
	}
	a, b := p[0].Pos, p[1].Pos
	x, y := pixel(min(a.X, b.X)), s.height-pixel(max(a.Y, b.Y))
	w, h := pixel(max(a.X, b.X))-x, s.height-pixel(min(a.Y, b.Y))-y
	s.add(rect{x: x, y: y, w: max(w, pixel(s.thick)), h: max(h, pixel(s.thick)), ink: inkAxis, level: opaque})
}

func pixel(l vg.Length) int { return int(math.Round(float64(l))) }

// SetLineWidth sets the thickness of what Stroke draws next.
func (s *sheet) SetLineWidth(w vg.Length) { s.thick = w }

// SetLineDash does nothing: ticks are solid.
func (s *sheet) SetLineDash([]vg.Length, vg.Length) {}

// SetColor does nothing: ticks have the ink of axes.
func (s *sheet) SetColor(color.Color) {}

// Rotate does nothing: no text of ours is turned.
func (s *sheet) Rotate(float64) {}

// Translate does nothing.
func (s *sheet) Translate(vg.Point) {}

// Scale does nothing.
func (s *sheet) Scale(_, _ float64) {}

// Push does nothing: there is no state worth keeping.
func (s *sheet) Push() {}

// Pop does nothing.
func (s *sheet) Pop() {}

// Fill does nothing: a sheet's ground is filled by its medium.
func (s *sheet) Fill(vg.Path) {}

// FillString does nothing: labels set their text themselves.
func (s *sheet) FillString(font.Face, vg.Point, string) {}

// DrawImage does nothing.
func (s *sheet) DrawImage(vg.Rectangle, image.Image) {}
