package storage_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

// hourOf asks for one hour in one column.
func hourOf(t *testing.T, e *storage.Embedded, id spate.PortID, from time.Time) (avg, most, total float64, tier spate.Tier) {
	t.Helper()
	flush(t, e)
	f := ask(t, e, id, from, from.Add(time.Hour), 1)
	s := f.Series[0]
	return s.Avg[0], s.Max[0], s.Stats.Total, f.Tier
}

// A process that is killed leaves no snapshot, one with a bad disk half of one.
func TestOpenBucketsAreMadeAnewOfSlots(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, file string){
		"no snapshot after a kill": func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		},
		"a snapshot cut short": func(t *testing.T, file string) {
			if err := os.Truncate(file, 40); err != nil {
				t.Fatal(err)
			}
		},
		"a snapshot with a bit flipped": func(t *testing.T, file string) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 1
			write(t, file, string(b))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			base := storagetest.Start()
			e := open(t, config(dir))
			feed := func(from, to int) {
				for i := from; i < to; i++ {
					put(t, e, round(gi1, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, float64(10*i)))
				}
			}
			feed(0, 100)
			e.Close()
			spoil(t, filepath.Join(dir, "open-buckets"))
			e = open(t, config(dir))
			if _, err := os.Stat(filepath.Join(dir, "open-buckets")); err == nil {
				t.Error("the snapshot is still there: after a kill it would be taken for the newest")
			}
			check := func(n int) {
				t.Helper()
				want := float64(10*(n-1)) / 2
				avg, most, total, tier := hourOf(t, e, gi1, base)
				if tier != spate.TierHour || avg != want || most != float64(10*(n-1)) || total != want*float64(10*n)/8 {
					t.Errorf("after %d slots: %s has mean %v, greatest %v, total %v; want %v, %v, %v", n, tier, avg, most, total, want, 10*(n-1), want*float64(10*n)/8)
				}
			}
			check(100)
			feed(100, 300)
			check(300)
			e.Close()
			e = open(t, config(dir))
			check(300)
		})
	}
}

// A change of poller.interval in the middle of an hour must not break it.
func TestAnHourOfTwoStepsIsOneHour(t *testing.T) {
	dir := t.TempDir()
	e := open(t, config(dir))
	base := time.Now().Truncate(time.Hour)
	for i := range 60 {
		put(t, e, round(gi1, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, 100))
	}
	e.Close()
	cfg := config(dir)
	cfg.Step = time.Minute
	e = open(t, cfg)
	next := time.Now().Truncate(time.Minute).Add(2 * time.Minute)
	if next.Add(10*time.Minute).Truncate(time.Hour) != base {
		t.Skip("the hour is nearly over")
	}
	for i := range 10 {
		put(t, e, round(gi1, next.Add(time.Duration(i+1)*time.Minute), time.Minute, 400))
	}
	avg, most, total, tier := hourOf(t, e, gi1, base)
	if tier != spate.TierHour || avg != 250 || most != 400 || total != 250*1200/8 {
		t.Errorf("%s: mean %v, greatest %v, total %v; want 250, 400 and %v", tier, avg, most, total, 250*1200/8)
	}
}

func TestBucketsOfAFullDiskAreWrittenWhenThereIsRoom(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.MinFree = 100 << 20
	var free atomic.Uint64
	free.Store(1 << 40)
	cfg.FreeSpace = func(string) (uint64, uint64, error) { return free.Load(), 1 << 40, nil }
	e := open(t, cfg)
	base := storagetest.Start()
	for i := range 3 * 360 {
		switch i {
		case 30:
			flush(t, e)
			free.Store(0)
			flush(t, e)
		case 2 * 360:
			flush(t, e)
			free.Store(1 << 40)
			flush(t, e)
		}
		put(t, e, round(gi1, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, float64(i)))
	}
	flush(t, e)
	e.Close()
	e = open(t, cfg) // from disk
	f := ask(t, e, gi1, base, base.Add(3*time.Hour), 36)
	if f.Tier != spate.TierFiveMinutes {
		t.Fatalf("tier %s", f.Tier)
	}
	for i, v := range f.Series[0].Avg {
		if want := float64(30*i) + 14.5; v != want {
			t.Errorf("five minutes %d of a time with a full disk: %v, want %v", i, v, want)
		}
	}
}

// Retention is a setting of the start: nothing is written anew.
func TestARetentionMayChangeAtARestart(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-50 * 24 * time.Hour).Truncate(time.Hour)
	cfg := config(dir)
	cfg.RetentionRaw = 90 * 24 * time.Hour
	e := open(t, cfg)
	for i := range 360 {
		put(t, e, round(gi1, old.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, float64(i)))
	}
	tierOf := func() spate.Tier {
		t.Helper()
		flush(t, e)
		f := ask(t, e, gi1, old, old.Add(10*time.Minute), 600)
		if f.Covered != 1 || math.Abs(f.Series[0].Stats.Mean-29.5) > 0.01 {
			t.Errorf("tier %s: %d covered, mean %v, want 29.5", f.Tier, f.Covered, f.Series[0].Stats.Mean)
		}
		return f.Tier
	}
	if got := tierOf(); got != spate.TierRaw {
		t.Errorf("with 90 days of raw: tier %s", got)
	}
	e.Close()
	e = open(t, config(dir))
	if got := tierOf(); got != spate.TierFiveMinutes {
		t.Errorf("with 35 days of raw, fifty days ago: tier %s", got)
	}
	e.Close()
	cfg.RetentionRaw = 90 * 24 * time.Hour
	e = open(t, cfg)
	if got := tierOf(); got != spate.TierRaw {
		t.Errorf("with 90 days again, before the month was dropped: tier %s", got)
	}
}

func FuzzSnapshot(f *testing.F) {
	var b bytes.Buffer
	if err := storage.WriteSnapshot(&b, gi1, 12_345_678_900, []float64{1, 2.5, math.NaN(), 0}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("spateacc\x01\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		again, err := storage.RestoreSnapshot(storage.Sealed(in))
		if err != nil {
			return
		}
		twice, err := storage.RestoreSnapshot(again)
		if err != nil || len(twice) != len(again) {
			t.Fatalf("what was restored of %q gives %q, which gives %q, %v", in, again, twice, err)
		}
	})
}

func TestASnapshotIsWholeOrNothing(t *testing.T) {
	var b bytes.Buffer
	if err := storage.WriteSnapshot(&b, gi1, 12_345_678_900, []float64{1, 2.5, math.NaN(), 0, 7}); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	if again, err := storage.RestoreSnapshot(whole); err != nil || !bytes.Equal(again, whole) {
		t.Fatalf("restored and written again: %d octets of %d, %v", len(again), len(whole), err)
	}
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x10
		if _, err := storage.RestoreSnapshot(bad); err == nil {
			t.Errorf("octet %d changed: it is taken all the same", i)
		}
		if _, err := storage.RestoreSnapshot(whole[:i]); err == nil {
			t.Errorf("%d octets of it are taken", i)
		}
	}
}
