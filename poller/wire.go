package poller

import (
	"errors"

	"spate/mibs"
)

// PDU tags (RFC 3416, section 3).
const (
	pduGet      = 0xa0
	pduNext     = 0xa1
	pduResponse = 0xa2
	pduBulk     = 0xa5
	pduReport   = 0xa8
)

// Versions as they travel (RFC 3416, RFC 3412).
const (
	wireV1  = 0
	wireV2c = 1
	wireV3  = 3
)

// Bits of msgFlags (RFC 3412, section 6.4).
const (
	flagAuth = 1
	flagPriv = 2
)

var errGarbage = errors.New("not an SNMP message")

// A header is what must fit the request before an answer is looked at any
// further. gosnmp accepts answers with request-id 0, another community, another
// version and another PDU type, so these are checked on the datagram itself.
type header struct {
	version   int
	community string // v1, v2c
	msgID     int64  // v3
	flags     byte   // v3: 1 auth, 2 priv, 4 reportable
	model     int64  // v3: security model
	usm       usmHeader
	plain     bool // the PDU can be read: v1, v2c, or v3 without privacy
	pdu       byte
	requestID int64
	report    mibs.OID // the first variable of a report PDU
}

// readHeader reads the outer part of an SNMP message (RFC 3416, section 3;
// RFC 3412, section 6). It never reads past b.
func readHeader(b []byte) (header, error) {
	var h header
	msg, ok := (&ber{b}).want(0x30)
	if !ok {
		return h, errGarbage
	}
	version, ok := msg.integer()
	if !ok {
		return h, errGarbage
	}
	h.version = int(version)
	switch version {
	case wireV1, wireV2c:
		community, ok := msg.want(0x04)
		if !ok {
			return h, errGarbage
		}
		h.community, h.plain = string(community.b), true
		return h, h.readPDU(msg)
	case wireV3:
		return h, h.readV3(msg)
	}
	return h, nil // a version we never asked in: told apart by the caller
}

// readV3 reads msgGlobalData and, where it is not encrypted, the scoped PDU.
func (h *header) readV3(msg *ber) error {
	global, ok := msg.want(0x30)
	if !ok {
		return errGarbage
	}
	if h.msgID, ok = global.integer(); !ok {
		return errGarbage
	}
	if _, ok = global.integer(); !ok { // msgMaxSize
		return errGarbage
	}
	flags, ok := global.want(0x04)
	if !ok || len(flags.b) != 1 {
		return errGarbage
	}
	h.flags = flags.b[0]
	if h.model, ok = global.integer(); !ok {
		return errGarbage
	}
	security, ok := msg.want(0x04)
	if !ok || h.usm.read(security) != nil {
		return errGarbage
	}
	if h.flags&flagPriv != 0 {
		return nil
	}
	scoped, ok := msg.want(0x30)
	if !ok {
		return errGarbage
	}
	if _, ok = scoped.want(0x04); !ok { // contextEngineID
		return errGarbage
	}
	if _, ok = scoped.want(0x04); !ok { // contextName
		return errGarbage
	}
	h.plain = true
	return h.readPDU(scoped)
}

func (h *header) readPDU(msg *ber) error {
	tag, pdu, ok := msg.next()
	if !ok || tag&0xe0 != 0xa0 {
		return errGarbage
	}
	h.pdu = tag
	if h.requestID, ok = pdu.integer(); !ok {
		return errGarbage
	}
	if tag == pduReport {
		h.report = firstVariable(pdu)
	}
	return nil
}

// firstVariable is the name of a PDU's first varbind, empty where there is none.
func firstVariable(pdu *ber) mibs.OID {
	pdu.integer() // error-status
	pdu.integer() // error-index
	list, ok := pdu.want(0x30)
	if !ok {
		return ""
	}
	first, ok := list.want(0x30)
	if !ok {
		return ""
	}
	name, ok := first.want(0x06)
	if !ok {
		return ""
	}
	return decodeOID(name.b)
}

// decodeOID reads an OBJECT IDENTIFIER's octets (X.690, section 8.19), empty
// when they are none.
func decodeOID(b []byte) mibs.OID {
	if len(b) == 0 || len(b) > 128 {
		return ""
	}
	oid := mibs.OID("")
	var arc uint64
	for i, c := range b {
		if arc > 1<<32>>7 {
			return ""
		}
		arc = arc<<7 | uint64(c&0x7f)
		if c&0x80 != 0 {
			if i == len(b)-1 {
				return ""
			}
			continue
		}
		if oid == "" {
			top := min(arc/40, 2)
			oid = mibs.OID("").Row(int(top)).Row(int(arc - top*40))
		} else {
			oid = oid.Row(int(arc))
		}
		arc = 0
	}
	return oid
}

// ber reads tag-length-value elements from the front of b.
type ber struct{ b []byte }

// next cuts the next element off.
func (r *ber) next() (tag byte, value *ber, ok bool) {
	if len(r.b) < 2 {
		return 0, nil, false
	}
	tag, length, rest := r.b[0], int(r.b[1]), r.b[2:]
	if length >= 0x80 {
		n := length & 0x7f
		if n == 0 || n > 4 || len(rest) < n {
			return 0, nil, false
		}
		length = 0
		for _, c := range rest[:n] {
			length = length<<8 | int(c)
		}
		rest = rest[n:]
	}
	if length < 0 || length > len(rest) {
		return 0, nil, false
	}
	r.b = rest[length:]
	return tag, &ber{rest[:length]}, true
}

func (r *ber) want(tag byte) (*ber, bool) {
	got, value, ok := r.next()
	return value, ok && got == tag
}

// integer reads an INTEGER of at most 32 bits, with a leading zero octet more
// where an agent writes an unsigned one.
func (r *ber) integer() (int64, bool) {
	v, ok := r.want(0x02)
	if !ok || len(v.b) == 0 || len(v.b) > 5 {
		return 0, false
	}
	n := int64(int8(v.b[0]))
	for _, c := range v.b[1:] {
		n = n<<8 | int64(c)
	}
	return n, true
}
