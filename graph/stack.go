package graph

import (
	"math"

	"spate"
)

const longestLabel = 260 // pixels of a layer's name in the legend

// layerLines are the lines of a stack, with a colour each.
func (c *composition) layerLines() []line {
	var out []line
	for i, l := range c.Layers {
		name := c.letters.fit(measure(c.letters, c.Width, c.Height).base, l.Label, min(longestLabel, c.Width/3))
		unit, amount := unitsOf(l.Series.Metric)
		out = append(out, line{metric: l.Series.Metric, name: name, short: name, ink: inkLayer + ink(i), form: formArea, unit: unit, amount: amount})
	}
	return out
}

func unitsOf(m spate.Metric) (unit, amount string) {
	if m.IsBits() {
		return "b/s", "B"
	}
	return "p/s", "p"
}

// pile puts the layers on top of each other and gives the height of it all. A layer
// that is unknown while others are not adds nothing; where all are, there is a gap.
func (c *composition) pile() (most float64) {
	sum := make([]float64, c.plotWidth())
	known := make([]bool, c.plotWidth())
	for _, cols := range c.drawn {
		for x := range sum {
			if v := cols.avg[x]; !math.IsNaN(v) {
				sum[x] += v
				known[x] = true
			}
		}
		edge := make([]float64, len(sum))
		copy(edge, sum)
		c.piled = append(c.piled, edge)
	}
	for x, ok := range known {
		most = max(most, sum[x])
		if ok {
			continue
		}
		for i := range c.piled {
			c.piled[i][x] = math.NaN()
		}
	}
	return most
}

// layers draws the stack.
func (c *composition) layers() {
	bottom := make([]int32, c.plotWidth())
	for i := range bottom {
		bottom[i] = int32(c.plotBottom() * sub)
	}
	for i, l := range c.lines {
		top := c.scale.rows(c.piled[i])
		c.sheet.add(ribbon{x: c.plotLeft(), top: top, bottom: bottom, ink: l.ink, level: opaque - 3})
		bottom = top
	}
}

// before is the previous span in columns, for the main lines.
func (c *composition) before() []columns {
	if c.Previous == nil || c.Kind == Stack {
		return nil
	}
	if c.past == nil {
		c.past = []columns{}
		for _, l := range c.lines {
			if l.form != formThin {
				c.past = append(c.past, reduce(spate.Series{Avg: l.seriesOf(c.Previous).Avg}, c.Previous.Len(), c.plotWidth()))
			}
		}
	}
	return c.past
}

// previous draws the same span before as thin lines in the ink of each line.
func (c *composition) previous() {
	i := 0
	for _, l := range c.lines {
		if c.Previous == nil || l.form == formThin || c.Kind == Stack {
			continue
		}
		c.sheet.add(stroke{x: c.plotLeft(), rows: c.scale.rows(c.past[i].avg), thick: sub, limit: c.plotBottom(), ink: l.ink, level: levelPast})
		i++
	}
}

// moments points at single moments, each with its words where there is room.
func (c *composition) moments() {
	free := c.plotLeft()
	y := c.plotTop + 5 + c.base.cap()
	for _, m := range c.Marks {
		x := c.column(m.At)
		if x < 0 || x >= c.plotWidth() {
			continue
		}
		x += c.plotLeft()
		c.sheet.add(rect{x: x, y: c.plotTop, w: 1, h: c.plotHeight, ink: inkMuted, level: levelMark})
		label := c.letters.fit(c.base, m.Label, 160)
		width := c.letters.width(c.base, label)
		if label == "" || x < free || x+width+12 > c.plotLeft()+c.plotWidth() || c.plotHeight < 4*c.base.line() {
			continue
		}
		c.sheet.add(rect{x: x + 2, y: y - c.base.cap() - 3, w: width + 8, h: c.base.cap() + 6, ink: inkGround, level: levelNote})
		c.foreignText(x+6, y, width+2, c.base, inkMuted, label)
		free = x + width + 14
	}
}
