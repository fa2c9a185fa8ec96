package host

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"spate/mibs"
)

const (
	mostAsked = 4096 // octets of a line that snmpd writes
	mostArcs  = 128  // of an OID (RFC 3416, section 4.1)
)

// PassPersist speaks net-snmp's pass_persist (snmpd.conf(5)) until in ends or has an
// empty line, as when snmpd ends: PING; get and getnext with an OID in the next line;
// set with two lines more, which changes nothing. Where users fails there is nothing to
// be had, and snmpd says so of each OID.
func PassPersist(in io.Reader, out io.Writer, users func() (Exposed, error)) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, mostAsked)
	w := bufio.NewWriter(out)
	next := func() string {
		if !lines.Scan() {
			return ""
		}
		return strings.TrimSpace(lines.Text())
	}
	for command := next(); command != ""; command = next() {
		answer := "NONE\n"
		switch strings.ToLower(command) {
		case "ping":
			answer = "PONG\n"
		case "get", "getnext":
			oid, ok := parseOID(next())
			if e, err := users(); ok && err == nil {
				answer = e.cell(oid, strings.EqualFold(command, "getnext"))
			}
		case "set":
			_, _ = next(), next() // the OID, its type and value
			answer = "not-writable\n"
		}
		_, _ = w.WriteString(answer) // Flush tells
		if err := w.Flush(); err != nil {
			return fmt.Errorf("answer snmpd: %w", err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("a line of more than %d octets: that is not snmpd", mostAsked)
	} else if err != nil {
		return fmt.Errorf("read what snmpd asks: %w", err)
	}
	return nil
}

// cell is the value at an OID, or at the first one behind it.
func (e *Exposed) cell(oid []uint32, behind bool) string {
	cells := e.cells()
	i, found := slices.BinarySearchFunc(cells, oid, func(c cell, oid []uint32) int { return slices.Compare(c.oid, oid) })
	switch {
	case behind && found:
		i++
	case !behind && !found:
		return "NONE\n"
	}
	if i == len(cells) {
		return "NONE\n"
	}
	c := cells[i]
	return formatOID(c.oid) + "\n" + c.kind + "\n" + c.value + "\n"
}

type cell struct {
	oid         []uint32
	kind, value string // net-snmp's word for the type, and the value as it reads it
}

// cells are all there is, in the order in which a walk wants it.
func (e *Exposed) cells() []cell {
	if e.Backend == "" {
		return nil
	}
	byUID := slices.Clone(e.Users)
	slices.SortFunc(byUID, func(a, b UserCount) int { return cmp.Compare(a.UID, b.UID) })
	var out []cell
	for _, column := range [...]struct {
		at    mibs.OID
		kind  string
		value func(u *UserCount) string
	}{
		{mibs.AgentUserName, "string", func(u *UserCount) string { return u.Name }},
		{mibs.AgentUserOctets, "counter64", func(u *UserCount) string { return strconv.FormatUint(u.Octets, 10) }},
		{mibs.AgentUserPackets, "counter64", func(u *UserCount) string { return strconv.FormatUint(u.Packets, 10) }},
	} {
		at, _ := parseOID(string(column.at))
		for i := range byUID {
			out = append(out, cell{append(slices.Clip(at), byUID[i].UID), column.kind, column.value(&byUID[i])})
		}
	}
	for _, s := range [...]struct {
		at          mibs.OID
		kind, value string
	}{
		{mibs.AgentBackend, "string", e.Backend},
		{mibs.AgentOtherOctets, "counter64", strconv.FormatUint(e.Others.Octets, 10)},
		{mibs.AgentOtherPackets, "counter64", strconv.FormatUint(e.Others.Packets, 10)},
	} {
		at, _ := parseOID(string(s.at))
		out = append(out, cell{at, s.kind, s.value})
	}
	return out
}

// parseOID reads ".1.3.6", with and without the first dot.
func parseOID(text string) (oid []uint32, ok bool) {
	for arc := range strings.SplitSeq(strings.TrimPrefix(text, "."), ".") {
		n, err := strconv.ParseUint(arc, 10, 32)
		if err != nil || len(oid) == mostArcs {
			return nil, false
		}
		oid = append(oid, uint32(n))
	}
	return oid, true
}

func formatOID(oid []uint32) string {
	var b []byte
	for _, arc := range oid {
		b = strconv.AppendUint(append(b, '.'), uint64(arc), 10)
	}
	return string(b)
}
