package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

// A backup taken while rates come in, put back, is the store at that moment: every
// slot before it, the open slot and the open buckets too.
func TestABackupIsTheStoreAtOneMoment(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "deep", "backup")
	e := open(t, config(dir))
	base := storagetest.Start()
	const before = 500
	for i := range before {
		put(t, e, round(gi1, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, float64(i+1)))
	}
	put(t, e, round(gi1, base.Add(before*10*time.Second+7*time.Second), 7*time.Second, 1000))
	flush(t, e)
	stop := make(chan struct{})
	var feeding sync.WaitGroup
	feeding.Go(func() { // another port goes on
		other := spate.PortID{Device: "sw-2", Name: "Te1/1"}
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				_ = e.Write(context.Background(), round(other, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, 5))
			}
			if i == 300 { // within the hour after which a silent port's slot is closed
				i = 0
			}
		}
	})
	told := int64(0)
	m, err := e.Backup(t.Context(), to, "0.1.0", []storage.Extra{{Name: "state.db", Write: func(w io.Writer) error { _, err := io.WriteString(w, "state"); return err }}},
		func(done, total int64) { told = total })
	close(stop)
	feeding.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != "0.1.0" || len(m.Files) < 5 || m.Bytes() < told {
		t.Errorf("%d files, %d octets, told of %d", len(m.Files), m.Bytes(), told)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", "snapshots", "*")); len(left) > 0 {
		t.Errorf("held still: %v", left)
	}
	put(t, e, round(gi1, base.Add((before+1)*10*time.Second), 3*time.Second, 9999)) // not in it
	flush(t, e)
	if _, err := e.Backup(t.Context(), to, "", nil, nil); err == nil || !strings.Contains(err.Error(), "holds something") {
		t.Errorf("a second one into the same folder: %v", err)
	}

	again := filepath.Join(t.TempDir(), "data")
	if _, moved, err := storage.Restore(t.Context(), to, again, false, nil); err != nil || moved != "" {
		t.Fatalf("restore: %v, moved %q", err, moved)
	}
	if b, err := os.ReadFile(filepath.Join(again, "state.db")); err != nil || string(b) != "state" {
		t.Errorf("state.db holds %q, %v", b, err)
	}
	r := open(t, config(again))
	for i, x := range slotsOf(t, r, gi1, before) {
		if x != float64(i+1) {
			t.Fatalf("slot %d is %v, want %d", i, x, i+1)
		}
	}
	put(t, r, round(gi1, base.Add((before+1)*10*time.Second), 3*time.Second, 2000))
	flush(t, r)
	if x := slotsOf(t, r, gi1, before+1)[before]; x != 1300 {
		t.Errorf("the slot that was open is %v, want 1300: 7 s of 1000 and 3 s of 2000", x)
	}
	f := ask(t, r, gi1, base.Truncate(time.Hour), base.Truncate(time.Hour).Add(2*time.Hour), 2)
	if want := float64(before*(before+1)/2*10+13000) / 8; f.Tier != spate.TierHour || f.Series[0].Stats.Total < want*0.9999 || f.Series[0].Stats.Total > want*1.0001 {
		t.Errorf("tier %s has %v octets, want %v", f.Tier, f.Series[0].Stats.Total, want)
	}
}

// The folder of a backup is a store's as it is.
func TestABackupMayBeOpenedInPlace(t *testing.T) {
	e := open(t, config(t.TempDir()))
	feedMinutes(t, e, gi1, 30)
	to := filepath.Join(t.TempDir(), "b")
	if _, err := e.Backup(t.Context(), to, "", nil, nil); err != nil {
		t.Fatal(err)
	}
	r := open(t, config(to))
	flush(t, r)
	if x := slotsOf(t, r, gi1, 30); x[0] != 1 || x[29] != 30 {
		t.Errorf("slots %v", x)
	}
}

func TestBackupsThatCannotBeAreRefused(t *testing.T) {
	dir := t.TempDir()
	e := open(t, config(dir))
	feedMinutes(t, e, gi1, 3)
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "letters.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{
		"relative": "absolute", filepath.Join(dir, "inside"): "own folder", dir: "own folder", filepath.Dir(dir): "own folder",
		full: "letters.txt", "/proc/nobody/may": "may",
	} {
		if _, err := e.Backup(t.Context(), to, "", nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", to, err, want)
		}
	}
	if b, err := os.ReadFile(filepath.Join(full, "letters.txt")); err != nil || string(b) != "mine" {
		t.Errorf("what was there is %q, %v", b, err)
	}
	gone, end := context.WithCancel(t.Context())
	to := filepath.Join(t.TempDir(), "cut")
	_, err := e.Backup(gone, to, "", []storage.Extra{{Name: "state.db", Write: func(w io.Writer) error { end(); _, err := w.Write([]byte("x")); return err }}}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was begun is left: %v", err)
	}
}

func TestRestoresThatCannotBeAreRefused(t *testing.T) {
	e := open(t, config(t.TempDir()))
	feedMinutes(t, e, gi1, 300)
	from := filepath.Join(t.TempDir(), "backup")
	if _, err := e.Backup(t.Context(), from, "", nil, nil); err != nil {
		t.Fatal(err)
	}
	busy := t.TempDir()
	open(t, config(busy))
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		to    string
		aside bool
		want  string
	}{{busy, false, "in use"}, {busy, true, "in use"}, {foreign, false, "-force"}} {
		if _, _, err := storage.Restore(t.Context(), from, c.to, c.aside, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("to %s: %v, want an error with %q", c.to, err, c.want)
		}
	}
	_, moved, err := storage.Restore(t.Context(), from, foreign, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(moved, "mine")); err != nil {
		t.Errorf("what was moved aside: %v", err)
	}
	if _, _, err := storage.Restore(t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "x"), false, nil); err == nil || !strings.Contains(err.Error(), "no backup") {
		t.Errorf("from an empty folder: %v", err)
	}
	files, _ := filepath.Glob(filepath.Join(from, "raw", "data", "*", "*", "*", "values.bin"))
	if len(files) == 0 {
		t.Fatal("no values in the backup")
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "x")
	if _, _, err := storage.Restore(t.Context(), from, to, false, nil); err == nil || !strings.Contains(err.Error(), "values.bin") || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a twisted bit: %v", err)
	}
	if entries, _ := os.ReadDir(to); len(entries) > 0 {
		t.Errorf("half a restore is left: %v", entries)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"version":"0.1.0","at":"2026-11-25T00:00:00Z","files":[{"path":"spate-store","bytes":5,"sha256":"00"}]}`))
	f.Add([]byte(`{"format":1,"files":[{"path":"../../etc/passwd"},{"path":"spate-store"}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := storage.ParseManifest(in)
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if !filepath.IsLocal(file.Path) || bytes.HasPrefix([]byte(filepath.Clean(file.Path)), []byte("..")) {
				t.Fatalf("a file %q", file.Path)
			}
		}
	})
}
