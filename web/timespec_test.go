package web_test

import (
	"strings"
	"testing"
	"time"

	"spate"
	"spate/web"
)

func TestTimesAreReadAsTheContractWritesThem(t *testing.T) {
	now := time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)
	tests := []struct {
		text string
		want time.Time
		bad  bool
	}{
		{text: "now", want: now},
		{text: "-24h", want: now.Add(-24 * time.Hour)},
		{text: "now-6h", want: now.Add(-6 * time.Hour)},
		{text: "now+1h", want: now.Add(time.Hour)},
		{text: "-1h30m", want: now.Add(-90 * time.Minute)},
		{text: "-250ms", want: now.Add(-250 * time.Millisecond)},
		{text: "-2w", want: now.Add(-14 * 24 * time.Hour)},
		{text: "-1y", want: now.Add(-365 * 24 * time.Hour)},
		{text: "1774747800", want: time.Unix(1774747800, 0)},
		{text: "1774747800.5", want: time.Unix(1774747800, 5e8)},
		{text: "2026-03-29T03:30:00+02:00", want: now},
		{text: "2026-03-29T03:30:00 02:00", want: now}, // a plus that was not escaped
		{text: "", bad: true},
		{text: "-", bad: true},
		{text: "now-", bad: true},
		{text: "now6h", bad: true},
		{text: "24h", bad: true},
		{text: "-24", bad: true},
		{text: "-24x", bad: true},
		{text: "-0h", bad: true},
		{text: "-999999999999999999999h", bad: true},
		{text: "-99y99y", bad: true},
		{text: "-60y", bad: true}, // before 1970
		{text: "NaN", bad: true},
		{text: "1e300", bad: true},
		{text: "2026-03-29", bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, ok := web.ParseTime(tt.text, now)
			if ok == tt.bad {
				t.Fatalf("read: %v, as %s", ok, got)
			}
			if ok && !got.Equal(tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"now", "-24h", "now-6h", "now+1y", "1774747800", "2026-03-29T03:30:00Z", "-100y", "-9223372036854775807ms", "now-1h1h1h"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := web.ParseTime(s, now)
		if ok && (got.Unix() < 0 || got.Year() > 9999) {
			t.Errorf("%q is %s, out of bounds", s, got)
		}
		if ok && strings.HasPrefix(s, "-") && got.After(now) {
			t.Errorf("%q lies in the future: %s", s, got)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"1h", "1h30m", "100y", "99999999999999y", "ms", "1ms1s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, ok := web.ParseDuration(s); ok && (d <= 0 || d > 100*365*24*time.Hour) {
			t.Errorf("%q is %s", s, d)
		}
	})
}

func FuzzCellIsNoFormula(f *testing.F) {
	for _, s := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := spate.SheetCell(s); got != "" && strings.ContainsRune("=+-@\t\r\n", rune(got[0])) {
			t.Errorf("%q became %q", s, got)
		}
	})
}
