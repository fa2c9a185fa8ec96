package graph

// opaque is the level of an ink that hides what is below it.
const opaque = 16

// A rect is a filled rectangle of pixels.
type rect struct {
	x, y, w, h int
	ink        ink
	level      int // 1 to opaque
}

// A dashes is a dashed horizontal line, one or more pixels thick.
type dashes struct {
	x, y, w, thick int
	ink            ink
}

// dashOn and dashOff are the pixels of a dash and of the space behind it.
const dashOn, dashOff = 6, 4

// A hatch fills a rectangle with faint diagonals: nothing is known here.
type hatch struct {
	x, y, w, h int
}

// hatchStep is the distance of two diagonals of a hatch, in pixels.
const hatchStep = 7

// A ribbon fills, column by column, from one height to another.
type ribbon struct {
	x           int     // first column
	top, bottom []int32 // heights of each column as scale.row tells them; top none: a gap
	ink         ink
	level       int
}

// A stroke is a line through the heights of the columns, with steps where they
// differ and holes where they are none.
type stroke struct {
	x     int
	rows  []int32
	thick int // in 1/sub pixels
	limit int // no part of the line is at or below this pixel row
	ink   ink
	level int
}

// An anchor says which point of a text its x is.
type anchor uint8

const (
	anchorStart anchor = iota
	anchorMiddle
	anchorEnd
)

// A text is one line of text with its baseline on a pixel row.
type text struct {
	x, y   int
	anchor anchor
	style  style
	ink    ink
	text   string
	width  int  // as measured
	room   int  // pixels it may have; 0: its width
	hold   bool // keep another font's characters within the room
}

// left is the first pixel of the text.
func (t text) left() int {
	switch t.anchor {
	case anchorMiddle:
		return t.x - t.width/2
	case anchorEnd:
		return t.x - t.width
	}
	return t.x
}

// reach is how far the line of a column goes: from its height down to that of
// a lower neighbour, so that flanks are joined and no column rises above what
// it stands for. The line hangs below its height for the same reason.
func (s stroke) reach(i int) (top, bottom int32) {
	row := s.rows[i]
	bottom = row
	for _, j := range [2]int{i - 1, i + 1} {
		if j >= 0 && j < len(s.rows) && s.rows[j] != none {
			bottom = max(bottom, s.rows[j])
		}
	}
	limit := int32(s.limit * sub)
	return min(row, limit-int32(s.thick)), min(bottom+int32(s.thick), limit)
}
