package lab_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"spate"
	"spate/lab/fabric"
	"spate/topology"
)

// learned lets a graph watch a network for some minutes.
func learned(n *fabric.Net, minutes int) *topology.View {
	external := map[string][]string{}
	for _, p := range n.Outside {
		external[p.Device.Name] = append(external[p.Device.Name], p.Name)
	}
	g := topology.New(topology.Config{External: external})
	var v *topology.View
	for range 3 {
		n.Run(n.Now().Add(time.Duration(minutes)*time.Minute/3), time.Minute, g.Accept)
		for _, d := range n.Devices {
			if d.Polled {
				g.Learn(n.Tables(d))
			}
		}
		v = g.View(n.Now())
	}
	return v
}

type score struct{ links, found, right, wrong, sureWrong, hosts, hostsRight, ports, roles int }

func (s *score) add(o score) {
	s.links += o.links
	s.found += o.found
	s.right += o.right
	s.wrong += o.wrong
	s.sureWrong += o.sureWrong
	s.hosts += o.hosts
	s.hostsRight += o.hostsRight
	s.ports += o.ports
	s.roles += o.roles
}

func judge(t *testing.T, n *fabric.Net, v *topology.View) score {
	t.Helper()
	var s score
	truth := map[[2]spate.PortID]bool{}
	for _, l := range n.Links() {
		truth[[2]spate.PortID{l.A, l.B}] = true
	}
	s.links, s.found = len(truth), len(v.Links)
	for _, l := range v.Links {
		if truth[[2]spate.PortID{l.A, l.B}] {
			s.right++
			delete(truth, [2]spate.PortID{l.A, l.B})
			continue
		}
		s.wrong++
		if l.Confidence >= 0.9 {
			s.sureWrong++
		}
		t.Log("wrong:", l.A, l.B, l.Confidence, l.Evidence)
	}
	if len(truth) < 10 {
		for l := range truth {
			t.Log("missing:", l[0], l[1], n.Port(l[0]).Blocked)
		}
	}
	where := map[spate.MAC]spate.PortID{}
	for _, h := range v.Hosts {
		where[h.MAC] = h.Port
	}
	for _, h := range n.Hosts {
		if !h.Port.Device.Polled {
			continue
		}
		s.hosts++
		if where[h.MAC] == h.Port.ID() {
			s.hostsRight++
		} else if s.hosts-s.hostsRight < 10 {
			t.Log("host:", h.Name, h.Port.ID(), "seen at", where[h.MAC])
		}
	}
	for _, d := range n.Devices {
		if !d.Polled {
			continue
		}
		for _, p := range d.Ports {
			s.ports++
			if got := v.Role(p.ID()); got == p.Role() {
				s.roles++
			} else if s.ports-s.roles < 10 {
				t.Log("role:", p.ID(), p.Role(), "taken for", got, v.PortRole(p.ID()).Evidence)
			}
		}
	}
	return s
}

// shapes are the networks of the table.
func shapes() map[string]func(uint64) fabric.Shape {
	out := map[string]func(uint64) fabric.Shape{"5 switches": fabric.Small5, "50 switches": fabric.Medium50}
	if os.Getenv("SPATE_LARGE") != "" {
		out["500 switches"] = fabric.Large500
	}
	return out
}

// TestLinksRolesAndHostsOfSimulatedTrees judges what is found against the truth:
// all of it where every device announces itself, nearly all where half are silent.
func TestLinksRolesAndHostsOfSimulatedTrees(t *testing.T) {
	for name, shape := range shapes() {
		for _, missing := range []float64{0, 0.2, 0.5} {
			t.Run(fmt.Sprintf("%s, %.0f %% of links silent", name, missing*100), func(t *testing.T) {
				var sum score
				for seed := range uint64(2) {
					s := shape(seed + 1)
					s.NoLLDP, s.Step = missing, 2*time.Minute
					s.Cores = max(s.Cores, 1+int(seed%2))
					s.Start = time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC)
					n := fabric.New(s)
					sum.add(judge(t, n, learned(n, 60)))
				}
				t.Logf("%+v", sum)
				least := 1.0
				if missing > 0 {
					least = 0.98
				}
				for _, c := range []struct {
					what      string
					right, of int
					least     float64
				}{
					{"links", sum.right, sum.links, least}, {"roles", sum.roles, sum.ports, least}, {"hosts", sum.hostsRight, sum.hosts, 1},
				} {
					if float64(c.right) < c.least*float64(c.of) {
						t.Errorf("%d of %d %s are right, want %.0f %%", c.right, c.of, c.what, 100*c.least)
					}
				}
				if float64(sum.sureWrong) >= 0.005*float64(sum.found) && sum.sureWrong > 0 {
					t.Errorf("%d of %d links are wrong at a confidence of 0.9 or more", sum.sureWrong, sum.found)
				}
			})
		}
	}
}
