// Package mibs names the objects of the MIBs that Spate reads, each with its
// syntax, unit and source. Bare OIDs appear here and nowhere else.
package mibs

import (
	"strconv"
	"strings"
)

// An OID is an object identifier in dotted form with a leading dot.
type OID string

// Row is the instance of a column at one index, ".1.3.6.1.2.1.2.2.1.10" and 3
// giving ".1.3.6.1.2.1.2.2.1.10.3". Index 0 gives a scalar's instance.
func (o OID) Row(index int) OID { return o + OID("."+strconv.Itoa(index)) }

// Index is the row of instance when it is a row of column o with a
// single-integer index, as in ifTable and ifXTable.
func (o OID) Index(instance OID) (int, bool) {
	rest, ok := strings.CutPrefix(string(instance), string(o)+".")
	if !ok || rest == "" || len(rest) > 10 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(rest) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	if n > 1<<31-1 || (rest[0] == '0' && len(rest) > 1) {
		return 0, false
	}
	return n, true
}

// Contains tells whether instance lies below o.
func (o OID) Contains(instance OID) bool {
	return len(instance) > len(o) && instance[:len(o)] == o && instance[len(o)] == '.'
}

// Compare orders OIDs by their numbers, as RFC 3416, section 4.2.2 walks
// them: -1, 0 or 1. Text that is no number sorts as 0.
func Compare(a, b OID) int {
	x, y := strings.TrimPrefix(string(a), "."), strings.TrimPrefix(string(b), ".")
	for x != "" && y != "" {
		var i, j uint64
		i, x = firstArc(x)
		j, y = firstArc(y)
		switch {
		case i < j:
			return -1
		case i > j:
			return 1
		}
	}
	switch {
	case x == "" && y != "":
		return -1
	case x != "" && y == "":
		return 1
	}
	return 0
}

func firstArc(s string) (uint64, string) {
	arc, rest, _ := strings.Cut(s, ".")
	n, err := strconv.ParseUint(arc, 10, 32)
	if err != nil {
		n = 0
	}
	return n, rest
}

// A Syntax is the ASN.1 type of an object as it travels (RFC 2578, section 7.1).
type Syntax byte

// Syntaxes with their BER tags (RFC 3416, section 3).
const (
	Integer     Syntax = 0x02
	OctetString Syntax = 0x04
	ObjectID    Syntax = 0x06
	Counter32   Syntax = 0x41
	Gauge32     Syntax = 0x42
	TimeTicks   Syntax = 0x43
	Counter64   Syntax = 0x46
)

// String is the type's name in SMIv2.
func (s Syntax) String() string {
	switch s {
	case Integer:
		return "Integer32"
	case OctetString:
		return "OCTET STRING"
	case ObjectID:
		return "OBJECT IDENTIFIER"
	case Counter32:
		return "Counter32"
	case Gauge32:
		return "Gauge32"
	case TimeTicks:
		return "TimeTicks"
	case Counter64:
		return "Counter64"
	}
	return "type 0x" + strconv.FormatUint(uint64(s), 16)
}

// Bits is the width of a counter, 0 for what is no counter.
func (s Syntax) Bits() int {
	switch s {
	case Counter32:
		return 32
	case Counter64:
		return 64
	}
	return 0
}

// An Object is one scalar or column of a MIB.
type Object struct {
	Name   string // as in the MIB, "ifHCInOctets"
	OID    OID
	Syntax Syntax
	Unit   string // "octets", "packets", "b/s", "Mb/s", "1/100 s"; empty where there is none
	Source string // RFC and section
	Scalar bool   // has the one instance .0
}

// Instance is the OID that holds the object's value: row index of a column,
// .0 of a scalar whatever the index.
func (o Object) Instance(index int) OID {
	if o.Scalar {
		return o.OID.Row(0)
	}
	return o.OID.Row(index)
}
