package host

import (
	"io/fs"
	"net"
	"path"
	"strconv"
	"strings"

	"spate"
)

// A Link is a network link as the kernel describes it (rtnetlink(7)).
type Link struct {
	Index    int
	Name     string
	Alias    string // IFLA_IFALIAS
	Hardware int    // ARPHRD number
	Kind     string // IFLA_INFO_KIND, "veth"; empty for a physical one
	Master   int    // ifIndex of the bridge or bond it belongs to; 0 none
	MAC      net.HardwareAddr
	Up       bool  // IFF_UP
	Running  bool  // IFF_RUNNING
	Oper     uint8 // IFLA_OPERSTATE, include/uapi/linux/if.h

	RxBytes, TxBytes     uint64
	RxPackets, TxPackets uint64
	RxErrors, TxErrors   uint64
	RxDropped, TxDropped uint64
	RxMissed, Multicast  uint64
}

// port is what is known of a link. masterKind is the kind of its master.
func (r *Reader) port(l *Link, name, masterKind string) spate.Port {
	p := spate.Port{
		ID: spate.PortID{Device: r.device.Name, Name: name}, IfIndex: l.Index,
		Alias: spate.Clean(l.Alias), Descr: name, Type: ifType(r.root, l), MAC: mac(l.MAC),
		Admin: spate.StatusDown, Oper: operStatus(l), SpeedSource: spate.SpeedUnknown,
		HighLayer: stacked[l.Kind] || bundles[masterKind],
	}
	if l.Up {
		p.Admin = spate.StatusUp
	}
	for c := range spate.NumCounters {
		if counted(c) {
			p.Wide = p.Wide.With(c)
		}
	}
	if speed, ok := linkSpeed(r.root, l); ok {
		p.Speed, p.SpeedSource = speed, spate.SpeedFromDriver
	}
	return p
}

// counted tells whether the kernel has a counter for it, 64 bits wide.
func counted(c spate.Counter) bool {
	switch c {
	case spate.OutMcastPkts, spate.InBcastPkts, spate.OutBcastPkts, spate.InNUcastPkts, spate.OutNUcastPkts:
		return false
	}
	return true
}

// operStatus is IFLA_OPERSTATE in the words of RFC 2863. Links whose driver
// does not keep it (lo, tun) are up when they run, as the kernel's
// Documentation/networking/operstates.rst asks of user space.
func operStatus(l *Link) spate.Status {
	words := [...]spate.Status{
		1: spate.StatusNotPresent, spate.StatusDown, spate.StatusLowerLayerDown,
		spate.StatusTesting, spate.StatusDormant, spate.StatusUp,
	}
	switch {
	case l.Oper > 0 && int(l.Oper) < len(words):
		return words[l.Oper]
	case !l.Up:
		return spate.StatusDown
	case l.Running:
		return spate.StatusUp
	}
	return spate.StatusUnknown
}

// mac is an Ethernet address; the address of a tunnel is an end of it, and that
// of InfiniBand no MAC.
func mac(a net.HardwareAddr) string {
	if len(a) != 6 || a.String() == "00:00:00:00:00:00" {
		return ""
	}
	return a.String()
}

// Links of these kinds carry octets that another link of the machine counts
// too: the one below them, or the members of the bridge.
var stacked = map[string]bool{
	"vlan": true, "macvlan": true, "macvtap": true, "ipvlan": true, "ipvtap": true, "macsec": true,
	"bridge": true, "vrf": true, "vxlan": true, "geneve": true, "gre": true, "gretap": true, "ip6gre": true,
	"ip6gretap": true, "erspan": true, "ip6erspan": true, "ipip": true, "ip6tnl": true, "sit": true,
	"vti": true, "vti6": true, "xfrm": true, "wireguard": true, "bareudp": true, "amt": true,
}

// Members of these kinds are counted by the bundle.
var bundles = map[string]bool{"bond": true, "team": true}

// kindTypes gives the IANAifType name of each kind of link that is not what its
// ARPHRD number says.
var kindTypes = map[string]string{
	"bridge": "bridge", "bond": "ieee8023adLag", "team": "ieee8023adLag",
	"vlan": "l2vlan", "macsec": "macSecControlledIF", "ppp": "ppp", "wwan": "wwanPP",
	"veth": "propVirtual", "dummy": "propVirtual", "ifb": "propVirtual", "macvlan": "propVirtual",
	"macvtap": "propVirtual", "ipvlan": "propVirtual", "ipvtap": "propVirtual", "vrf": "propVirtual",
	"openvswitch": "propVirtual", "nlmon": "propVirtual", "netdevsim": "propVirtual", "netkit": "propVirtual",
	"tun": "tunnel", "vxlan": "tunnel", "geneve": "tunnel", "gre": "tunnel", "gretap": "tunnel", "ip6gre": "tunnel",
	"ip6gretap": "tunnel", "erspan": "tunnel", "ip6erspan": "tunnel", "ipip": "tunnel", "ip6tnl": "tunnel",
	"sit": "tunnel", "vti": "tunnel", "vti6": "tunnel", "xfrm": "tunnel", "wireguard": "tunnel", "bareudp": "tunnel", "amt": "tunnel",
}

// hardwareTypes is the same for ARPHRD numbers (include/uapi/linux/if_arp.h).
var hardwareTypes = map[int]string{
	1: "ethernetCsmacd", 32: "infiniband", 24: "ieee1394", 256: "slip", 512: "ppp",
	768: "tunnel", 769: "tunnel", 772: "softwareLoopback", 776: "tunnel", 778: "tunnel", 823: "tunnel",
	801: "ieee80211", 802: "ieee80211", 803: "ieee80211", 65534: "tunnel",
}

// ifType is the IANAifType name of a link, "other" where none fits.
func ifType(root fs.FS, l *Link) string {
	if t := kindTypes[l.Kind]; t != "" {
		return t
	}
	t := hardwareTypes[l.Hardware]
	switch {
	case t == "":
		return "other"
	case t == "ethernetCsmacd" && exists(root, l.Name, "phy80211"):
		return "ieee80211"
	}
	return t
}

// linkSpeed is what the driver says of a wire. Virtual links have none, though
// some name a figure (veth 10 Gb/s); a bond's is the sum of its members.
func linkSpeed(root fs.FS, l *Link) (spate.BitRate, bool) {
	if !bundles[l.Kind] && (l.Kind != "" || !exists(root, l.Name, "device")) {
		return 0, false
	}
	text, err := fs.ReadFile(root, sysFile(l.Name, "speed"))
	if err != nil {
		return 0, false // drivers without a speed answer EINVAL
	}
	return parseSpeed(string(text))
}

// parseSpeed reads Mb/s; -1, 0 and more than 10 Tb/s are no speed.
func parseSpeed(text string) (spate.BitRate, bool) {
	mbps, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if err != nil || mbps == 0 || mbps > 10_000_000 {
		return 0, false
	}
	return spate.BitRate(mbps) * 1e6, true
}

func sysFile(link, file string) string { return path.Join("sys/class/net", link, file) }

func exists(root fs.FS, link, file string) bool {
	_, err := fs.Stat(root, sysFile(link, file))
	return err == nil
}

func kindsByIndex(links []Link) map[int]string {
	kinds := make(map[int]string, len(links))
	for i := range links {
		kinds[links[i].Index] = links[i].Kind
	}
	delete(kinds, 0)
	return kinds
}
