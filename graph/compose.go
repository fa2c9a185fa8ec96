package graph

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"spate"
)

// A composition is a picture on its way to a sheet.
type composition struct {
	Picture
	sheet   *sheet
	letters *lettering
	measures
	lines  []line
	series []spate.Series // of the lines, in their order
	drawn  []columns      // likewise
	known  bool           // something is known of some line
	scale  scale
	piled  [][]float64 // of a stack: the upper edge of each layer, by column
	past   []columns   // of the previous span, by line; nil: not reduced yet
}

// compose lays a checked picture out.
func compose(letters *lettering, p Picture) *sheet {
	c := newComposition(letters, p)
	c.reduce()
	c.header()
	c.plot()
	c.legend()
	return c.sheet
}

// newComposition shares out the room of a picture.
func newComposition(letters *lettering, p Picture) *composition {
	c := &composition{Picture: p, letters: letters, lines: linesOf(p.Kind)}
	if p.Kind == Stack {
		c.lines = c.layerLines()
	}
	c.sheet = &sheet{width: p.Width, height: p.Height, letters: letters}
	main := 0
	for _, l := range c.lines {
		if l.form != formThin {
			main++
		}
	}
	c.measures = measure(letters, p.Width, p.Height).stack(p.Title != "" || p.Subtitle != "", len(c.lines), main)
	return c
}

// reduce brings every series to pixel columns and finds the scale for them.
func (c *composition) reduce() {
	most := 0.0
	for _, l := range c.lines {
		s := l.seriesOf(c.Frame)
		if c.Kind == Stack {
			s = c.Layers[len(c.series)].Series
		}
		cols := reduce(s, c.Frame.Len(), c.plotWidth())
		c.series = append(c.series, s)
		c.drawn = append(c.drawn, cols)
		most = max(most, cols.most())
		for x := 0; x < c.plotWidth() && !c.known; x++ {
			c.known = !cols.unknown(x)
		}
	}
	if c.Kind == Stack {
		most = c.pile()
	}
	for _, cols := range c.before() {
		most = max(most, cols.most())
	}
	c.scale = scale{top: topOf(most, c.Kind), bottom: c.plotBottom(), height: c.plotHeight}
}

// header sets the title and, where there is room behind it, the subtitle.
func (c *composition) header() {
	y := c.pad + c.title.cap()
	room := c.width - 2*c.pad
	used := c.foreignText(c.pad, y, room, c.title, inkText, c.Title)
	if used > 0 {
		used += 2 * c.pad
	}
	if left := room - used; left > 8*c.pad || used == 0 {
		c.foreignText(c.pad+used, y, left, c.base, inkMuted, c.Subtitle)
	}
}

// foreignText sets text of unknown origin in a room of its own and returns its
// width.
func (c *composition) foreignText(x, y, room int, s style, k ink, content string) int {
	content = c.letters.fit(s, content, room)
	if content == "" {
		return 0
	}
	t := text{x: x, y: y, style: s, ink: k, text: content, width: c.letters.width(s, content), room: room}
	t.hold = true // the viewer's font may be wider than ours, and something stands beside it
	c.sheet.add(t)
	return t.width
}

// plot lets gonum/plot place the axes and draws the data between them.
func (c *composition) plot() {
	p := plot.New()
	p.BackgroundColor = nil
	unit := c.lines[0].unit
	p.X.Min, p.X.Max = 0, max(c.Frame.To.Sub(c.Frame.From).Seconds(), 1)
	p.Y.Min, p.Y.Max = 0, c.scale.top
	perPixel := p.X.Max / float64(c.plotWidth())
	room := func(label string) float64 {
		return float64(c.letters.width(c.base, label)+2*c.base.line()) * perPixel
	}
	p.X.Tick.Marker = plot.ConstantTicks(timeTicks(c.Frame.From, c.Frame.To, c.Zone, room))
	p.Y.Tick.Marker = plot.ConstantTicks(valueTicks(c.scale.top, c.plotHeight, max(c.base.line()*3/2, c.plotHeight/8), unit))
	c.setAxis(&p.X, false)
	c.setAxis(&p.Y, true)
	p.Add(plotter{c})
	p.Draw(draw.Canvas{Canvas: c.sheet, Rectangle: vg.Rectangle{
		Min: vg.Point{X: vg.Length(c.pad), Y: vg.Length(c.height - c.plotBottom() - c.axisHeight())},
		Max: vg.Point{X: vg.Length(c.width - c.pad), Y: vg.Length(c.height - c.plotTop)},
	}})
}

// setAxis gives an axis our label and whole pixels everywhere.
func (c *composition) setAxis(a *plot.Axis, vertical bool) {
	l := label{sheet: c.sheet, style: c.base, ink: inkMuted, vertical: vertical, gutter: c.gutter}
	a.Padding = 0
	a.LineStyle.Width = 0
	a.Label.TextStyle.Handler = l
	a.Tick.Label.Handler = l
	a.Tick.Length = tickLength
	a.Tick.LineStyle.Width = 1
}

// A plotter draws the data where gonum/plot put the data area, which is where
// measures say it is.
type plotter struct{ *composition }

// Plot draws back to front: what is not known, what to look at, the grid, the
// usual range, the data, the lines to compare it with.
func (c plotter) Plot(area draw.Canvas, p *plot.Plot) {
	if c.known {
		c.gaps()
	}
	c.shade()
	c.grid(area, p)
	if c.known {
		c.baseline()
		c.previous()
		c.data()
		c.comparisons()
	} else {
		c.sentence()
	}
	c.shadeLabels()
	c.moments()
}

// grid draws a faint line at each label and a firmer one at zero.
func (c *composition) grid(area draw.Canvas, p *plot.Plot) {
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		x := pixel(area.X(p.X.Norm(t.Value)))
		if x < c.plotLeft()+c.plotWidth() {
			c.sheet.add(rect{x: x, y: c.plotTop, w: 1, h: c.plotHeight, ink: inkGrid, level: opaque})
		}
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		y := c.height - pixel(area.Y(p.Y.Norm(t.Value)))
		k := inkGrid
		if t.Value == 0 {
			k = inkAxis
		}
		c.sheet.add(rect{x: c.plotLeft(), y: y, w: c.plotWidth(), h: 1, ink: k, level: opaque})
	}
}
