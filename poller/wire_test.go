package poller_test

import (
	"testing"

	"spate/mibs"
	"spate/poller"
	"spate/poller/snmptest"
)

// The header reader sees in an agent's message what the agent's own codec wrote
// into it, and never more than is there.
func FuzzHeader(f *testing.F) {
	m := snmptest.Message{Version: snmptest.V2c, Community: []byte("public"), Type: snmptest.Response, RequestID: 77}
	f.Add(m.Append(nil))
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Add([]byte("0\x11\x02\x01\x03\x30\x0c\x02\x01\x01\x02\x01\x01\x04\x01\x00\x02\x01\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := poller.ReadHeader(b)
		message, wrong := snmptest.Decode(b)
		if wrong != nil || err != nil {
			return
		}
		if got.Version != int(message.Version) || got.Community != string(message.Community) || got.PDU != message.Type || got.RequestID != int64(message.RequestID) {
			t.Fatalf("header %+v of message %+v", got, message)
		}
	})
}

func FuzzOID(f *testing.F) {
	f.Add([]byte{0x2b, 6, 1, 2, 1})
	f.Add([]byte{0x2b, 0x8f, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		oid := poller.DecodeOID(b)
		if oid == "" {
			return
		}
		name, err := snmptest.NameOf(oid)
		if err != nil {
			t.Fatalf("%x reads as %s, which is none: %v", b, oid, err)
		}
		if again := poller.DecodeOID(name); again != oid {
			t.Fatalf("%x reads as %s, written again as %s", b, oid, again)
		}
	})
}

func TestReportsOfUsmAreRead(t *testing.T) {
	if got := poller.DecodeOID([]byte{0x2b, 6, 1, 6, 3, 15, 1, 1, 3, 0}); got != mibs.UsmStatsUnknownUserNames {
		t.Errorf("read %s, want %s", got, mibs.UsmStatsUnknownUserNames)
	}
}
