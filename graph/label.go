package graph

import (
	"gonum.org/v1/plot/font"
	gotext "gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// A label is how the axes of a plot set and measure their text. gonum/plot
// makes room for a label by shrinking the data area by fractions of a pixel
// and by more where a label would stand out over its ends; a label of ours
// says a whole and fixed size instead, so that the data area of a picture
// depends on the picture's size only: pictures of one size share one time axis
// to the pixel, and columns are whole pixels.
type label struct {
	sheet *sheet
	style style
	ink   ink
	// vertical: of the value axis, right-aligned in a gutter of fixed width
	// and without height; else of the time axis, without width.
	vertical bool
	gutter   int
}

var _ gotext.Handler = label{}

// blank is the space between the labels of the value axis and its ticks, in
// pixels; gonum/plot takes it to be the width of " ".
const blank = 4

// Cache is nil: a label does not set text with gonum's fonts.
func (l label) Cache() *font.Cache { return nil }

// Extents are zero: Draw knows where the baseline is.
func (l label) Extents(font.Font) font.Extents { return font.Extents{} }

// Lines is one line.
func (l label) Lines(text string) []string { return []string{text} }

// Box is what the layout believes of the size of a label.
func (l label) Box(text string, _ font.Font) (width, height, depth vg.Length) {
	switch {
	case l.vertical && text == " ":
		return blank, 0, 0
	case l.vertical:
		return vg.Length(l.gutter), 0, 0
	}
	return 0, vg.Length(l.style.line() + 2), 0
}

// Draw sets a label: of the time axis below pt, pushed in where it would leave
// the picture; of the value axis to the left of pt.
func (l label) Draw(_ vg.Canvas, s string, _ gotext.Style, pt vg.Point) {
	s = plain(s)
	t := text{x: pixel(pt.X), style: l.style, ink: l.ink, text: s, width: l.sheet.letters.width(l.style, s)}
	y := l.sheet.height - pixel(pt.Y)
	if l.vertical {
		t.y, t.anchor = y+(l.style.cap()+1)/2, anchorEnd
		l.sheet.add(t)
		return
	}
	t.y, t.anchor = y+l.style.cap()+3, anchorMiddle
	t.x = min(max(t.x, t.width/2+2), l.sheet.width-t.width/2-2)
	l.sheet.add(t)
}
