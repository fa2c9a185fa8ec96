package config_test

import (
	"testing"
	"time"

	"spate"
	"spate/cmd/spate/config"
)

func TestParseDuration(t *testing.T) {
	tests := map[string]time.Duration{
		"10s": 10 * time.Second, "250ms": 250 * time.Millisecond, "1h30m": 90 * time.Minute,
		"1.5h": 90 * time.Minute, "35d": 35 * 24 * time.Hour, "2w": 14 * 24 * time.Hour,
		"2y": 730 * 24 * time.Hour, "0s": 0,
		"": -1, "10": -1, "s": -1, "-1s": -1, "1 h 2": -1, "1e3s": -1, ".5s": -1, "1.s": -1,
		"10S": -1, "10 minutes": -1, "1h-30m": -1, "inf": -1, "300y": -1, "99999999999999999999y": -1,
	}
	for text, want := range tests {
		got, err := config.ParseDuration(text)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q is %v (%v), want %v", text, got, err, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	tests := map[string]config.Size{
		"100GB": 100e9, "1GiB": 1 << 30, "1.5 KiB": 1536, "512B": 512, "2TB": 2e12, "1PiB": 1 << 50, "10kB": 10_000,
		"": -1, "100": -1, "GB": -1, "-1GB": -1, "1gb": -1, "1G": -1, "1iB": -1, "1KMB": -1, "9000PB GB": -1, "99999999PB": -1,
	}
	for text, want := range tests {
		got, err := config.ParseSize(text)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q is %d (%v), want %d", text, got, err, want)
		}
	}
	if got := config.Size(3 << 29).String(); got != "1.5 GiB" {
		t.Errorf("1.5 GiB prints as %q", got)
	}
}

func TestParseSpeed(t *testing.T) {
	tests := map[string]spate.BitRate{
		"100M": 100e6, "9G": 9e9, "2.5G": 2.5e9, "64k": 64e3, "9600": 9600, "1T": 1e12,
		"": -1, "M": -1, "100m": -1, "-1G": -1, "1Gi": -1, "1e9": -1,
	}
	for text, want := range tests {
		got, err := config.ParseSpeed(text)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q is %v (%v), want %v", text, float64(got), err, float64(want))
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"10s", "1h30m", "0.001ms", "2y", "1h1h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := config.ParseDuration(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q is negative: %v", text, d)
		}
		whole := d.Truncate(time.Millisecond)
		if again, err := config.ParseDuration(config.FormatDuration(whole)); err != nil || (again-whole).Abs() > 512 {
			t.Errorf("%q: %v is written %q and read as %v (%v)", text, whole, config.FormatDuration(whole), again, err)
		}
	})
}
