package spate

import (
	"strings"
	"unicode/utf8"
)

// maxRunes bounds every string that comes from the network.
const maxRunes = 255

// Clean makes text from a device, a flow or a person valid and bounded, once,
// at the place where it comes in: valid UTF-8 (Latin-1 is read as such), no
// control characters, no direction overrides, blanks trimmed, at most 255
// runes. It does not escape: each channel does that for itself.
func Clean(s string) string { return CleanTo(s, maxRunes) }

// CleanTo does so for text of another length, at most n runes.
func CleanTo(s string, n int) string {
	if !utf8.ValidString(s) {
		s = latin1(s, 8*n)
	}
	kept := strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, bounded(s, 4*n))
	return strings.TrimSpace(bounded(strings.TrimSpace(kept), n))
}

// SheetCell makes a text safe for a spreadsheet, which would take a cell that
// begins with one of = + - @ or a blank as a formula (OWASP, CSV injection).
func SheetCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n ", rune(s[0])) {
		return "'" + s
	}
	return s
}

// bounded is the first n runes of s.
func bounded(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// latin1 reads octets that are no UTF-8 as ISO 8859-1, which old switches send.
func latin1(s string, most int) string {
	s = s[:min(len(s), most)]
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// hidden tells whether a rune draws nothing and changes how others are read:
// C0 and C1 controls, bidirectional overrides and isolates, zero widths, the
// replacement character.
func hidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0, r == utf8.RuneError, r == 0xfeff:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	}
	return r == 0x061c || r >= 0xe0000 && r <= 0xe0fff
}
