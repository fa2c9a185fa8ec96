package graph

import (
	"iter"
	"math"
	"strings"
	"time"

	"spate"
)

// Describe is the text alternative of a picture for people who do not see it:
// "sw-acc-1 Gi1/0/2: in now 912 Mb/s, max 940 Mb/s; out now ...". It is plain
// text of at most a few hundred characters and still has to be escaped.
func Describe(p Picture) string {
	if p.Kind == "" {
		p.Kind = Bits
	}
	if p.Frame == nil || !known(p) {
		return lead(p) + "no data in this range"
	}
	var parts []string
	for l, s := range p.told() {
		if l.form == formThin {
			continue
		}
		parts = append(parts, l.short+" now "+rateText(s.Stats.Last, l.unit)+", max "+rateText(s.Stats.Max, l.unit))
	}
	return lead(p) + strings.Join(parts, "; ")
}

// told are the lines of a picture with their series.
func (p Picture) told() iter.Seq2[line, spate.Series] {
	return func(yield func(line, spate.Series) bool) {
		if p.Kind == Stack {
			for _, l := range p.Layers {
				unit, amount := unitsOf(l.Series.Metric)
				if name := plain(l.Label); !yield(line{name: name, short: name, form: formArea, unit: unit, amount: amount}, l.Series) {
					return
				}
			}
			return
		}
		for _, l := range linesOf(p.Kind) {
			if !yield(l, l.seriesOf(p.Frame)) {
				return
			}
		}
	}
}

func lead(p Picture) string {
	if title := plain(p.Title); title != "" {
		return title + ": "
	}
	return ""
}

// known tells whether any value of the picture is known.
func known(p Picture) bool {
	for _, s := range p.told() {
		for _, values := range [][]float64{s.Avg, s.Max} {
			for _, v := range values {
				if !math.IsNaN(believed(v)) {
					return true
				}
			}
		}
	}
	return false
}

// details is the long text alternative: every figure of the legend.
func (p Picture) details() string {
	var b strings.Builder
	b.WriteString(p.Kind.words())
	if f := p.Frame; !f.To.IsZero() {
		b.WriteString(" from " + f.From.In(p.Zone).Format(time.RFC3339) + " to " + f.To.In(p.Zone).Format(time.RFC3339))
	}
	b.WriteString(".")
	for l, s := range p.told() {
		for i, f := range l.figures(s.Stats) {
			if i == 0 {
				b.WriteString(" " + l.name + ": ")
			} else {
				b.WriteString(", ")
			}
			b.WriteString(f.head + " " + f.text)
		}
		b.WriteString(".")
	}
	return b.String()
}
