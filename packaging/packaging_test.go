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

// What the container is made of is what make release puts there, and its folder is of
// the user that writes it.
func TestTheContainerIsMadeOfWhatIsThere(t *testing.T) {
	file, err := os.ReadFile("Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, box, _ := strings.Cut(string(recipe), "box=dist/container/")
	box, _, _ = strings.Cut(box, "exit 1")
	parts := regexp.MustCompile(`(?m)^(?:COPY|ADD) (\S+) `).FindAllStringSubmatch(string(file), -1)
	if len(parts) != 4 {
		t.Errorf("%d parts, want the binary, its licences, a config and the folder", len(parts))
	}
	for _, p := range parts {
		if !strings.Contains(box, "dist/root/"+p[1]+" ") && !strings.Contains(box, "$$box/"+p[1]+" ") {
			t.Errorf("%s is not put there: %s", p[1], box)
		}
	}
	user := regexp.MustCompile(`(?m)^USER (\d+):(\d+)$`).FindStringSubmatch(string(file))
	if user == nil || user[1] == "0" || !strings.Contains(box, "--owner="+user[1]+" --group="+user[2]+" ") {
		t.Errorf("user %v is not who owns the folder: %s", user, box)
	}
	if !strings.Contains(string(file), "\nVOLUME /var/lib/spate\n") || !strings.Contains(box, " var/lib/spate ") {
		t.Error("the folder is another than the volume")
	}
}
