package storage_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/storage"
)

// A store over its budget lets its oldest month of slots go, says so, and goes on
// answering from the coarser tiers.
func TestAStoreOverItsBudgetDropsItsOldestMonth(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.RetentionRaw = 120 * 24 * time.Hour
	now := time.Now().UTC()
	old := time.Date(now.Year(), now.Month()-2, 10, 0, 0, 0, 0, time.UTC)
	e := open(t, cfg)
	for i := range 360 {
		put(t, e, round(gi1, old.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, float64(i*i%9973)))
	}
	for i := range 360 {
		put(t, e, round(gi1, old.AddDate(0, 1, 0).Add(time.Duration(i+1)*10*time.Second), 10*time.Second, 5))
	}
	put(t, e, round(gi1, now.Truncate(10*time.Second), 10*time.Second, 7))
	put(t, e, round(gi1, now.Truncate(10*time.Second).Add(10*time.Second), 10*time.Second, 7))
	flush(t, e)
	if st := e.Status(); st.Note != "" || st.Tiers[0].Keep != cfg.RetentionRaw {
		t.Errorf("without a budget: %+v", st)
	}
	e.Close()

	var log bytes.Buffer
	cfg.Budget = 10 // octets
	e, err := storage.Open(cfg, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	flush(t, e)
	st := e.Status()
	first := time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, time.UTC)
	if got := st.Tiers[0].Keep - now.Sub(first); got < -time.Minute || got > time.Minute {
		t.Errorf("slots are kept for %v, want %v: one whole month less", st.Tiers[0].Keep, now.Sub(first))
	}
	if !strings.Contains(st.Note, "raw is kept for") || !strings.Contains(st.Note, "storage.budget") || !strings.Contains(log.String(), "oldest month is dropped") {
		t.Errorf("note %q, log %s", st.Note, &log)
	}
	f := ask(t, e, gi1, old, old.Add(time.Hour), 360)
	if f.Tier != spate.TierFiveMinutes || f.Covered != 1 {
		t.Errorf("two months ago: tier %s, %d covered; want five_minutes", f.Tier, f.Covered)
	}
	f = ask(t, e, gi1, old.AddDate(0, 1, 0), old.AddDate(0, 1, 0).Add(time.Hour), 360)
	if f.Tier != spate.TierRaw || f.Series[0].Avg[100] != 5 {
		t.Errorf("a month ago: tier %s, %v; want raw and 5", f.Tier, f.Series[0].Avg[100])
	}
	put(t, e, round(gi1, now.Truncate(10*time.Second).Add(20*time.Second), 10*time.Second, 9))
	flush(t, e)
	if v := ask(t, e, gi1, now.Truncate(10*time.Second), now.Add(30*time.Second), 10).Series[0].Stats.Max; v != 9 {
		t.Errorf("after the change %v, want 9: writing has ended", v)
	}
}

func TestABudgetThatCannotBeKeptIsTold(t *testing.T) {
	cfg := config(t.TempDir())
	e := open(t, cfg)
	now := time.Now().Truncate(10 * time.Second)
	for i := range 30 {
		put(t, e, round(gi1, now.Add(time.Duration(i-30)*10*time.Second), 10*time.Second, float64(i)))
	}
	e.Close()
	cfg.Budget = 10
	e = open(t, cfg)
	flush(t, e)
	if note := e.Status().Note; !strings.Contains(note, "storage.budget is 10 B") || !strings.Contains(note, "raise it") {
		t.Errorf("note %q", note)
	}
}

func TestTheForecastIsWhatWasMeasured(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Budget = 20e9
	e := open(t, cfg)
	if st := e.Status(); st.ForecastYearBytes != -1 {
		t.Errorf("before any rate: %d octets", st.ForecastYearBytes)
	}
	storage.SetPace(e, 8000) // 10,000 ports x 8 every 10 s
	st := e.Status()
	// 66 days of slots at 1.4 octets, a year of five minutes and hours
	if st.ForecastYearBytes < 75e9 || st.ForecastYearBytes > 95e9 {
		t.Errorf("10,000 ports x 8: %v in a year, want some 85 GB", spate.Octets(st.ForecastYearBytes))
	}
	if !strings.Contains(st.Note, "at this rate the store takes") {
		t.Errorf("note %q", st.Note)
	}
}
