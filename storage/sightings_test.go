package storage_test

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"spate"
	"spate/storage"
)

func sightings(t *testing.T, path string) (*storage.State, *storage.Sightings) {
	t.Helper()
	s, err := storage.OpenState(path, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	h, err := s.Sightings()
	if err != nil {
		t.Fatal(err)
	}
	return s, h
}

func hostAt(last byte, port string, at time.Time) spate.Host {
	return spate.Host{MAC: spate.MAC{2, 0, 0, 0, 0, last}, VLAN: 10, IPs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, last})},
		Port: spate.PortID{Device: "sw-1", Name: port}, SeenAt: at, FirstSeen: at}
}

// Who was here at 14:02: also when the host has moved since, or is gone, and after
// a restart.
func TestWhoWasHereThen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	state, h := sightings(t, path)
	day := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	at := func(hour, minute int) time.Time {
		return day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
	}
	for minute := 0; minute < 6*60; minute += 5 {
		now := at(12, minute)
		hosts := []spate.Host{hostAt(1, "Gi1/0/1", now), hostAt(9, "Gi1/0/9", now)}
		if now.After(at(14, 30)) {
			hosts[0].Port.Name = "Gi1/0/2" // moved
		}
		if now.Before(at(15, 0)) {
			hosts = append(hosts, hostAt(3, "Gi1/0/1", now)) // gone at three
		}
		if err := h.Keep(hosts, now); err != nil {
			t.Fatal(err)
		}
	}
	check := func(h *storage.Sightings) {
		t.Helper()
		for _, c := range []struct {
			port string
			at   time.Time
			want []byte
		}{
			{"Gi1/0/1", at(14, 2), []byte{1, 3}}, {"Gi1/0/1", at(14, 50), []byte{3}}, {"Gi1/0/1", at(17, 0), nil}, {"Gi1/0/1", at(11, 0), nil},
			{"Gi1/0/2", at(17, 0), []byte{1}}, {"Gi1/0/2", at(14, 0), nil}, {"Gi1/0/9", at(13, 0), []byte{9}}, {"Gi1/0/", at(14, 2), nil},
		} {
			got, err := h.At(spate.PortID{Device: "sw-1", Name: c.port}, c.at)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[byte]bool{}
			for _, x := range got {
				seen[x.MAC[5]] = true
			}
			ok := len(got) == len(c.want)
			for _, w := range c.want {
				ok = ok && seen[w]
			}
			if !ok {
				t.Errorf("at %s on %s: %v, want %v", c.at.Format("15:04"), c.port, got, c.want)
			}
		}
		of, err := h.Of(spate.MAC{2, 0, 0, 0, 0, 1})
		if err != nil || len(of) != 2 || of[0].Port.Name != "Gi1/0/2" || of[0].Moves != 1 || !of[0].First.Equal(at(12, 0)) {
			t.Errorf("the ports of host 1: %+v, %v", of, err)
		}
	}
	check(h)
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	_, h = sightings(t, path)
	check(h)
	if err := h.Prune(at(16, 0)); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.At(spate.PortID{Device: "sw-1", Name: "Gi1/0/1"}, at(14, 2)); len(got) != 0 {
		t.Errorf("after pruning: %v", got)
	}
	if got, _ := h.At(spate.PortID{Device: "sw-1", Name: "Gi1/0/2"}, at(17, 0)); len(got) != 1 {
		t.Errorf("pruning took the present: %v", got)
	}
}

// 40,000 hosts that stay cost a write each half hour, not each view.
func TestHostsThatStayAreNotWritten(t *testing.T) {
	state, h := sightings(t, filepath.Join(t.TempDir(), "state.db"))
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	hosts := make([]spate.Host, 0, 2000)
	for i := range 2000 {
		x := hostAt(byte(i), "Gi1/0/1", now)
		x.MAC[4] = byte(i >> 8)
		hosts = append(hosts, x)
	}
	keep := func() int64 {
		t.Helper()
		before := storage.PagesWritten(state)
		if err := h.Keep(hosts, now); err != nil {
			t.Fatal(err)
		}
		return storage.PagesWritten(state) - before
	}
	if keep() == 0 {
		t.Error("the first time nothing was written")
	}
	for range 5 {
		now = now.Add(time.Minute)
		for i := range hosts {
			hosts[i].SeenAt = now
		}
		if n := keep(); n != 0 {
			t.Errorf("%d pages were written of hosts that stayed", n)
		}
	}
}
