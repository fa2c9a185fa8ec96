package mibs

import (
	"net/netip"
	"strconv"
	"strings"
)

// mostArcs is how long an index may be: an IPv6 address with a zone has 22.
const mostArcs = 64

// Arcs are the numbers by which instance stands below column o: the index of its
// row. False where it is no row of it, or no number.
func (o OID) Arcs(instance OID) ([]uint32, bool) {
	rest, ok := strings.CutPrefix(string(instance), string(o)+".")
	if !ok || rest == "" {
		return nil, false
	}
	arcs := make([]uint32, 0, 12)
	for rest != "" {
		var arc string
		arc, rest, _ = strings.Cut(rest, ".")
		n, err := strconv.ParseUint(arc, 10, 32)
		if err != nil || len(arcs) == mostArcs {
			return nil, false
		}
		arcs = append(arcs, uint32(n))
	}
	return arcs, true
}

// OctetsOf are arcs that spell octets, as in the index of a MAC; false where one
// is above 255.
func OctetsOf(arcs []uint32) ([]byte, bool) {
	out := make([]byte, len(arcs))
	for i, a := range arcs {
		if a > 255 {
			return nil, false
		}
		out[i] = byte(a)
	}
	return out, true
}

// Types of addresses (RFC 4001, section 3, InetAddressType).
const (
	addrIPv4  = 1
	addrIPv6  = 2
	addrIPv4Z = 3 // with a zone of four octets behind
	addrIPv6Z = 4
)

// InetAddress reads type, length and address from the front of an index (RFC
// 4001, section 3). Zones are left out.
func InetAddress(arcs []uint32) (netip.Addr, bool) {
	if len(arcs) < 2 || uint32(len(arcs)-2) < arcs[1] {
		return netip.Addr{}, false
	}
	octets, ok := OctetsOf(arcs[2 : 2+arcs[1]])
	if !ok {
		return netip.Addr{}, false
	}
	switch {
	case arcs[0] == addrIPv4 && len(octets) == 4, arcs[0] == addrIPv6 && len(octets) == 16:
	case arcs[0] == addrIPv4Z && len(octets) == 8, arcs[0] == addrIPv6Z && len(octets) == 20:
		octets = octets[:len(octets)-4]
	default:
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(octets)
}
