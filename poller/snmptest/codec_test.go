package snmptest_test

import (
	"bytes"
	"reflect"
	"testing"

	"spate/mibs"
	"spate/poller/snmptest"
)

func FuzzNamesReadBackAndOrderLikeNumbers(f *testing.F) {
	f.Add(uint32(1), uint32(3), uint32(16383), uint32(16384))
	f.Add(uint32(2), uint32(1<<32-1), uint32(0), uint32(127))
	f.Add(uint32(0), uint32(39), uint32(128), uint32(1<<32-1))
	f.Fuzz(func(t *testing.T, a, b, c, d uint32) {
		top, second := int(a%3), int(b)
		if top < 2 {
			second %= 40
		}
		x := mibs.OID("").Row(top).Row(second).Row(int(c))
		y := mibs.OID("").Row(top).Row(second).Row(int(d))
		for _, oid := range []mibs.OID{x, y, x.Row(int(d))} {
			n, err := snmptest.NameOf(oid)
			if err != nil {
				t.Fatalf("NameOf(%s): %v", oid, err)
			}
			if back := n.OID(); back != oid {
				t.Errorf("%s reads back as %s", oid, back)
			}
		}
		m, _ := snmptest.NameOf(x)
		n, _ := snmptest.NameOf(y)
		if got, want := sign(m.Compare(n)), mibs.Compare(x, y); got != want {
			t.Errorf("Compare(%s, %s) = %d, want %d", x, y, got, want)
		}
	})
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func TestNameOfRefusesWhatIsNoOID(t *testing.T) {
	for _, oid := range []mibs.OID{"", ".", "1", ".3.1", ".1.40", ".1.3.", ".1.3..4", ".1.3.4294967296", ".1.3.-1", ".1.3.x", "iso.3"} {
		if n, err := snmptest.NameOf(oid); err == nil {
			t.Errorf("NameOf(%q) = % x, want an error", oid, n)
		}
	}
}

func FuzzEncodedMessagesReadBack(f *testing.F) {
	f.Add(int32(0), []byte("public"), byte(0), int32(1), int32(-1), int32(1<<31-1), byte(0), uint64(1<<63), []byte("text"), uint32(5))
	f.Add(int32(1), []byte{}, byte(5), int32(-1<<31), int32(0), int32(128), byte(4), uint64(0x80), bytes.Repeat([]byte("a"), 300), uint32(1<<32-1))
	f.Add(int32(1), []byte("x"), byte(2), int32(0), int32(255), int32(256), byte(6), uint64(1<<32-1), []byte{0}, uint32(0))
	syntaxes := []mibs.Syntax{
		mibs.Integer, mibs.OctetString, snmptest.NullSyntax, mibs.Counter32, mibs.Gauge32, mibs.TimeTicks,
		mibs.Counter64, snmptest.IPAddress, snmptest.Opaque, snmptest.EndOfMibView,
	}
	f.Fuzz(func(t *testing.T, version int32, community []byte, pdu byte, id, status, index int32, kind byte, n uint64, text []byte, arc uint32) {
		if len(community) > 1000 || len(text) > 10000 {
			return
		}
		in := snmptest.Message{
			Version: version & 1, Community: nonNil(community), Type: 0xa0 | pdu&0x1f,
			RequestID: id, Status: status, Index: index,
		}
		name, err := snmptest.NameOf(mibs.IfName.OID.Row(int(arc)))
		if err != nil {
			t.Fatal(err)
		}
		v := snmptest.Value{Syntax: syntaxes[int(kind)%len(syntaxes)]}
		switch v.Syntax {
		case mibs.Integer, mibs.Counter32, mibs.Gauge32, mibs.TimeTicks, mibs.Counter64:
			v.Uint = n
		default:
			v.Bytes = nonNil(text)
		}
		in.Vars = []snmptest.Var{{Name: name, Value: v}, {Name: name, Value: v}}
		wire := in.Append(nil)
		if wire == nil {
			t.Fatal("a small message does not fit a datagram")
		}
		out, err := snmptest.Decode(wire)
		if err != nil {
			t.Fatalf("% x: %v", wire, err)
		}
		if !reflect.DeepEqual(in, out) {
			t.Errorf("wrote %+v\nread  %+v", in, out)
		}
	})
}

func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// What decodes at all, decodes to the same after it has been written again.
func FuzzDecodedMessagesWriteBack(f *testing.F) {
	seed := bulk(1, 10, mibs.IfName.OID, mibs.IfHCInOctets.OID)
	f.Add(seed.Append(nil))
	f.Add(snmptest.New(smallWalk(), snmptest.Config{}).Respond(seed.Append(nil), nil))
	f.Add([]byte{0x30, 0x84, 0, 0, 0, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := snmptest.Decode(b)
		if err != nil {
			return
		}
		wire := first.Append(nil)
		if wire == nil {
			return // more than a datagram holds
		}
		second, err := snmptest.Decode(wire)
		if err != nil {
			t.Fatalf("% x became % x, which does not decode: %v", b, wire, err)
		}
		if len(first.Vars) != len(second.Vars) || first.RequestID != second.RequestID || first.Type != second.Type || !bytes.Equal(first.Community, second.Community) {
			t.Fatalf("%+v became %+v", first, second)
		}
		for i := range first.Vars {
			if !reflect.DeepEqual(first.Vars[i], second.Vars[i]) {
				t.Errorf("variable %d: %+v became %+v", i, first.Vars[i], second.Vars[i])
			}
		}
	})
}

// Whatever comes, an agent answers with the asked id, version and community,
// within its largest size, or not at all.
func FuzzRespondKeepsToTheRequest(f *testing.F) {
	for _, m := range []snmptest.Message{
		request(snmptest.V1, snmptest.Get, ".1.3.1.1.0", ".1.3.9"), request(snmptest.V2c, snmptest.GetNext, ".1.3.2.2.300", ".0.0"),
		bulk(1, 10, ".1.3.1", ".1.3.2.1", ".1.3.2.2"), bulk(0, 1<<31-1, ".1.3"), request(snmptest.V2c, snmptest.Set, ".1.3.1.1.0"),
	} {
		f.Add(m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		agent := snmptest.New(smallWalk(), snmptest.Config{MaxSize: 484})
		answer := agent.Respond(append([]byte(nil), b...), nil)
		if answer == nil {
			return
		}
		asked, err := snmptest.Decode(b)
		if err != nil {
			t.Fatalf("answered what does not decode: % x", b)
		}
		got, err := snmptest.Decode(answer)
		if err != nil {
			t.Fatalf("the answer to % x does not decode: %v", b, err)
		}
		if got.RequestID != asked.RequestID || got.Version != asked.Version || string(got.Community) != "public" || got.Type != snmptest.Response {
			t.Errorf("asked %+v, answered %+v", asked, got)
		}
		// tooBig in v1 returns the request itself, which may be of any size.
		if len(answer) > 484 && !(got.Version == snmptest.V1 && got.Status != 0) {
			t.Errorf("%d octets, want at most 484", len(answer))
		}
		if asked.Type == snmptest.GetNext && got.Status == 0 {
			for i, v := range got.Vars {
				if v.Value.Syntax != snmptest.EndOfMibView && v.Name.Compare(asked.Vars[i].Name) <= 0 {
					t.Errorf("GETNEXT of %s gave %s", asked.Vars[i].Name.OID(), v.Name.OID())
				}
			}
		}
	})
}
