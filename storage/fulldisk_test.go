package storage_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spate"
	"spate/storage/storagetest"
)

// A store fills its small disk by itself, somebody else takes the rest, and it
// stays so for minutes: longer than anything the engine keeps in memory for.
func TestAStoreFillsItsDiskAndWaitsForMinutes(t *testing.T) {
	if os.Getenv("SPATE_LONG") == "" {
		t.Skip("takes six minutes: make test-long")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=512m"); err != nil {
		t.Fatalf("mounts a small disk, as root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) }) // after the store is closed
	ballast, rest := filepath.Join(disk, "ballast"), filepath.Join(disk, "rest")
	fill(t, ballast, 128<<20)

	var mu sync.Mutex
	var told []string
	cfg := config(filepath.Join(disk, "spate"))
	cfg.Queue = 4 // what waits there when the disk is full would be more than the ring holds
	cfg.Told = func(trouble string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, trouble)
	}
	e := open(t, cfg)
	at := storagetest.Start()
	rnd := rand.New(rand.NewPCG(3, 3))
	ports := make([]spate.Port, 2000)
	for p := range ports {
		ports[p].ID = spate.PortID{Device: "sw-1", Name: string(rune('A'+p%26)) + strings.Repeat("x", p/26)}
	}
	feed := func(n int) { // values that pack badly
		at = at.Add(storagetest.Step)
		r := &spate.Round{Device: spate.Device{Name: "sw-1"}, At: at}
		for p := range ports[:n] {
			rate := spate.Rate{At: at, Over: storagetest.Step}
			for m := range rate.Values {
				rate.Values[m] = math.Floor(rnd.Float64() * 1e12)
			}
			r.Readings = append(r.Readings, spate.Reading{Port: &ports[p], Rate: rate})
		}
		put(t, e, r)
	}
	began, slots := time.Now(), 0
	for ; !e.Status().ReadOnly; slots++ {
		if feed(len(ports)); time.Since(began) > 5*time.Minute {
			t.Fatalf("not full after %d slots of %d values: %+v", slots, len(ports)*int(spate.NumMetrics), e.Status())
		}
	}
	full := time.Now()
	flush(t, e) // the writer has seen it, and all is on disk
	t.Logf("full after %v: %d values; %s", time.Since(began).Round(time.Second), slots*len(ports)*int(spate.NumMetrics), e.Status().Reason)
	fill(t, rest, 1<<30)
	const held = 3 * time.Minute
	from := at
	for pace := time.NewTicker(2500 * time.Millisecond); time.Since(full) < held; <-pace.C { // 72 slots: the ring has 90
		feed(10)
	}
	f := ask(t, e, ports[0].ID, at.Add(-time.Minute), at, 6)
	if st := e.Status(); !st.ReadOnly || !strings.Contains(st.Reason, "min_free") || f.Covered != 1 {
		t.Errorf("after %v: %+v, %d of the newest minute", held, st, f.Covered)
	}
	for _, file := range []string{ballast, rest} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	for pace := time.NewTicker(time.Second); e.Status().ReadOnly; <-pace.C {
		if feed(10); time.Since(full) > held+time.Minute {
			t.Fatalf("a minute after there was room: %+v", e.Status())
		}
	}
	feed(10)
	flush(t, e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, cfg)
	for slot, v := range ask(t, e, ports[0].ID, from, at, 4096).Series[0].Avg {
		if v != v {
			t.Errorf("slot %d of the time without disk is lost", slot)
		}
	}
	whole := ask(t, e, ports[9].ID, storagetest.Start(), from.Add(-time.Minute), 4096)
	for slot, v := range whole.Series[0].Avg {
		if v != v {
			t.Errorf("slot %d of the time before is lost", slot)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 2 || !strings.Contains(told[0], "min_free") || told[1] != "" {
		t.Errorf("told %q, want the trouble and its end", told)
	}
}
