package suspect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spate"
	"spate/suspect"
)

// maze is a topology as nobody would build it.
type maze struct {
	far    map[spate.PortID]spate.PortID
	bundle map[spate.PortID]spate.PortID
	role   map[spate.PortID]spate.Role
	macs   int
}

func (m *maze) Far(id spate.PortID) (spate.PortID, float64, bool) {
	far, ok := m.far[id]
	return far, 0.9, ok
}
func (m *maze) Bundle(id spate.PortID) (spate.PortID, bool) {
	lag, ok := m.bundle[id]
	return lag, ok
}
func (m *maze) Role(id spate.PortID) spate.Role { return m.role[id] }
func (m *maze) Stations(spate.PortID) int       { return m.macs }

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// excess is a port's window: so much in and out beyond nothing, marked or not.
func excess(id spate.PortID, at time.Time, in, out float64, marked bool) spate.Excess {
	e := spate.Excess{Port: &spate.Port{ID: id, Speed: 1e9, SpeedSource: spate.SpeedFromIfHighSpeed}, From: at.Add(-time.Minute), To: at}
	e.Rate[spate.InBps], e.Rate[spate.OutBps] = in, out
	e.Rate[spate.InPps], e.Rate[spate.OutPps] = in/8000, out/8000
	for m := range spate.NumUsual {
		e.Floor[m] = 20e6
	}
	e.Marked[spate.InBps], e.Marked[spate.OutBps] = marked && in > 50e6, marked && out > 50e6
	return e
}

func port(d, p int) spate.PortID {
	return spate.PortID{Device: fmt.Sprintf("sw-%d", d), Name: fmt.Sprint(p)}
}

// TestATopologyThatContradictsItselfEnds traces floods through links in circles, to
// themselves, one-way, to ports that are not there, and bundles of bundles.
func TestATopologyThatContradictsItselfEnds(t *testing.T) {
	roles := []spate.Role{spate.RoleAccess, spate.RoleUplink, spate.RoleExternal, spate.RoleLAG, spate.RoleVirtual, spate.RoleUnknown}
	for seed := range uint64(300) {
		dice := rand.New(rand.NewPCG(seed, 1))
		m := &maze{far: map[spate.PortID]spate.PortID{}, bundle: map[spate.PortID]spate.PortID{}, role: map[spate.PortID]spate.Role{}, macs: dice.IntN(40)}
		anyPort := func() spate.PortID { return port(dice.IntN(7), dice.IntN(12)) } // of six devices with ten ports each
		for range 40 {
			m.far[anyPort()] = anyPort()
			m.role[anyPort()] = roles[dice.IntN(len(roles))]
		}
		for range 5 {
			m.bundle[anyPort()] = anyPort()
		}
		n := suspect.NewNetwork()
		for round := range 4 {
			for d := range 6 {
				at := start.Add(time.Duration(round)*time.Minute + time.Duration(d)*7*time.Second)
				var all []spate.Excess
				for p := range 10 {
					in, out := 0.0, 0.0
					if round > 1 {
						in, out = dice.Float64()*900e6, dice.Float64()*900e6
					}
					all = append(all, excess(port(d, p), at, in, out, dice.IntN(3) == 0))
				}
				if dice.IntN(8) == 0 {
					n.Accept(fmt.Sprintf("sw-%d", d), at, nil, fmt.Errorf("no answer"))
					continue
				}
				n.Accept(fmt.Sprintf("sw-%d", d), at, all, nil)
			}
		}
		for _, f := range n.Findings(m) {
			for _, o := range append(f.Origins, f.RunnerUp...) {
				if o.Port == nil || !(o.Confidence >= 0 && o.Confidence <= 1) || math.IsInf(o.OverBps, 0) {
					t.Fatalf("seed %d: %+v", seed, o)
				}
			}
			if len(f.Path) > 2*2*14 || len(f.Victims) > 20 || len(f.Origins) > 16 {
				t.Fatalf("seed %d: a path of %d hops, %d victims, %d origins", seed, len(f.Path), len(f.Victims), len(f.Origins))
			}
		}
	}
}

// chain is host - sw-0 - sw-1 - outside, with 600 Mb/s through it in the last rounds.
func chain(n *suspect.Network, dark bool) *maze {
	m := &maze{
		far:  map[spate.PortID]spate.PortID{port(0, 9): port(1, 0), port(1, 0): port(0, 9)},
		role: map[spate.PortID]spate.Role{port(0, 9): spate.RoleUplink, port(1, 0): spate.RoleUplink, port(1, 1): spate.RoleExternal, port(0, 3): spate.RoleAccess},
	}
	for round := range 8 {
		at, v := start.Add(time.Duration(round)*time.Minute), 1e6
		if round > 5 {
			v = 600e6
		}
		if dark && round > 5 {
			n.Accept("sw-0", at, nil, fmt.Errorf("no answer"))
		} else {
			n.Accept("sw-0", at, []spate.Excess{excess(port(0, 3), at, v, 0, true), excess(port(0, 9), at, 0, v, false)}, nil)
		}
		n.Accept("sw-1", at, []spate.Excess{excess(port(1, 0), at, v, 0, true), excess(port(1, 1), at, 0, v, true)}, nil)
	}
	return m
}

// A small burst of one idle port says nothing; the same at once on as many as a flood is
// copied to does, and names the port it comes in by.
func TestSmallBurstsCountWhereManyHaveThem(t *testing.T) {
	for copies, want := range map[int]bool{8: false, 12: true} {
		n := suspect.NewNetwork()
		m := &maze{role: map[spate.PortID]spate.Role{}, macs: 1}
		for round := range 8 {
			at, v := start.Add(time.Duration(round)*time.Minute), 0.1e6
			if round > 5 {
				v = 30e6
			}
			var all []spate.Excess
			for p := range 20 {
				m.role[port(0, p)] = spate.RoleAccess
				in, out := 0.0, 0.0
				switch {
				case p == 3:
					in = v
				case p > 3 && p <= 3+copies:
					out = v
				}
				e := excess(port(0, p), at, in, out, false)
				e.Hinted[spate.InBps], e.Hinted[spate.OutBps] = in > 20e6, out > 20e6
				all = append(all, e)
			}
			n.Accept("sw-0", at, all, nil)
		}
		found := n.Findings(m)
		if got := len(found) == 1 && found[0].Kind == spate.KindUnicastFlood && found[0].Origins[0].Port.ID == port(0, 3); got != want || !want && len(found) > 0 {
			t.Errorf("%d copies: %+v", copies, found)
		}
	}
}

// What leaves by the port of the origin are answers: it is not its own victim.
func TestAnOriginIsNotItsOwnVictim(t *testing.T) {
	n := suspect.NewNetwork()
	m := &maze{role: map[spate.PortID]spate.Role{port(0, 1): spate.RoleExternal, port(0, 3): spate.RoleAccess, port(0, 4): spate.RoleAccess}, macs: 1}
	for round := range 8 {
		at, v := start.Add(time.Duration(round)*time.Minute), 0.01
		if round > 5 {
			v = 1
		}
		n.Accept("sw-0", at, []spate.Excess{
			excess(port(0, 1), at, v*900e6, v*400e6, round > 5), excess(port(0, 3), at, v*200e6, v*450e6, round > 5), excess(port(0, 4), at, v*200e6, v*450e6, round > 5),
			excess(port(0, 5), at, 0, 0, false),
		}, nil)
	}
	found := n.Findings(m)
	if len(found) == 0 || found[0].Origins[0].Port.ID != port(0, 1) {
		t.Fatalf("found %+v", found)
	}
	if v := found[0].Victims; len(v) != 2 || slices.Contains(v, port(0, 1)) {
		t.Errorf("victims are %v", v)
	}
}

func TestAFloodIsTracedToItsEdgeWithItsWay(t *testing.T) {
	n := suspect.NewNetwork()
	found := n.Findings(chain(n, false))
	if len(found) != 1 || len(found[0].Origins) != 1 || found[0].Origins[0].Port.ID != port(0, 3) {
		t.Fatalf("found %+v", found)
	}
	f := found[0]
	if f.Origins[0].Confidence < 0.9 || len(f.Path) != 4 || f.Path[3].Port != "1" || f.Path[3].Device != "sw-1" {
		t.Errorf("confidence %v, path %+v", f.Origins[0].Confidence, f.Path)
	}
	if since := f.Onset.Sub(start.Add(5 * time.Minute)).Abs(); since > 10*time.Second {
		t.Errorf("since %v", f.Onset)
	}
}

func TestAnOriginThatWentDarkIsNamedByThePortThatLeadsToIt(t *testing.T) {
	n := suspect.NewNetwork()
	found := n.Findings(chain(n, true))
	if len(found) != 1 || found[0].Origins[0].Port.ID != port(1, 0) {
		t.Fatalf("found %+v", found)
	}
	if o := found[0].Origins[0]; o.Note == "" || o.Confidence >= 1 {
		t.Errorf("it is said of %v that %q, confidence %v", o.Port.ID, o.Note, o.Confidence)
	}
}

// A machine that says itself what it sends is traced as the port at the other end of its
// wire would be, and its way says that it sends.
func TestAMachineThatSendsIsAnEdge(t *testing.T) {
	n := suspect.NewNetwork()
	for round := range 8 {
		at, v := start.Add(time.Duration(round)*time.Minute), 1e6
		if round > 5 {
			v = 600e6
		}
		e := excess(port(3, 1), at, 0, v, true)
		n.Accept("sw-3", at, []spate.Excess{e.Turned()}, nil)
	}
	found := n.Findings(&maze{})
	if len(found) != 1 || found[0].Origins[0].Port.ID != port(3, 1) || len(found[0].Path) == 0 || found[0].Path[0].Direction != "out" {
		t.Fatalf("found %+v", found)
	}
}
