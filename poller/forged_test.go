package poller_test

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate/mibs"
	"spate/poller"
	"spate/poller/snmptest/snmpd"
)

// between stands between Spate and a real agent, and hands on what forge makes of
// each answer.
type between struct {
	net.Conn
	request []byte
	forge   func(request, answer []byte) [][]byte // nil: as it is
	waiting [][]byte
}

func (b *between) Write(p []byte) (int, error) {
	b.request = bytes.Clone(p)
	return b.Conn.Write(p)
}

func (b *between) Read(p []byte) (int, error) {
	for len(b.waiting) == 0 {
		n, err := b.Conn.Read(p)
		if err != nil || b.forge == nil {
			return n, err
		}
		b.waiting = b.forge(b.request, bytes.Clone(p[:n]))
	}
	n := copy(p, b.waiting[0])
	b.waiting = b.waiting[1:]
	return n, nil
}

// msgID is where the four octets of an SNMPv3 message's id stand: after the
// sequence's head, the version, and the heads of msgGlobalData and the integer.
func msgID(t *testing.T, message []byte) []byte {
	t.Helper()
	i := bytes.Index(message, []byte{2, 1, 3, 0x30})
	if i < 0 || i > 6 || len(message) < i+11 || message[i+5] != 2 {
		t.Fatalf("no SNMPv3 message: % x", message[:min(24, len(message))])
	}
	return message[i+7 : i+7+int(message[i+6])]
}

// flags is where msgFlags stand.
func flagsOf(t *testing.T, message []byte) []byte {
	t.Helper()
	id := msgID(t, message)
	rest := message[bytes.Index(message, id)+len(id):] // msgMaxSize, msgFlags
	return rest[2+int(rest[1])+2:][:1]
}

// Whatever an attacker on the way makes of SNMPv3 answers, none is believed: not an
// old one, not one with another id, not one bit of another, none below the level
// that was asked for. Each is counted by its reason.
func TestForgedSNMPv3AnswersAreNotBelieved(t *testing.T) {
	address := snmpd.Start(t, snmpd.Config{Users: []snmpd.User{{Name: "aes", Auth: "SHA256", Priv: "AES", Level: "priv"}}})
	var kept []byte
	tests := []struct {
		name  string
		forge func(t *testing.T, request, answer []byte) [][]byte
		why   []poller.Rejection
	}{
		{"an old answer again", func(_ *testing.T, _, _ []byte) [][]byte { return [][]byte{kept} }, []poller.Rejection{poller.RejectID}},
		{"an old answer with today's msgID", func(t *testing.T, request, answer []byte) [][]byte {
			old := bytes.Clone(kept)
			if len(msgID(t, old)) != len(msgID(t, request)) { // one id of 256 is an octet shorter: today's answer is spoiled instead
				answer[len(answer)-1] ^= 1
				return [][]byte{answer}
			}
			copy(msgID(t, old), msgID(t, request))
			return [][]byte{old}
		}, []poller.Rejection{poller.RejectDigest}},
		{"one bit of the encrypted part flipped", func(_ *testing.T, _, answer []byte) [][]byte {
			answer[len(answer)-3] ^= 1
			return [][]byte{answer}
		}, []poller.Rejection{poller.RejectDigest}},
		{"without digest and encryption", func(t *testing.T, _, answer []byte) [][]byte {
			flagsOf(t, answer)[0] &^= 3
			return [][]byte{answer}
		}, []poller.Rejection{poller.RejectLevel, poller.RejectGarbage}},
		{"without encryption", func(t *testing.T, _, answer []byte) [][]byte {
			flagsOf(t, answer)[0] &^= 2
			return [][]byte{answer}
		}, []poller.Rejection{poller.RejectLevel, poller.RejectGarbage}},
		{"SNMPv2c in answer", func(_ *testing.T, _, _ []byte) [][]byte {
			return [][]byte{{0x30, 0x1a, 2, 1, 1, 4, 6, 'p', 'u', 'b', 'l', 'i', 'c', 0xa2, 0x0d, 2, 1, 1, 2, 1, 0, 2, 1, 0, 0x30, 2, 5, 0}}
		}, []poller.Rejection{poller.RejectVersion, poller.RejectGarbage}},
		{"half of it", func(_ *testing.T, _, answer []byte) [][]byte { return [][]byte{answer[:len(answer)/2]} }, []poller.Rejection{poller.RejectGarbage}},
		{"a flipped bit in the digest", func(t *testing.T, _, answer []byte) [][]byte {
			i := bytes.Index(answer, []byte("aes"))
			answer[i+7] ^= 0x40
			return [][]byte{answer}
		}, []poller.Rejection{poller.RejectDigest}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			counts := poller.NewCounts(metrics.NewSet())
			sockets := poller.NewSockets(counts.Reject)
			defer sockets.Close()
			raw, err := sockets.Dial(netip.MustParseAddrPort(address))
			if err != nil {
				t.Fatal(err)
			}
			way := &between{Conn: raw}
			cfg := poller.DefaultConfig()
			cfg.Timeout, cfg.Retries = 300*time.Millisecond, 1
			session, err := poller.Client(way, credentials(snmpd.User{Name: "aes", Auth: "SHA256", Priv: "AES"}), cfg, counts)
			if err != nil {
				t.Fatal(err)
			}
			oids := []mibs.OID{mibs.SysUpTime.Instance(0)}
			way.forge = func(_, answer []byte) [][]byte { kept = bytes.Clone(answer); return [][]byte{answer} }
			if _, err := session.Get(context.Background(), oids); err != nil {
				t.Fatalf("nothing forged yet: %v", err)
			}
			way.forge = func(request, answer []byte) [][]byte { return tt.forge(t, request, answer) }
			if a, err := session.Get(context.Background(), oids); err == nil {
				t.Errorf("believed: %+v", a.Vars)
			}
			var counted []poller.Rejection
			for _, why := range poller.Rejections() {
				if counts.Rejected(why) > 0 {
					counted = append(counted, why)
				}
			}
			if !slices.ContainsFunc(counted, func(why poller.Rejection) bool { return slices.Contains(tt.why, why) }) {
				t.Errorf("counted as %v, want one of %v", counted, tt.why)
			}
			// The way is clean again: so are the answers.
			way.forge = nil
			if _, err := session.Get(context.Background(), oids); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// A datagram that comes from another address or port than was asked is nobody's
// answer, whatever is in it.
func TestAnswersFromElsewhereAreCountedAndDropped(t *testing.T) {
	counts := poller.NewCounts(metrics.NewSet())
	sockets := poller.NewSockets(counts.Reject)
	defer sockets.Close()
	asked, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer asked.Close()
	other, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	raw, err := sockets.Dial(asked.LocalAddr().(*net.UDPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	cfg := poller.DefaultConfig()
	cfg.Timeout, cfg.Retries = 500*time.Millisecond, 0
	session, err := poller.Client(raw, poller.Credentials{Name: "test", Version: poller.V2c, Community: "public"}, cfg, counts)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 2000)
		n, from, err := asked.ReadFrom(b)
		if err != nil {
			return
		}
		// The very request, turned into an answer that would be believed.
		answer := bytes.Clone(b[:n])
		answer[bytes.IndexByte(answer, 0xa0)] = 0xa2
		_, _ = other.WriteTo(answer, from)
	}()
	if a, err := session.Get(context.Background(), []mibs.OID{mibs.SysUpTime.Instance(0)}); err == nil {
		t.Errorf("believed: %+v", a.Vars)
	}
	if counts.Rejected(poller.RejectSource) != 1 {
		t.Errorf("%d datagrams counted as from elsewhere, want 1", counts.Rejected(poller.RejectSource))
	}
}

// A switch that was replaced by another, or lost its engine id, answers again
// within two rounds, and what counters said before is no measure any more.
func TestANewSNMPv3EngineIsTakenOver(t *testing.T) {
	user := snmpd.User{Name: "aes", Auth: "SHA256", Priv: "AES", Level: "priv"}
	first, second := snmpd.Start(t, snmpd.Config{Users: []snmpd.User{user}}), snmpd.Start(t, snmpd.Config{Users: []snmpd.User{user}})
	counts := poller.NewCounts(metrics.NewSet())
	sockets := poller.NewSockets(counts.Reject)
	defer sockets.Close()
	dial := func(address string) net.Conn {
		raw, err := sockets.Dial(netip.MustParseAddrPort(address))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	way := &between{Conn: dial(first)}
	cfg := poller.DefaultConfig()
	cfg.Timeout, cfg.Retries = 500*time.Millisecond, 1
	session, err := poller.Client(way, credentials(user), cfg, counts)
	if err != nil {
		t.Fatal(err)
	}
	oids := []mibs.OID{mibs.SysUpTime.Instance(0)}
	before, err := session.Get(context.Background(), oids)
	if err != nil {
		t.Fatal(err)
	}
	old := way.Conn
	way.Conn = dial(second)
	defer old.Close()
	tries := 0
	for ; tries < 3; tries++ {
		a, err := session.Get(context.Background(), oids)
		if err != nil {
			t.Logf("try %d: %v", tries+1, err)
			continue
		}
		if len(a.Vars) != 1 || !a.Vars[0].Is(mibs.TimeTicks) {
			t.Errorf("answered %+v", a.Vars)
		}
		if before.Boots == 0 || a.Boots == 0 {
			t.Errorf("engine boots %d, then %d: both agents tell them", before.Boots, a.Boots)
		}
		break
	}
	if tries > 1 {
		t.Errorf("%d tries brought no answer from the new engine", tries)
	}
}
