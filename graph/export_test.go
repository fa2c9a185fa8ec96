package graph

import (
	"image"
	"io"
)

// PlotArea is where the data of a picture is drawn, and the value at its upper
// edge.
func PlotArea(r *Renderer, p Picture) (image.Rectangle, float64) {
	p, err := p.checked()
	if err != nil {
		panic(err)
	}
	c := newComposition(r.letters, p)
	c.reduce()
	return image.Rect(c.plotLeft(), c.plotTop, c.plotLeft()+c.plotWidth(), c.plotBottom()), c.scale.top
}

// LegendTop is the first pixel row of a picture's legend.
func LegendTop(r *Renderer, p Picture) int {
	return newComposition(r.letters, p).legendTop
}

// TextWidth is how wide a text is, in pixels.
func (r *Renderer) TextWidth(s string, size float64, bold bool) int {
	return r.letters.width(style{size: int16(size*10 + 0.5), bold: bold}, s)
}

// Encode writes a paletted PNG.
func Encode(w io.Writer, img *image.Paletted) error {
	var e encoder
	return e.encode(w, img)
}
