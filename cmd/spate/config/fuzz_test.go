package config_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spate"
	"spate/cmd/spate/config"
	"spate/poller"
)

// offline keeps the fuzzer away from the disk: every file is one secret.
func offline() config.Loader {
	l := loader()
	l.ReadFile = func(path string, _ int64) ([]byte, fs.FileMode, error) {
		if strings.HasSuffix(path, ".toml") {
			return []byte("[poller]\nretries = 2\n"), 0o600, nil
		}
		return []byte("hunter2hunter2\n"), 0o600, nil
	}
	l.Glob = func(pattern string) ([]string, error) { return []string{"x.toml"}, nil }
	return l
}

// FuzzLoadBytes: whatever the bytes, there is a config or a list of errors with
// places inside the file, never a panic. What is accepted holds together, and
// its devices written down again read back the same.
func FuzzLoadBytes(f *testing.F) {
	for _, part := range [][]broken{brokenSyntax(), brokenKeys(), brokenValues(), brokenDevices(), brokenSecrets(), brokenPeople(), brokenIncludes()} {
		for _, b := range part {
			f.Add([]byte(b.text))
		}
	}
	f.Add([]byte(device + "ports = [\"Gi*\"]\nspeed = { \"G\\\"i\" = \"1.5G\" }\ninterval = \"1h0.5s\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := offline().LoadBytes("c.toml", data)
		if err != nil {
			checkErrors(t, err, strings.Count(string(data), "\n")+1)
			return
		}
		for _, target := range cfg.Targets {
			checkTarget(t, target)
		}
		checkStanzas(t, cfg)
	})
}

func checkErrors(t *testing.T, err error, lines int) {
	t.Helper()
	var errs config.Errors
	if !errors.As(err, &errs) || len(errs) == 0 {
		t.Fatalf("error is %T with %d lines", err, len(errs))
	}
	for _, e := range errs {
		if e.At.File == "c.toml" && (e.At.Line > lines || e.At.Line < 1 || e.At.Col < 1) {
			t.Errorf("%v is outside a file of %d lines", e, lines)
		}
		if e.What == "" || e.Wanted == "" || e.Key == "" || strings.ContainsAny(e.Error(), "\n\x1b\x00") {
			t.Errorf("%q is no sentence", e.Error())
		}
	}
}

func checkTarget(t *testing.T, target poller.Target) {
	t.Helper()
	c := target.Credentials
	switch {
	case target.Device.Name == "" || target.Device.Address == "":
		t.Errorf("device without a name or an address: %+v", target.Device)
	case target.Interval != 0 && target.Interval < time.Second:
		t.Errorf("%s: interval is %v", target.Device.Name, target.Interval)
	case c.Version != poller.V3 && c.Community == "":
		t.Errorf("%s: version %s without a community", target.Device.Name, c.Version)
	case c.Version == poller.V3 && c.User == "":
		t.Errorf("%s: version 3 without a user", target.Device.Name)
	case c.PrivProtocol != "" && c.AuthProtocol == "":
		t.Errorf("%s: privacy without authentication", target.Device.Name)
	case c.AuthProtocol != "" && len(c.AuthPassword) < 8 || c.PrivProtocol != "" && len(c.PrivPassword) < 8:
		t.Errorf("%s: password too short", target.Device.Name)
	}
}

func checkStanzas(t *testing.T, cfg *config.Config) {
	t.Helper()
	var text strings.Builder
	want := make([]poller.Target, 0, len(cfg.Targets))
	for _, target := range cfg.Targets {
		target.Credentials = poller.Credentials{Name: "default", Version: poller.V2c, Community: "public"}
		target.Interval = target.Interval.Truncate(time.Millisecond)
		want = append(want, target)
		text.WriteString(config.Stanza(target))
	}
	again, err := offline().LoadBytes("again.toml", []byte("host.enabled = false\n"+text.String()))
	if err != nil {
		t.Fatalf("refused when written again:\n%v\n%s", err, text.String())
	}
	same := cmp.Comparer(func(a, b map[string]spate.BitRate) bool {
		return len(a) == len(b) && (len(a) == 0 || cmp.Equal(mapOf(a), mapOf(b)))
	})
	empty := cmp.Transformer("list", func(s []string) string { return strings.Join(s, "\x00") })
	if diff := cmp.Diff(want, append(make([]poller.Target, 0), again.Targets...), same, empty); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}

func mapOf(m map[string]spate.BitRate) map[string]float64 {
	out := map[string]float64{}
	for k, v := range m {
		out[k] = float64(v)
	}
	return out
}
