package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Pos is a place in a configuration file. Line and column count from 1, the
// column in bytes as compilers do; line 0 means the file as a whole.
type Pos struct {
	File      string
	Line, Col int
}

// String is "config.toml:3:1", what editors jump to.
func (p Pos) String() string {
	file := printable(p.File)
	if p.Line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d:%d", file, p.Line, p.Col)
}

// An Error is one thing wrong with the configuration.
type Error struct {
	At     Pos
	Key    string // "poller.interval"; "syntax" where the file is no TOML; empty for the file itself
	What   string // what is wrong with it
	Wanted string // what to write instead
}

// Error is "FILE:LINE:COL: key: what, wanted X".
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.At.String())
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key)
		b.WriteString(": ")
	}
	b.WriteString(e.What)
	if e.Wanted != "" {
		b.WriteString(", wanted ")
		b.WriteString(e.Wanted)
	}
	return b.String()
}

// Errors are all that is wrong, in the order of files and lines.
type Errors []Error

// Error is one line for each.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

func (es Errors) sorted() Errors {
	slices.SortStableFunc(es, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Col, b.At.Col))
	})
	return es
}

// quoted shows a value from the file. Control characters come out as escapes,
// so that a message cannot move the cursor of the terminal it is printed on.
func quoted(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return strconv.Quote(string(r[:most])) + "…"
	}
	return strconv.Quote(s)
}

// printable is s itself, or s quoted where a terminal would take harm.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
		return strconv.Quote(s)
	}
	return s
}

// bareKey is a key as it may be written in TOML: quoted only where it must be.
func bareKey(s string) string {
	plain := func(r rune) bool {
		return r == '-' || r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return quoted(s)
}
