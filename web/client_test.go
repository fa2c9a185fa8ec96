package web_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAClientGeneratedFromTheDescription has a client made of openapi.yaml in another
// language, and does with it what a chat bot does: list, look, silence, listen.
func TestAClientGeneratedFromTheDescription(t *testing.T) {
	if testing.Short() {
		t.Skip("npm is not started with -short")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm not found: no client is generated")
	}
	dir := t.TempDir()
	for _, file := range []string{"testdata/client/package.json", "testdata/client/package-lock.json", "testdata/client/tsconfig.json", "testdata/client/use.ts", "openapi.yaml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) (string, error) {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--fetch-retries", "1", "--fetch-timeout", "20000"); err != nil {
		t.Skipf("npm ci brings nothing (no network?): %v %.300s", err, out)
	}
	bin := filepath.Join(dir, "node_modules", ".bin")
	if out, err := run(filepath.Join(bin, "openapi-typescript"), "openapi.yaml", "-o", "api.ts"); err != nil {
		t.Fatalf("no client can be generated: %v %s", err, out)
	}
	if out, err := run(filepath.Join(bin, "tsc"), "-p", "."); err != nil {
		t.Fatalf("the client does not fit the description: %s", out)
	}
	r, d, n := closedRig(t)
	out, err := run("node", "use.js", "http://"+r.running(t), operatorToken)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got struct {
		Incident, Summary, Problem string
		PNG                        []int
		Silenced                   int
		Silences                   []string
		Event                      bool
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got.Incident != d.in.ID || got.Summary != d.in.Summary || !got.Event || got.Silenced != 201 || !slices.Equal(got.Silences, []string{"ticket 4711"}) || len(n.list) != 1 {
		t.Errorf("the client saw %+v", got)
	}
	if !slices.Equal(got.PNG, []int{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}) {
		t.Errorf("the picture begins with %v", got.PNG)
	}
	if !strings.Contains(got.Problem, `no device "none"`) {
		t.Errorf("the problem reads %q", got.Problem)
	}
}
