package mibs_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"spate/mibs"
)

func TestIndexesAreReadOrRefused(t *testing.T) {
	column := mibs.Dot1qTpFdbPort.OID
	for text, want := range map[string][]uint32{
		"1.0.27.33.60.157.248": {1, 0, 27, 33, 60, 157, 248}, "7": {7}, "4294967295": {4294967295},
		"": nil, "4294967296": nil, "1..2": nil, "-1": nil, "1.x": nil, strings.Repeat("1.", 64) + "1": nil,
	} {
		got, ok := column.Arcs(column + mibs.OID("."+text))
		if ok != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", text, got, ok, want)
		}
	}
	if _, ok := column.Arcs(column + "1.2"); ok {
		t.Error("another column's row is taken for one of this")
	}
}

func TestAddressesInIndexes(t *testing.T) {
	for _, c := range []struct {
		arcs []uint32
		want string
	}{
		{[]uint32{1, 4, 192, 0, 2, 7}, "192.0.2.7"},
		{[]uint32{2, 16, 32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "2001:db8::1"},
		{[]uint32{4, 20, 254, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9}, "fe80::1"},
		{[]uint32{1, 4, 192, 0, 2, 7, 99}, "192.0.2.7"},
		{[]uint32{1, 4, 192, 0, 2}, ""}, {[]uint32{1, 4, 192, 0, 2, 256}, ""}, {[]uint32{16, 4, 1, 2, 3, 4}, ""}, {[]uint32{1}, ""}, {nil, ""}, {[]uint32{2, 4294967295, 1}, ""},
	} {
		got, ok := mibs.InetAddress(c.arcs)
		if ok != (c.want != "") || ok && got != netip.MustParseAddr(c.want) {
			t.Errorf("%v: %v, %v, want %q", c.arcs, got, ok, c.want)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add("1.4.192.0.2.7")
	f.Add("2.16.32.1.13.184")
	f.Fuzz(func(t *testing.T, text string) {
		arcs, ok := mibs.LldpRemManAddrIfSubtype.OID.Arcs(mibs.LldpRemManAddrIfSubtype.OID + mibs.OID("."+text))
		if !ok {
			return
		}
		for i := range arcs {
			if a, ok := mibs.InetAddress(arcs[i:]); ok && !a.IsValid() {
				t.Fatalf("%v gives an address that is none", arcs)
			}
		}
	})
}
