package topology_test

import (
	"testing"
	"time"

	"spate"
	"spate/topology"
)

var now = time.Date(2026, 11, 25, 14, 0, 0, 0, time.UTC)

// box is a device with four ports, as its round and its tables tell.
type box struct {
	name       string
	chassis    byte
	neighbours []spate.Neighbour
	stations   []spate.Station
}

func mac(n byte) spate.MAC { return spate.MAC{2, 0, 0, 0, 0, n} }

func hears(port string, chassis byte, sysName, far string, can spate.Capabilities) spate.Neighbour {
	return spate.Neighbour{Port: port, Source: spate.LinkLLDP, Chassis: spate.ChassisID{Kind: spate.IDMAC, Text: mac(chassis).String()},
		SysName: sysName, PortID: far, PortKind: spate.IDName, Capabilities: can}
}

func network(cfg topology.Config, boxes ...box) *topology.View {
	g := topology.New(cfg)
	for _, b := range boxes {
		r := &spate.Round{Device: spate.Device{Name: b.name}, At: now}
		for i := 1; i <= 4; i++ {
			r.Readings = append(r.Readings, spate.Reading{Port: &spate.Port{
				ID: spate.PortID{Device: b.name, Name: "p" + string(rune('0'+i))}, IfIndex: i, Type: "ethernetCsmacd", Speed: 1e9, Oper: spate.StatusUp, Admin: spate.StatusUp,
			}})
		}
		g.Accept(r)
		g.Learn(&spate.Tables{Device: b.name, At: now, SysName: b.name, Chassis: []spate.ChassisID{{Kind: spate.IDMAC, Text: mac(b.chassis).String()}},
			Neighbours: b.neighbours, Stations: b.stations,
			Read: map[spate.TableKind]spate.TableRead{spate.TableLLDP: {Whole: true}, spate.TableFDB: {Whole: true, Rows: len(b.stations)}}})
	}
	return g.View(now)
}

func id(device, port string) spate.PortID { return spate.PortID{Device: device, Name: port} }

// What is odd on the wire is told with less certainty or not at all, never merged
// wrongly.
func TestOddNeighboursMakeNoWrongLinks(t *testing.T) {
	bridge := spate.CanBridge
	for _, c := range []struct {
		name  string
		boxes []box
		want  map[[2]spate.PortID]float64 // the least they must be sure; all links
		most  float64                     // and the most
	}{
		{"both ways", []box{
			{name: "a", chassis: 101, neighbours: []spate.Neighbour{hears("p1", 102, "b", "p2", bridge)}},
			{name: "b", chassis: 102, neighbours: []spate.Neighbour{hears("p2", 101, "a", "p1", bridge)}},
		}, map[[2]spate.PortID]float64{{id("a", "p1"), id("b", "p2")}: 0.99}, 1},
		{"one way only", []box{
			{name: "a", chassis: 101, neighbours: []spate.Neighbour{hears("p1", 102, "b", "p2", bridge)}},
			{name: "b", chassis: 102},
		}, map[[2]spate.PortID]float64{{id("a", "p1"), id("b", "p2")}: 0.9}, 0.99},
		{"the same chassis id twice, and no name", []box{
			{name: "a", chassis: 101, neighbours: []spate.Neighbour{hears("p1", 109, "", "p2", bridge)}},
			{name: "b", chassis: 109}, {name: "c", chassis: 109},
		}, nil, 1},
		{"the same chassis id twice, told apart by name", []box{
			{name: "a", chassis: 101, neighbours: []spate.Neighbour{hears("p1", 109, "c", "p2", bridge)}},
			{name: "b", chassis: 109}, {name: "c", chassis: 109},
		}, map[[2]spate.PortID]float64{{id("a", "p1"), id("c", "p2")}: 0.9}, 0.99},
		{"a port that nobody has", []box{
			{name: "a", chassis: 101, neighbours: []spate.Neighbour{hears("p1", 102, "b", "p99", bridge)}},
			{name: "b", chassis: 102},
		}, nil, 1},
		{"itself", []box{{name: "a", chassis: 101, neighbours: []spate.Neighbour{hears("p1", 101, "a", "p2", bridge)}}}, nil, 1},
		{"two claim one port", []box{
			{name: "a", chassis: 101, neighbours: []spate.Neighbour{hears("p1", 102, "b", "p1", bridge)}},
			{name: "c", chassis: 103, neighbours: []spate.Neighbour{hears("p1", 102, "b", "p1", bridge)}},
			{name: "b", chassis: 102},
		}, map[[2]spate.PortID]float64{{id("a", "p1"), id("b", "p1")}: 0.5}, 0.75},
	} {
		v := network(topology.Config{}, c.boxes...)
		if len(v.Links) != len(c.want) {
			t.Errorf("%s: links %v, want %v", c.name, v.Links, c.want)
			continue
		}
		for _, l := range v.Links {
			if least, ok := c.want[[2]spate.PortID{l.A, l.B}]; !ok || l.Confidence < least || l.Confidence > c.most {
				t.Errorf("%s: %v to %v, %.3f sure, want %v and at most %.2f", c.name, l.A, l.B, l.Confidence, c.want, c.most)
			}
		}
	}
}

func TestPhonesStrangersAndStationsOnTwoPorts(t *testing.T) {
	station := func(n byte, port string) spate.Station { return spate.Station{MAC: mac(n), VLAN: 10, Port: port} }
	v := network(topology.Config{External: map[string][]string{"core": {"p4"}}},
		box{name: "core", chassis: 101, neighbours: []spate.Neighbour{hears("p1", 102, "acc", "p1", spate.CanBridge), hears("p3", 199, "stranger", "x", spate.CanBridge|spate.CanRoute)},
			stations: []spate.Station{station(7, "p1"), station(8, "p1"), station(9, "p2"), {MAC: mac(101), Self: true}, {MAC: spate.MAC{0, 0, 0x5e, 0, 1, 5}, Port: "p2"}}},
		box{name: "acc", chassis: 102, neighbours: []spate.Neighbour{hears("p1", 101, "core", "p1", spate.CanBridge), hears("p2", 150, "phone", "1", spate.CanPhone|spate.CanBridge)},
			stations: []spate.Station{station(7, "p2"), station(8, "p3"), station(7, "p2")}})
	for _, c := range []struct {
		port spate.PortID
		role spate.Role
	}{{id("core", "p1"), spate.RoleUplink}, {id("core", "p3"), spate.RoleUplink}, {id("core", "p4"), spate.RoleExternal}, {id("acc", "p2"), spate.RoleAccess}, {id("acc", "p3"), spate.RoleAccess}} {
		if r := v.PortRole(c.port); r == nil || r.Role != c.role || len(r.Evidence) == 0 || r.Confidence <= 0 {
			t.Errorf("%v is %+v, want %s with its evidence", c.port, r, c.role)
		}
	}
	where := map[spate.MAC]spate.PortID{}
	for _, h := range v.Hosts {
		where[h.MAC] = h.Port
	}
	if len(where) != 3 || where[mac(7)] != id("acc", "p2") || where[mac(8)] != id("acc", "p3") || where[mac(9)] != id("core", "p2") {
		t.Errorf("hosts %v: each on its edge port, no device's own address, none of VRRP", where)
	}
}
