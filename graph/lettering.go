package graph

import (
	"image"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"

	"spate"
)

// A style is how a text is set. Size is in tenths of a pixel.
type style struct {
	size int16
	bold bool
}

// line is the distance of two lines of text, in pixels.
func (s style) line() int { return int(s.size)*14/100 + 1 }

// cap is the height of digits and capitals in Liberation Sans, in pixels.
func (s style) cap() int { return (int(s.size)*716 + 5000) / 10000 }

// lettering measures and rasterises Liberation Sans. Each glyph is rasterised
// once for a style and a quarter of a pixel: making a new face for each string,
// as vgimg does, costs more than the rest of a picture. The cache is bounded by
// the glyphs the font has.
type lettering struct {
	mu     sync.RWMutex
	plain  *opentype.Font
	bold   *opentype.Font
	faces  map[style]xfont.Face
	glyphs map[glyphKey]*glyph
	buf    sfnt.Buffer
}

type glyphKey struct {
	style style
	phase uint8 // quarters of a pixel to the right
	char  rune
}

// A glyph is a mask of coverages, 0 to opaque, placed relative to the point on
// the baseline where the character begins.
type glyph struct {
	left, top     int
	width, height int
	mask          []uint8
	advance       fixed.Int26_6
}

// notDefined is drawn for every character the font does not have.
const notDefined = '□'

func newLettering() *lettering {
	fonts := font.NewCache(liberation.Collection())
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	heavy := sans
	heavy.Weight = xfont.WeightBold
	return &lettering{
		plain:  fonts.Lookup(sans, 0).Face,
		bold:   fonts.Lookup(heavy, 0).Face,
		faces:  map[style]xfont.Face{},
		glyphs: map[glyphKey]*glyph{},
	}
}

// glyph returns a character's mask, from the cache where it is there.
func (l *lettering) glyph(s style, phase uint8, char rune) *glyph {
	key := glyphKey{style: s, phase: phase, char: char}
	l.mu.RLock()
	g := l.glyphs[key]
	l.mu.RUnlock()
	if g != nil {
		return g
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if index, err := l.font(s).GlyphIndex(&l.buf, char); err != nil || index == 0 {
		key.char = notDefined
	}
	if g = l.glyphs[key]; g == nil {
		g = l.rasterise(key)
		l.glyphs[key] = g
	}
	return g
}

// has tells whether the font can draw a character.
func (l *lettering) has(char rune) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	index, err := l.plain.GlyphIndex(&l.buf, char)
	return err == nil && index != 0
}

func (l *lettering) font(s style) *opentype.Font {
	if s.bold {
		return l.bold
	}
	return l.plain
}

// rasterise draws one glyph; the lock is held.
func (l *lettering) rasterise(key glyphKey) *glyph {
	face := l.faces[key.style]
	if face == nil {
		var err error
		face, err = opentype.NewFace(l.font(key.style), &opentype.FaceOptions{Size: float64(key.style.size) / 10, DPI: 72})
		if err != nil {
			return &glyph{} // only for options no style has
		}
		l.faces[key.style] = face
	}
	dot := fixed.Point26_6{X: fixed.Int26_6(key.phase) * 16}
	r, mask, at, advance, ok := face.Glyph(dot, key.char)
	if !ok {
		return &glyph{}
	}
	g := &glyph{left: r.Min.X, top: r.Min.Y, width: r.Dx(), height: r.Dy(), advance: advance}
	alpha, ok := mask.(*image.Alpha)
	if !ok {
		return &glyph{advance: advance}
	}
	g.mask = make([]uint8, g.width*g.height)
	for y := range g.height {
		for x := range g.width {
			v := int(alpha.AlphaAt(at.X+x, at.Y+y).A)
			g.mask[y*g.width+x] = uint8((v*opaque + 127) / 255)
		}
	}
	return g
}

// width is how wide a text is, in pixels, rounded up. Kerning is left out:
// digits must stand in columns.
func (l *lettering) width(s style, text string) int {
	var sum fixed.Int26_6
	for _, char := range text {
		sum += l.glyph(s, 0, char).advance
	}
	return sum.Ceil()
}

// fit makes any text fit to be set on one line of a picture: valid, free of
// controls and overrides, at most room pixels wide, with an ellipsis where it
// was cut.
func (l *lettering) fit(s style, text string, room int) string {
	text = plain(text)
	if l.width(s, text) <= room {
		return text
	}
	left := fixed.I(room) - l.glyph(s, 0, '…').advance
	for i, char := range text {
		left -= l.glyph(s, 0, char).advance
		if left < 0 {
			return ellipsis(text[:i])
		}
	}
	return text
}

func ellipsis(head string) string {
	if head = strings.TrimSpace(head); head == "" {
		return ""
	}
	return head + "…"
}

// plain is a text without anything that could change how other text is drawn.
// Marks that stack on one another are kept to two on a character, blanks of
// all kinds become a space.
func plain(text string) string {
	marks := 0
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > 2 {
				return -1
			}
			return r
		case unicode.IsSpace(r):
			r = ' '
		case r == 0xfffe, r == 0xffff, r == utf8.RuneError:
			return -1
		}
		marks = 0
		return r
	}, spate.Clean(text))
}
