package graph

import (
	"strings"

	"golang.org/x/text/unicode/bidi"
)

// visual is a text in the order it is seen, from left to right: runs of Hebrew
// and the like are turned round (Unicode Standard Annex #9). A browser does
// this for SVG by itself. Marks stay behind their letters in memory, which
// puts them before in a run that is turned; at these sizes nobody sees it.
func visual(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x590 }) {
		return s
	}
	var p bidi.Paragraph
	if _, err := p.SetString(s, bidi.DefaultDirection(bidi.LeftToRight)); err != nil {
		return s
	}
	order, err := p.Order()
	if err != nil {
		return s
	}
	var b strings.Builder
	for i := range order.NumRuns() {
		run := order.Run(i)
		if run.Direction() == bidi.RightToLeft {
			b.WriteString(bidi.ReverseString(run.String()))
		} else {
			b.WriteString(run.String())
		}
	}
	return b.String()
}
