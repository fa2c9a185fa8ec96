package lab_test

import (
	"testing"
	"time"

	"spate"
	"spate/lab/fabric"
	"spate/topology"
)

// A flood flushes the forwarding tables, and a busy switch gives half of one: who
// was where before is still the answer, with its age.
func TestAFlushedTableKeepsWhoWasThere(t *testing.T) {
	n := fabric.New(fabric.Medium50(9))
	g := topology.New(topology.Config{})
	n.Run(n.Now().Add(time.Minute), time.Minute, g.Accept)
	good := map[string]*spate.Tables{}
	for _, d := range n.Devices {
		if d.Polled {
			good[d.Name] = n.Tables(d)
			g.Learn(good[d.Name])
		}
	}
	before := g.View(n.Now())
	where := map[spate.MAC]spate.PortID{}
	for _, h := range before.Hosts {
		where[h.MAC] = h.Port
	}
	if len(where) < 500 {
		t.Fatalf("%d hosts before", len(where))
	}
	for _, c := range []struct {
		name  string
		after time.Duration
		spoil func(i int, t *spate.Tables)
		aged  bool // hosts have the age of the last good reading
	}{
		{"half a table, not whole", 5 * time.Minute, func(i int, t *spate.Tables) {
			t.Stations = t.Stations[:len(t.Stations)/2]
			t.Read[spate.TableFDB] = spate.TableRead{Rows: len(t.Stations), Why: "no answer"}
		}, false},
		{"all tables flushed", 10 * time.Minute, func(i int, t *spate.Tables) {
			t.Stations = nil
			t.Read[spate.TableFDB] = spate.TableRead{Whole: true}
		}, false},
		{"a third learned again", 15 * time.Minute, func(i int, t *spate.Tables) {
			t.Stations = t.Stations[:len(t.Stations)/3]
			t.Read[spate.TableFDB] = spate.TableRead{Whole: true, Rows: len(t.Stations)}
		}, true},
	} {
		now := n.Now().Add(c.after)
		i := 0
		for name, table := range good {
			spoiled := *table
			spoiled.At = now
			spoiled.Read = map[spate.TableKind]spate.TableRead{}
			for k, r := range table.Read {
				spoiled.Read[k] = r
			}
			c.spoil(i, &spoiled)
			if i++; name != "" {
				g.Learn(&spoiled)
			}
		}
		v := g.View(now)
		found, old := map[spate.MAC]spate.PortID{}, 0
		for _, h := range v.Hosts {
			found[h.MAC] = h.Port
			if now.Sub(h.SeenAt) >= c.after-10*time.Minute && now.Sub(h.SeenAt) > 0 {
				old++
			}
			if h.Moves > 0 {
				t.Fatalf("%s: %s has moved to %s", c.name, h.MAC, h.Port)
			}
		}
		for mac, port := range where {
			if found[mac] != port {
				t.Errorf("%s: %s is on %v, was on %v", c.name, mac, found[mac], port)
			}
		}
		if c.aged && old == 0 {
			t.Errorf("%s: no host says how old its place is", c.name)
		}
		if len(v.Links) != len(before.Links) {
			t.Errorf("%s: %d links, want %d", c.name, len(v.Links), len(before.Links))
		}
	}
}
