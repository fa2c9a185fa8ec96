package storage_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"spate/storage"
)

func logged(message string) string {
	var out bytes.Buffer
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	storage.Tell(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: drop})), message)
	return out.String()
}

func TestTheEnginesLogBecomesOurs(t *testing.T) {
	for _, c := range []struct{ name, message, want string }{
		{"information", "info\tlib/a.go:7\topened in 3 s\n", `level=DEBUG msg="storage engine" said="opened in 3 s" caller=lib/a.go:7`},
		{"warning", "warn\tlib/a.go:7\tlow\tspace\n", `level=WARN msg="storage engine" said="low\tspace" caller=lib/a.go:7`},
		{"what it dies of", "panic\tlib/a.go:7\tno space left\n", `level=ERROR msg="storage engine" said="no space left" caller=lib/a.go:7`},
		{"a form we do not know", "hello\nlevel=ERROR", `level=WARN msg="storage engine" said="hello\nlevel=ERROR" caller=""`},
	} {
		if got := strings.TrimSpace(logged(c.message)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func FuzzEngineLog(f *testing.F) {
	f.Add("warn\tx.go:1\ta \"b\"")
	f.Add("no\nform")
	f.Fuzz(func(t *testing.T, message string) {
		if got := logged(message); strings.Count(got, "\n") != 1 {
			t.Fatalf("%q became %q, want one line", message, got)
		}
	})
}
