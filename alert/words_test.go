package alert

import (
	"math"
	"strings"
	"testing"
	"time"

	"spate"
)

func TestSubjectIsTheSentenceUpToTheRate(t *testing.T) {
	tests := []struct {
		name, summary, want string
		rate                spate.Figure
	}{
		{"a host", "web-17 (10.2.0.17) on sw-1 Gi1/0/2 is sending 912 Mb/s, 38x its usual 24 Mb/s for Tue 14:00, since 14:02:10", "▲ web-17 (10.2.0.17) on sw-1 Gi1/0/2 is sending 912 Mb/s", 912e6},
		{"a storm", "sw-1 Gi1/0/2 is sending 353 Mb/s of broadcast that goes to 40 ports, since 14:02", "▲ sw-1 Gi1/0/2 is sending 353 Mb/s of broadcast that goes to 40 ports", 353e6},
		{"packets", "sw-1 Gi1/0/2 is sending 120 kp/s (61 Mb/s) in small packets, since 14:02", "▲ sw-1 Gi1/0/2 is sending 120 kp/s (61 Mb/s) in small packets", 61e6},
		{"several", "5 ports are sending together, web-1 on sw-1 Gi1/0/2 the most: 90 Mb/s, 9x its usual", "▲ 5 ports are sending together, web-1 on sw-1 Gi1/0/2 the most: 90 Mb/s", 90e6},
		{"one of several machines", "One of 3 machines (a, b, …) on sw-1 x is sending 90 Mb/s; leaves by y", "▲ One of 3 machines (a, b, …) on sw-1 x is sending 90 Mb/s", 90e6},
		{"a device", "sw-9 does not answer, since 14:02; 3 devices behind it do not answer either", "▲ sw-9 does not answer", spate.Unknown()},
		{"long", strings.Repeat("x", 300) + " is sending 90 Mb/s", "▲ " + strings.Repeat("x", 117) + "…", 90e6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := subject(&spate.Incident{Severity: spate.Critical, Summary: tt.summary, RateBps: tt.rate}); got != tt.want {
				t.Errorf("subject\n%s, want\n%s", got, tt.want)
			}
		})
	}
}

func TestSpark(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		rates []float64
		width int
		want  string
	}{
		{[]float64{0, 50, 100}, 3, "▁▅█"},
		{[]float64{0, 50, nan, 100}, 4, "▁▅ █"},
		{[]float64{1, 9, 1, 1}, 2, "█▁"},
		{[]float64{nan}, 4, ""},
		{nil, 4, ""},
	} {
		if got := spark(tt.rates, tt.width); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.rates, got, tt.want)
		}
	}
}

func TestQuietHoursGoOverMidnightAndOverTheChangeOfTheClocks(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	target := &Target{Quiet: []Span{{22 * time.Hour, 6 * time.Hour}, {12 * time.Hour, 13 * time.Hour}}}
	for _, tt := range []struct{ at, until string }{
		{"2026-03-02T21:59:59+01:00", ""},
		{"2026-03-02T22:00:00+01:00", "2026-03-03T06:00:00+01:00"},
		{"2026-03-03T03:00:00+01:00", "2026-03-03T06:00:00+01:00"},
		{"2026-03-03T06:00:00+01:00", ""},
		{"2026-03-03T12:30:00+01:00", "2026-03-03T13:00:00+01:00"},
		{"2026-03-28T23:00:00+01:00", "2026-03-29T06:00:00+02:00"}, // an hour is missing
		{"2026-10-24T23:00:00+02:00", "2026-10-25T06:00:00+01:00"}, // an hour comes twice
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		until, quiet := target.quiet(at, berlin)
		if got := until.Format(time.RFC3339); quiet != (tt.until != "") || quiet && got != tt.until {
			t.Errorf("%s: %v %s, want %q", tt.at, quiet, got, tt.until)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Duration{"": 0, "30": 30 * time.Second, "-5": 0, "Mon, 02 Mar 2026 09:02:00 GMT": 2 * time.Minute, "Mon, 02 Mar 2025 09:02:00 GMT": 0, "99999999999": 24 * time.Hour, "999999": 24 * time.Hour} {
		if got := retryAfter(s, now); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}
