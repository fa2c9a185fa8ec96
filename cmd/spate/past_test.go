package main

import (
	"io"
	"log/slog"
	"math"
	"testing"
	"time"

	"spate"
	"spate/cmd/spate/config"
)

// remembering is a site that polls nothing and knows one port, whose history is given
// by a function for each step of a tier.
func remembering(t *testing.T, tier spate.Tier, step, back time.Duration, bps func(at time.Time) float64) *site {
	t.Helper()
	cfg, err := config.Loader{Env: func(string) (string, bool) { return "", false }}.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Storage.Path, cfg.Host.Enabled = t.TempDir(), false
	s, err := newSite(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	port := &spate.Port{ID: spate.PortID{Device: "sw-1", Name: "Gi1/0/1"}, IfIndex: 1, Speed: 1e9, SpeedSource: spate.SpeedFromIfHighSpeed, Oper: spate.StatusUp}
	s.inventory.Accept(t.Context(), &spate.Round{Device: spate.Device{Name: "sw-1"}, At: time.Now(), Readings: []spate.Reading{{Port: port}}})
	for _, m := range []spate.Metric{spate.InBps, spate.OutBps, spate.InPps, spate.OutPps} {
		h := spate.History{Port: port.ID, Tier: tier, Metric: m}
		to := time.Now().Truncate(step)
		for at := to.Add(-back).Truncate(step); at.Before(to); at = at.Add(step) {
			v := bps(at)
			switch m {
			case spate.OutBps:
				v /= 100
			case spate.InPps:
				v /= 8 * 900
			case spate.OutPps:
				v /= 8 * 900 * 50
			}
			h.Buckets = append(h.Buckets, spate.Bucket{At: at, Avg: v, Max: v})
		}
		if got, err := s.store.Import(t.Context(), h); err != nil || got.Written == 0 {
			t.Fatalf("%s: %+v, %v", m, got, err)
		}
	}
	if err := s.store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "what was imported can be read", func() bool {
		f, err := s.store.Query(t.Context(), spate.Query{Ports: []spate.PortID{port.ID}, Metrics: []spate.Metric{spate.OutPps}, From: time.Now().Add(-24 * time.Hour), To: time.Now(), Width: 24})
		return err == nil && f.Covered == 1
	})
	return s
}

func TestABacktestFindsTheFloodOfLastWeek(t *testing.T) {
	begin := time.Now().Add(-3 * 24 * time.Hour).Truncate(time.Hour)
	s := remembering(t, spate.TierFiveMinutes, 5*time.Minute, 24*24*time.Hour, func(at time.Time) float64 {
		if !at.Before(begin) && at.Before(begin.Add(time.Hour)) {
			return 900e6
		}
		return 30e6 + 10e6*math.Sin(float64(at.Unix())/9000)
	})
	parts := 0.0
	got, err := s.past.run(t.Context(), time.Now().Add(-7*24*time.Hour), time.Now(), "", func(part float64) { parts = part })
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Incidents) != 1 || got.Incidents[0].Origin == nil || got.Incidents[0].Origin.Device != "sw-1" {
		t.Fatalf("found %d incidents, want 1: %+v", len(got.Incidents), got.Incidents)
	}
	in := got.Incidents[0]
	if off := in.StartedAt.Sub(begin).Abs(); off > 6*time.Minute || in.State != spate.IncidentClosed {
		t.Errorf("%s: began at %v, want %v", in.Summary, in.StartedAt, begin)
	}
	if len(got.Marks) != 1 || got.Marks[0].Until.Sub(got.Marks[0].Since) < 55*time.Minute {
		t.Errorf("marks: %+v", got.Marks)
	}
	if got.Ports != 1 || parts < 0.99 {
		t.Errorf("%d ports, told to be at %v", got.Ports, parts)
	}
	if open := s.watch.desk.Open(); len(open) != 0 {
		t.Errorf("a backtest has opened a real incident: %s", open[0].Summary)
	}
	if _, err := s.past.run(t.Context(), time.Now().Add(-time.Hour), time.Now(), "sw-9", func(float64) {}); err == nil {
		t.Error("a device that nobody knows is tested")
	}
}

func TestWhatGrowsSlowlyStandsInTheWeeklyReport(t *testing.T) {
	now := time.Now()
	s := remembering(t, spate.TierHour, time.Hour, 40*24*time.Hour, func(at time.Time) float64 {
		return 100e6 * math.Exp2(now.Sub(at).Hours()/-24/28) // twice as much in four weeks
	})
	r := s.creep.report(t.Context(), now)
	if r.Ports != 1 || len(r.List) != 1 {
		t.Fatalf("report: %+v", r)
	}
	c := r.List[0]
	if c.Metric != spate.InBps || math.Abs(c.Now/c.Before-2) > 0.05 {
		t.Errorf("%v has grown from %v to %v", c.Metric, c.Before, c.Now)
	}
	for _, x := range []struct{ now, want string }{
		{"2026-11-25T20:00:00Z", "2026-11-30T06:00:00Z"}, {"2026-11-30T05:00:00Z", "2026-11-30T06:00:00Z"}, {"2026-11-30T06:00:00Z", "2026-12-07T06:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, x.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := monday(at).Format(time.RFC3339); got != x.want {
			t.Errorf("after %s comes %s, want %s", x.now, got, x.want)
		}
	}
}
