package main

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"spate"
	"spate/storage"
)

func TestChangesOfPortsAndDevicesAreNotedOnce(t *testing.T) {
	state, err := storage.OpenState(filepath.Join(t.TempDir(), stateFile), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	c := newChronicle(state, slog.New(slog.DiscardHandler))
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	port := func(speed spate.BitRate, oper spate.Status) *spate.Port {
		return &spate.Port{ID: spate.PortID{Device: "sw-1", Name: "Gi1"}, Speed: speed, Oper: oper}
	}
	round := func(p *spate.Port, gap spate.Gap) {
		at = at.Add(10 * time.Second)
		c.Accept(t.Context(), &spate.Round{Device: spate.Device{Name: "sw-1"}, At: at, Readings: []spate.Reading{{Port: p, Gap: gap}}})
	}
	gigabit := port(1e9, spate.StatusUp)
	round(gigabit, "")
	round(gigabit, "")
	round(port(1e8, spate.StatusUp), "")
	round(port(1e8, spate.StatusDown), "")
	round(port(1e8, spate.StatusLowerLayerDown), "") // still down
	round(port(1e8, spate.StatusLowerLayerDown), spate.GapRestart)
	c.flush()
	got, err := state.Changes("sw-1", at.Add(-time.Hour), at.Add(time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, x := range got {
		words = append(words, string(x.Kind)+" "+x.Port.Name+" "+x.Text)
	}
	want := []string{"speed Gi1 speed 100 Mb/s, was 1 Gb/s", "state Gi1 down", "restart  restart"}
	if len(words) != len(want) {
		t.Fatalf("noted %q, want %q", words, want)
	}
	for i := range want {
		if words[i] != want[i] {
			t.Errorf("noted %q, want %q", words[i], want[i])
		}
	}
	for i := range 1000 { // a port that flaps
		round(port(1e8, [2]spate.Status{spate.StatusUp, spate.StatusDown}[i%2]), "")
	}
	c.flush()
	if got, _ = state.Changes("sw-1", at.Add(-24*time.Hour), at.Add(time.Hour), 5000); len(got) > 4*changesAnHour {
		t.Errorf("%d changes of a port that flaps for three hours", len(got))
	}
}
