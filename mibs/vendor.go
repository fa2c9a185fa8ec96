package mibs

import "strings"

// enterprises is where vendors' sysObjectIDs begin (RFC 3418, SNMPv2-SMI).
const enterprises OID = ".1.3.6.1.4.1"

// Vendor names the maker of a device from its sysObjectID by IANA's list of
// private enterprise numbers; empty when the number is not of a maker of
// network devices that Spate knows.
func Vendor(sysObjectID OID) string {
	rest, ok := strings.CutPrefix(string(sysObjectID), string(enterprises)+".")
	if !ok {
		return ""
	}
	number, _, _ := strings.Cut(rest, ".")
	return vendors[number]
}

var vendors = map[string]string{
	"2": "IBM", "9": "Cisco", "11": "HP", "43": "3Com", "45": "Nortel", "119": "NEC", "171": "D-Link",
	"193": "Ericsson", "207": "Allied Telesis", "311": "Microsoft", "318": "APC", "674": "Dell",
	"789": "NetApp", "890": "Zyxel", "1588": "Brocade", "1916": "Extreme", "1991": "Brocade",
	"2011": "Huawei", "2021": "Net-SNMP", "2272": "Avaya", "2636": "Juniper", "3224": "Juniper",
	"3320": "BDCOM", "3375": "F5", "3902": "ZTE", "4526": "Netgear", "4881": "Ruijie", "5624": "Enterasys",
	"5651": "Maipu", "6027": "Dell", "6141": "Ciena", "6339": "Digital China", "6486": "Alcatel-Lucent Enterprise",
	"6527": "Nokia", "6876": "VMware", "8072": "Net-SNMP", "8886": "Raisecom", "9304": "CTS",
	"11863": "TP-Link", "12325": "FreeBSD", "12356": "Fortinet", "14179": "Cisco", "14823": "Aruba",
	"14988": "MikroTik", "17713": "Cambium", "25053": "Ruckus", "25461": "Palo Alto Networks",
	"25506": "H3C", "30065": "Arista", "30803": "Vyatta", "33049": "Mellanox", "40310": "Cumulus",
	"41112": "Ubiquiti", "47196": "Aruba",
}
