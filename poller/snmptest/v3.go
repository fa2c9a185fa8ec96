package snmptest

import (
	"encoding/binary"
	"errors"

	"spate/mibs"
)

// V3 is SNMPv3's version as it travels (RFC 3412, section 6).
const V3 int32 = 3

// Bits of msgFlags (RFC 3412, section 6.4).
const (
	FlagAuth       byte = 1
	FlagPriv       byte = 2
	FlagReportable byte = 4
)

// A Secure is an SNMPv3 message with the user-based security model (RFC 3412,
// section 6; RFC 3414, section 2.4). Scoped is the ScopedPDU, a sequence in the
// clear or, with FlagPriv, the octets of its encryption.
type Secure struct {
	MsgID   int32
	MaxSize int32
	Flags   byte
	Model   int32 // 3 is USM
	Engine  []byte
	Boots   int32
	Time    int32
	User    []byte
	Digest  []byte
	Salt    []byte // msgPrivacyParameters
	Scoped  []byte
}

var errModel = errors.New("not the user-based security model")

// DecodeSecure reads the outer part of a datagram. What it gives points into b,
// the digest too, so that whoever verifies can put zeros there.
func DecodeSecure(b []byte) (Secure, error) {
	var s Secure
	e := elements(b)
	body, err := e.want(tagSequence)
	if err != nil {
		return s, err
	}
	e = body
	if v, err := e.int32(); err != nil || v != V3 {
		return s, errBER
	}
	global, err := e.want(tagSequence)
	if err != nil {
		return s, err
	}
	if err := s.decodeGlobal(global); err != nil {
		return s, err
	}
	security, err := e.want(tagOctets)
	if err != nil {
		return s, err
	}
	if err := s.decodeSecurity(security); err != nil {
		return s, err
	}
	tag, scoped, err := e.next()
	if err != nil || tag != tagSequence && tag != tagOctets {
		return s, errBER
	}
	s.Scoped = scoped
	return s, nil
}

func (s *Secure) decodeGlobal(e elements) (err error) {
	if s.MsgID, err = e.int32(); err != nil {
		return err
	}
	if s.MaxSize, err = e.int32(); err != nil {
		return err
	}
	flags, err := e.want(tagOctets)
	if err != nil || len(flags) != 1 {
		return errBER
	}
	s.Flags = flags[0]
	if s.Model, err = e.int32(); err == nil && s.Model != 3 {
		err = errModel
	}
	return err
}

func (s *Secure) decodeSecurity(e elements) (err error) {
	body, err := e.want(tagSequence)
	if err != nil {
		return err
	}
	e = body
	if s.Engine, err = e.want(tagOctets); err != nil {
		return err
	}
	for _, field := range [...]*int32{&s.Boots, &s.Time} {
		if *field, err = e.int32(); err != nil {
			return err
		}
	}
	for _, field := range [...]*[]byte{&s.User, &s.Digest, &s.Salt} {
		if *field, err = e.want(tagOctets); err != nil {
			return err
		}
	}
	return nil
}

// Append writes the message behind b as it is, whatever its digest.
func (s *Secure) Append(b []byte) []byte {
	global := appendInt32(nil, s.MsgID)
	global = appendInt32(global, s.MaxSize)
	global = appendElement(global, tagOctets, []byte{s.Flags})
	global = appendInt32(global, s.Model)
	security := appendElement(nil, tagOctets, s.Engine)
	security = appendInt32(security, s.Boots)
	security = appendInt32(security, s.Time)
	for _, field := range [...][]byte{s.User, s.Digest, s.Salt} {
		security = appendElement(security, tagOctets, field)
	}
	body := appendInt32(nil, V3)
	body = appendElement(body, tagSequence, global)
	body = appendElement(body, tagOctets, appendElement(nil, tagSequence, security))
	tag := byte(tagSequence)
	if s.Flags&FlagPriv != 0 {
		tag = tagOctets
	}
	body = appendElement(body, tag, s.Scoped)
	return appendElement(b, tagSequence, body)
}

// appendScoped writes the inside of a ScopedPDU around a v2c message's PDU.
func appendScoped(b, engine, context []byte, m *Message, limit int) []byte {
	whole, fit := m.appendFitting(nil, limit)
	if fit < 0 {
		return nil
	}
	e := elements(whole)
	body, _ := e.want(tagSequence) // written just now: it reads
	e = body
	_, _ = e.want(tagInteger)
	_, _ = e.want(tagOctets)
	b = appendElement(b, tagOctets, engine)
	b = appendElement(b, tagOctets, context)
	return append(b, e...)
}

// decodeScoped reads the inside of a ScopedPDU into a message.
func (m *Message) decodeScoped(scoped []byte) (context []byte, err error) {
	e := elements(scoped)
	if _, err := e.want(tagOctets); err != nil {
		return nil, err
	}
	if context, err = e.want(tagOctets); err != nil {
		return nil, err
	}
	tag, pdu, err := e.next()
	if err != nil || tag&0xe0 != 0xa0 {
		return nil, errBER
	}
	m.Version, m.Type = V3, tag
	return context, m.decodePDU(pdu)
}

// report is the PDU that says why a message was not understood.
func report(requestID int32, why mibs.OID, count uint32) Message {
	return Message{Version: V3, Type: Report, RequestID: requestID, Vars: []Var{{Name: mustName(why), Value: C32(count)}}}
}

// saltOf makes the eight octets that no two messages share.
func saltOf(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
