package graph

import (
	"image"
	"image/color"

	"golang.org/x/image/math/fixed"
)

// A canvas is a picture in pixels of at most 256 colours: it is painted with
// palette indices at once, because turning a full-colour image into a palette
// costs as much as painting it.
type canvas struct {
	width, height int
	pix           []uint8
	letters       *lettering
	palette       color.Palette
	inks          [numInks]color.RGBA
	mixes         [numInks][opaque + 1][256]uint16 // index+1 of ink at a level over a colour; 0 not known yet
}

// begin makes the canvas ready for a picture. Index 0 is the ground.
func (c *canvas) begin(s *sheet, t Theme) {
	c.width, c.height, c.letters = s.width, s.height, s.letters
	if n := s.width * s.height; cap(c.pix) < n {
		c.pix = make([]uint8, n)
	} else {
		c.pix = c.pix[:n]
		clear(c.pix)
	}
	c.inks = t.colours()
	c.palette = c.palette[:0]
	c.mixes = [numInks][opaque + 1][256]uint16{}
	for _, colour := range c.inks {
		c.index(colour)
	}
}

// image is the painted picture. It shares the canvas's memory.
func (c *canvas) image() *image.Paletted {
	return &image.Paletted{Pix: c.pix, Stride: c.width, Rect: image.Rect(0, 0, c.width, c.height), Palette: c.palette}
}

// index finds or adds a colour; when the palette is full, the nearest serves.
func (c *canvas) index(want color.RGBA) uint8 {
	best, distance := 0, 1<<30
	for i, have := range c.palette {
		h := have.(color.RGBA) //nolint:errcheck // nothing else is ever put in
		dr, dg, db := int(h.R)-int(want.R), int(h.G)-int(want.G), int(h.B)-int(want.B)
		if d := dr*dr + dg*dg + db*db; d < distance {
			best, distance = i, d
		}
	}
	const alike = 3 // steps of one channel that nobody sees
	if distance <= alike || len(c.palette) == 256 {
		return uint8(best)
	}
	c.palette = append(c.palette, want)
	return uint8(len(c.palette) - 1)
}

// blend puts an ink at a level over one pixel.
func (c *canvas) blend(at int, k ink, level int) {
	under := c.pix[at]
	m := c.mixes[k][level][under]
	if m == 0 {
		m = c.mix(k, level, under)
	}
	c.pix[at] = uint8(m - 1)
}

func (c *canvas) mix(k ink, level int, under uint8) uint16 {
	a, b := c.palette[under].(color.RGBA), c.inks[k] //nolint:errcheck // as above
	channel := func(x, y uint8) uint8 { return uint8((int(x)*(opaque-level) + int(y)*level + opaque/2) / opaque) }
	m := uint16(c.index(color.RGBA{R: channel(a.R, b.R), G: channel(a.G, b.G), B: channel(a.B, b.B), A: 0xff})) + 1
	c.mixes[k][level][under] = m
	return m
}

// fill blends a rectangle, cut to the canvas.
func (c *canvas) fill(x, y, w, h int, k ink, level int) {
	x1, y1 := min(x+w, c.width), min(y+h, c.height)
	x, y = max(x, 0), max(y, 0)
	for ; y < y1; y++ {
		for i := y*c.width + x; i < y*c.width+x1; i++ {
			c.blend(i, k, level)
		}
	}
}

// column blends one column from top to bottom in 1/sub pixels; the pixels at
// its ends by the part of them that is covered.
func (c *canvas) column(x int, top, bottom int32, k ink, level int) {
	top, bottom = max(top, 0), min(bottom, int32(c.height*sub))
	if x < 0 || x >= c.width || bottom <= top {
		return
	}
	y, last := int(top/sub), int(bottom/sub)
	if y == last {
		c.part(x, y, int(bottom-top), k, level)
		return
	}
	if covered := sub - int(top%sub); covered < sub {
		c.part(x, y, covered, k, level)
		y++
	}
	table := &c.mixes[k][level]
	for at := y*c.width + x; y < last; y, at = y+1, at+c.width {
		m := table[c.pix[at]]
		if m == 0 {
			m = c.mix(k, level, c.pix[at])
		}
		c.pix[at] = uint8(m - 1)
	}
	c.part(x, last, int(bottom%sub), k, level)
}

// part blends one pixel of which covered/sub are inside.
func (c *canvas) part(x, y, covered int, k ink, level int) {
	if level = (level*covered + sub/2) / sub; level > 0 {
		c.blend(y*c.width+x, k, level)
	}
}

func (r rect) paint(c *canvas) { c.fill(r.x, r.y, r.w, r.h, r.ink, r.level) }

func (d dashes) paint(c *canvas) {
	for x := 0; x < d.w; x += dashOn + dashOff {
		c.fill(d.x+x, d.y, min(dashOn, d.w-x), d.thick, d.ink, opaque)
	}
}

func (h hatch) paint(c *canvas) {
	for y := h.y; y < h.y+h.h; y++ {
		for x := h.x + (hatchStep-(h.x+y)%hatchStep)%hatchStep; x < h.x+h.w; x += hatchStep {
			c.blend(y*c.width+x, inkHatch, opaque)
		}
	}
}

func (r ribbon) paint(c *canvas) {
	for i, top := range r.top {
		if top != none && r.bottom[i] != none {
			c.column(r.x+i, top, r.bottom[i], r.ink, r.level)
		}
	}
}

func (s stroke) paint(c *canvas) {
	for i, row := range s.rows {
		if row == none {
			continue
		}
		top, bottom := s.reach(i)
		c.column(s.x+i, top, bottom, s.ink, s.level)
	}
}

// paint sets the text from a whole pixel on, each glyph to a quarter of one.
func (t text) paint(c *canvas) {
	dot := fixed.I(t.left())
	for _, char := range visual(t.text) {
		at := dot + 8 // rounds to the nearest quarter
		g := c.letters.glyph(t.style, uint8(at&63)/16, char)
		c.stamp(g, at.Floor(), t.y, t.ink)
		dot += g.advance
	}
}

// stamp blends a glyph, cut to the canvas.
func (c *canvas) stamp(g *glyph, x, y int, k ink) {
	x, y = x+g.left, y+g.top
	for row := range g.height {
		if y+row < 0 || y+row >= c.height {
			continue
		}
		for col, level := range g.mask[row*g.width : (row+1)*g.width] {
			if level > 0 && x+col >= 0 && x+col < c.width {
				c.blend((y+row)*c.width+x+col, k, int(level))
			}
		}
	}
}
