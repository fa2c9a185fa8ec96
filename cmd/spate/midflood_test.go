package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"spate/lab/fabric"
	"spate/lab/live"
)

// TestAKillInMidFloodKeepsTheIncident kills the process without warning while a flood
// lasts: the next one goes on with the same incident.
func TestAKillInMidFloodKeepsTheIncident(t *testing.T) {
	if testing.Short() {
		t.Skip("two processes live for half a minute each")
	}
	shape := fabric.Shape{Seed: 8, Start: time.Now(), Step: 2 * time.Second, Borders: 1, Cores: 1, Pods: 1, Access: 2, Ports: 16, Fill: 0.8}
	net, err := live.New(shape)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- net.Run(ctx) }()
	t.Cleanup(func() { end(); <-done })
	config := fmt.Sprintf("[server]\nlisten = \"127.0.0.1:0\"\n[storage]\npath = %q\n[poller]\ninterval = \"1s\"\n[host]\nenabled = false\n[snmp.default]\ncommunity = \"public\"\n", t.TempDir())
	for _, d := range net.Devices() {
		config += fmt.Sprintf("[[device]]\nname = %q\naddress = %q\n", d.Name, d.Address)
		if len(d.External) > 0 {
			config += fmt.Sprintf("external = [\"%s\"]\n", strings.Join(d.External, `", "`))
		}
	}
	first := startServe(t, config)
	untilLong(t, "all links are known", func() bool {
		var got struct {
			Links []json.RawMessage
			Hosts int `json:"host_count"`
		}
		return first.ask(t, "/api/v1/topology", &got) && len(got.Links) >= 4
	})
	var host *fabric.Host
	net.Net(func(n *fabric.Net) { host = quietOne(n) })
	f := net.Add(fabric.Flood{Kind: fabric.ToOutside, Start: net.Now().Add(time.Second), End: net.Now().Add(10 * time.Minute), Bps: 850e6, Hosts: []*fabric.Host{host}})
	id := first.openIncident(t, f)

	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.cmd.Wait()
	second := startServe(t, config)
	if again := second.openIncident(t, f); again != id {
		t.Errorf("after the kill the flood is %s, it was %s", again, id)
	}
	time.Sleep(5 * time.Second)
	var all incidentList
	if !second.ask(t, "/api/v1/incidents", &all) || len(all.Incidents) != 1 {
		t.Errorf("after the kill there are %d incidents, want 1: %+v", len(all.Incidents), all)
	}
}

type incidentList struct {
	Incidents []struct {
		ID, State, Summary string
		Origin             *struct{ Device, Port string }
	}
}

// ask gives whether the answer could be read.
func (s *serving) ask(t *testing.T, path string, into any) bool {
	t.Helper()
	answer, err := http.Get(s.url + path)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK && json.NewDecoder(answer.Body).Decode(into) == nil
}

// openIncident waits for an open incident that names the flood's port.
func (s *serving) openIncident(t *testing.T, f *fabric.Flood) (id string) {
	t.Helper()
	want := f.OriginIDs()[0]
	untilLong(t, "the flood has a name", func() bool {
		var got incidentList
		if !s.ask(t, "/api/v1/incidents", &got) {
			return false
		}
		for _, in := range got.Incidents {
			if in.State == "open" && in.Origin != nil && in.Origin.Device == want.Device && in.Origin.Port == want.Name {
				id = in.ID
			}
		}
		var now struct {
			Suspects []struct{ Device, Port string }
		}
		return id != "" && s.ask(t, "/api/v1/suspects", &now) && len(now.Suspects) > 0 && now.Suspects[0].Port == want.Name
	})
	return id
}

func quietOne(n *fabric.Net) *fabric.Host {
	for _, h := range n.Hosts {
		if !h.Busy && len(h.Port.Hosts) == 1 {
			return h
		}
	}
	panic("no host is alone on its port")
}
