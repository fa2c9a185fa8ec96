package spate_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"spate"
)

func TestCleanMakesNetworkTextValidAndBounded(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "Gi1/0/24", "Gi1/0/24"},
		{"NUL at the end, as Windows sends it", "Intel 82579\x00", "Intel 82579"},
		{"line breaks cannot forge a mail header or log line", "uplink\r\nBcc: x", "uplinkBcc: x"},
		{"terminal escape", "\x1b]52;c;aGk=\x07port", "]52;c;aGk=port"},
		{"right-to-left override", "a\u202egnp.exe", "agnp.exe"},
		{"zero width", "a\u200bb", "ab"},
		{"Latin-1 of an old switch", "B\xfcro", "Büro"},
		{"blanks around", "  x  ", "x"},
		{"markup is left to each channel", "<b>x</b>", "<b>x</b>"},
		{"nothing visible", "\x00\x01", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := spate.Clean(tt.in); got != tt.want {
				t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	f.Add("port\x00\x1b[31m")
	f.Add(strings.Repeat("\xff", 64<<10))
	f.Add(strings.Repeat("é", 300))
	f.Fuzz(func(t *testing.T, s string) {
		got := spate.Clean(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 255 {
			t.Fatalf("Clean gave %d runes, valid %v", utf8.RuneCountInString(got), utf8.ValidString(got))
		}
		if strings.ContainsAny(got, "\x00\r\n\x1b\x7f\u202e\u0085") {
			t.Fatalf("Clean left a control character in %q", got)
		}
		if again := spate.Clean(got); again != got {
			t.Fatalf("Clean is not settled: %q, then %q", got, again)
		}
	})
}

func TestFormatSI(t *testing.T) {
	for v, want := range map[spate.BitRate]string{
		0: "0 b/s", 1: "1 b/s", 999: "999 b/s", 999.7: "1.00 kb/s", 912e6: "912 Mb/s", 1.26e9: "1.26 Gb/s",
		21.2e6: "21.2 Mb/s", 99.96e6: "100 Mb/s", 999_600_000: "1.00 Gb/s", 1e9: "1 Gb/s", 46.96e6: "47.0 Mb/s", 8e11: "800 Gb/s",
	} {
		if got := v.String(); got != want {
			t.Errorf("%v b/s prints as %q, want %q", float64(v), got, want)
		}
	}
}

func TestFormatAgeRoundsDown(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 4 * time.Second: "4 s", 119 * time.Second: "119 s", 43*time.Minute + 59*time.Second: "43 min",
		6 * time.Hour: "6 h", 71 * time.Hour: "2 d",
	} {
		if got := spate.FormatAge(d); got != want {
			t.Errorf("FormatAge(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestMatchPort(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"Gi1/0/*", "Gi1/0/24", true}, {"Gi*", "Gi1/0/24", true}, {"Gi1/0/*", "Gi2/0/24", false},
		{"Gi?/0/1", "Gi1/0/1", true}, {"Gi?/0/1", "Gi11/0/1", false}, {"eth0", "eth0", true}, {"eth0", "eth01", false},
		{"*24", "Gi1/0/24", true}, {"a*b*c", "aXbYbc", true}, {"a*b*c", "acb", false}, {"", "", true}, {"", "x", false}, {"[1]*", "[1]/2", true},
	}
	for _, tt := range tests {
		if got := spate.MatchPort(tt.pattern, tt.name); got != tt.want {
			t.Errorf("MatchPort(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func TestSecretsPrintNowhere(t *testing.T) {
	const word = "hunter2-hunter2"
	value := struct{ Community spate.Secret }{word}
	var b strings.Builder
	fmt.Fprintf(&b, "%v %+v %#v %s %q ", value, value, value, value.Community, value.Community)
	j, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(j)
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "secret", value.Community, "all", value)
	if strings.Contains(b.String(), word) {
		t.Errorf("a secret came out: %s", b.String())
	}
	if value.Community.Reveal() != word {
		t.Error("Reveal does not give the secret")
	}
}

func TestStatusAndMetricNames(t *testing.T) {
	for n, want := range []spate.Status{"unknown", "up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown", "unknown"} {
		if got := spate.StatusOf(uint64(n)); got != want {
			t.Errorf("StatusOf(%d) = %s, want %s", n, got, want)
		}
	}
	for m := range spate.NumMetrics {
		if got, ok := spate.ParseMetric(m.String()); !ok || got != m {
			t.Errorf("ParseMetric(%q) = %v, %v", m, got, ok)
		}
	}
}
