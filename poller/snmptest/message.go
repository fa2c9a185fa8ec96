package snmptest

import "encoding/binary"

// Versions as they travel (RFC 1157, section 4; RFC 3416 by RFC 1901).
const (
	V1  int32 = 0
	V2c int32 = 1
)

// PDU types (RFC 3416, section 3).
const (
	Get      byte = 0xa0
	GetNext  byte = 0xa1
	Response byte = 0xa2
	Set      byte = 0xa3
	GetBulk  byte = 0xa5
	Inform   byte = 0xa6
	TrapV2   byte = 0xa7
	Report   byte = 0xa8
)

// Error statuses (RFC 3416, section 3).
const (
	NoError     int32 = 0
	TooBig      int32 = 1
	NoSuchName  int32 = 2 // SNMPv1 only
	ReadOnly    int32 = 4 // SNMPv1 only
	GenErr      int32 = 5
	ResourceOut int32 = 13 // resourceUnavailable
	NotWritable int32 = 17
)

// A Var is one variable binding.
type Var struct {
	Name  Name
	Value Value
}

// A Message is an SNMPv1 or SNMPv2c message. Status and Index are error-status
// and error-index; in a GETBULK they are non-repeaters and max-repetitions.
type Message struct {
	Version   int32
	Community []byte
	Type      byte
	RequestID int32
	Status    int32
	Index     int32
	Vars      []Var
}

// Decode reads one datagram. What follows the message is ignored. Names and
// values point into b.
func Decode(b []byte) (Message, error) {
	var m Message
	err := m.decode(b)
	return m, err
}

// decode is Decode into m, whose Vars are reused.
func (m *Message) decode(b []byte) error {
	e := elements(b)
	body, err := e.want(tagSequence)
	if err != nil {
		return err
	}
	e = body
	if m.Version, err = e.int32(); err != nil {
		return err
	}
	if m.Version != V1 && m.Version != V2c {
		return errBER
	}
	if m.Community, err = e.want(tagOctets); err != nil {
		return err
	}
	if m.Type, body, err = e.next(); err != nil {
		return err
	}
	if m.Type&0xe0 != 0xa0 {
		return errBER
	}
	return m.decodePDU(body)
}

func (m *Message) decodePDU(pdu elements) (err error) {
	for _, field := range [...]*int32{&m.RequestID, &m.Status, &m.Index} {
		if *field, err = pdu.int32(); err != nil {
			return err
		}
	}
	body, err := pdu.want(tagSequence)
	if err != nil {
		return err
	}
	m.Vars = m.Vars[:0]
	for list := elements(body); len(list) > 0; {
		binding, err := list.want(tagSequence)
		if err != nil {
			return err
		}
		e := elements(binding)
		name, err := e.want(tagOID)
		if err != nil {
			return err
		}
		if err := Name(name).check(); err != nil {
			return err
		}
		tag, content, err := e.next()
		if err != nil {
			return err
		}
		m.Vars = append(m.Vars, Var{Name: name, Value: parseValue(tag, content)})
	}
	return nil
}

// maxDatagram is the most a UDP datagram over IPv4 carries.
const maxDatagram = 65507

// Append writes the message behind b, nil when no datagram can carry it.
func (m *Message) Append(b []byte) []byte {
	out, fit := m.appendFitting(b, maxDatagram)
	if fit < len(m.Vars) {
		return nil
	}
	return out
}

// appendFitting writes as many variables as limit octets hold and tells how
// many that were, -1 when not even an empty list fits. The outer lengths have
// the fixed form of two octets, as net-snmp sends them.
func (m *Message) appendFitting(b []byte, limit int) (out []byte, fit int) {
	start := len(b)
	limit = min(limit, maxDatagram)
	b = append(b, tagSequence, 0x82, 0, 0)
	b = appendInt32(b, m.Version)
	b = appendElement(b, tagOctets, m.Community)
	pdu := len(b)
	b = append(b, m.Type, 0x82, 0, 0)
	b = appendInt32(b, m.RequestID)
	b = appendInt32(b, m.Status)
	b = appendInt32(b, m.Index)
	list := len(b)
	b = append(b, tagSequence, 0x82, 0, 0)
	if len(b)-start > limit {
		return b[:start], -1
	}
	for fit < len(m.Vars) {
		v := &m.Vars[fit]
		size := v.Value.contentSize()
		inner := 1 + lengthSize(len(v.Name)) + len(v.Name) + 1 + lengthSize(size) + size
		if len(b)-start+1+lengthSize(inner)+inner > limit {
			break
		}
		b = appendLength(append(b, tagSequence), inner)
		b = appendElement(b, tagOID, v.Name)
		b = v.Value.append(b, size)
		fit++
	}
	for _, at := range [...]int{start, pdu, list} {
		binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at-4))
	}
	return b, fit
}
