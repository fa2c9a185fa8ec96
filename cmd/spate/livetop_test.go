package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// Names that try to move the cursor, to colour, to set the clipboard or a link.
func TestNoNameActsOnTheScreen(t *testing.T) {
	for _, name := range []string{"\x1b[2J", "\x1b]52;c;ZXZpbA==\x07", "\x1b]8;;http://evil\x07x\x1b]8;;\x07", "a\r\nb", "\u009b31m", "\u202egnp", "\x00", strings.Repeat("wide 宽", 90)} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			port := map[string]any{"device": name, "port": name, "alias": name, "mark": map[string]string{"text": name}}
			_ = json.NewEncoder(w).Encode(map[string]any{"ports": []any{port}, "suspects": []any{map[string]any{"device": name, "port": name, "summary": name + " is sending"}}})
		}))
		a := &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}, env: func(key string) (string, bool) { return s.URL, key == "SPATE_URL" }}
		screen := a.liveScreen(t.Context(), "factor", 5, false)
		s.Close()
		for _, own := range []string{screenTop, lineRest, below} {
			screen = strings.ReplaceAll(screen, own, "")
		}
		screen = strings.ReplaceAll(screen, "\r\n", "")
		if m := regexp.MustCompile(`[\x00-\x1f\x7f-\x{9f}\x{202a}-\x{202e}]`).FindString(screen); m != "" {
			t.Errorf("%q puts %q on the screen: %q", name, m, screen)
		}
		if !strings.Contains(screen, "DEVICE") || !strings.Contains(screen, "is sending") {
			t.Errorf("%q: the screen is %q", name, screen)
		}
	}
}
