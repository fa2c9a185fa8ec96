package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// askers are the commands that ask a running Spate, each with a command line that it
// understands.
func askers(dir string) map[string][]string {
	return map[string][]string{
		"top": {"top"}, "who": {"who"}, "find": {"find", "x"}, "status": {"status"}, "silence": {"silence"}, "backtest": {"backtest"}, "test-notify": {"test-notify", "x"},
		"graph": {"graph", "sw-1", "Gi1", "-o", filepath.Join(dir, "x.png")}, "rename": {"rename", "old", "new"}, "backup": {"backup", filepath.Join(dir, "b")},
		"export": {"export", "-device", "sw-1", "-port", "Gi1", "-from", "2026-01-01T00:00:00Z", "-to", "2026-01-01T01:00:00Z", "-step", "1h"},
	}
}

// alone are those that do not ask.
var alone = map[string]bool{"serve": true, "agent": true, "demo": true, "check": true, "walk": true, "discover": true, "man": true, "user": true, "token": true, "restore": true, "version": true, "import": true, "completion": true, "help": true}

// good answers as Spate does when all is well.
func good(w http.ResponseWriter, r *http.Request) {
	body := map[string]string{
		"top": topAnswer, "suspects": `{"suspects":[]}`, "find": `{"results":[{"kind":"port","text":"sw-1 Gi1"}]}`, "status": `{"version":"1","poller":{},"store":{},"notifier":{}}`, "silences": `{"silences":[]}`,
		"backtest": `{"result":{}}`, "test": `{"ok":true}`, "rename": `{"text":"old is now new"}`, "backup": `{"dir":"/x","files":1}`, "series": `{"from":"2026-01-01T00:00:00Z","to":"2026-01-01T01:00:00Z","step_s":3600,"series":{"in_bps":{"avg":[1],"max":[2]},"out_bps":{"avg":[1],"max":[2]}}}`,
	}[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
	kind := "application/json"
	if strings.HasSuffix(r.URL.Path, ".png") {
		kind, body = "image/png", "PNG"
	}
	w.Header().Set("Content-Type", kind)
	fmt.Fprint(w, body)
}

func failing(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"status":%d,"title":"no","detail":"not today"}`, status)
	}
}

// Every command is one that works alone or one that is looked at here.
func TestEveryCommandThatAsksPrintsJSONAndExitsAsPromised(t *testing.T) {
	list := askers(t.TempDir())
	root := newRoot(&app{})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if list[cmd.Name()] == nil && !alone[cmd.Name()] {
			t.Errorf("spate %s: what it prints and how it ends is not tested", cmd.Name())
		}
		if cmd.Short == "" || cmd.RunE == nil && !cmd.HasSubCommands() && cmd.Run == nil {
			t.Errorf("spate %s says nothing, or does nothing", cmd.Name())
		}
	}
	for name, args := range list {
		code, out, errOut := invoke(t, good, append([]string{"-json"}, args...)...)
		if code != 0 || errOut != "" {
			t.Errorf("%s -json: exit %d: %s", name, code, errOut)
		}
		if !json.Valid([]byte(out)) || strings.TrimSpace(out) == "" {
			t.Errorf("%s -json prints %q", name, out)
		}
		if code, out, errOut := invoke(t, good, args...); code != 0 || out == "" || errOut != "" {
			t.Errorf("%s: exit %d, prints %q, %s", name, code, out, errOut)
		}
		for status, want := range map[int]string{401: "does not know this token", 403: "not today", 404: "not today", 422: "not today", 429: "not today", 500: "not today", 503: "not today"} {
			for _, flag := range []string{"-json", "-json=false"} {
				code, out, errOut := invoke(t, failing(status), append([]string{flag}, args...)...)
				if code != 1 || out != "" || !strings.Contains(errOut, want) || strings.Count(errOut, "\n") != 1 {
					t.Errorf("%s %s of %d: exit %d, prints %q, %q", name, flag, status, code, out, errOut)
				}
			}
		}
		if code, _, errOut := invoke(t, good, append(args, "-nosuch")...); code != 64 || !strings.Contains(errOut, "try: spate ") {
			t.Errorf("%s -nosuch: exit %d: %s", name, code, errOut)
		}
	}
}

func TestExitCodes(t *testing.T) {
	suspects := func(list string) http.HandlerFunc { return answer("application/json", `{"suspects":[`+list+`]}`) }
	tests := []struct {
		name   string
		server http.HandlerFunc
		args   string
		code   int
	}{
		{"calm", suspects(""), "who", 0},
		{"a suspect that nobody is told of yet", suspects(`{"summary":"x","incident":null}`), "who", 0},
		{"a flood lasts", suspects(`{"summary":"x","incident":"1"}`), "who", 2},
		{"a flood lasts, as JSON", suspects(`{"summary":"x","incident":"1"}`), "-json who", 2},
		{"who gets no answer", failing(500), "who", 1},
		{"the store does not write", answer("application/json", `{"store":{"read_only":true,"reason":"full"}}`), "status", 1},
		{"nothing is known of it", answer("application/json", `{"results":[]}`), "find x", 1},
		{"the message did not arrive", answer("application/json", `{"ok":false,"error":"refused"}`), "test-notify noc", 1},
		{"the same, as JSON", answer("application/json", `{"ok":false,"error":"refused"}`), "-json test-notify noc", 1},
		{"a silence ends", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "silence -end x", 0},
		{"the same, as JSON", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "-json silence -end x", 0},
		{"a silence without an end", good, "silence -device x -reason y", 64},
		{"a silence without a reason", good, "silence -device x -for 1h", 64},
		{"no such order", good, "top -by size", 64},
		{"too many", good, "top -n 1001", 64},
		{"no ending", good, "graph a b -o x", 64},
		{"no device", good, "export", 64},
		{"another metric than is answered", good, "export -device a -port b -from 2026-01-01T00:00:00Z -to 2026-01-01T01:00:00Z -metrics in_pps", 1},
		{"no metrics", good, "export -device a -metrics=", 64},
		{"a list that does not end", answer("application/json", `{"ports":[{"port":"a"}],"next":"x"}`), "export -device a", 1},
		{"a list of nothing that does not end", answer("application/json", `{"ports":[],"next":"x"}`), "export -device a", 1},
		{"a time that is none", good, "export -device a -port b -from x", 64},
		{"no command", good, "", 64},
		{"no such command", good, "whom", 64},
		{"help", good, "help who", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errOut := invoke(t, tt.server, strings.Fields(tt.args)...)
			if code != tt.code {
				t.Errorf("spate %s: exit %d, want %d: %s", tt.args, code, tt.code, errOut)
			}
			if failed := code == 1 || code == 64; failed == (errOut == "") {
				t.Errorf("spate %s: exit %d and says %q", tt.args, code, errOut)
			}
			if strings.HasPrefix(tt.args, "-json") && !json.Valid([]byte(out)) {
				t.Errorf("spate %s prints %q", tt.args, out)
			}
		})
	}
}

// What completion prints is understood by the shell, and knows the commands.
func TestCompletionIsUnderstoodByTheShells(t *testing.T) {
	for shell, check := range map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"}} {
		code, out, errOut := invoke(t, good, "completion", shell)
		if code != 0 || errOut != "" || !strings.Contains(out, "spate") || strings.Count(out, "\n") < 50 {
			t.Errorf("completion %s: exit %d, %d octets, %s", shell, code, len(out), errOut)
		}
		path, err := exec.LookPath(check[0])
		if err != nil {
			t.Logf("%s is not installed: its completion is not run", shell)
			continue
		}
		cmd := exec.Command(path, check[1:]...)
		cmd.Stdin = strings.NewReader(out)
		if text, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(text)) > 0 {
			t.Errorf("%s does not understand it: %v: %s", shell, err, text)
		}
	}
	for words, want := range map[string]string{"wh": "who", "top --b": "--by", "graph a b --k": "--kind"} {
		_, out, _ := invoke(t, good, append([]string{cobra.ShellCompRequestCmd}, strings.Fields(words)...)...)
		if !strings.Contains(out, want) {
			t.Errorf("%q is completed as %q, want %s", words, out, want)
		}
	}
}
