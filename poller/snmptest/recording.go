package snmptest

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"spate/mibs"
)

// LoadRecording reads a file in snmprec form, packed by bzip2 or gzip where its
// name says so.
func LoadRecording(path string) (*Walk, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load a recording: %w", err)
	}
	defer f.Close()
	var r io.Reader = f
	switch {
	case strings.HasSuffix(path, ".bz2"):
		r = bzip2.NewReader(f)
	case strings.HasSuffix(path, ".gz"):
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("load recording %s: %w", path, err)
		}
	}
	w, err := LoadWalk(r)
	if err != nil {
		return nil, fmt.Errorf("load recording %s: %w", path, err)
	}
	return w, nil
}

// LoadWalk reads lines of OID|type|value, the snmprec form of the snmpsim
// project: type is the BER tag in decimal, with an x behind it where the value
// is in hexadecimal. Recordings hold raw octets, line feeds too: what is no
// such line is skipped and counted in Walk.Skipped. The error is the reader's.
func LoadWalk(r io.Reader) (*Walk, error) {
	w := NewWalk()
	lines := bufio.NewReaderSize(r, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		line = bytes.TrimSuffix(line, []byte("\n"))
		if len(line) > 0 && line[0] != '#' {
			if n, v, ok := parseLine(line); ok {
				w.set(n, v)
			} else {
				w.Skipped++
			}
		}
		if err == io.EOF {
			return w, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func parseLine(line []byte) (Name, Value, bool) {
	oid, rest, ok := bytes.Cut(line, []byte("|"))
	tag, text, ok2 := bytes.Cut(rest, []byte("|"))
	if !ok || !ok2 {
		return nil, Value{}, false
	}
	name, err := NameOf(mibs.OID(oid))
	if err != nil {
		return nil, Value{}, false
	}
	kind, module, varies := strings.Cut(string(tag), ":")
	kind, inHex := strings.CutSuffix(kind, "x")
	n, err := strconv.ParseUint(kind, 10, 8)
	if err != nil {
		return nil, Value{}, false
	}
	syntax := mibs.Syntax(n)
	if varies {
		v, ok := parseVariation(syntax, module, string(text))
		return name, v, ok
	}
	if inHex {
		if text, err = hex.DecodeString(string(bytes.TrimSpace(text))); err != nil {
			return nil, Value{}, false
		}
		if number(syntax) {
			return nil, Value{}, false
		}
		return name, octets(syntax, text), true
	}
	v, ok := parseText(syntax, text)
	return name, v, ok
}

func octets(s mibs.Syntax, b []byte) Value {
	if b == nil {
		b = []byte{}
	}
	return Value{Syntax: s, Bytes: b}
}

func parseText(s mibs.Syntax, text []byte) (Value, bool) {
	if s == mibs.OctetString || s == Opaque {
		return octets(s, text), true
	}
	word := string(bytes.TrimSpace(text))
	switch s {
	case mibs.Integer:
		n, err := strconv.ParseInt(word, 10, 64)
		return Int(n), err == nil
	case mibs.Counter32, mibs.Gauge32, mibs.TimeTicks:
		n, err := strconv.ParseUint(word, 10, 32)
		return Value{Syntax: s, Uint: n}, err == nil
	case mibs.Counter64:
		n, err := strconv.ParseUint(word, 10, 64)
		return C64(n), err == nil
	case mibs.ObjectID:
		n, err := NameOf(mibs.OID(word))
		return Value{Syntax: s, Bytes: n}, err == nil
	case NullSyntax:
		return Null(), true
	case IPAddress:
		if len(text) == 4 { // raw octets, which some recorders write
			return octets(s, text), true
		}
		a, err := netip.ParseAddr(word)
		return octets(s, a.AsSlice()), err == nil && a.Is4()
	}
	return Value{}, false
}

// parseVariation reads what snmpsim computes: "numeric" with a rate and no
// function grows, everything else stands still where it begins.
func parseVariation(s mibs.Syntax, module, text string) (Value, bool) {
	options := map[string]string{}
	for option := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(option, "=")
		options[key] = value
	}
	if v, ok := options["value"]; ok {
		return parseText(s, []byte(v))
	}
	if module != "numeric" || !number(s) {
		return Value{}, false
	}
	from := numberOption(options, "initial", numberOption(options, "offset", numberOption(options, "min", 0)))
	rate := numberOption(options, "rate", 0)
	if _, shaped := options["function"]; shaped || rate <= 0 || from < 0 {
		return Value{Syntax: s, Uint: uint64(int64(from))}, true
	}
	return Growing(s, uint64(from), rate), true
}

func numberOption(options map[string]string, key string, or float64) float64 {
	v, err := strconv.ParseFloat(options[key], 64)
	if err != nil || math.Abs(v) > 1<<31 || v != v {
		return or
	}
	return v
}
