package snmptest

import (
	"errors"
	"math/bits"

	"spate/mibs"
)

const (
	tagInteger  = 0x02
	tagOctets   = 0x04
	tagOID      = 0x06
	tagSequence = 0x30
)

var errBER = errors.New("not BER of an SNMP message")

// elements reads tag-length-value triples (X.690, section 8.1) from its front.
type elements []byte

// next cuts the first element off. Only definite lengths of at most four
// octets exist in SNMP (RFC 3417, section 8).
func (e *elements) next() (tag byte, content []byte, err error) {
	b := *e
	if len(b) < 2 {
		return 0, nil, errBER
	}
	length, head := uint64(b[1]), 2
	if length >= 0x80 {
		n := int(length & 0x7f)
		if n == 0 || n > 4 || len(b) < 2+n {
			return 0, nil, errBER
		}
		length = 0
		for _, c := range b[2 : 2+n] {
			length = length<<8 | uint64(c)
		}
		head += n
	}
	if length > uint64(len(b)-head) {
		return 0, nil, errBER
	}
	end := head + int(length)
	*e = b[end:]
	return b[0], b[head:end:end], nil
}

func (e *elements) want(tag byte) ([]byte, error) {
	got, content, err := e.next()
	if err == nil && got != tag {
		return nil, errBER
	}
	return content, err
}

// int32 reads an INTEGER that fits 32 bits.
func (e *elements) int32() (int32, error) {
	content, err := e.want(tagInteger)
	if err != nil {
		return 0, err
	}
	n, ok := parseInt(content)
	if !ok || int64(int32(n)) != n {
		return 0, errBER
	}
	return int32(n), nil
}

func parseInt(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	n := int64(int8(b[0]))
	for _, c := range b[1:] {
		n = n<<8 | int64(c)
	}
	return n, true
}

func parseUint(b []byte) (uint64, bool) {
	if len(b) == 9 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n, true
}

// parseValue reads any value; octets that are no number of their type stay as
// they are in Bytes.
func parseValue(tag byte, content []byte) Value {
	v := Value{Syntax: mibs.Syntax(tag)}
	if v.Syntax == mibs.Integer {
		if n, ok := parseInt(content); ok {
			v.Uint = uint64(n)
			return v
		}
	} else if number(v.Syntax) {
		if n, ok := parseUint(content); ok {
			v.Uint = n
			return v
		}
	}
	v.Bytes = content
	return v
}

func appendLength(b []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n < 0x100:
		return append(b, 0x81, byte(n))
	}
	return append(b, 0x82, byte(n>>8), byte(n))
}

func lengthSize(n int) int {
	switch {
	case n < 0x80:
		return 1
	case n < 0x100:
		return 2
	}
	return 3
}

func appendElement(b []byte, tag byte, content []byte) []byte {
	b = appendLength(append(b, tag), len(content))
	return append(b, content...)
}

func appendInt32(b []byte, n int32) []byte {
	size := intSize(int64(n))
	return appendNumber(append(b, tagInteger, byte(size)), uint64(int64(n)), size)
}

// appendNumber writes the low size octets of n, most significant first.
func appendNumber(b []byte, n uint64, size int) []byte {
	if size == 9 {
		b, size = append(b, 0), 8
	}
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

// intSize is how many octets a signed number needs.
func intSize(n int64) int {
	if n < 0 {
		n = ^n
	}
	return bits.Len64(uint64(n))/8 + 1
}

// uintSize is the same for an unsigned one, with the sign's zero octet.
func uintSize(n uint64) int { return bits.Len64(n)/8 + 1 }

// contentSize is how many octets a value's content needs.
func (v *Value) contentSize() int {
	switch {
	case v.Bytes != nil || !number(v.Syntax):
		return len(v.Bytes)
	case v.Syntax == mibs.Integer:
		return intSize(int64(v.Uint))
	}
	return uintSize(v.Uint)
}

func (v *Value) append(b []byte, size int) []byte {
	b = appendLength(append(b, byte(v.Syntax)), size)
	if v.Bytes != nil || !number(v.Syntax) {
		return append(b, v.Bytes...)
	}
	return appendNumber(b, v.Uint, size)
}
