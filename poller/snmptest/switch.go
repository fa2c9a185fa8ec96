package snmptest

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"

	"spate/mibs"
)

// SwitchConfig describes a simulated access switch.
type SwitchConfig struct {
	Name     string   // sysName; "" is "switch"
	Location string   // sysLocation
	ID       mibs.OID // sysObjectID; "" is zeroDotZero, the unknown
	Ports    int      // 0 is 48
	Uplinks  int      // how many of them, the last ones, are ten times as fast
	Speed    int      // Mb/s of an access port; 0 is 1,000
	Load     float64  // mean share of the speed in use; 0 is 0.04
	Seed     uint64   // of the traffic
	// First is the ifIndex of the first port; 0 is 1. The others follow.
	First int
	// Down tells which ports (from 0) have no link; nil: none.
	Down func(port int) bool
	// Profile gives a port's traffic in the place of the drawn one; nil: drawn.
	Profile func(port int) Profile
	Agent   Config
}

// Switch is the agent of a simulated switch: system group, ifTable and
// ifXTable, with counters that are worked out when they are read.
func Switch(cfg SwitchConfig) *Agent {
	cfg = cfg.withDefaults()
	return NewShape(cfg.Ports, cfg.First).Switch(cfg)
}

func (cfg SwitchConfig) withDefaults() SwitchConfig {
	if cfg.Name == "" {
		cfg.Name = "switch"
	}
	if cfg.Ports == 0 {
		cfg.Ports = 48
	}
	if cfg.Speed == 0 {
		cfg.Speed = 1000
	}
	if cfg.Load == 0 {
		cfg.Load = 0.04
	}
	if cfg.First == 0 {
		cfg.First = 1
	}
	if cfg.ID == "" {
		cfg.ID = ".0.0"
	}
	return cfg
}

// A Shape is what switches with the same rows share: their names in order, and
// what stands at each. 1,000 switches of one shape take little more memory than
// their ports' traffic.
type Shape struct {
	ports, first int
	order        *index
	cells        []cell
}

// cell is what stands at one name: an object and the port's number from 0.
type cell struct {
	value func(s *switchView, port int, m Moment) Value
	port  int
}

// NewShape makes the shape of switches with so many ports, of which the first
// has the ifIndex first.
func NewShape(ports, first int) *Shape {
	s := &Shape{ports: ports, first: first}
	type entry struct {
		name Name
		cell cell
	}
	var all []entry
	for _, column := range switchObjects() {
		if column.object.Scalar {
			all = append(all, entry{mustName(column.object.Instance(0)), cell{value: column.value}})
			continue
		}
		for port := range ports {
			all = append(all, entry{mustName(column.object.Instance(first + port)), cell{column.value, port}})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name.Compare(all[j].name) < 0 })
	names := make([]Name, len(all))
	s.cells = make([]cell, len(all))
	for i, e := range all {
		names[i], s.cells[i] = e.name, e.cell
	}
	s.order = newIndex(names)
	return s
}

// Switch makes the agent of one switch; ports and first index are the shape's.
func (s *Shape) Switch(cfg SwitchConfig) *Agent {
	cfg.Ports, cfg.First = s.ports, s.first
	cfg = cfg.withDefaults()
	v := &switchView{shape: s, name: cfg.Name, location: cfg.Location, id: ObjectID(cfg.ID), ports: make([]switchPort, s.ports)}
	d := &dice{state: cfg.Seed}
	for i := range v.ports {
		v.ports[i] = newSwitchPort(cfg, i, d)
	}
	return New(v, cfg.Agent)
}

func newSwitchPort(cfg SwitchConfig, i int, d *dice) switchPort {
	number := strconv.Itoa(i + 1)
	p := switchPort{name: []byte("Gi1/0/" + number), alias: []byte("customer " + number), speed: float64(cfg.Speed) * 1e6, oper: 1}
	if up := i - (cfg.Ports - cfg.Uplinks); up >= 0 {
		number = strconv.Itoa(up + 1)
		p.name, p.alias, p.speed = []byte("Te1/1/"+number), []byte("uplink "+number), 10*p.speed
	}
	p.mac = [6]byte{0x02, byte(cfg.Seed >> 16), byte(cfg.Seed >> 8), byte(cfg.Seed), byte(i >> 8), byte(i)}
	traffic := seeded(d, p.speed, cfg.Load)
	if cfg.Profile != nil {
		traffic = cfg.Profile(i)
	}
	if cfg.Down != nil && cfg.Down(i) {
		traffic, p.oper = Profile{}, 2
	}
	p.in.Flow, p.out.Flow = traffic.In, traffic.Out
	return p
}

// switchView is one switch's table.
type switchView struct {
	shape          *Shape
	name, location string
	id             Value
	ports          []switchPort
}

type switchPort struct {
	name, alias []byte
	mac         [6]byte
	speed       float64 // b/s
	oper        int64
	in, out     meter
}

func (v *switchView) at(slot int, m Moment) Value {
	c := &v.shape.cells[slot]
	return c.value(v, c.port, m)
}

// Get implements View.
func (v *switchView) Get(n Name, m Moment) (Value, bool) {
	slot, ok := v.shape.order.find(n)
	if !ok {
		return Value{}, false
	}
	return v.at(slot, m), true
}

// Next implements View.
func (v *switchView) Next(n Name, m Moment) (Name, Value, bool) {
	slot := v.shape.order.after(n)
	if slot == len(v.shape.cells) {
		return nil, Value{}, false
	}
	return v.shape.order.names[slot], v.at(slot, m), true
}

// HasObject implements View.
func (v *switchView) HasObject(n Name, _ Moment) bool { return v.shape.order.hasObject(n) }

type switchObject struct {
	object mibs.Object
	value  func(s *switchView, port int, m Moment) Value
}

func switchObjects() []switchObject {
	return append(systemObjects(), append(factObjects(), counterObjects()...)...)
}

func systemObjects() []switchObject {
	uptime := Uptime(0)
	return []switchObject{
		{mibs.SysDescr, func(s *switchView, _ int, _ Moment) Value {
			return Text(fmt.Sprintf("simulated switch with %d ports", len(s.ports)))
		}},
		{mibs.SysObjectID, func(s *switchView, _ int, _ Moment) Value { return s.id }},
		{mibs.SysUpTime, func(_ *switchView, _ int, m Moment) Value { return uptime.at(m) }},
		{mibs.SysName, func(s *switchView, _ int, _ Moment) Value { return Text(s.name) }},
		{mibs.SysLocation, func(s *switchView, _ int, _ Moment) Value { return Text(s.location) }},
		{mibs.IfNumber, func(v *switchView, _ int, _ Moment) Value { return Int(int64(len(v.ports))) }},
		{mibs.IfTableLastChange, func(*switchView, int, Moment) Value { return Ticks(0) }},
	}
}

func factObjects() []switchObject {
	port := func(o mibs.Object, f func(p *switchPort) Value) switchObject {
		return switchObject{o, func(s *switchView, i int, _ Moment) Value { return f(&s.ports[i]) }}
	}
	return []switchObject{
		{mibs.IfIndex, func(s *switchView, i int, _ Moment) Value { return Int(int64(s.shape.first + i)) }},
		port(mibs.IfDescr, func(p *switchPort) Value { return Text("port " + string(p.name)) }),
		port(mibs.IfType, func(*switchPort) Value { return Int(6) }), // ethernetCsmacd
		port(mibs.IfSpeed, func(p *switchPort) Value { return Gauge(uint32(min(p.speed, math.MaxUint32))) }),
		port(mibs.IfPhysAddress, func(p *switchPort) Value { return Value{Syntax: mibs.OctetString, Bytes: p.mac[:]} }),
		port(mibs.IfAdminStatus, func(*switchPort) Value { return Int(1) }),
		port(mibs.IfOperStatus, func(p *switchPort) Value { return Int(p.oper) }),
		port(mibs.IfName, func(p *switchPort) Value { return Value{Syntax: mibs.OctetString, Bytes: p.name} }),
		port(mibs.IfAlias, func(p *switchPort) Value { return Value{Syntax: mibs.OctetString, Bytes: p.alias} }),
		port(mibs.IfHighSpeed, func(p *switchPort) Value { return Gauge(uint32(p.speed / 1e6)) }),
		port(mibs.IfCounterDiscontinuityTime, func(*switchPort) Value { return Ticks(0) }),
	}
}

// counterObjects are the counters of both tables; the 32-bit ones are the low
// half of the same count.
func counterObjects() []switchObject {
	count := func(o mibs.Object, in bool, mean func(f *Flow) float64) switchObject {
		return switchObject{o, func(s *switchView, i int, m Moment) Value {
			f := &s.ports[i].out
			if in {
				f = &s.ports[i].in
			}
			n := f.count(mean(&f.Flow), m)
			if o.Syntax == mibs.Counter32 {
				n = uint64(uint32(n))
			}
			return Value{Syntax: o.Syntax, Uint: n}
		}}
	}
	octets := func(f *Flow) float64 { return f.Octets }
	ucast := (*Flow).unicast
	mcast := func(f *Flow) float64 { return f.packets() * f.Multicast }
	bcast := func(f *Flow) float64 { return f.packets() * f.Broadcast }
	nucast := func(f *Flow) float64 { return f.packets() * (f.Multicast + f.Broadcast) }
	errors := func(f *Flow) float64 { return f.Errors }
	discards := func(f *Flow) float64 { return f.Discards }
	return []switchObject{
		count(mibs.IfInOctets, true, octets), count(mibs.IfHCInOctets, true, octets),
		count(mibs.IfOutOctets, false, octets), count(mibs.IfHCOutOctets, false, octets),
		count(mibs.IfInUcastPkts, true, ucast), count(mibs.IfHCInUcastPkts, true, ucast),
		count(mibs.IfOutUcastPkts, false, ucast), count(mibs.IfHCOutUcastPkts, false, ucast),
		count(mibs.IfInMulticastPkts, true, mcast), count(mibs.IfHCInMulticastPkts, true, mcast),
		count(mibs.IfOutMulticastPkts, false, mcast), count(mibs.IfHCOutMulticastPkts, false, mcast),
		count(mibs.IfInBroadcastPkts, true, bcast), count(mibs.IfHCInBroadcastPkts, true, bcast),
		count(mibs.IfOutBroadcastPkts, false, bcast), count(mibs.IfHCOutBroadcastPkts, false, bcast),
		count(mibs.IfInNUcastPkts, true, nucast), count(mibs.IfOutNUcastPkts, false, nucast),
		count(mibs.IfInErrors, true, errors), count(mibs.IfOutErrors, false, errors),
		count(mibs.IfInDiscards, true, discards), count(mibs.IfOutDiscards, false, discards),
	}
}

// SwitchProfile is the traffic that port i (from 0) of a switch has, for a
// test that knows the truth.
func SwitchProfile(cfg SwitchConfig, port int) Profile {
	cfg = cfg.withDefaults()
	d := &dice{state: cfg.Seed}
	var p switchPort
	for i := 0; i <= port; i++ {
		p = newSwitchPort(cfg, i, d)
	}
	return Profile{In: p.in.Flow, Out: p.out.Flow}
}

// Rate is the true rate of the flow at t, in octets per second.
func (f *Flow) Rate(t time.Time) float64 { return f.Octets * f.Shape(t) }
