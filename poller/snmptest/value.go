package snmptest

import (
	"time"

	"spate/mibs"
)

// Syntaxes of the wire that no object of package mibs has (RFC 3416, section 3).
const (
	NullSyntax     mibs.Syntax = 0x05
	IPAddress      mibs.Syntax = 0x40
	Opaque         mibs.Syntax = 0x44
	NoSuchObject   mibs.Syntax = 0x80
	NoSuchInstance mibs.Syntax = 0x81
	EndOfMibView   mibs.Syntax = 0x82
)

// A Value is what an agent answers for one instance. Numbers are in Uint, an
// Integer as its two's complement; everything else, an OBJECT IDENTIFIER too,
// is the content octets in Bytes. A number with Bytes travels as these octets,
// however wrong they are. Func, where set, gives the value at the time it is
// read, under the agent's lock: it must not call the agent.
type Value struct {
	Syntax mibs.Syntax
	Uint   uint64
	Bytes  []byte
	Func   func(Moment) Value
}

// A Moment is when an agent reads its table.
type Moment struct {
	Now     time.Time
	Start   time.Time // when the agent started last
	Request int       // 1 for the first request the agent understood
}

// Uptime is how long the agent has been running.
func (m Moment) Uptime() time.Duration { return m.Now.Sub(m.Start) }

// at is the value itself, computed where it has a Func.
func (v Value) at(m Moment) Value {
	if v.Func != nil {
		return v.Func(m)
	}
	return v
}

// Int is an INTEGER.
func Int(n int64) Value { return Value{Syntax: mibs.Integer, Uint: uint64(n)} }

// C32 is a Counter32.
func C32(n uint32) Value { return Value{Syntax: mibs.Counter32, Uint: uint64(n)} }

// C64 is a Counter64.
func C64(n uint64) Value { return Value{Syntax: mibs.Counter64, Uint: n} }

// Gauge is a Gauge32.
func Gauge(n uint32) Value { return Value{Syntax: mibs.Gauge32, Uint: uint64(n)} }

// Ticks is a TimeTicks, in 1/100 s.
func Ticks(n uint32) Value { return Value{Syntax: mibs.TimeTicks, Uint: uint64(n)} }

// Text is an OCTET STRING.
func Text(s string) Value { return Value{Syntax: mibs.OctetString, Bytes: []byte(s)} }

// ObjectID is an OBJECT IDENTIFIER; it panics when oid is none.
func ObjectID(oid mibs.OID) Value { return Value{Syntax: mibs.ObjectID, Bytes: mustName(oid)} }

// Null is the value of a request's variables.
func Null() Value { return Value{Syntax: NullSyntax} }

// Uptime is sysUpTime: 1/100 s since the agent's last start, modulo 2^32, and
// offset more, so that a test can stand shortly before the rollover.
func Uptime(offset time.Duration) Value {
	return Value{Syntax: mibs.TimeTicks, Func: func(m Moment) Value {
		return Ticks(uint32((m.Uptime() + offset) / (10 * time.Millisecond)))
	}}
}

// Growing is a number that starts at from and grows by perSecond while the
// agent runs; a Counter32 wraps, a restart begins at from again.
func Growing(syntax mibs.Syntax, from uint64, perSecond float64) Value {
	return Value{Syntax: syntax, Func: func(m Moment) Value {
		n := from + uint64(perSecond*m.Uptime().Seconds())
		if syntax != mibs.Counter64 {
			n = uint64(uint32(n))
		}
		return Value{Syntax: syntax, Uint: n}
	}}
}

// number tells whether the syntax travels as an integer.
func number(s mibs.Syntax) bool {
	switch s {
	case mibs.Integer, mibs.Counter32, mibs.Gauge32, mibs.TimeTicks, mibs.Counter64:
		return true
	}
	return false
}
