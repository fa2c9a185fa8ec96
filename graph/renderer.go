package graph

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// A Renderer draws pictures. It holds the font, the glyphs drawn so far and
// buffers to use again; make one for a process. Its methods may be called from
// several goroutines.
type Renderer struct {
	letters  *lettering
	encoder  encoder
	canvases sync.Pool // *canvas
	texts    sync.Pool // *svgWriter
}

// NewRenderer makes a Renderer.
func NewRenderer() *Renderer {
	return &Renderer{letters: newLettering()}
}

// PNG draws p as a PNG of at most 256 colours. Equal pictures give equal
// bytes. It fails for a picture that cannot be drawn, before anything is
// written, and when w does.
func (r *Renderer) PNG(w io.Writer, p Picture) error {
	p, err := p.checked()
	if err != nil {
		return err
	}
	c, _ := r.canvases.Get().(*canvas)
	if c == nil {
		c = &canvas{}
	}
	defer r.canvases.Put(c)
	s := compose(r.letters, p)
	c.begin(s, p.Theme)
	for _, shape := range s.shapes {
		shape.paint(c)
	}
	return r.encoder.encode(w, c.image())
}

// SVG draws p as an SVG document without XML declaration, so that it may stand
// in a page as it is. Errors are those of PNG.
func (r *Renderer) SVG(w io.Writer, p Picture) error {
	p, err := p.checked()
	if err != nil {
		return err
	}
	out, _ := r.texts.Get().(*svgWriter)
	if out == nil {
		out = &svgWriter{Buffer: bytes.Buffer{}}
	}
	defer r.texts.Put(out)
	out.Reset()
	out.inks = p.Theme.colours()
	s := compose(r.letters, p)
	out.open(s, Describe(p), p.details())
	for _, shape := range s.shapes {
		shape.write(out)
	}
	out.close()
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write SVG: %w", err)
	}
	return nil
}
