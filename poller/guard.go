package poller

import (
	"net"
	"sync/atomic"
	"time"

	"spate/mibs"
)

// A Rejection is why an answer was not believed; `why` of spate_snmp_rejected_total.
type Rejection string

// Reasons to reject an answer.
const (
	RejectSource    Rejection = "source"    // from an address nothing was asked of
	RejectGarbage   Rejection = "garbage"   // no SNMP message
	RejectVersion   Rejection = "version"   // answered in another SNMP version
	RejectCommunity Rejection = "community" // with another community
	RejectType      Rejection = "pdu_type"  // not a response
	RejectID        Rejection = "id"        // request-id or msgID of no outstanding request; late answers end here
	RejectLevel     Rejection = "level"     // below the security level that was asked for
	RejectOID       Rejection = "oid"       // names something that was not asked
	RejectOrder     Rejection = "order"     // a walk that does not go forward
	RejectSyntax    Rejection = "syntax"    // a value of another type than the MIB's
	RejectEmpty     Rejection = "empty"     // success without a single variable
	RejectDecode    Rejection = "decode"    // the header fits but the rest cannot be read
)

// Rejections lists every reason, for metrics that start at zero.
func Rejections() []Rejection {
	return []Rejection{RejectSource, RejectGarbage, RejectVersion, RejectCommunity, RejectType, RejectID,
		RejectLevel, RejectOID, RejectOrder, RejectSyntax, RejectEmpty, RejectDecode}
}

// guard stands between gosnmp and the datagrams of one device: it lets through
// only what can be the answer to the one outstanding request, counts the rest
// and keeps waiting. It remembers what the conversation showed.
type guard struct {
	net.Conn
	reject func(Rejection)

	asked    header
	sentAt   time.Time
	gotAt    time.Time
	report   mibs.OID // of the newest v3 report, empty when there was none
	answered bool
	packets  atomic.Uint64
}

// begin forgets the last conversation.
func (g *guard) begin() { g.report, g.answered = "", false }

// Write sends a request and notes what its answer must look like.
func (g *guard) Write(b []byte) (int, error) {
	h, err := readHeader(b)
	if err != nil {
		return 0, err
	}
	g.asked, g.sentAt = h, time.Now()
	g.packets.Add(1)
	return g.Conn.Write(b)
}

// Read waits for the answer to the last request.
func (g *guard) Read(b []byte) (int, error) {
	for {
		n, err := g.Conn.Read(b)
		if err != nil {
			return n, err
		}
		if why := g.check(b[:n]); why != "" {
			g.reject(why)
			continue
		}
		g.gotAt, g.answered = time.Now(), true
		return n, nil
	}
}

// check is the reason not to believe a datagram, empty when there is none.
func (g *guard) check(b []byte) Rejection {
	h, err := readHeader(b)
	switch {
	case err != nil:
		return RejectGarbage
	case h.version != g.asked.version:
		return RejectVersion
	case h.version == wireV3:
		return g.checkV3(h)
	case h.community != g.asked.community:
		return RejectCommunity
	case h.pdu != pduResponse:
		return RejectType
	case h.requestID == 0 || h.requestID != g.asked.requestID:
		return RejectID
	}
	return ""
}

// checkV3 leaves digest, time window and decryption to gosnmp. Only a report
// may come below the level that was asked for (RFC 3414, section 3.2).
func (g *guard) checkV3(h header) Rejection {
	if h.msgID != g.asked.msgID {
		return RejectID
	}
	if h.plain && h.pdu == pduReport {
		g.report = h.report
		return ""
	}
	if h.plain && h.pdu != pduResponse {
		return RejectType
	}
	if h.flags&g.asked.flags&3 != g.asked.flags&3 {
		return RejectLevel
	}
	return ""
}
