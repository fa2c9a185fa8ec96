package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"testing"
	"time"

	"spate"
	"spate/host"
	"spate/topology"
)

// noStore takes rounds and keeps none.
type noStore struct{}

func (noStore) Accept(context.Context, *spate.Round)        {}
func (noStore) Backlog(context.Context, *spate.Round) error { return nil }

// A server that goes dark with its switch is told with it: it is beside the switch that
// has its MAC, and beside itself where it is polled too.
func TestAMachineIsBesideItsSwitch(t *testing.T) {
	a := &agents{}
	a.fleet = host.NewFleet(10*time.Second, noStore{}, func(name string) (spate.Device, error) {
		if name == "web-18" {
			name += agentSuffix // it is polled too
		}
		return spate.Device{Name: name, Address: agentAddress}, nil
	}, slog.New(slog.DiscardHandler))
	for name, mac := range map[string]string{"web-17": "02:00:00:00:00:17", "web-18": "02:00:00:00:00:18", "far": "02:00:00:00:00:99"} {
		var body bytes.Buffer
		lines := json.NewEncoder(&body)
		now, boot, run := time.Now().UnixMilli(), "11111111-2222", "aaaaaaaaaaaaaaaa"
		_ = lines.Encode(host.Header{Version: host.Protocol, Host: name, Boot: boot, Run: run, At: now, Up: 1000, IntervalS: 10})
		_ = lines.Encode(host.Snapshot{At: now, Up: 1000, Boot: boot, Run: run, IntervalS: 10, Interfaces: []host.Interface{
			{Name: "eth0", Index: 2, Type: "ethernetCsmacd", Admin: "up", Oper: "up", MAC: mac, IPs: []string{"10.2.0.17"}, Counters: map[string]uint64{"out_octets": 7}},
		}})
		if got, err := a.fleet.Take(t.Context(), name, &body); err != nil || got.Taken != 1 {
			t.Fatalf("%s: %+v %v", name, got, err)
		}
	}
	g := topology.New(topology.Config{})
	sw := spate.Device{Name: "sw-acc-1"}
	at := time.Now()
	var readings []spate.Reading
	for i, name := range []string{"Gi1/0/7", "Gi1/0/8"} {
		readings = append(readings, spate.Reading{Port: &spate.Port{ID: spate.PortID{Device: sw.Name, Name: name}, IfIndex: 7 + i, Type: "ethernetCsmacd", Speed: 1e9, Admin: spate.StatusUp, Oper: spate.StatusUp}})
	}
	g.Retain(map[string]bool{sw.Name: true})
	g.Accept(&spate.Round{Device: sw, At: at, Readings: readings})
	g.Learn(&spate.Tables{Device: sw.Name, At: at, Stations: []spate.Station{
		{MAC: spate.MAC{2, 0, 0, 0, 0, 0x17}, Port: "Gi1/0/7"}, {MAC: spate.MAC{2, 0, 0, 0, 0, 0x18}, Port: "Gi1/0/8"},
	}, Read: map[spate.TableKind]spate.TableRead{}})
	view := g.View(at)
	for machine, want := range map[string][]string{"web-17": {"sw-acc-1"}, "web-18.agent": {"web-18", "sw-acc-1"}, "far": nil, "sw-acc-1": nil, "nobody": nil} {
		around := surroundings{View: view, machines: a.beside}
		if got := around.Beside(machine); !slices.Equal(got, want) {
			t.Errorf("%s is beside %v, want %v", machine, got, want)
		}
	}
}
