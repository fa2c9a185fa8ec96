package storage_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

// A real file system runs full from outside while the store holds rows in
// memory; the engine would end the process.
func TestADiskFilledFromOutsideDoesNotEndTheProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=192m"); err != nil {
		t.Skipf("mounts a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) }) // after the store is closed
	cfg := config(filepath.Join(disk, "spate"))
	cfg.MinFree = 64 << 20
	e := open(t, cfg)
	tr := newTraffic(4)
	at := storagetest.Start()
	feed := func() {
		t.Helper()
		at = at.Add(storagetest.Step)
		for d := range tr.devices {
			put(t, e, tr.round(d, at))
		}
	}
	until := func(what string, done func() bool) {
		t.Helper()
		pace := time.NewTicker(200 * time.Millisecond) // the ring holds 90 slots, 18 s
		defer pace.Stop()
		for began := time.Now(); !done(); <-pace.C {
			if feed(); time.Since(began) > 30*time.Second {
				t.Fatalf("waited 30 s until %s: %+v", what, e.Status())
			}
		}
	}
	feed()
	fill(t, filepath.Join(disk, "near"), 130<<20) // below the limit, and the store has the rest
	until("the guard closes", func() bool { return e.Status().ReadOnly })
	fill(t, filepath.Join(disk, "whole"), 1<<30)
	held := time.Now()
	until("the engine has flushed twice", func() bool { return time.Since(held) > 11*time.Second })
	if !strings.Contains(e.Status().Reason, "min_free") {
		t.Errorf("status %+v", e.Status())
	}
	id := tr.ports[0][0].ID
	if f := ask(t, e, id, at.Add(-time.Minute), at, 6); f.Covered != 1 {
		t.Error("the newest minute is not seen while the disk is full")
	}
	for _, name := range []string{"near", "whole"} {
		if err := os.Remove(filepath.Join(disk, name)); err != nil {
			t.Fatal(err)
		}
	}
	until("writing resumes", func() bool { return !e.Status().ReadOnly })
	feed()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, cfg)
	for slot, v := range ask(t, e, id, storagetest.Start(), at, 4096).Series[0].Avg {
		if v != v {
			t.Errorf("slot %d is lost, of a time without disk shorter than the ring", slot)
		}
	}
}

// fill writes a file of size octets, or as many as there is room for.
func fill(t *testing.T, path string, size int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for n := 0; n < size && err == nil; n += len(block) {
		_, err = f.Write(block)
	}
	if err != nil && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, io.ErrShortWrite) {
		t.Fatal(err)
	}
}

// Damage is told in words, when the store is opened or when the damaged month is
// asked for. It ends neither the process nor the writing.
func TestDamagedFilesAreToldNotDiedOf(t *testing.T) {
	cut := func(b []byte) []byte { return b[:len(b)/2] }
	twist := func(b []byte) []byte {
		for i := range b {
			b[i] ^= byte(i*7 + 1)
		}
		return b
	}
	for _, c := range []struct {
		name, files string
		spoil       func([]byte) []byte
	}{
		{"values cut", "raw/data/small/*/*/values.bin", cut},
		{"values twisted", "raw/data/small/*/*/values.bin", twist},
		{"times cut", "raw/data/small/*/*/timestamps.bin", cut},
		{"index cut", "raw/data/small/*/*/index.bin", cut},
		{"index twisted", "raw/data/small/*/*/index.bin", twist},
		{"top index cut", "raw/data/small/*/*/metaindex.bin", cut},
		{"top index twisted", "raw/data/small/*/*/metaindex.bin", twist},
		{"index of names cut", "raw/data/indexdb/*/*/index.bin", cut},
		{"top index of names twisted", "raw/data/indexdb/*/*/metaindex.bin", twist},
		{"list of names cut", "raw/data/indexdb/*/parts.json", cut},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			e := open(t, config(dir))
			base := storagetest.Start()
			for i := range 500 {
				put(t, e, round(gi1, base.Add(time.Duration(i+1)*10*time.Second), 10*time.Second, float64(i*i%7919)))
			}
			e.Close()
			files, err := filepath.Glob(filepath.Join(dir, c.files))
			if err != nil || len(files) == 0 {
				t.Fatalf("no file like %s: %v", c.files, err)
			}
			for _, file := range files {
				b, err := os.ReadFile(file)
				if err == nil {
					err = os.WriteFile(file, c.spoil(b), 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			e, err = storage.Open(config(dir), quiet())
			if err == nil {
				_, err = e.Query(t.Context(), spate.Query{Ports: []spate.PortID{gi1}, Metrics: []spate.Metric{spate.InBps}, From: base, To: base.Add(time.Hour), Width: 100})
				e.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "stor") {
				t.Errorf("error %v, want one that names the damage", err)
			}
		})
	}
}
