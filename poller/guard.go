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
	RejectSource    Rejection = "source"      // from an address nothing was asked of
	RejectGarbage   Rejection = "garbage"     // no SNMP message
	RejectVersion   Rejection = "version"     // answered in another SNMP version
	RejectCommunity Rejection = "community"   // with another community
	RejectType      Rejection = "pdu_type"    // not a response
	RejectID        Rejection = "id"          // request-id or msgID of no outstanding request; late answers end here
	RejectLevel     Rejection = "level"       // below the security level that was asked for
	RejectEngine    Rejection = "engine"      // of another SNMPv3 engine or user, or of none
	RejectDigest    Rejection = "digest"      // the SNMPv3 digest is wrong
	RejectWindow    Rejection = "time_window" // authentic, but old: more than 150 s behind the engine's clock
	RejectReport    Rejection = "report"      // an unauthenticated report ended a request that was authenticated
	RejectOID       Rejection = "oid"         // names something that was not asked
	RejectOrder     Rejection = "order"       // a walk that does not go forward
	RejectSyntax    Rejection = "syntax"      // a value of another type than the MIB's
	RejectEmpty     Rejection = "empty"       // success without a single variable
	RejectDecode    Rejection = "decode"      // the header fits but the rest cannot be read
)

// Rejections lists every reason, for metrics that start at zero.
func Rejections() []Rejection {
	return []Rejection{RejectSource, RejectGarbage, RejectVersion, RejectCommunity, RejectType, RejectID, RejectLevel, RejectEngine,
		RejectDigest, RejectWindow, RejectReport, RejectOID, RejectOrder, RejectSyntax, RejectEmpty, RejectDecode}
}

// guard stands between gosnmp and the datagrams of one device: it lets through
// only what can be the answer to the one outstanding request, counts the rest
// and keeps waiting. It remembers what the conversation showed.
type guard struct {
	net.Conn
	reject    func(Rejection)
	authentic func(datagram []byte, u *usmHeader) bool // v3 with authentication: the digest is right

	asked    header
	sentAt   time.Time
	gotAt    time.Time
	report   mibs.OID // of the newest v3 report, empty when there was none
	answered bool
	stale    bool        // an authentic answer came that is too old
	clock    engineClock // v3: of the device's engine
	packets  atomic.Uint64
}

// begin forgets the last conversation.
func (g *guard) begin() { g.report, g.answered, g.stale = "", false, false }

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
		return g.checkV3(b, &h)
	case h.community != g.asked.community:
		return RejectCommunity
	case h.pdu != pduResponse:
		return RejectType
	case h.requestID == 0 || h.requestID != g.asked.requestID:
		return RejectID
	}
	return ""
}

// checkV3 does what RFC 3414, section 3.2, and RFC 3412, section 7.2, ask of who
// receives an answer, up to decryption. gosnmp leaves out two of it: it takes the
// engine id, and with it the key, from whatever comes, so that one device could
// answer for another with the same password, and it knows no time window.
func (g *guard) checkV3(b []byte, h *header) Rejection {
	switch {
	case h.msgID != g.asked.msgID:
		return RejectID
	case h.model != g.asked.model:
		return RejectLevel
	case g.asked.usm.engine == "":
		return g.checkDiscovery(h)
	case h.plain && h.pdu != pduResponse && h.pdu != pduReport:
		return RejectType
	case h.flags&flagAuth == 0 && h.plain && h.pdu == pduReport:
		return g.checkReport(h)
	case h.usm.engine != g.asked.usm.engine || h.usm.user != g.asked.usm.user:
		return RejectEngine
	case h.flags&g.asked.flags&flagAuth != g.asked.flags&flagAuth:
		return RejectLevel
	case h.flags&g.asked.flags&flagPriv != g.asked.flags&flagPriv && !(h.plain && h.pdu == pduReport):
		return RejectLevel
	case h.plain && h.pdu == pduResponse && h.requestID != g.asked.requestID:
		return RejectID
	case g.asked.flags&flagAuth == 0:
		g.report = h.report
		return ""
	}
	return g.checkAuthentic(b, h)
}

// checkAuthentic ends the checks of a message with a digest.
func (g *guard) checkAuthentic(b []byte, h *header) Rejection {
	if g.authentic == nil || !g.authentic(b, &h.usm) {
		return RejectDigest
	}
	if g.clock.stale(&h.usm) {
		g.stale = true
		return RejectWindow
	}
	g.clock.hear(&h.usm)
	g.report = h.report
	return ""
}

// checkDiscovery judges the answer to the question for the engine: a report that
// tells a proper engine id (RFC 3411, section 5: 5 to 32 octets).
func (g *guard) checkDiscovery(h *header) Rejection {
	switch {
	case !h.plain || h.pdu != pduReport:
		return RejectType
	case len(h.usm.engine) < 5 || len(h.usm.engine) > 32:
		return RejectEngine
	}
	g.report = h.report
	return ""
}

// checkReport judges a report that nobody vouches for. A few say why a request
// was not understood, and cannot be authenticated because of that (RFC 3414,
// section 3.2); they end the request and are believed for nothing else.
func (g *guard) checkReport(h *header) Rejection {
	switch h.report {
	case mibs.UsmStatsUnknownEngineIDs:
	case mibs.UsmStatsUnknownUserNames, mibs.UsmStatsUnsupportedSecLevels, mibs.UsmStatsWrongDigests,
		mibs.UsmStatsDecryptionErrors, mibs.SnmpUnknownContexts:
		if h.usm.engine != g.asked.usm.engine {
			return RejectEngine
		}
	default:
		if g.asked.flags&flagAuth != 0 {
			return RejectLevel
		}
	}
	if g.asked.flags&flagAuth != 0 {
		g.reject(RejectReport)
	}
	g.report = h.report
	return ""
}
