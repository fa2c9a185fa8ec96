package storage

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"spate"
)

func TestIncidentsAreKeptByTimeAcrossARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s, err := OpenState(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range 5 {
		at := begin.Add(time.Duration(i) * time.Hour)
		in := &spate.Incident{ID: at.Format(incidentTime), State: spate.IncidentClosed, DetectedAt: at, Summary: fmt.Sprint(i), RateBps: spate.Unknown()}
		if i == 0 {
			in.State = spate.IncidentOpen
		}
		if err := s.SaveIncident(spate.IncidentRecord{Incident: in, Ports: []spate.PortID{{Device: "sw-1", Name: "Gi1/0/1"}}, Paged: i%2 == 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = OpenState(path, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list := func(from, to time.Time, before string) (out []string) {
		if err := s.Incidents(from, to, before, func(r spate.IncidentRecord) bool { out = append(out, r.Incident.Summary); return true }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	day := begin.Add(24 * time.Hour)
	for _, x := range []struct {
		from, to time.Time
		before   string
		want     string
	}{
		{begin, day, "", "[4 3 2 1 0]"},
		{begin.Add(time.Hour), begin.Add(3 * time.Hour), "", "[2 1]"},
		{begin, day, begin.Add(2 * time.Hour).Format(incidentTime), "[1 0]"},
		{day, day.Add(time.Hour), "", "[]"},
	} {
		if got := fmt.Sprint(list(x.from, x.to, x.before)); got != x.want {
			t.Errorf("from %v to %v before %q: %s, want %s", x.from, x.to, x.before, got, x.want)
		}
	}
	r, ok := s.Incident(begin.Add(time.Hour).Format(incidentTime))
	if !ok || !r.Paged || len(r.Ports) != 1 || r.Incident.RateBps.Known() {
		t.Errorf("what was kept is %+v, %v", r, ok)
	}
	if err := s.PruneIncidents(begin.Add(2 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(list(begin, day, "")); got != "[4 3 2 0]" { // what is open stays
		t.Errorf("after pruning: %s", got)
	}
}
