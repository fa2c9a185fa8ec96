package poller

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"spate"
	"spate/mibs"
)

// lldp reads what the device says of itself and who announces itself on its ports.
func (s *surveyor) lldp(ctx context.Context) (rows, dropped int, err error) {
	vars, err := getAll(ctx, s.walker.session, []mibs.Object{mibs.LldpLocChassisIDSubtype, mibs.LldpLocChassisID, mibs.LldpLocSysName}, s.walker.reject)
	if err != nil {
		return 0, 0, err
	}
	if v, ok := vars[mibs.LldpLocChassisID.OID]; ok {
		if id := chassisID(vars[mibs.LldpLocChassisIDSubtype.OID].Uint, v.Octets); id.Text != "" {
			s.out.Chassis = append(s.out.Chassis, id)
		}
	}
	if name := spate.Clean(string(vars[mibs.LldpLocSysName.OID].Octets)); name != "" {
		s.out.SysName = name
	}
	seen := map[[3]uint32]*spate.Neighbour{}
	ports := map[[3]uint32]uint64{} // subtypes of port ids
	chassis := map[[3]uint32]uint64{}
	var order [][3]uint32
	columns := []mibs.Object{
		mibs.LldpRemChassisIDSubtype, mibs.LldpRemChassisID, mibs.LldpRemPortIDSubtype, mibs.LldpRemPortID,
		mibs.LldpRemPortDesc, mibs.LldpRemSysName, mibs.LldpRemSysDesc, mibs.LldpRemSysCapEnabled,
	}
	n, err := s.each(ctx, mostNeighbours, columns, func(o mibs.Object, index []uint32, v *Var) {
		if len(index) != 3 {
			dropped++
			return
		}
		k := [3]uint32(index)
		n := seen[k]
		if n == nil {
			n = &spate.Neighbour{Source: spate.LinkLLDP, LocalNum: int(k[1])}
			seen[k] = n
			order = append(order, k)
		}
		text := spate.Clean(string(v.Octets))
		switch o.OID {
		case mibs.LldpRemChassisIDSubtype.OID:
			chassis[k] = v.Uint
		case mibs.LldpRemChassisID.OID:
			n.Chassis = chassisID(chassis[k], v.Octets)
		case mibs.LldpRemPortIDSubtype.OID:
			ports[k] = v.Uint
		case mibs.LldpRemPortID.OID:
			n.PortKind, n.PortID = portID(ports[k], v.Octets)
		case mibs.LldpRemPortDesc.OID:
			n.PortDescr = text
		case mibs.LldpRemSysName.OID:
			n.SysName = text
		case mibs.LldpRemSysDesc.OID:
			n.SysDescr = text
		case mibs.LldpRemSysCapEnabled.OID:
			n.Capabilities = lldpCapabilities(v.Octets)
		}
	})
	if dropped += n; len(order) == 0 || err != nil && !isWalk(err) {
		return len(order), dropped, err
	}
	local, more := s.localPorts(ctx)
	_, lost := s.each(ctx, mostNeighbours, []mibs.Object{mibs.LldpRemManAddrIfSubtype}, func(_ mibs.Object, index []uint32, _ *Var) {
		if len(index) < 5 {
			return
		}
		n := seen[[3]uint32(index[:3])]
		if a, ok := mibs.InetAddress(index[3:]); ok && n != nil && len(n.Addresses) < 16 { // AddressFamilyNumbers: 1 and 2 as in InetAddressType
			n.Addresses = append(n.Addresses, a)
		}
	})
	for _, k := range order {
		n := seen[k]
		n.Port = s.localPort(int(k[1]), local)
		if n.Chassis.Text == "" && n.SysName == "" {
			dropped++
			continue
		}
		s.out.Neighbours = append(s.out.Neighbours, *n)
	}
	if err == nil {
		err = firstError(more, lost)
	}
	return len(order), dropped, err
}

// localPort is our port that LLDP calls by a number: by the name it has there, else
// by its number as ifIndex, else as that of the bridge's port.
func (s *surveyor) localPort(number int, local map[int]localPort) string {
	if l, ok := local[number]; ok {
		for _, text := range [...]string{l.id, l.descr} {
			if name := s.named(text); name != "" {
				return name
			}
		}
		if name := s.addressed(l.id); l.kind == spate.IDMAC && name != "" {
			return name
		}
		if i, err := strconv.Atoi(l.id); l.kind == spate.IDLocal && err == nil {
			if name := s.port(i); name != "" {
				return name
			}
		}
	}
	if name := s.port(number); name != "" {
		return name
	}
	return s.basePort(number)
}

// A localPort is what LLDP calls one of our ports.
type localPort struct {
	kind      spate.IDKind
	id, descr string
}

func (s *surveyor) localPorts(ctx context.Context) (map[int]localPort, error) {
	out, kinds := map[int]localPort{}, map[uint32]uint64{}
	_, err := s.each(ctx, mostNeighbours, []mibs.Object{mibs.LldpLocPortIDSubtype, mibs.LldpLocPortID, mibs.LldpLocPortDesc}, func(o mibs.Object, index []uint32, v *Var) {
		n := int(index[0])
		l := out[n]
		switch o.OID {
		case mibs.LldpLocPortIDSubtype.OID:
			kinds[index[0]] = v.Uint
		case mibs.LldpLocPortID.OID:
			l.kind, l.id = portID(kinds[index[0]], v.Octets)
		default:
			l.descr = spate.Clean(string(v.Octets))
		}
		out[n] = l
	})
	return out, err
}

// named is the one port that goes by a text.
func (s *surveyor) named(text string) string {
	if text == "" {
		return ""
	}
	found := ""
	for _, p := range s.byRow {
		if p.ID.Name == text {
			return text
		}
		if strings.EqualFold(p.Descr, text) {
			if found != "" {
				return ""
			}
			found = p.ID.Name
		}
	}
	return found
}

// addressed is the one port that has a MAC.
func (s *surveyor) addressed(mac string) string {
	found := ""
	for _, p := range s.byRow {
		if mac != "" && p.MAC == mac {
			if found != "" {
				return ""
			}
			found = p.ID.Name
		}
	}
	return found
}

// cdp reads who announces itself by Cisco's protocol.
func (s *surveyor) cdp(ctx context.Context) (rows, dropped int, err error) {
	seen := map[[2]uint32]*spate.Neighbour{}
	kinds := map[[2]uint32]uint64{}
	var order [][2]uint32
	columns := []mibs.Object{mibs.CdpCacheAddressType, mibs.CdpCacheAddress, mibs.CdpCacheDeviceID, mibs.CdpCacheDevicePort, mibs.CdpCachePlatform, mibs.CdpCacheCapabilities}
	n, err := s.each(ctx, mostNeighbours, columns, func(o mibs.Object, index []uint32, v *Var) {
		if len(index) != 2 {
			dropped++
			return
		}
		k := [2]uint32(index)
		n := seen[k]
		if n == nil {
			n = &spate.Neighbour{Source: spate.LinkCDP, LocalNum: int(k[0]), Port: s.port(int(k[0]))}
			seen[k] = n
			order = append(order, k)
		}
		switch o.OID {
		case mibs.CdpCacheAddressType.OID:
			kinds[k] = v.Uint
		case mibs.CdpCacheAddress.OID:
			if a, ok := netip.AddrFromSlice(v.Octets); ok && (kinds[k] == 1 || kinds[k] == 20) {
				n.Addresses = append(n.Addresses, a)
			}
		case mibs.CdpCacheDeviceID.OID:
			n.Chassis = spate.ChassisID{Kind: spate.IDName, Text: spate.Clean(string(v.Octets))}
			n.SysName = n.Chassis.Text
			if m, ok := spate.MACOf(v.Octets); ok && n.SysName != string(v.Octets) {
				n.Chassis, n.SysName = spate.ChassisID{Kind: spate.IDMAC, Text: m.String()}, ""
			}
		case mibs.CdpCacheDevicePort.OID:
			n.PortKind, n.PortID = spate.IDName, spate.Clean(string(v.Octets))
		case mibs.CdpCachePlatform.OID:
			n.SysDescr = spate.Clean(string(v.Octets))
		case mibs.CdpCacheCapabilities.OID:
			n.Capabilities = cdpCapabilities(v.Octets)
		}
	})
	for _, k := range order {
		if n := seen[k]; n.Chassis.Text != "" {
			s.out.Neighbours = append(s.out.Neighbours, *n)
		} else {
			dropped++
		}
	}
	return len(order), dropped + n, err
}

// chassisID reads an LLDP chassis id by its subtype (IEEE 802.1AB, table 8-2).
func chassisID(subtype uint64, b []byte) spate.ChassisID {
	switch subtype {
	case 1:
		return spate.ChassisID{Kind: spate.IDComponent, Text: spate.Clean(string(b))}
	case 2:
		return spate.ChassisID{Kind: spate.IDAlias, Text: spate.Clean(string(b))}
	case 4:
		return spate.ChassisID{Kind: spate.IDMAC, Text: macOrText(b)}
	case 5:
		return spate.ChassisID{Kind: spate.IDAddress, Text: addressText(b)}
	case 6:
		return spate.ChassisID{Kind: spate.IDName, Text: spate.Clean(string(b))}
	}
	return spate.ChassisID{Kind: spate.IDLocal, Text: localText(b)}
}

// portID reads an LLDP port id by its subtype (IEEE 802.1AB, table 8-3).
func portID(subtype uint64, b []byte) (spate.IDKind, string) {
	switch subtype {
	case 1:
		return spate.IDAlias, spate.Clean(string(b))
	case 2:
		return spate.IDComponent, spate.Clean(string(b))
	case 3:
		return spate.IDMAC, macOrText(b)
	case 4:
		return spate.IDAddress, addressText(b)
	case 5:
		return spate.IDName, spate.Clean(string(b))
	}
	return spate.IDLocal, localText(b)
}

// macOrText is a MAC in octets, or as an agent has printed it.
func macOrText(b []byte) string {
	if m, ok := spate.MACOf(b); ok {
		return m.String()
	}
	if m, err := spate.ParseMAC(string(b)); err == nil {
		return m.String()
	}
	return spate.Clean(string(b))
}

// addressText is an address behind the number of its family (IANA: 1 IPv4, 2 IPv6).
func addressText(b []byte) string {
	if len(b) > 1 {
		if a, ok := netip.AddrFromSlice(b[1:]); ok && (b[0] == 1 && a.Is4() || b[0] == 2 && a.Is6()) {
			return a.String()
		}
	}
	if a, err := netip.ParseAddr(string(b)); err == nil {
		return a.String()
	}
	return spate.Clean(string(b))
}

// localText is an id of the vendor's own: text, or a MAC in octets.
func localText(b []byte) string {
	text := spate.Clean(string(b))
	if m, ok := spate.MACOf(b); ok && text != string(b) {
		return m.String()
	}
	return text
}

// lldpCapabilities are BITS, the first the highest (RFC 2578, section 7.1.4).
func lldpCapabilities(b []byte) (out spate.Capabilities) {
	for i := range 8 {
		if len(b) > 0 && b[0]&(0x80>>i) != 0 {
			out |= 1 << i
		}
	}
	return out
}

// cdpCapabilities are the last of four octets: router, bridges, switch, host,
// IGMP, repeater, phone.
func cdpCapabilities(b []byte) (out spate.Capabilities) {
	if len(b) == 0 {
		return 0
	}
	for _, c := range [...]struct {
		bit byte
		can spate.Capabilities
	}{{0x01, spate.CanRoute}, {0x02 | 0x04 | 0x08, spate.CanBridge}, {0x10, spate.CanStationOnly}, {0x40, spate.CanRepeat}, {0x80, spate.CanPhone}} {
		if b[len(b)-1]&c.bit != 0 {
			out |= c.can
		}
	}
	return out
}
