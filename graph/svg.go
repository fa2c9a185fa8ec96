package graph

import (
	"bytes"
	"encoding/xml"
	"image/color"
	"math"
	"slices"
	"strconv"
)

// An svgWriter writes shapes as SVG 1.1 that stands alone as a file, in an
// <img> and inline in a page: no ids that could clash, no styles and scripts
// that a content security policy would stop, nothing loaded from anywhere.
type svgWriter struct {
	bytes.Buffer
	inks [numInks]color.RGBA
}

// fonts asks for the font the picture was measured with; the next two have the
// same widths.
const fonts = "Liberation Sans,Arial,Helvetica,sans-serif"

// open begins the document. label and description are what people hear who do
// not see the picture.
func (w *svgWriter) open(s *sheet, label, description string) {
	w.put(`<svg xmlns="http://www.w3.org/2000/svg" width="`, s.width, `" height="`, s.height)
	w.put(`" viewBox="0 0 `, s.width, " ", s.height, `" role="img" font-family="`, fonts, "\">\n<title>")
	w.escaped(label)
	w.put("</title>\n<desc>")
	w.escaped(description)
	w.put("</desc>\n<rect width=\"", s.width, `" height="`, s.height, `"`)
	w.fill(inkGround, opaque)
	w.put("/>\n")
}

func (w *svgWriter) close() { w.put("</svg>\n") }

// put writes strings and whole numbers.
func (w *svgWriter) put(parts ...any) {
	for _, part := range parts {
		switch v := part.(type) {
		case string:
			w.WriteString(v)
		case int:
			w.Write(strconv.AppendInt(w.AvailableBuffer(), int64(v), 10))
		}
	}
}

// escaped writes text so that it can only be read as text.
func (w *svgWriter) escaped(s string) {
	_ = xml.EscapeText(&w.Buffer, []byte(s)) // a Buffer takes everything
}

func (w *svgWriter) fill(k ink, level int) {
	w.put(` fill="`, hex(w.inks[k]), `"`)
	w.opacity("fill", level)
}

func (w *svgWriter) opacity(of string, level int) {
	if level < opaque {
		w.put(" ", of, `-opacity="`, strconv.FormatFloat(math.Round(float64(level)*100/opaque)/100, 'f', -1, 64), `"`)
	}
}

func (w *svgWriter) strokeAttributes(k ink, thick string) {
	w.put(` fill="none" stroke="`, hex(w.inks[k]), `" stroke-width="`, thick, `"`)
}

func (r rect) write(w *svgWriter) {
	w.put(`<rect x="`, r.x, `" y="`, r.y, `" width="`, r.w, `" height="`, r.h, `"`)
	w.fill(r.ink, r.level)
	w.put("/>\n")
}

func (d dashes) write(w *svgWriter) {
	w.put(`<path d="M`, d.x, " ", d.y, `.5h`, d.w, `"`)
	w.strokeAttributes(d.ink, strconv.Itoa(d.thick))
	w.put(` stroke-dasharray="`, dashOn, " ", dashOff, "\"/>\n")
}

// write draws the diagonals x+y = n hatchStep one by one: a pattern would need
// an id.
func (h hatch) write(w *svgWriter) {
	w.put(`<path d="`)
	x1, y1 := h.x+h.w, h.y+h.h
	for sum := h.x + h.y + hatchStep - (h.x+h.y)%hatchStep; sum < x1+y1; sum += hatchStep {
		x := max(h.x, sum-y1)
		length := min(x1, sum-h.y) - x
		if length > 0 {
			w.put("M", x, " ", sum-x, "l", length, " ", -length)
		}
	}
	w.put(`"`)
	w.strokeAttributes(inkHatch, "1")
	w.put("/>\n")
}

// whole is a height in whole pixels.
func whole(row int32) int { return int(row+sub/2) / sub }

// stepsTo writes the upper edge of columns [from, to) as steps from left to
// right; the pen stands at the first one's height.
func (w *svgWriter) stepsTo(rows []int32, from, to, y int) int {
	run := 0
	for i := from; i < to; i++ {
		if next := whole(rows[i]); next != y {
			w.move("h", run)
			w.move("v", next-y)
			run, y = 0, next
		}
		run++
	}
	w.move("h", run)
	return y
}

// stepsBack is stepsTo from right to left.
func (w *svgWriter) stepsBack(rows []int32, from, to, y int) {
	run := 0
	for i := to - 1; i >= from; i-- {
		if next := whole(rows[i]); next != y {
			w.move("h", -run)
			w.move("v", next-y)
			run, y = 0, next
		}
		run++
	}
	w.move("h", -run)
}

func (w *svgWriter) move(command string, by int) {
	if by != 0 {
		w.put(command, by)
	}
}

// runs calls f for each run of columns that are not gaps.
func runs(known func(i int) bool, n int, f func(from, to int)) {
	for from := 0; from < n; from++ {
		if !known(from) {
			continue
		}
		to := from + 1
		for to < n && known(to) {
			to++
		}
		f(from, to)
		from = to
	}
}

// write leaves out columns that are less than half a pixel high.
func (r ribbon) write(w *svgWriter) {
	known := func(i int) bool {
		return r.top[i] != none && r.bottom[i] != none && whole(r.top[i]) < whole(r.bottom[i])
	}
	w.put(`<path d="`)
	runs(known, len(r.top), func(from, to int) {
		y := whole(r.top[from])
		w.put("M", r.x+from, " ", y)
		y = w.stepsTo(r.top, from, to, y)
		end := whole(r.bottom[to-1])
		w.move("v", end-y)
		w.stepsBack(r.bottom, from, to, end)
		w.put("z")
	})
	w.put(`"`)
	w.fill(r.ink, r.level)
	w.put("/>\n")
}

func (s stroke) write(w *svgWriter) {
	rows := slices.Clone(s.rows)
	for i, row := range rows {
		rows[i] = min(row, int32(s.limit*sub-s.thick)) // a gap stays none
	}
	w.put(`<path d="`)
	runs(func(i int) bool { return rows[i] != none }, len(rows), func(from, to int) {
		y := whole(rows[from])
		w.put("M", s.x+from, " ", y)
		w.stepsTo(rows, from, to, y)
	})
	w.put(`"`)
	thick := float64(s.thick) / sub
	w.strokeAttributes(s.ink, strconv.FormatFloat(thick, 'f', -1, 64))
	w.opacity("stroke", s.level)
	w.put(` transform="translate(0 `, strconv.FormatFloat(thick/2, 'f', -1, 64), `)"`)
	w.put("/>\n")
}

func (t text) write(w *svgWriter) {
	w.put(`<text x="`, t.x, `" y="`, t.y, `" font-size="`, strconv.FormatFloat(float64(t.style.size)/10, 'f', -1, 64), `"`)
	w.fill(t.ink, opaque)
	switch t.anchor {
	case anchorMiddle:
		w.put(` text-anchor="middle"`)
	case anchorEnd:
		w.put(` text-anchor="end"`)
	}
	if t.style.bold {
		w.put(` font-weight="bold"`)
	}
	if t.hold {
		w.put(` direction="ltr" unicode-bidi="isolate" textLength="`, max(min(t.width, t.room), 1), `" lengthAdjust="spacingAndGlyphs"`)
	}
	w.put(">")
	w.escaped(t.text)
	w.put("</text>\n")
}
