package graph

import (
	"math"
	"strings"

	"spate"
)

// A form is how a line of a picture is drawn. In and out differ by form and
// not only by colour, for those who do not see the colours. No data line is
// dashed: on noisy traffic the holes would look like gaps.
type form uint8

const (
	formArea form = iota // filled to the ground
	formLine
	formThin
)

// A line is one series as a picture shows it.
type line struct {
	metric spate.Metric
	name   string // in the legend
	short  string // in the legend where room is short
	ink    ink
	form   form
	faint  bool   // paler than its partner of the same ink
	unit   string // of its rates
	amount string // of its total
}

// linesOf lists what a kind draws, in the order of the legend.
func linesOf(k Kind) []line {
	switch k {
	case Bits:
		return []line{
			{metric: spate.InBps, name: "in (received)", short: "in", ink: inkIn, form: formArea, unit: "b/s", amount: "B"},
			{metric: spate.OutBps, name: "out (sent)", short: "out", ink: inkOut, form: formLine, unit: "b/s", amount: "B"},
		}
	case Packets:
		return []line{
			{metric: spate.InPps, name: "in (received)", short: "in", ink: inkIn, form: formArea, unit: "p/s", amount: "p"},
			{metric: spate.OutPps, name: "out (sent)", short: "out", ink: inkOut, form: formLine, unit: "p/s", amount: "p"},
			{metric: spate.InBcastPps, name: "in broadcast", short: "in bc", ink: inkBroadcast, form: formThin, unit: "p/s", amount: "p"},
			{metric: spate.OutBcastPps, name: "out broadcast", short: "out bc", ink: inkBroadcast, form: formThin, faint: true, unit: "p/s", amount: "p"},
			{metric: spate.InMcastPps, name: "in multicast", short: "in mc", ink: inkMulticast, form: formThin, unit: "p/s", amount: "p"},
			{metric: spate.OutMcastPps, name: "out multicast", short: "out mc", ink: inkMulticast, form: formThin, faint: true, unit: "p/s", amount: "p"},
		}
	case Errors:
		return []line{
			{metric: spate.InErrorsPs, name: "in errors", short: "in err", ink: inkIn, form: formLine, unit: "/s"},
			{metric: spate.OutErrorsPs, name: "out errors", short: "out err", ink: inkOut, form: formLine, unit: "/s"},
			{metric: spate.InDiscardsPs, name: "in discards", short: "in disc", ink: inkBroadcast, form: formThin, unit: "/s"},
			{metric: spate.OutDiscardsPs, name: "out discards", short: "out disc", ink: inkMulticast, form: formThin, unit: "/s"},
		}
	}
	return nil
}

// words names a kind in the text alternative.
func (k Kind) words() string {
	switch k {
	case Packets:
		return "Packets per second"
	case Errors:
		return "Errors and discards per second"
	case Stack:
		return "Several ports on top of each other"
	}
	return "Traffic in bits per second"
}

// seriesOf finds the series of a line's metric in a frame; where there is none,
// it is all unknown.
func (l line) seriesOf(f *spate.Frame) spate.Series {
	for _, s := range f.Series {
		if s.Metric == l.metric {
			return s
		}
	}
	unknown := math.NaN()
	return spate.Series{Metric: l.metric, Stats: spate.Stats{Last: unknown, Mean: unknown, Max: unknown, P95: unknown, Total: unknown}}
}

// A figure is one number of the legend: its heading and its text.
type figure struct{ head, text string }

// figures are the legend's numbers of one series.
func (l line) figures(s spate.Stats) []figure {
	return []figure{
		{"now", rateText(s.Last, l.unit)},
		{"mean", rateText(s.Mean, l.unit)},
		{"max", rateText(s.Max, l.unit)},
		{"95th", rateText(s.P95, l.unit)},
		{"total", strings.TrimSpace(spate.FormatSI(believed(s.Total), l.amount))},
	}
}

// rateText prints a rate. What is above zero must not read as zero: one broken
// frame in an hour is 0.0003 a second.
func rateText(v float64, unit string) string {
	if v = believed(v); v > 0 && v < 0.005 {
		return "<0.01 " + unit
	}
	return spate.FormatSI(v, unit)
}

// mostBelieved is far above any wire and any total of ten years, and low
// enough for FormatSI to print in a few characters.
const mostBelieved = 1e21

// believed is v, or NaN where no rate can have that value.
func believed(v float64) float64 {
	if v >= 0 && v < mostBelieved {
		return v
	}
	return math.NaN()
}
