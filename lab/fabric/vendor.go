package fabric

import (
	"fmt"

	"spate"
)

// A Vendor is a way of naming ports and of filling tables.
type Vendor int

// Vendors, after whose habits in recordings the tables are made.
const (
	IOS      Vendor = iota // LLDP and CDP name ports by ifName; FDB per VLAN; bundles are Po1
	Junos                  // LLDP port ids are local: the ifIndex; ifIndexes begin at 500
	ProCurve               // LLDP port ids are local: the port's number; FDB without VLANs
	Huawei                 // LLDP port ids are ifNames
	DLink                  // LLDP port ids are local: "1/24"; the description has the name
)

// String is what the vendor or its system is called.
func (v Vendor) String() string {
	return [...]string{"Cisco IOS", "Junos", "ProCurve", "Huawei VRP", "D-Link"}[v]
}

// name is the ifName of the i-th port (from 0) of a speed in Gb/s.
func (v Vendor) name(gigabit, i int) string {
	switch v {
	case Junos:
		return fmt.Sprintf("xe-0/0/%d", i)
	case ProCurve:
		return fmt.Sprintf("%d", i+1)
	case Huawei:
		if gigabit == 10 {
			return fmt.Sprintf("XGigabitEthernet0/0/%d", i+1)
		}
		return fmt.Sprintf("GigabitEthernet0/0/%d", i+1)
	case DLink:
		return fmt.Sprintf("1/%d", i+1)
	}
	if gigabit == 10 {
		return fmt.Sprintf("Te1/1/%d", i+1)
	}
	return fmt.Sprintf("Gi1/0/%d", i+1)
}

func (v Vendor) lag(i int) string {
	switch v {
	case Junos:
		return fmt.Sprintf("ae%d", i)
	case ProCurve:
		return fmt.Sprintf("Trk%d", i+1)
	case Huawei:
		return fmt.Sprintf("Eth-Trunk%d", i+1)
	case DLink:
		return fmt.Sprintf("ch%d", i+1)
	}
	return fmt.Sprintf("Po%d", i+1)
}

func (v Vendor) svi(id int) string {
	if v == Junos {
		return fmt.Sprintf("irb.%d", id)
	}
	return fmt.Sprintf("Vl%d", id)
}

// index is the ifIndex of the i-th row.
func (v Vendor) index(i int, p *Port) int {
	switch {
	case v == Junos:
		return 500 + i
	case v == IOS && len(p.Members) > 0:
		return 5000 + i
	case v == IOS && p.VLAN < 0:
		return -p.VLAN
	case v == IOS:
		return 10101 + i
	case v == Huawei:
		return 6 + i
	}
	return i + 1
}

// announced is how the vendor names a port of its own in LLDP.
func (v Vendor) announced(p *Port) (kind spate.IDKind, id, descr string) {
	switch v {
	case Junos:
		return spate.IDLocal, fmt.Sprint(p.Index), p.Name
	case ProCurve:
		return spate.IDLocal, fmt.Sprint(p.Index), p.Name
	case DLink:
		return spate.IDLocal, p.Name, "port " + p.Name
	}
	return spate.IDName, p.Name, p.Name
}
