package fabric

import (
	"net/netip"
	"time"

	"spate"
)

// Tables are what a device's LLDP, CDP, forwarding, ARP and spanning tree
// tables say now, after its vendor's habits.
func (n *Net) Tables(d *Device) *spate.Tables {
	t := &spate.Tables{
		Device: d.Name, At: n.at, Took: time.Second, PDUs: 60, SysName: d.Name,
		Chassis:   []spate.ChassisID{{Kind: spate.IDMAC, Text: d.Chassis.String()}},
		Addresses: []netip.Addr{d.Address},
		Read:      map[spate.TableKind]spate.TableRead{},
	}
	n.neighbours(d, t)
	n.stations(d, t)
	n.bindings(d, t)
	d.spanning(t)
	whole := func(k spate.TableKind, rows int) { t.Read[k] = spate.TableRead{Rows: rows, Whole: true} }
	whole(spate.TableLLDP, len(t.Neighbours))
	whole(spate.TableFDB, len(t.Stations))
	whole(spate.TableARP, len(t.Bindings))
	whole(spate.TableSpanning, len(t.Spanning))
	t.Read[spate.TableEntity] = spate.TableRead{Whole: true, Absent: true}
	t.Read[spate.TableCDP] = spate.TableRead{Whole: true, Absent: d.Vendor != IOS}
	return t
}

func (n *Net) neighbours(d *Device, t *spate.Tables) {
	for _, p := range d.Ports {
		if p.Peer != nil && len(p.Members) == 0 && !p.Mute {
			t.Neighbours = append(t.Neighbours, announcement(p, p.Peer))
			if d.Vendor == IOS && p.Peer.Device.Vendor == IOS {
				t.Neighbours = append(t.Neighbours, spate.Neighbour{
					Port: p.Name, LocalNum: p.Index, Source: spate.LinkCDP, SysName: p.Peer.Device.Name,
					Chassis: spate.ChassisID{Kind: spate.IDName, Text: p.Peer.Device.Name},
					PortID:  p.Peer.Name, PortKind: spate.IDName, Addresses: []netip.Addr{p.Peer.Device.Address},
					Capabilities: spate.CanBridge,
				})
			}
		}
		for _, h := range p.Hosts {
			if h.LLDP {
				t.Neighbours = append(t.Neighbours, spate.Neighbour{
					Port: p.Name, LocalNum: p.Index, Source: spate.LinkLLDP, SysName: h.Name,
					Chassis: spate.ChassisID{Kind: spate.IDMAC, Text: h.MAC.String()},
					PortID:  h.MAC.String(), PortKind: spate.IDMAC, PortDescr: "eth0",
					Addresses: []netip.Addr{h.IP}, Capabilities: spate.CanStationOnly,
				})
			}
		}
	}
}

// announcement is what the far end of a cable says of itself.
func announcement(p, far *Port) spate.Neighbour {
	kind, id, descr := far.Device.Vendor.announced(far)
	out := spate.Neighbour{
		Port: p.Name, LocalNum: p.Index, Source: spate.LinkLLDP,
		Chassis: spate.ChassisID{Kind: spate.IDMAC, Text: far.Device.Chassis.String()},
		PortID:  id, PortKind: kind, PortDescr: descr,
		SysName: far.Device.Name, Addresses: []netip.Addr{far.Device.Address}, Capabilities: spate.CanBridge,
	}
	if far.Device.Vendor == DLink {
		out.SysName, out.Addresses = "", nil
	}
	if far.Device.Tier == Border {
		out.Capabilities = spate.CanRoute
	}
	return out
}

// stations is the forwarding table: the hosts of the VLANs that the device
// carries, and the other switches' own addresses.
func (n *Net) stations(d *Device, t *spate.Tables) {
	if d.Tier == Border {
		return
	}
	for _, h := range n.Hosts {
		if !n.vlans[h.VLAN].devices[d] || h.kind == "idle" && h.Port.Device != d && h.MAC[5]%10 < 3 {
			continue
		}
		if p := d.towards(h.Port.Device, h.Port); p != nil {
			t.Stations = append(t.Stations, spate.Station{MAC: h.MAC, VLAN: d.Vendor.vlan(h.VLAN), Port: d.Vendor.learned(p)})
		}
	}
	for _, other := range n.Devices {
		if other == d || other.Tier == Border || other.Chassis[5]%10 == 0 {
			continue
		}
		if p := d.towards(other, nil); p != nil {
			t.Stations = append(t.Stations, spate.Station{MAC: other.Chassis, VLAN: d.Vendor.vlan(1), Port: d.Vendor.learned(p)})
		}
	}
}

// towards is the port of d by which frames leave for a device, or for one of
// its own edge ports.
func (d *Device) towards(far *Device, edge *Port) *Port {
	if far == d {
		return edge
	}
	for at := far; at.up != nil; at = at.up.Peer.Device {
		if at.up.Peer.Device == d {
			return at.up.Peer
		}
	}
	return d.up
}

// vlan is what the vendor's table tells of the VLAN: nothing in a dot1d table.
func (v Vendor) vlan(id int) int {
	if v == ProCurve {
		return 0
	}
	return id
}

// learned is the port that the vendor's forwarding table names: the bundle, or
// its first member.
func (v Vendor) learned(p *Port) string {
	if v == DLink && len(p.Members) > 0 {
		return p.Members[0].Name
	}
	return p.Name
}

// bindings is the ARP table of the core that routes.
func (n *Net) bindings(d *Device, t *spate.Tables) {
	for i, p := range d.Ports { // routed links: each end knows the other's address
		if p.Peer != nil && len(p.Members) == 0 && (d.Tier == Border || p.Peer.Device.Tier == Border) {
			ip := netip.AddrFrom4([4]byte{10, 254, d.Address.As4()[3], byte(i)})
			t.Bindings = append(t.Bindings, spate.Binding{IP: ip, MAC: p.Peer.MAC, Port: p.Name})
		}
	}
	if d != n.tier(Core)[0] {
		return
	}
	for _, h := range n.Hosts {
		t.Bindings = append(t.Bindings, spate.Binding{IP: h.IP, MAC: h.MAC, Port: d.Vendor.svi(h.VLAN)})
	}
	for _, other := range n.Devices {
		t.Bindings = append(t.Bindings, spate.Binding{IP: other.Address, MAC: other.Chassis})
	}
}

func (d *Device) spanning(t *spate.Tables) {
	if d.Tier == Border {
		return
	}
	for i, p := range d.Ports {
		if p.Bundle != nil || p.VLAN < 0 {
			continue
		}
		row := spate.SpanningPort{Port: p.Name, Number: i + 1, Forwarding: !p.Blocked, Blocking: p.Blocked, DesignatedBridge: d.Chassis, DesignatedPort: i + 1}
		if p.Peer != nil && p.Peer.Device.Tier != Border && (d.up == p || p.Blocked && p.Peer.Device.Tier < d.Tier) {
			row.DesignatedBridge, row.DesignatedPort = p.Peer.Device.Chassis, p.Peer.number()
		}
		t.Spanning = append(t.Spanning, row)
	}
}

// number is the base port of a port: its row, from 1.
func (p *Port) number() int {
	for i, other := range p.Device.Ports {
		if other == p {
			return i + 1
		}
	}
	return 0
}

// Links is the truth: a link for every cable between polled devices.
func (n *Net) Links() []spate.Link {
	var out []spate.Link
	for _, d := range n.Devices {
		for _, p := range d.Ports {
			if p.Peer == nil || len(p.Members) > 0 || !d.Polled || !p.Peer.Device.Polled {
				continue
			}
			l := spate.Link{A: p.ID(), B: p.Peer.ID(), Source: spate.LinkConfig, Confidence: 1}
			if p.Bundle != nil {
				l.LAG = [2]string{p.Bundle.Name, p.Peer.Bundle.Name}
			}
			if l.A.Device < l.B.Device {
				out = append(out, l)
			}
		}
	}
	return out
}

// Role is the truth of what a port is for.
func (p *Port) Role() spate.Role {
	switch {
	case len(p.Members) > 0:
		return spate.RoleLAG
	case p.VLAN < 0:
		return spate.RoleVirtual
	case p.External:
		return spate.RoleExternal
	case p.Peer != nil:
		return spate.RoleUplink
	}
	return spate.RoleAccess
}
