package packaging_test

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestTheUnitIsClosed(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed (Debian package systemd)")
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "spate.service").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m := regexp.MustCompile(`Overall exposure level for spate.service: ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("no level in %s", out)
	}
	if level, err := strconv.ParseFloat(string(m[1]), 64); err != nil || level > 1.5 {
		t.Errorf("exposure level %s, want 1.5 at most", m[1])
	}
}

// The package's config differs from the shipped one by where the data lies, and make
// release writes it by this line.
func TestThePackagedConfigSaysWhereTheDataLies(t *testing.T) {
	text, err := os.ReadFile("../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^path = "data" `).FindAllString(string(text), -1)); n != 1 {
		t.Errorf("%d lines of config.toml begin with path = \"data\", want one", n)
	}
	unit, err := os.ReadFile("spate.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ExecStart=/usr/bin/spate serve -config /etc/spate/config.toml", "StateDirectory=spate", "ExecReload=/bin/kill -HUP"} {
		if !strings.Contains(string(unit), want) {
			t.Errorf("the unit does not say %s", want)
		}
	}
}
