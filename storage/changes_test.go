package storage

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"spate"
)

func TestChangesAreKeptByDeviceAndTime(t *testing.T) {
	s, err := OpenState(filepath.Join(t.TempDir(), "state.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var list []spate.Change
	for i, device := range []string{"sw-1", "sw-1", "sw-10", "sw-1"} {
		list = append(list, spate.Change{At: begin.Add(time.Duration(i) * time.Hour), Port: spate.PortID{Device: device, Name: "Gi1"}, Kind: spate.ChangeSpeed, Text: "speed"})
	}
	list = append(list, spate.Change{At: begin, Port: spate.PortID{Device: "sw-1"}, Kind: spate.ChangeRestart, Text: "restart"})
	if err := s.SaveChanges(list); err != nil {
		t.Fatal(err)
	}
	count := func(device string, from, to time.Time, most int) int {
		got, err := s.Changes(device, from, to, most)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range got {
			if c.Port.Device != device || i > 0 && c.At.Before(got[i-1].At) {
				t.Errorf("%s: %+v", device, got)
			}
		}
		return len(got)
	}
	day := 24 * time.Hour
	for _, tt := range []struct {
		device   string
		from, to time.Time
		most     int
		want     int
	}{
		{"sw-1", begin.Add(-day), begin.Add(day), 100, 4},
		{"sw-1", begin.Add(-day), begin.Add(day), 2, 2},
		{"sw-1", begin, begin.Add(time.Hour), 100, 2}, // to is not in it
		{"sw-1", begin.Add(2 * time.Hour), begin.Add(day), 100, 1},
		{"sw-10", begin.Add(-day), begin.Add(day), 100, 1},
		{"sw", begin.Add(-day), begin.Add(day), 100, 0},
	} {
		if got := count(tt.device, tt.from, tt.to, tt.most); got != tt.want {
			t.Errorf("%s from %v to %v: %d, want %d", tt.device, tt.from, tt.to, got, tt.want)
		}
	}
	if err := s.PruneChanges(begin.Add(2 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := count("sw-1", begin.Add(-day), begin.Add(day), 100); got != 1 {
		t.Errorf("after pruning %d are left of sw-1", got)
	}
}
