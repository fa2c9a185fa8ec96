package graph

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// A table is the legend: a row for each line, its figures in columns that are
// aligned at their right ends.
type table struct {
	lines  []line
	names  []string
	rows   [][]figure
	widths []int // of the figures' columns, with the space before each
	name   int   // width of the names with their sample
}

// dispensable are the figures that are left out where room is short, first the
// one that is missed least.
var dispensable = [...]string{"total", "mean", "95th"}

// legend sets the table and, where there is room beside it, the range, the
// zone and what the shades of a colour mean.
func (c *composition) legend() {
	if c.rows == 0 {
		return
	}
	room := c.width - c.pad - c.plotLeft()
	t := c.table(true, 0)
	if t.width() > room {
		t = c.table(false, 0)
	}
	for drop := 1; t.width() > room && drop <= len(dispensable); drop++ {
		t = c.table(false, drop)
	}
	beside := c.beside(room - t.width() - 2*c.pad)
	heading := ""
	if !beside {
		heading = c.zones(true)
	}
	c.set(t, heading)
}

func (t table) width() int {
	sum := t.name
	for _, w := range t.widths {
		sum += w
	}
	return sum
}

// sample is the width of a legend's sample of its line.
func (c *composition) sample() int { return c.base.cap() + 8 }

// table works out the legend with long or short names and without the first
// few dispensable figures.
func (c *composition) table(long bool, drop int) table {
	var t table
	for _, i := range c.named() {
		l := c.lines[i]
		name := l.short
		if long {
			name = l.name
		}
		t.lines = append(t.lines, l)
		t.names = append(t.names, name)
		t.name = max(t.name, c.sample()+c.letters.width(c.base, name))
		row := slices.DeleteFunc(l.figures(c.series[i].Stats), func(f figure) bool {
			return slices.Contains(dispensable[:drop], f.head)
		})
		t.rows = append(t.rows, row)
	}
	gap := c.pad * 3 / 2
	usual := c.letters.width(c.base, "999 Mb/s")
	for col := range t.rows[0] {
		width := usual
		for _, row := range t.rows {
			width = max(width, c.letters.width(c.base, row[col].text))
		}
		t.widths = append(t.widths, width+gap)
	}
	return t
}

// named are the lines that get a row of the legend, in their order: where there
// is no room for all, those with the highest peaks.
func (c *composition) named() []int {
	lines := make([]int, len(c.lines))
	for i := range lines {
		lines[i] = i
	}
	slices.SortStableFunc(lines, func(a, b int) int { return cmp.Compare(c.drawn[b].most(), c.drawn[a].most()) })
	lines = lines[:c.rows]
	slices.Sort(lines)
	return lines
}

// set draws the table below the time axis, its heading first.
func (c *composition) set(t table, heading string) {
	y := c.legendTop + c.base.cap()
	c.cell(c.plotLeft(), y, anchorStart, inkMuted, c.letters.fit(c.base, heading, t.name))
	x := c.plotLeft() + t.name
	for col, f := range t.rows[0] {
		x += t.widths[col]
		c.cell(x, y, anchorEnd, inkMuted, f.head)
	}
	for i, row := range t.rows {
		y += c.base.line()
		c.swatch(c.plotLeft(), y, t.lines[i])
		c.cell(c.plotLeft()+c.sample(), y, anchorStart, inkText, t.names[i])
		x := c.plotLeft() + t.name
		for col, f := range row {
			x += t.widths[col]
			c.cell(x, y, anchorEnd, inkText, f.text)
		}
	}
}

func (c *composition) cell(x, y int, at anchor, k ink, s string) {
	if s != "" {
		c.sheet.add(text{x: x, y: y, anchor: at, style: c.base, ink: k, text: s, width: c.letters.width(c.base, s), room: c.width, hold: at == anchorStart})
	}
}

// swatch shows a line's form and colour, not only its colour.
func (c *composition) swatch(x, y int, l line) {
	side := c.base.cap()
	thick := 2
	switch {
	case l.form == formArea:
		c.sheet.add(rect{x: x, y: y - side, w: side + 2, h: side, ink: l.ink, level: levelMean + 3})
		return
	case l.form == formThin:
		thick = 1
	}
	c.sheet.add(rect{x: x, y: y - side/2 - thick/2, w: side + 2, h: thick, ink: l.ink, level: l.level()})
}

// beside sets the notes on the right of the table, if they fit into room.
func (c *composition) beside(room int) bool {
	notes := []string{c.rangeText(), c.zones(false)}
	if c.Previous != nil {
		notes = append(notes, "thin: the time before")
	}
	if c.Baseline != nil {
		notes = append(notes, "grey: half to twice its usual")
	}
	switch {
	case c.Frame.Step <= 0:
	case c.Kind == Stack:
		notes = append(notes, "one value: "+stepText(c.Frame.Step)+", its mean")
	default:
		notes = append(notes, "one value: "+stepText(c.Frame.Step)+", pale: its maximum")
	}
	if c.Kind != Errors && c.Kind != Stack {
		notes = append(notes, "dashed: 95th percentile")
	}

	notes = notes[:min(len(notes), c.rows+1)]
	for _, s := range notes {
		if c.letters.width(c.base, s) > room {
			return false
		}
	}
	y := c.legendTop + c.base.cap()
	for _, s := range notes {
		c.cell(c.width-c.pad, y, anchorEnd, inkMuted, s)
		y += c.base.line()
	}
	return true
}

// stepText is a step as people say it, "72 s", "5 min", "2 h".
func stepText(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, " d"}, {time.Hour, " h"}, {time.Minute, " min"}, {time.Second, " s"}} {
		if d >= u.unit && d%u.unit == 0 {
			return strconv.Itoa(int(d/u.unit)) + u.name
		}
	}
	return d.String()
}

// rangeText is the range of the picture in its zone.
func (c *composition) rangeText() string {
	const full = "2 Jan 2006 15:04"
	from, to := c.Frame.From.In(c.Zone), c.Frame.To.In(c.Zone)
	if c.Frame.To.IsZero() {
		return "no range"
	}
	first := full
	if from.Year() == to.Year() {
		first = "2 Jan 15:04"
	}
	last := full
	if from.YearDay() == to.YearDay() && from.Year() == to.Year() {
		first, last = full, "15:04"
	}
	return from.Format(first) + " – " + to.Format(last)
}

// zones names the zone of the time axis, and its abbreviations in the range:
// "Europe/Berlin (CEST, CET)", or in short "CEST, CET".
func (c *composition) zones(short bool) string {
	names := zoneName(c.Frame.From.In(c.Zone))
	if last := zoneName(c.Frame.To.In(c.Zone)); last != names {
		names += ", " + last
	}
	place := c.Zone.String()
	if short || place == "Local" || place == "" || place == names {
		return names
	}
	return place + " (" + names + ")"
}
