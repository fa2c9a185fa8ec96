package main

import (
	"net/netip"
	"testing"

	"spate"
)

func TestWhatTablesTellOfOthers(t *testing.T) {
	a := netip.MustParseAddr
	tables := &spate.Tables{
		Addresses: []netip.Addr{a("192.0.2.1")},
		Neighbours: []spate.Neighbour{
			{Addresses: []netip.Addr{a("192.0.2.2"), a("127.0.0.1"), a("fe80::1")}, Capabilities: spate.CanBridge},
			{Addresses: []netip.Addr{a("192.0.2.3")}, Capabilities: spate.CanPhone | spate.CanBridge}, // a phone
			{Addresses: []netip.Addr{a("::ffff:192.0.2.4")}},
		},
		Bindings: []spate.Binding{{IP: a("192.0.2.9")}, {IP: a("224.0.0.1")}},
	}
	for _, c := range []struct {
		neighbours, arp bool
		want            []string
	}{{true, false, []string{"192.0.2.2", "192.0.2.4"}}, {false, true, []string{"192.0.2.9"}}, {true, true, []string{"192.0.2.2", "192.0.2.4", "192.0.2.9"}}} {
		known, found := map[netip.Addr]bool{}, map[netip.Addr]bool{}
		told(tables, c.neighbours, c.arp, known, found)
		ok := len(found) == len(c.want) && known[a("192.0.2.1")]
		for _, w := range c.want {
			ok = ok && found[a(w)]
		}
		if !ok {
			t.Errorf("neighbours %v, arp %v: %v, want %v", c.neighbours, c.arp, found, c.want)
		}
	}
}
