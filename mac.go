package spate

import (
	"encoding/hex"
	"fmt"
	"net"
	"strings"
)

// A MAC is an Ethernet address (EUI-48).
type MAC [6]byte

// ParseMAC reads an address in any notation in use: 00:1b:21:3c:9d:f8,
// 00-1B-21-3C-9D-F8, 001b.213c.9df8, 001b-213c-9df8, 001b213c9df8, and groups
// without leading zeros as net-snmp prints them (0:1b:21:3c:9d:f8).
func ParseMAC(s string) (MAC, error) {
	var m MAC
	wrong := fmt.Errorf("%.40q is no MAC address, wanted e.g. 00:1b:21:3c:9d:f8", s)
	groups := strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == '-' || r == '.' })
	if len(groups) == 0 || 12%len(groups) != 0 {
		return m, wrong
	}
	digits := 12 / len(groups)
	var text strings.Builder
	for _, g := range groups {
		if len(g) > digits || len(g) < digits && len(groups) != 6 {
			return m, wrong
		}
		text.WriteString(strings.Repeat("0", digits-len(g)))
		text.WriteString(g)
	}
	b, err := hex.DecodeString(text.String())
	if err != nil || len(b) != len(m) {
		return m, wrong
	}
	return MAC(b), nil
}

// MACOf is the address in octets as SNMP gives it; false unless it has six of
// them and they are not all zero.
func MACOf(b []byte) (MAC, bool) {
	if len(b) != 6 || [6]byte(b) == [6]byte{} {
		return MAC{}, false
	}
	return MAC(b), true
}

// String is aa:bb:cc:dd:ee:ff.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// Group tells whether the address names a group of stations, broadcast too
// (IEEE 802-2014, section 8.2.2: the I/G bit).
func (m MAC) Group() bool { return m[0]&1 != 0 }

// MarshalText writes String.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMAC reads.
func (m *MAC) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMAC(string(b))
	return err
}
