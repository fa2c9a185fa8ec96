package storage_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"spate"
	"spate/storage"
)

// A device that is renamed takes everything along, also past a restart; what the new
// name has by itself is joined with it.
func TestARenamedDeviceTakesEverythingAlong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	st, h := sightings(t, path)
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	at := func(hour int) time.Time { return begin.Add(time.Duration(hour) * time.Hour) }
	id := spate.PortID{Device: "sw-1", Name: "Gi1/0/1"}
	record := func(name string, hour int, ports ...string) storage.DeviceRecord {
		d := storage.DeviceRecord{Device: spate.Device{Name: name, Address: "192.0.2.1"}, LastSeen: at(hour), Limits: []byte(`{"rows":3}`)}
		for _, p := range ports {
			d.Ports = append(d.Ports, storage.PortRecord{Port: spate.Port{ID: spate.PortID{Device: name, Name: p}}, LastSeen: at(hour)})
		}
		return d
	}
	incident := &spate.Incident{ID: begin.Format("20060102-150405"), State: spate.IncidentClosed, DetectedAt: begin, Summary: "web-17 on sw-1 Gi1/0/1",
		Origin: &spate.Origin{Device: "sw-1", Port: id.Name}, Origins: spate.List[spate.Origin]{{Device: "sw-1"}}, Path: spate.List[spate.Hop]{{Device: "sw-1"}, {Device: "sw-2"}}, Victims: spate.List[spate.Place]{{Device: "sw-1"}}}
	now := record("sw-acc-1", 5, "Gi1/0/1", "Gi1/0/2")
	now.Limits = nil
	for _, err := range []error{
		st.SaveDevice(record("sw-1", 0, "Gi1/0/1", "Gi1/0/9"), record("sw-10", 0, "Gi1/0/1")), st.SaveDevice(record("sw-1", 1, "Gi1/0/1", "Gi1/0/9"), now),
		st.SaveChanges([]spate.Change{{At: at(1), Port: id, Kind: spate.ChangeSpeed, Text: "old"}, {At: at(1), Port: spate.PortID{Device: "sw-10"}, Text: "another"}, {At: at(5), Port: spate.PortID{Device: "sw-acc-1"}, Text: "new"}}),
		st.SaveIncident(spate.IncidentRecord{Incident: incident, Ports: []spate.PortID{id}}),
		h.Keep([]spate.Host{hostAt(1, "Gi1/0/1", at(0)), hostAt(2, "Gi1/0/1", at(0))}, at(0)),
		h.Keep([]spate.Host{hostAt(2, "Gi1/0/2", at(3))}, at(3)), // the first is gone, the second has moved
		st.Await(storage.Renaming{From: "sw-1", To: "sw-acc-1", Address: "192.0.2.1", At: at(4)}),
		st.Rename("sw-1", "sw-acc-1", at(6)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	look := func(st *storage.State, h *storage.Sightings) {
		t.Helper()
		devices, err := st.Devices()
		if err != nil || len(devices) != 2 || devices[0].Device.Name != "sw-10" || devices[1].Device.Name != "sw-acc-1" {
			t.Fatalf("devices %+v, %v", devices, err)
		}
		d := devices[1]
		var ports []string
		for _, p := range d.Ports {
			ports = append(ports, fmt.Sprint(p.Port.ID, " since ", p.FirstSeen.Sub(begin), " removed ", !p.Removed.IsZero()))
		}
		want := "[sw-acc-1 Gi1/0/1 since 0s removed false sw-acc-1 Gi1/0/2 since 5h0m0s removed false sw-acc-1 Gi1/0/9 since 0s removed true]"
		if fmt.Sprint(ports) != want || !d.FirstSeen.Equal(begin) || string(d.Limits) != `{"rows":3}` {
			t.Errorf("the device is %v since %v with %s", ports, d.FirstSeen, d.Limits)
		}
		for device, want := range map[string]string{"sw-1": "[]", "sw-10": "[another]", "sw-acc-1": "[old new]"} {
			list, err := st.Changes(device, begin, at(9), 10)
			said := []string{}
			for _, c := range list {
				said = append(said, c.Text)
			}
			if fmt.Sprint(said) != want || err != nil {
				t.Errorf("changes of %s: %v, %v", device, said, err)
			}
		}
		r, ok := st.Incident(incident.ID)
		in := r.Incident
		if !ok || in.Origin.Device != "sw-acc-1" || in.Origins[0].Device != "sw-acc-1" || in.Path[0].Device != "sw-acc-1" || in.Path[1].Device != "sw-2" || in.Victims[0].Device != "sw-acc-1" || r.Ports[0].Device != "sw-acc-1" ||
			in.Summary != incident.Summary || len(in.Timeline) != 1 || in.Timeline[0].Text != "sw-1 is called sw-acc-1 from here on" {
			t.Errorf("the incident is %+v", r)
		}
		for port, want := range map[spate.PortID]int{{Device: "sw-1", Name: "Gi1/0/1"}: 0, {Device: "sw-acc-1", Name: "Gi1/0/1"}: 2} {
			if list, err := h.At(port, at(0)); len(list) != want || err != nil {
				t.Errorf("hosts at %s: %+v, %v", port, list, err)
			}
		}
		for mac, want := range map[byte]string{1: "[sw-acc-1 Gi1/0/1]", 2: "[sw-acc-1 Gi1/0/2 sw-acc-1 Gi1/0/1]"} {
			list, err := h.Of(spate.MAC{2, 0, 0, 0, 0, mac})
			ports := []spate.PortID{}
			for _, x := range list {
				ports = append(ports, x.Port)
			}
			if fmt.Sprint(ports) != want || err != nil {
				t.Errorf("host %d was at %v, %v", mac, ports, err)
			}
		}
		names, err := st.Renamings()
		if err != nil || len(names.Waiting) != 0 || len(names.Undone) != 1 || len(names.Names.Of("sw-acc-1")) != 1 || !names.Names.Since("sw-1").Equal(at(6)) {
			t.Errorf("names %+v, %v", names, err)
		}
	}
	look(st, h)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st, h = sightings(t, path)
	look(st, h)
	moved := hostAt(2, "Gi1/0/2", at(7))
	moved.Port.Device, moved.IPs = "sw-acc-1", []netip.Addr{netip.MustParseAddr("10.0.0.2")}
	if err := h.Keep([]spate.Host{moved}, at(7)); err != nil {
		t.Fatal(err)
	}
	if list, _ := h.Of(moved.MAC); len(list) != 1+1 || list[0].Moves != 1 {
		t.Errorf("a host that stays where it is has moved: %+v", list)
	}
	if err := st.Done(); err != nil {
		t.Fatal(err)
	}
}
