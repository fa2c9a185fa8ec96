package fabric

import (
	"fmt"
	"strconv"

	"spate"
	"spate/mibs"
	"spate/poller/snmptest"
)

// Agent is the SNMP agent of a device: its ports, with counters that grow at a
// steady pace, and its tables as they are now, in the form its vendor gives them.
func (n *Net) Agent(d *Device) *snmptest.Agent {
	return snmptest.New(n.Walk(d), snmptest.Config{})
}

// Walk is what that agent answers.
func (n *Net) Walk(d *Device) *snmptest.Walk {
	w := walkOf{snmptest.NewWalk(), d}
	w.system()
	for i, p := range d.Ports {
		w.port(p, uint64(i+1))
	}
	t := n.Tables(d)
	w.bridge(t)
	w.lldp(t)
	w.cdp(t)
	w.stations(t)
	w.bindings(t)
	return w.Walk
}

type walkOf struct {
	*snmptest.Walk
	d *Device
}

func (w walkOf) set(o mibs.Object, v snmptest.Value, index ...any) {
	oid := string(o.OID)
	if o.Scalar {
		oid += ".0"
	}
	for _, i := range index {
		oid += fmt.Sprintf(".%v", i)
	}
	w.Set(mibs.OID(oid), v)
}

func (w walkOf) system() {
	w.set(mibs.SysDescr, snmptest.Text("simulated, ports named as by "+w.d.Vendor.String()))
	id := mibs.OID(".1.3.6.1.4.1.99999.1")
	if w.d.Vendor == IOS {
		id = ".1.3.6.1.4.1.9.1.1"
	}
	w.set(mibs.SysObjectID, snmptest.ObjectID(id))
	w.set(mibs.SysUpTime, snmptest.Uptime(0))
	w.set(mibs.SysName, snmptest.Text(w.d.Name))
	w.set(mibs.IfNumber, snmptest.Int(int64(len(w.d.Ports))))
}

func (w walkOf) port(p *Port, seed uint64) {
	s := p.port
	i := p.Index
	w.set(mibs.IfIndex, snmptest.Int(int64(i)), i)
	w.set(mibs.IfDescr, snmptest.Text(s.Descr), i)
	w.set(mibs.IfType, snmptest.Int(typeNumber(s.Type)), i)
	w.set(mibs.IfPhysAddress, snmptest.Text(string(p.MAC[:])), i)
	w.set(mibs.IfAdminStatus, snmptest.Int(1), i)
	oper := int64(1)
	if s.Oper == spate.StatusDown {
		oper = 2
	}
	w.set(mibs.IfOperStatus, snmptest.Int(oper), i)
	w.set(mibs.IfName, snmptest.Text(p.Name), i)
	w.set(mibs.IfAlias, snmptest.Text(s.Alias), i)
	w.set(mibs.IfHighSpeed, snmptest.Gauge(uint32(p.Speed/1e6)), i)
	for k, o := range []mibs.Object{mibs.IfHCInOctets, mibs.IfHCOutOctets, mibs.IfHCInUcastPkts, mibs.IfHCOutUcastPkts, mibs.IfHCInMulticastPkts, mibs.IfHCOutMulticastPkts, mibs.IfHCInBroadcastPkts, mibs.IfHCOutBroadcastPkts} {
		pace := float64(1000*(seed%7+1)) / float64(1+k)
		if oper == 2 {
			pace = 0
		}
		w.set(o, snmptest.Growing(mibs.Counter64, 1000*seed, pace), i)
	}
	if p.Bundle != nil {
		w.set(mibs.Dot3adAggPortAttachedAggID, snmptest.Int(int64(p.Bundle.Index)), i)
		w.set(mibs.IfStackStatus, snmptest.Int(1), p.Bundle.Index, i)
	}
}

// typeNumber is the IANAifType of a name.
func typeNumber(name string) int64 {
	for n := range 300 {
		if mibs.IfTypeName(n) == name {
			return int64(n)
		}
	}
	return 1
}

// index is the ifIndex of a port by name, 0 where there is none.
func (w walkOf) index(name string) int {
	for _, p := range w.d.Ports {
		if p.Name == name {
			return p.Index
		}
	}
	return 0
}

// base is the bridge's number of a port by name.
func (w walkOf) base(name string) int {
	for i, p := range w.d.Ports {
		if p.Name == name {
			return i + 1
		}
	}
	return 0
}

func (w walkOf) bridge(t *spate.Tables) {
	if w.d.Tier == Border {
		return
	}
	w.set(mibs.Dot1dBaseBridgeAddress, snmptest.Text(string(w.d.Chassis[:])))
	for i, p := range w.d.Ports {
		w.set(mibs.Dot1dBasePortIfIndex, snmptest.Int(int64(p.Index)), i+1)
	}
	for _, s := range t.Spanning {
		state := int64(5)
		if s.Blocking {
			state = 2
		}
		w.set(mibs.Dot1dStpPortState, snmptest.Int(state), s.Number)
		w.set(mibs.Dot1dStpPortDesignatedBridge, snmptest.Text("\x80\x00"+string(s.DesignatedBridge[:])), s.Number)
		w.set(mibs.Dot1dStpPortDesignatedPort, snmptest.Text(string([]byte{0x80 | byte(s.DesignatedPort>>8), byte(s.DesignatedPort)})), s.Number)
	}
}

var chassisSubtype = map[spate.IDKind]int64{spate.IDMAC: 4, spate.IDName: 6, spate.IDLocal: 7}

var portSubtype = map[spate.IDKind]int64{spate.IDAlias: 1, spate.IDMAC: 3, spate.IDName: 5, spate.IDLocal: 7}

func idOctets(kind spate.IDKind, text string) snmptest.Value {
	if m, err := spate.ParseMAC(text); kind == spate.IDMAC && err == nil {
		return snmptest.Text(string(m[:]))
	}
	return snmptest.Text(text)
}

func (w walkOf) lldp(t *spate.Tables) {
	w.set(mibs.LldpLocChassisIDSubtype, snmptest.Int(4))
	w.set(mibs.LldpLocChassisID, snmptest.Text(string(w.d.Chassis[:])))
	w.set(mibs.LldpLocSysName, snmptest.Text(w.d.Name))
	for i, p := range w.d.Ports {
		w.set(mibs.LldpLocPortIDSubtype, snmptest.Int(5), i+1)
		w.set(mibs.LldpLocPortID, snmptest.Text(p.Name), i+1)
		w.set(mibs.LldpLocPortDesc, snmptest.Text(p.Name), i+1)
	}
	for k, n := range t.Neighbours {
		if n.Source != spate.LinkLLDP {
			continue
		}
		at := []any{0, w.base(n.Port), k + 1}
		w.set(mibs.LldpRemChassisIDSubtype, snmptest.Int(chassisSubtype[n.Chassis.Kind]), at...)
		w.set(mibs.LldpRemChassisID, idOctets(n.Chassis.Kind, n.Chassis.Text), at...)
		w.set(mibs.LldpRemPortIDSubtype, snmptest.Int(portSubtype[n.PortKind]), at...)
		w.set(mibs.LldpRemPortID, idOctets(n.PortKind, n.PortID), at...)
		w.set(mibs.LldpRemPortDesc, snmptest.Text(n.PortDescr), at...)
		w.set(mibs.LldpRemSysName, snmptest.Text(n.SysName), at...)
		w.set(mibs.LldpRemSysDesc, snmptest.Text(n.SysDescr), at...)
		var bits byte
		for i := range 8 {
			if n.Capabilities&(1<<i) != 0 {
				bits |= 0x80 >> i
			}
		}
		w.set(mibs.LldpRemSysCapEnabled, snmptest.Text(string([]byte{bits, 0})), at...)
		for _, a := range n.Addresses {
			if a.Is4() {
				w.set(mibs.LldpRemManAddrIfSubtype, snmptest.Int(2), append(at, 1, 4, a.String())...)
			}
		}
	}
}

func (w walkOf) cdp(t *spate.Tables) {
	for k, n := range t.Neighbours {
		if n.Source != spate.LinkCDP {
			continue
		}
		at := []any{w.index(n.Port), k + 1}
		w.set(mibs.CdpCacheAddressType, snmptest.Int(1), at...)
		if len(n.Addresses) > 0 {
			b := n.Addresses[0].As4()
			w.set(mibs.CdpCacheAddress, snmptest.Text(string(b[:])), at...)
		}
		w.set(mibs.CdpCacheDeviceID, snmptest.Text(n.Chassis.Text), at...)
		w.set(mibs.CdpCacheDevicePort, snmptest.Text(n.PortID), at...)
		w.set(mibs.CdpCachePlatform, snmptest.Text("switch"), at...)
		w.set(mibs.CdpCacheCapabilities, snmptest.Text("\x00\x00\x00\x08"), at...)
	}
}

// stations are in a dot1q table where the vendor tells VLANs, else in a dot1d one.
func (w walkOf) stations(t *spate.Tables) {
	for _, s := range t.Stations {
		mac := ""
		for i, b := range s.MAC {
			if i > 0 {
				mac += "."
			}
			mac += strconv.Itoa(int(b))
		}
		port := int64(w.base(s.Port))
		if s.VLAN == 0 {
			w.set(mibs.Dot1dTpFdbPort, snmptest.Int(port), mac)
			w.set(mibs.Dot1dTpFdbStatus, snmptest.Int(3), mac)
			continue
		}
		w.set(mibs.Dot1qTpFdbPort, snmptest.Int(port), s.VLAN, mac)
		w.set(mibs.Dot1qTpFdbStatus, snmptest.Int(3), s.VLAN, mac)
		w.set(mibs.Dot1qVlanFdbID, snmptest.Gauge(uint32(s.VLAN)), 0, s.VLAN)
	}
}

func (w walkOf) bindings(t *spate.Tables) {
	w.set(mibs.IPAdEntIfIndex, snmptest.Int(1), w.d.Address)
	for _, b := range t.Bindings {
		row := max(w.index(b.Port), 1)
		w.set(mibs.IPNetToMediaPhysAddress, snmptest.Text(string(b.MAC[:])), row, b.IP)
		w.set(mibs.IPNetToMediaType, snmptest.Int(3), row, b.IP)
	}
}
