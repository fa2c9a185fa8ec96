package fabric

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"spate"
)

// builder puts a network together.
type builder struct {
	n       *Net
	dice    *rand.Rand
	nextMAC uint32
	nextIP  map[int]uint32
}

// New builds the network of a shape. The same shape gives the same network.
func New(s Shape) *Net {
	if s.Step == 0 {
		s.Step = defaultStep
	}
	if s.Start.IsZero() {
		s.Start = monday
	}
	n := &Net{Shape: s, at: s.Start, until: s.Start, vlans: map[int]*vlan{}}
	b := &builder{n: n, dice: s.dice(1), nextIP: map[int]uint32{}}
	b.backbone()
	for pod := range s.Pods {
		b.pod(pod)
	}
	b.unmanaged()
	b.darken()
	for _, d := range n.Devices {
		d.finish()
	}
	n.background()
	return n
}

// backbone is the borders and the cores: a chain in which the first core leads
// to all borders and the second stands by.
func (b *builder) backbone() {
	s := b.n.Shape
	for i := range s.Borders {
		d := b.device(fmt.Sprintf("bdr-%d", i+1), Border, -1)
		for x := range 2 {
			p := d.add(d.Vendor.name(10, x), 10e9)
			p.External = true
			b.n.Outside = append(b.n.Outside, p)
		}
	}
	for i := range s.Cores {
		d := b.device(fmt.Sprintf("core-%d", i+1), Core, -1)
		for j := range s.Borders {
			up := b.cable(d, b.n.Devices[j], 10e9, 1, i > 0)
			switch {
			case i == 0 && j == 0:
				d.up = up
			case i == 0:
				b.n.Devices[j].up = up.Peer // the tree hangs from the first border
			}
		}
		if i > 0 {
			up := b.cable(d, b.n.tier(Core)[0], 10e9, 1, false)
			d.up = up
		}
	}
}

func (n *Net) tier(t Tier) []*Device {
	var out []*Device
	for _, d := range n.Devices {
		if d.Tier == t {
			out = append(out, d)
		}
	}
	return out
}

// pod is a distribution switch with its access switches and three VLANs.
func (b *builder) pod(pod int) {
	s := b.n.Shape
	cores := b.n.tier(Core)
	dist := b.device(fmt.Sprintf("dist-%d", pod+1), Distribution, pod)
	dist.up = b.cable(dist, cores[0], 10e9, b.bundle(), false)
	if len(cores) > 1 {
		b.cable(dist, cores[1], 10e9, 1, true)
	}
	ids := []int{100 + 10*pod, 101 + 10*pod, 102 + 10*pod}
	for _, id := range ids {
		b.n.vlans[id] = &vlan{id: id, core: cores[0], devices: map[*Device]bool{cores[0]: true, dist: true}}
		svi := cores[0].add(cores[0].Vendor.svi(id), 0)
		svi.Type = "l3ipvlan"
		svi.VLAN = -id
	}
	for i := range s.Access {
		acc := b.device(fmt.Sprintf("acc-%d-%d", pod+1, i+1), Access, pod)
		acc.up = b.cable(acc, dist, 10e9, b.bundle(), false)
		for range s.Ports {
			p := acc.add(acc.Vendor.name(1, acc.count()), 1e9)
			p.VLAN = ids[b.dice.IntN(len(ids))]
			b.n.vlans[p.VLAN].devices[acc] = true
			if b.dice.Float64() < s.Fill {
				b.host(p)
			}
		}
	}
}

func (b *builder) bundle() int {
	if b.n.Shape.Bundles {
		return 2
	}
	return 1
}

func (b *builder) device(name string, tier Tier, pod int) *Device {
	d := &Device{Name: name, Tier: tier, Pod: pod, Polled: true, Vendor: b.vendor(tier), Chassis: b.mac(), started: b.n.Shape.Start.AddDate(0, 0, -40), last: map[*Port]spate.Sample{}}
	k := len(b.n.Devices) + 1
	d.Address = netip.AddrFrom4([4]byte{10, 255, byte(k >> 8), byte(k)})
	b.n.Devices = append(b.n.Devices, d)
	return d
}

func (b *builder) vendor(t Tier) Vendor {
	switch t {
	case Border:
		return Junos
	case Core:
		return IOS
	}
	return []Vendor{IOS, ProCurve, Huawei, DLink}[b.dice.IntN(4)]
}

func (b *builder) mac() spate.MAC {
	b.nextMAC++
	return spate.MAC{0x02, byte(b.n.Shape.Seed), byte(b.nextMAC >> 24), byte(b.nextMAC >> 16), byte(b.nextMAC >> 8), byte(b.nextMAC)}
}

// add gives a device one more port.
func (d *Device) add(name string, speed spate.BitRate) *Port {
	p := &Port{Device: d, Name: name, Speed: speed, Type: "ethernetCsmacd"}
	d.Ports = append(d.Ports, p)
	return p
}

func (d *Device) count() int { return len(d.Ports) }

// cable joins two devices, lower first, by so many links, and returns the
// lower's logical port.
func (b *builder) cable(low, high *Device, speed spate.BitRate, links int, blocked bool) *Port {
	mute := b.dice.Float64() < b.n.Shape.NoLLDP
	var at, to *Port
	if links > 1 {
		at = low.add(low.Vendor.lag(low.bundles()), speed*spate.BitRate(links))
		to = high.add(high.Vendor.lag(high.bundles()), speed*spate.BitRate(links))
		at.Type, to.Type = "ieee8023adLag", "ieee8023adLag"
		at.Peer, to.Peer = to, at
		at.Blocked, to.Blocked = blocked, blocked
	}
	var first *Port
	for range links {
		a := low.add(low.Vendor.name(10, low.count()), speed)
		z := high.add(high.Vendor.name(10, high.count()), speed)
		a.Peer, z.Peer, a.Mute, z.Mute, a.Blocked, z.Blocked = z, a, mute, mute, blocked, blocked
		if at != nil {
			a.Bundle, z.Bundle = at, to
			at.Members, to.Members = append(at.Members, a), append(to.Members, z)
		}
		first = a
	}
	if at != nil {
		return at
	}
	return first
}

func (d *Device) bundles() int {
	n := 0
	for _, p := range d.Ports {
		if len(p.Members) > 0 || p.Type == "ieee8023adLag" {
			n++
		}
	}
	return n
}

// host puts a machine behind an access port.
func (b *builder) host(p *Port) *Host {
	b.nextIP[p.VLAN]++
	k := b.nextIP[p.VLAN] + 9
	h := &Host{MAC: b.mac(), VLAN: p.VLAN, Port: p, IP: netip.AddrFrom4([4]byte{10, byte(p.VLAN / 10), byte(p.VLAN%10*64) + byte(k>>8), byte(k)})}
	switch u := b.dice.Float64(); {
	case u < 0.15:
		h.kind, h.Busy = "web", true
	case u < 0.18:
		h.kind, h.Busy = "backup", true
	case u < 0.7:
		h.kind = "desktop"
	default:
		h.kind = "idle"
	}
	h.LLDP = h.Busy && b.dice.Float64() < 0.3
	h.Name = fmt.Sprintf("%s-%d", h.kind, len(b.n.Hosts)+1)
	p.Hosts = append(p.Hosts, h)
	b.n.Hosts = append(b.n.Hosts, h)
	return h
}

// unmanaged puts 3 to 8 hosts behind some access ports.
func (b *builder) unmanaged() {
	access := b.n.tier(Access)
	for range b.n.Shape.Small {
		d := access[b.dice.IntN(len(access))]
		for _, p := range d.Ports {
			if p.VLAN > 0 && len(p.Hosts) == 1 {
				for range 2 + b.dice.IntN(6) {
					b.host(p)
				}
				break
			}
		}
	}
}

// darken takes some access switches out of polling.
func (b *builder) darken() {
	access := b.n.tier(Access)
	for i := range min(b.n.Shape.Dark, len(access)) {
		access[(i*7+3)%len(access)].Polled = false
	}
}

// finish numbers the ports and makes what Spate sees of them.
func (d *Device) finish() {
	for i, p := range d.Ports {
		p.Index = d.Vendor.index(i, p)
		p.MAC = spate.MAC{0x06, d.Chassis[1], d.Chassis[3], d.Chassis[4], d.Chassis[5], byte(i + 1)}
		p.port = p.spate()
	}
}

func (p *Port) spate() *spate.Port {
	out := &spate.Port{
		ID: p.ID(), IfIndex: p.Index, Descr: p.Name, Type: p.Type, MAC: p.MAC.String(),
		Speed: p.Speed, SpeedSource: spate.SpeedFromIfHighSpeed, Admin: spate.StatusUp, Oper: spate.StatusUp,
	}
	for c := range spate.InNUcastPkts {
		out.Wide = out.Wide.With(c)
	}
	if p.Speed == 0 {
		out.SpeedSource = spate.SpeedUnknown
	}
	if p.Bundle != nil {
		out.Bundle = p.Bundle.Name
	}
	if len(p.Members) > 0 {
		out.SpeedSource = spate.SpeedFromLAG
	}
	if len(p.Hosts) == 1 {
		out.Alias = p.Hosts[0].Name
	}
	if p.Down || p.VLAN > 0 && len(p.Hosts) == 0 {
		out.Oper = spate.StatusDown
	}
	return out
}
