package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"spate"
)

// shows are the commands that print what a server has answered.
var shows = [][]string{
	{"top"}, {"top", "-by", "errors"}, {"who"}, {"find", "x"}, {"status"}, {"silence"}, {"backtest"}, {"test-notify", "x"},
	{"silence", "-device", "x", "-for", "1h", "-reason", "x", "-by", "x"}, {"backup", "x"}, {"rename", "x", "y"}, {"export", "-device", "x", "-from", "2026-01-01T00:00:00Z", "-to", "2026-01-01T01:00:00Z", "-step", "60s"}, {"export", "-device", "x", "-from", "2026-01-01T00:00:00Z", "-to", "2026-01-01T01:00:00Z", "-step", "60s", "-format", "prometheus"},
	{"-json", "top"}, {"-json", "who"}, {"-json", "find", "x"}, {"-json", "status"}, {"-json", "silence"}, {"-json", "backtest"}, {"-json", "test-notify", "x"}, {"-json", "backup", "x"}, {"-json", "rename", "x", "y"}, {"-json", "export", "-device", "x", "-from", "2026-01-01T00:00:00Z", "-to", "2026-01-01T01:00:00Z", "-step", "60s"},
}

// answerOf is an answer with a text wherever a text can stand, one line of JSON that every
// command understands.
func answerOf(text string) string {
	port := map[string]any{"device": text, "port": text, "alias": text, "gap": text, "mark": map[string]string{"text": text}, "factor": 1e300, "speed_bps": -1, "rate": nil}
	match := map[string]string{"device": text, "port": text, "kind": text, "severity": text}
	silence := map[string]any{"id": text, "match": match, "by": text, "reason": text, "from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
	flat := map[string]any{"avg": []any{1.5, nil}, "max": []any{2, nil}}
	b, err := json.Marshal(map[string]any{
		"ports": []any{port}, "suspects": []any{map[string]any{"device": text, "port": text, "summary": text + " is sending", "incident": text}, map[string]any{"summary": text}},
		"results": []any{map[string]string{"kind": text, "text": text}}, "silences": []any{silence}, "id": text, "until": "2026-01-02T00:00:00Z", "ok": text == "ok", "error": "",
		"version": text, "store": map[string]any{"backend": text, "reason": text, "read_only": true}, "poller": map[string]any{"devices": 1, "down": 0}, "notifier": map[string]any{"queued": 0},
		"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z", "step_s": 1800, "series": map[string]any{"in_bps": flat, "out_bps": flat},
		"text": text, "dir": text, "files": 1, "total": 9, "done": 9, "title": text, "detail": text,
		"result": map[string]any{"ports": 1, "marks": []any{map[string]string{"device": text, "port": text, "text": text}}, "incidents": []any{map[string]string{"severity": text, "summary": text}}},
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// acts is what in a text a terminal would act on, or would draw elsewhere.
func acts(text string) string {
	if !utf8.ValidString(text) {
		return "octets that are no UTF-8"
	}
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return string(r)
		}
	}
	return ""
}

// stage is a server whose answer changes, and the command line beside it.
func stage(f testing.TB) (ask func(status int, kind, body string, args []string) (code int, out, errOut string)) {
	type said struct {
		status     int
		kind, body string
	}
	var now atomic.Pointer[said]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		x := now.Load()
		w.Header().Set("Content-Type", x.kind)
		w.WriteHeader(x.status)
		_, _ = w.Write([]byte(x.body))
	}))
	f.Cleanup(s.Close)
	return func(status int, kind, body string, args []string) (int, string, string) {
		now.Store(&said{status, kind, body})
		var o, e bytes.Buffer
		code := run(context.Background(), args, strings.NewReader(""), &o, &e, func(name string) (string, bool) { return s.URL, name == "SPATE_URL" })
		return code, o.String(), e.String()
	}
}

// Whatever a server answers, nothing of it acts on the terminal; what is printed as JSON
// is JSON and says the same; a refusal is one line; and no answer crashes a command.
func FuzzNoAnswerActsOnTheTerminal(f *testing.F) {
	for _, text := range []string{"sw-1", "\x1b[2J", "\x1b]52;c;ZXZpbA==\x07", "\x1b]8;;http://evil\x07x", "a\r\nb", "\u009b31m", "\u202egnp.exe", "\x00", "\x7f", "\x9b31m", "ok", "a\tb", "\u2028", "💥\u200d", strings.Repeat("宽", 300)} {
		f.Add(text, false, uint8(200))
		f.Add(text, false, uint8(44))
	}
	for _, raw := range []string{topAnswer, "{\"ports\":[{\"device\":\"\u009b2J\"}]}", "{\"version\":\"\x9b\"}", "\x1b[2J", "{}\x1b", `null`, `[]`, `{"suspects":null}`, `{"results":[{"text":"\u001b["}]}`, "{\"result\":{}}\n{\"result\":{}}"} {
		f.Add(raw, true, uint8(200))
		f.Add(raw, true, uint8(3))
	}
	ask := stage(f)
	n := uint(0)
	f.Fuzz(func(t *testing.T, text string, whole bool, status uint8) {
		body := text
		if !whole {
			body = answerOf(text)
		}
		code := http.StatusOK
		if status != 200 {
			code = 400 + int(status)
		}
		kind := "application/json"
		if len(text)%7 == 3 { // a header takes no control characters: net/http sees to it
			kind = text
		}
		n++
		for i, args := range shows {
			if uint(i)%3 != n%3 && len(text) > 3 {
				continue // each input goes to a third of them
			}
			got, out, errOut := ask(code, kind, body, args)
			if bad := acts(out); bad != "" {
				t.Errorf("%v prints %q of %q: %q", args, bad, body, out)
			}
			if bad := acts(errOut); bad != "" {
				t.Errorf("%v complains with %q of %q: %q", args, bad, body, errOut)
			}
			if got != exitOK && got != exitFlood && (got != exitError || strings.Count(errOut, "\n") != 1) {
				t.Errorf("%v of %q: exit %d, %q", args, body, got, errOut)
			}
			if args[0] == "-json" && out != "" {
				saysTheSame(t, args, body, out)
			}
		}
	})
}

// saysTheSame compares what was printed as JSON with what was answered.
func saysTheSame(t *testing.T, args []string, body, out string) {
	t.Helper()
	var want, got any
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Errorf("%v prints no JSON: %v in %q", args, err, out)
		return
	}
	if args[1] == "backup" || args[1] == "backtest" || args[1] == "export" || json.Unmarshal([]byte(body), &want) != nil {
		return // one line of many
	}
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if !bytes.Equal(a, b) {
		t.Errorf("%v: %s became %s", args, a, b)
	}
}

// A picture of the screen is as wide as the screen, whatever a name is.
func FuzzTablesStayInTheirColumns(f *testing.F) {
	for _, s := range []string{"sw-1", "sw-東京", "\x1b[2J", "e\u0301", "👩‍👩‍👧", strings.Repeat("x", 300)} {
		f.Add(s, s, uint8(40))
	}
	f.Fuzz(func(t *testing.T, a, b string, width uint8) {
		tab := table{head: []string{"DEVICE", "PORT"}, right: []bool{false, true}, width: int(width)}
		tab.add(a, b)
		tab.add(b, a)
		var out bytes.Buffer
		if err := tab.write(&out, nil); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 3 {
			t.Fatalf("%q %q: %d lines", a, b, len(lines))
		}
		for _, line := range lines {
			if w := uniseg.StringWidth(line); width > 1 && w > int(width) {
				t.Errorf("%q is %d cells wide, want %d", line, w, width)
			}
			if bad := acts(line); bad != "" {
				t.Errorf("%q acts by %q", line, bad)
			}
		}
		if width == 0 && !strings.Contains(lines[1], spate.Clean(a)) {
			t.Errorf("%q is not in %q", a, lines[1])
		}
	})
}
