package storage_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"spate"
	"spate/storage"
)

func state(t *testing.T, path string) *storage.State {
	t.Helper()
	st, err := storage.OpenState(path, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func devices(t *testing.T, st *storage.State) []storage.DeviceRecord {
	t.Helper()
	all, err := st.Devices()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func save(t *testing.T, st *storage.State, recs ...storage.DeviceRecord) {
	t.Helper()
	if err := st.SaveDevice(recs...); err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// found is a discovery of sw-1 with ports of the given names.
func found(at time.Time, names ...string) storage.DeviceRecord {
	d := storage.DeviceRecord{
		Device:   spate.Device{Name: "sw-1", Address: "192.0.2.1:161", Site: "fra"},
		System:   spate.System{Name: "sw-1.example.net", Descr: "a \"switch\" <b>", Vendor: "Cisco", Uptime: time.Hour},
		Limits:   json.RawMessage(`{"rows":12}`),
		LastSeen: at,
	}
	for i, n := range names {
		d.Ports = append(d.Ports, storage.PortRecord{LastSeen: at, Port: spate.Port{
			ID: spate.PortID{Device: "sw-1", Name: n}, IfIndex: i + 1, Alias: "to größe", Descr: "d", Type: "ethernetCsmacd", MAC: "02:00:00:00:00:01",
			Speed: 1e9, SpeedSource: spate.SpeedFromIfHighSpeed, Admin: spate.StatusUp, Oper: spate.StatusDown, HighLayer: i == 1,
		}})
	}
	return d
}

func TestASilentDeviceIsStillKnownAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "state.db")
	st := state(t, path)
	save(t, st, found(noon, "Gi1/0/1", "Vlan1"))
	st.Close()

	want := found(noon, "Gi1/0/1", "Vlan1")
	want.FirstSeen = noon
	for i := range want.Ports {
		want.Ports[i].FirstSeen = noon
	}
	if diff := cmp.Diff([]storage.DeviceRecord{want}, devices(t, state(t, path))); diff != "" {
		t.Errorf("devices (-want +got):\n%s", diff)
	}
}

func TestAPortThatVanishedIsRememberedUntilItIsPruned(t *testing.T) {
	st := state(t, filepath.Join(t.TempDir(), "state.db"))
	save(t, st, found(noon, "Gi1/0/1", "Gi1/0/2"))
	save(t, st, found(noon.Add(5*time.Minute), "Gi1/0/1"))
	save(t, st, found(noon.Add(2*time.Hour), "Gi1/0/1", "Gi1/0/3"))
	ports := devices(t, st)[0].Ports
	got := map[string]storage.PortRecord{}
	for _, p := range ports {
		got[p.Port.ID.Name] = p
	}
	if len(ports) != 3 || !got["Gi1/0/1"].Removed.IsZero() || !got["Gi1/0/2"].Removed.Equal(noon.Add(5*time.Minute)) || !got["Gi1/0/3"].FirstSeen.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("ports %+v", ports)
	}
	if !got["Gi1/0/1"].FirstSeen.Equal(noon) || !got["Gi1/0/1"].LastSeen.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("the port that stayed: seen %v to %v", got["Gi1/0/1"].FirstSeen, got["Gi1/0/1"].LastSeen)
	}
	save(t, st, found(noon.Add(3*time.Hour), "Gi1/0/1", "Gi1/0/2", "Gi1/0/3"))
	for _, p := range devices(t, st)[0].Ports {
		if !p.Removed.IsZero() {
			t.Errorf("%s is back and still marked as removed", p.Port.ID)
		}
	}
	save(t, st, found(noon.Add(4*time.Hour), "Gi1/0/1"))
	if err := st.Prune(noon.Add(4*time.Hour + time.Second)); err != nil {
		t.Fatal(err)
	}
	if ports := devices(t, st)[0].Ports; len(ports) != 1 || ports[0].Port.ID.Name != "Gi1/0/1" {
		t.Errorf("after pruning: %+v", ports)
	}
}

func TestADeviceTakenFromTheConfigurationIsForgottenInTime(t *testing.T) {
	st := state(t, filepath.Join(t.TempDir(), "state.db"))
	other := found(noon, "Gi1/0/1")
	other.Device.Name = "sw-2"
	save(t, st, found(noon, "Gi1/0/1"), other)
	retain := func(at time.Time, names ...string) {
		t.Helper()
		if err := st.Retain(func(d string) bool { return strings.Contains(strings.Join(names, " "), d) }, at); err != nil {
			t.Fatal(err)
		}
	}
	retain(noon, "sw-1", "sw-2")
	retain(noon.Add(time.Hour), "sw-2")
	retain(noon.Add(2*time.Hour), "sw-2") // the first time counts
	if d := devices(t, st); !d[0].Removed.Equal(noon.Add(time.Hour)) || !d[1].Removed.IsZero() {
		t.Errorf("removed: %v, %v", d[0].Removed, d[1].Removed)
	}
	if err := st.Prune(noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := len(devices(t, st)); n != 2 {
		t.Errorf("%d devices just before the time, want 2", n)
	}
	if err := st.Prune(noon.Add(time.Hour + 1)); err != nil {
		t.Fatal(err)
	}
	if d := devices(t, st); len(d) != 1 || d[0].Device.Name != "sw-2" {
		t.Errorf("after pruning: %+v", d)
	}
	retain(noon.Add(3*time.Hour), "none")
	retain(noon.Add(4*time.Hour), "sw-2")
	if d := devices(t, st); !d[0].Removed.IsZero() {
		t.Error("configured again and still marked as removed")
	}
}

// 10,000 devices discover some each second; a discovery that brings nothing new
// must not wait for the disk.
func TestADiscoveryThatBringsNothingNewIsNotWritten(t *testing.T) {
	st := state(t, filepath.Join(t.TempDir(), "state.db"))
	save(t, st, found(noon, "Gi1/0/1"))
	before := storage.PagesWritten(st)
	again := found(noon.Add(5*time.Minute), "Gi1/0/1")
	again.System.Uptime += 5 * time.Minute
	save(t, st, again)
	if after := storage.PagesWritten(st); after != before {
		t.Errorf("%d pages written, want none", after-before)
	}
	again.Ports[0].Port.Alias = "another"
	save(t, st, again)
	if d := devices(t, st); d[0].Ports[0].Port.Alias != "another" {
		t.Error("a new alias is not stored")
	}
}

func TestStateThatCannotBeOpenedSaysWhy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	st := state(t, path)
	began := time.Now()
	_, err := storage.OpenState(path, quiet())
	if err == nil || !strings.Contains(err.Error(), "in use by another Spate") || !strings.Contains(err.Error(), path) || time.Since(began) > 5*time.Second {
		t.Errorf("locked: %v after %v", err, time.Since(began))
	}
	st.Close()

	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte{0, 0, 0, 0, 0, 0, 0, 99})
	})
	db.Close()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := storage.OpenState(path, quiet()); err == nil || !strings.Contains(err.Error(), "newer Spate (schema 99") {
		t.Errorf("newer: %v", err)
	}

	write(t, filepath.Join(dir, "junk.db"), strings.Repeat("no database\n", 1000))
	if _, err := storage.OpenState(filepath.Join(dir, "junk.db"), quiet()); err == nil || !strings.Contains(err.Error(), "damaged or no state.db") {
		t.Errorf("junk: %v", err)
	}
	write(t, filepath.Join(dir, "file"), "x")
	if _, err := storage.OpenState(filepath.Join(dir, "file", "state.db"), quiet()); err == nil || !strings.Contains(err.Error(), "storage.path") {
		t.Errorf("below a file: %v", err)
	}
}

func TestStoredDevicesKeepTheirShape(t *testing.T) {
	d := found(noon, "Gi1/0/1")
	d.FirstSeen, d.Ports[0].FirstSeen, d.Ports[0].Removed, d.Removed = noon, noon, noon, noon
	b, err := storage.EncodeDevice(&d)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"name":"sw-1","address":"192.0.2.1:161","site":"fra","sys_name":"sw-1.example.net","sys_descr":"a \"switch\" \u003cb\u003e","vendor":"Cisco","uptime_ms":3600000,` +
		`"limits":{"rows":12},"first_seen":1772366400000,"last_seen":1772366400000,"removed":1772366400000,"ports":[{"name":"Gi1/0/1","if_index":1,"alias":"to größe","descr":"d",` +
		`"type":"ethernetCsmacd","mac":"02:00:00:00:00:01","speed_bps":1000000000,"speed_source":"ifHighSpeed","admin":"up","oper":"down",` +
		`"first_seen":1772366400000,"last_seen":1772366400000,"removed":1772366400000}]}`
	if string(b) != want {
		t.Errorf("stored as\n%s, want\n%s\nfiles of this shape are out there: a new one needs a new version", b, want)
	}
}

func FuzzDecodeDevice(f *testing.F) {
	d := found(noon, "Gi1/0/1")
	good, _ := storage.EncodeDevice(&d)
	f.Add(good)
	f.Add([]byte(`{"v":2,"name":"sw-1"}`))
	f.Add([]byte(`{"v":1,"name":"x","limits":[1,2,{}],"ports":[{"name":"a"},{"name":"a"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := storage.DecodeDevice(b)
		if err != nil {
			return
		}
		if d.Device.Name == "" {
			t.Fatalf("%q gives a device without a name", b)
		}
		once, err := storage.EncodeDevice(&d)
		if err != nil {
			t.Fatalf("%q was read and cannot be stored: %v", b, err)
		}
		d, err = storage.DecodeDevice(once)
		if err != nil {
			t.Fatalf("%q was stored and cannot be read: %v", once, err)
		}
		if twice, _ := storage.EncodeDevice(&d); !bytes.Equal(once, twice) {
			t.Fatalf("stored as %q, then as %q", once, twice)
		}
	})
}
