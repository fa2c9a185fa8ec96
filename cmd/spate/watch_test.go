package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spate/cmd/spate/config"
)

func TestDamagedBaselinesAreKeptAsideAndLearnedAnew(t *testing.T) {
	cfg, err := config.Loader{Env: func(string) (string, bool) { return "", false }}.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Storage.Path, cfg.Host.Enabled = t.TempDir(), false
	path := filepath.Join(cfg.Storage.Path, snapshotFile)
	open := func() string {
		var log bytes.Buffer
		s, err := newSite(cfg, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.close(); err != nil { // writes them
			t.Fatal(err)
		}
		return log.String()
	}
	open()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("no baselines are written at the end: %v", err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-3], 0o640); err != nil {
		t.Fatal(err)
	}
	if said := open(); !strings.Contains(said, "learned anew") {
		t.Errorf("baselines that are cut short are taken without a word: %s", said)
	}
	kept, err := os.ReadFile(path + ".damaged")
	if err != nil || !bytes.Equal(kept, whole[:len(whole)-3]) {
		t.Errorf("the damaged file is not kept: %v", err)
	}
	if said := open(); strings.Contains(said, "learned anew") {
		t.Errorf("the file written after it is damaged too: %s", said)
	}
}
