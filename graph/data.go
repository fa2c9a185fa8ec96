package graph

import (
	"math"
	"slices"
	"time"

	"spate"
)

// Levels of the inks of data, of opaque.
const (
	levelMax   = 5 // the greatest samples, above the means
	levelMean  = 9 // the area of the means
	levelBand  = 3 // the usual range
	levelShade = 4 // an incident
	levelGap   = 5
	levelSpeed = 9
	levelNote  = 13 // the ground of a label on the data
	levelFaint = 9  // the paler of two lines of one ink
	levelPast  = 7  // the span before
	levelMark  = 8  // a moment
)

func (l line) level() int {
	if l.faint {
		return levelFaint
	}
	return opaque
}

// gaps hatches the time of which nothing is known.
func (c *composition) gaps() {
	gap := func(x int) bool {
		return !slices.ContainsFunc(c.drawn, func(cols columns) bool { return !cols.unknown(x) })
	}
	runs(gap, c.plotWidth(), func(from, to int) {
		x, w := c.plotLeft()+from, to-from
		c.sheet.add(
			rect{x: x, y: c.plotTop, w: w, h: c.plotHeight, ink: inkGrid, level: levelGap},
			hatch{x: x, y: c.plotTop, w: w, h: c.plotHeight},
		)
	})
}

// shade marks the stretches of time to look at.
func (c *composition) shade() {
	for _, s := range c.Shades {
		if from, to := c.stretch(s); from < to {
			c.sheet.add(rect{x: c.plotLeft() + from, y: c.plotTop, w: to - from, h: c.plotHeight, ink: inkBad, level: levelShade})
		}
	}
}

// shadeLabels says what the shades are, on a ground of their own.
func (c *composition) shadeLabels() {
	for _, s := range c.Shades {
		from, to := c.stretch(s)
		room := to - from - 12
		if room < 2*c.pad || c.plotHeight < 4*c.base.line() {
			continue
		}
		label := c.letters.fit(c.base, s.Label, room)
		if label == "" {
			continue
		}
		x, box := c.plotLeft()+from+2, c.base.cap()+6
		c.sheet.add(rect{x: x, y: c.plotTop + 2, w: c.letters.width(c.base, label) + 8, h: box, ink: inkGround, level: levelNote})
		c.foreignText(x+4, c.plotTop+5+c.base.cap(), room, c.base, inkBad, label)
	}
}

// stretch is the columns of a shade from the first to behind the last, at least
// one where it touches the picture; none where it does not.
func (c *composition) stretch(s Shade) (from, to int) {
	from, to = c.column(s.From), c.plotWidth()
	if !s.To.IsZero() {
		to = max(c.column(s.To), from+1)
	}
	return max(from, 0), min(to, c.plotWidth())
}

// column is the pixel column of a moment; it may lie outside.
func (c *composition) column(t time.Time) int {
	span := c.Frame.To.Sub(c.Frame.From)
	if span <= 0 {
		return -1
	}
	x := float64(t.Sub(c.Frame.From)) / float64(span) * float64(c.plotWidth())
	return int(math.Round(min(max(x, -1), float64(c.plotWidth()+1))))
}

// baseline draws the usual range.
func (c *composition) baseline() {
	if c.Baseline == nil {
		return
	}
	low := reduce(spate.Series{Avg: c.Baseline.Low}, c.Frame.Len(), c.plotWidth())
	high := reduce(spate.Series{Avg: c.Baseline.High}, c.Frame.Len(), c.plotWidth())
	c.sheet.add(ribbon{x: c.plotLeft(), top: c.scale.rows(high.avg), bottom: c.scale.rows(low.avg), ink: inkBand, level: levelBand})
}

// data draws the lines, main ones last so that thin ones do not cover them.
func (c *composition) data() {
	if c.Kind == Stack {
		c.layers()
		return
	}
	ground := make([]int32, c.plotWidth())
	for i := range ground {
		ground[i] = int32(c.plotBottom() * sub)
	}
	for i, l := range c.lines {
		if l.form == formArea {
			c.area(c.drawn[i], l, ground)
		}
	}
	for _, f := range []form{formLine, formThin} {
		for i, l := range slices.Backward(c.lines) {
			if l.form == f {
				c.thread(c.drawn[i], l)
			}
		}
	}
}

// area fills from the ground to the means, and paler on to the maxima.
func (c *composition) area(cols columns, l line, ground []int32) {
	top, mean := c.scale.rows(cols.max), c.scale.rows(cols.avg)
	if !slices.Equal(top, mean) {
		c.sheet.add(ribbon{x: c.plotLeft(), top: top, bottom: ground, ink: l.ink, level: levelMax})
	}
	c.sheet.add(
		ribbon{x: c.plotLeft(), top: mean, bottom: ground, ink: l.ink, level: levelMean},
	)
}

// thread draws a line along the means, and a pale ribbon up to the maxima.
func (c *composition) thread(cols columns, l line) {
	mean := c.scale.rows(cols.avg)
	if top := c.scale.rows(cols.max); l.form == formLine && !slices.Equal(top, mean) {
		c.sheet.add(ribbon{x: c.plotLeft(), top: top, bottom: mean, ink: l.ink, level: levelMax})
	}
	thick := 3 * sub / 2
	if l.form == formThin {
		thick = sub
	}
	if c.base.size > 120 {
		thick = thick * 3 / 2
	}
	c.sheet.add(stroke{x: c.plotLeft(), rows: mean, thick: thick, limit: c.plotBottom(), ink: l.ink, level: l.level()})
}

// comparisons draws the 95th percentiles, labelled at opposite ends so that
// equal ones do not cover each other, and the speed where the scale reaches it.
func (c *composition) comparisons() {
	if speed := float64(c.Speed); c.Kind == Bits && speed > 0 && speed <= c.scale.top {
		y := whole(c.scale.row(speed))
		c.sheet.add(rect{x: c.plotLeft(), y: y, w: c.plotWidth(), h: 1, ink: inkMuted, level: levelSpeed})
		c.note("speed "+c.Speed.String(), y, anchorMiddle, inkMuted)
	}
	for i, l := range c.lines {
		p95 := believed(c.series[i].Stats.P95)
		if c.Kind == Errors || c.Kind == Stack || l.form == formThin || math.IsNaN(p95) || p95 <= 0 || p95 > c.scale.top {
			continue
		}
		y := whole(c.scale.row(p95))
		c.sheet.add(dashes{x: c.plotLeft(), y: y, w: c.plotWidth(), thick: 1, ink: l.ink})
		end := anchorStart
		if l.form == formLine {
			end = anchorEnd
		}
		c.note("95th "+l.short+" "+rateText(p95, l.unit), y, end, l.ink)
	}
}

// note labels a level line on a ground of its own, above the line or, where
// there is no room, below. Pictures too small for it have the figure in the
// legend only.
func (c *composition) note(s string, y int, at anchor, k ink) {
	width := c.letters.width(c.base, s)
	box := c.base.cap() + 6
	if c.plotHeight < 6*box || c.plotWidth() < 4*width {
		return
	}
	left := c.plotLeft() + 4
	switch at {
	case anchorMiddle:
		left = c.plotLeft() + (c.plotWidth()-width)/2
	case anchorEnd:
		left = c.plotLeft() + c.plotWidth() - width - 12
	}
	top := y - box - 1
	if top < c.plotTop {
		top = y + 2
	}
	c.sheet.add(
		rect{x: left, y: top, w: width + 8, h: box, ink: inkGround, level: levelNote},
		text{x: left + 4, y: top + 3 + c.base.cap(), style: c.base, ink: k, text: s, width: width, room: width, hold: true},
	)
}

// sentence says in words that there is nothing to draw.
func (c *composition) sentence() {
	const s = "no data in this range"
	width := c.letters.width(c.base, s)
	x, y := c.plotLeft()+c.plotWidth()/2, c.plotTop+c.plotHeight/2
	half := c.base.line()/2 + 3
	c.sheet.add(
		rect{x: x - width/2 - 10, y: y - half, w: width + 20, h: 2 * half, ink: inkGround, level: opaque},
		text{x: x, y: y + c.base.cap()/2, anchor: anchorMiddle, style: c.base, ink: inkText, text: s, width: width},
	)
}
