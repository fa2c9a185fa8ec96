package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Spate that polls is backed up, the backup is put back elsewhere, and another
// Spate goes on with its history and its inventory.
func TestABackupIsTakenAndPutBack(t *testing.T) {
	folder, agent, to := t.TempDir(), agentUDP(t, "sw-1"), filepath.Join(t.TempDir(), "backup")
	begin := time.Now()
	first := startServe(t, everySecond(folder, agent))
	until(t, "five seconds of history", func() bool { return first.rated(t, "sw-1") && count(first.known(t, "sw-1", begin, time.Now())) >= 5 })
	code, out, errOut := at(t, first.url, "backup", to)
	if code != 0 || !strings.Contains(out, to+": ") {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	taken := time.Now()
	if code, _, errOut := at(t, first.url, "backup", to); code != 1 || !strings.Contains(errOut, "holds something") {
		t.Errorf("again: exit %d: %s", code, errOut)
	}
	if code, _, errOut := at(t, first.url, "backup", folder); code != 1 || !strings.Contains(errOut, "own folder") {
		t.Errorf("into the store: exit %d: %s", code, errOut)
	}
	file := filepath.Join(t.TempDir(), "config.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(everySecond(folder, agent))
	if code, _, errOut := at(t, "", "restore", to, "-config", file, "-force"); code != 1 || !strings.Contains(errOut, "in use") {
		t.Errorf("over a running Spate: exit %d: %s", code, errOut)
	}
	first.stop(t)
	elsewhere := filepath.Join(t.TempDir(), "data")
	write(everySecond(elsewhere, agent))
	if code, out, errOut := at(t, "", "restore", to, "-config", file); code != 0 || !strings.Contains(out, "start Spate") {
		t.Fatalf("restore: exit %d: %s%s", code, out, errOut)
	}
	if code, _, errOut := at(t, "", "restore", to, "-config", file); code != 1 || !strings.Contains(errOut, "-force") {
		t.Errorf("a second restore: exit %d: %s", code, errOut)
	}
	second := startServe(t, everySecond(elsewhere, agent))
	var ports struct{ Ports []apiPort }
	second.get(t, "/api/v1/ports?device=sw-1", &ports)
	if len(ports.Ports) != 4 {
		t.Errorf("%d ports right after the start, want the 4 of the inventory", len(ports.Ports))
	}
	if n := count(second.known(t, "sw-1", begin, taken)); n < 4 {
		t.Errorf("%d seconds of history came back, want those before the backup", n)
	}
}
