package snmptest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"spate/mibs"
)

// A Name is an object identifier as its content octets travel (X.690, section
// 8.19), always in the shortest form.
type Name []byte

// NameOf encodes a dotted OID, with or without the leading dot.
func NameOf(oid mibs.OID) (Name, error) {
	text := strings.TrimPrefix(string(oid), ".")
	first, rest, more := strings.Cut(text, ".")
	top, err := strconv.ParseUint(first, 10, 32)
	if err != nil || top > 2 {
		return nil, fmt.Errorf("OID %q: begins with %q, want 0, 1 or 2", oid, first)
	}
	var n Name
	for i := 0; more; i++ {
		var arc string
		arc, rest, more = strings.Cut(rest, ".")
		v, err := strconv.ParseUint(arc, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("OID %q: arc %q is no number below 2^32", oid, arc)
		}
		if i == 0 {
			if top < 2 && v > 39 {
				return nil, fmt.Errorf("OID %q: second arc %d, want at most 39", oid, v)
			}
			v += top * 40
		}
		n = appendArc(n, v)
	}
	if len(n) == 0 {
		return nil, fmt.Errorf("OID %q: one arc, want two or more", oid)
	}
	return n, nil
}

// mustName is NameOf for the constants of package mibs and for tests, where a
// wrong OID is a mistake in the program.
func mustName(oid mibs.OID) Name {
	n, err := NameOf(oid)
	if err != nil {
		panic(err)
	}
	return n
}

func appendArc(n Name, v uint64) Name {
	for shift := 63; shift > 0; shift -= 7 {
		if v>>shift != 0 {
			n = append(n, byte(v>>shift)|0x80)
		}
	}
	return append(n, byte(v)&0x7f)
}

var errName = errors.New("not an object identifier")

// check tells whether the octets are an OID in the shortest form whose arcs
// are below 2^32, as RFC 2578, section 3.5, bounds them.
func (n Name) check() error {
	if len(n) == 0 || n[len(n)-1]&0x80 != 0 {
		return errName
	}
	var arc uint64
	for i, c := range n {
		start := i == 0 || n[i-1]&0x80 == 0
		if start {
			arc = 0
		}
		arc = arc<<7 | uint64(c&0x7f)
		if start && c == 0x80 || arc >= 1<<32+80 || arc >= 1<<32 && !n.firstArc(i) {
			return errName
		}
	}
	return nil
}

// firstArc tells whether octet i belongs to the arc that holds the first two.
func (n Name) firstArc(i int) bool {
	for _, c := range n[:i] {
		if c&0x80 == 0 {
			return false
		}
	}
	return true
}

// OID is the name in dotted form with a leading dot.
func (n Name) OID() mibs.OID {
	text := make([]byte, 0, 4*len(n))
	var arc uint64
	for i, c := range n {
		arc = arc<<7 | uint64(c&0x7f)
		if c&0x80 != 0 {
			continue
		}
		if n.firstArc(i) {
			top := min(arc/40, 2)
			text = strconv.AppendUint(append(text, '.'), top, 10)
			arc -= top * 40
		}
		text = strconv.AppendUint(append(text, '.'), arc, 10)
		arc = 0
	}
	return mibs.OID(text)
}

// Compare orders names as a walk meets them: -1, 0 or 1.
func (n Name) Compare(other Name) int {
	i := 0
	for i < len(n) && i < len(other) && n[i] == other[i] {
		i++
	}
	if i == len(n) || i == len(other) {
		return len(n[i:]) - len(other[i:])
	}
	start := i
	for start > 0 && n[start-1]&0x80 != 0 {
		start--
	}
	// In the shortest form the longer arc is the larger one.
	if a, b := arcLen(n[start:]), arcLen(other[start:]); a != b {
		return a - b
	}
	return int(n[i]) - int(other[i])
}

func arcLen(b []byte) int {
	for i, c := range b {
		if c&0x80 == 0 {
			return i + 1
		}
	}
	return len(b)
}

// Under tells whether the name lies below base.
func (n Name) Under(base Name) bool { return len(n) > len(base) && bytes.HasPrefix(n, base) }

// parent is the name without its last arc.
func (n Name) parent() Name {
	end := len(n) - 1
	for end > 0 && n[end-1]&0x80 != 0 {
		end--
	}
	return n[:max(end, 0)]
}
