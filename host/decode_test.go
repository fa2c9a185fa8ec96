package host_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"spate/host"
)

func FuzzOSReleaseKeepsToOneLine(f *testing.F) {
	f.Add("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n")
	f.Add("NAME='Alpine'\nPRETTY_NAME=")
	f.Add("PRETTY_NAME=\"\nNAME=\\\"")
	f.Fuzz(func(t *testing.T, text string) {
		got := host.ParseOSRelease(text)
		if strings.Contains(got, "\n") || !strings.Contains(strings.ReplaceAll(text, `\`, ""), strings.ReplaceAll(got, `\`, "")) {
			t.Errorf("%q gives %q, which is not in it", text, got)
		}
	})
}

func FuzzUptimeAndSpeedAreNeverNegative(f *testing.F) {
	for _, s := range []string{"9200.73 17278.52\n", "-1", "NaN 1", "+Inf", "1e300", "10000\n", "4294967295", "0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if up := host.ParseUptime(text); up < 0 {
			t.Errorf("uptime of %q is %s", text, up)
		}
		speed, ok := host.ParseSpeed(text)
		if ok != (speed > 0) || speed > 10e12 {
			t.Errorf("speed of %q is %s, %v", text, speed, ok)
		}
	})
}

func TestWhatTheKernelWritesIsRead(t *testing.T) {
	if got := host.ParseUptime("9200.73 17278.52\n"); got.Round(time.Millisecond) != 9200730*time.Millisecond {
		t.Errorf("uptime %s", got)
	}
	for text, want := range map[string]float64{"25000\n": 25e9, "10\n": 10e6, "-1\n": 0, "4294967295\n": 0, "0\n": 0, "": 0} {
		if got, _ := host.ParseSpeed(text); float64(got) != want {
			t.Errorf("speed %s of %s, want %g", got, strconv.Quote(text), want)
		}
	}
	for text, want := range map[string]string{
		"NAME=Arch": "Arch", "NAME=\"A\"\nPRETTY_NAME='B \"c\"'": `B "c"`, "PRETTY_NAME=\"a \\\"b\\\" \\\\ \\$\"": `a "b" \ $`, "junk": "",
	} {
		if got := host.ParseOSRelease(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}
