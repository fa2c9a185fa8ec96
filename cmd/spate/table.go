package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/rivo/uniseg"

	"spate"
)

// A table prints rows in columns. Text from devices is cleaned, so that no name
// can move the cursor, and measured as terminals draw it: CJK takes two cells.
type table struct {
	head  []string
	right []bool // column is aligned right
	rows  [][]string
	width int // cells of a line at most; 0 is no limit
}

func (t *table) add(cells ...string) {
	for i, c := range cells {
		cells[i] = printable(c)
	}
	t.rows = append(t.rows, cells)
}

// write prints the table; mark, where not nil, dresses up a finished line.
func (t *table) write(w io.Writer, mark func(row int, line string) string) error {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	var b strings.Builder
	b.WriteString(t.line(t.head, widths) + "\n")
	for n, row := range t.rows {
		line := t.line(row, widths)
		if mark != nil {
			line = mark(n, line)
		}
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *table) line(row []string, widths []int) string {
	var b strings.Builder
	for i, cell := range row {
		pad := strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell))
		if i > 0 {
			b.WriteString("  ")
		}
		if t.right[i] {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	line := strings.TrimRight(b.String(), " ")
	if t.width > 0 {
		line = clip(line, t.width)
	}
	return line
}

// clip cuts s to so many cells, never inside a character.
func clip(s string, cells int) string {
	if uniseg.StringWidth(s) <= cells {
		return s
	}
	used, rest, state := 0, s, -1
	for rest != "" {
		_, next, width, newState := uniseg.FirstGraphemeClusterInString(rest, state)
		if used+width > cells-1 {
			break
		}
		used += width
		rest, state = next, newState
	}
	return s[:len(s)-len(rest)] + "…"
}

// printable is text from elsewhere, safe for a terminal.
func printable(s string) string { return spate.Clean(s) }

// passOn prints the JSON of an answer as it came, but for characters that a terminal
// would act on: they stand in its texts only, where \u means the same.
func (a *app) passOn(c *client, body []byte) error {
	body = bytes.TrimSpace(body)
	if !json.Valid(body) {
		return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
	}
	_, err := fmt.Fprintln(a.out, tame(body))
	return err
}

// tame is the same JSON without what a terminal acts on.
func tame(text []byte) string {
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r == '\n' || r == '\t' || r >= ' ' && r < 0x7f || printable(string(r)) != "":
			b.WriteRune(r)
		case r == '\r':
		default:
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, u)
			}
		}
	}
	return b.String()
}
