package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestTheUnitsAreClosed(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed (Debian package systemd)")
	}
	for unit, most := range map[string]float64{"spate.service": 1.5, "spate-agent.service": 1.7} {
		out, err := exec.Command(analyze, "security", "--offline=true", unit).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		m := regexp.MustCompile(`Overall exposure level for ` + unit + `: ([0-9.]+)`).FindSubmatch(out)
		if m == nil {
			t.Fatalf("no level in %s", out)
		}
		if level, err := strconv.ParseFloat(string(m[1]), 64); err != nil || level > most {
			t.Errorf("exposure level of %s is %s, want %g at most", unit, m[1], most)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The package's config differs from the shipped one by where the data lies, and make
// release writes it by this line.
func TestThePackagedConfigSaysWhereTheDataLies(t *testing.T) {
	if n := len(regexp.MustCompile(`(?m)^path = "data" `).FindAllString(read(t, "../config.toml"), -1)); n != 1 {
		t.Errorf("%d lines of config.toml begin with path = \"data\", want one", n)
	}
	says(t, "spate.service", "ExecStart=/usr/bin/spate serve -config /etc/spate/config.toml", "StateDirectory=spate", "ExecReload=/bin/kill -HUP")
}

func says(t *testing.T, unit string, lines ...string) {
	t.Helper()
	text := read(t, unit)
	for _, want := range lines {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %s", unit, want)
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

// The agent has two capabilities, also as its bound. That its config means what it says is
// tested beside the config's reader.
func TestTheAgentsUnitAndConfigFit(t *testing.T) {
	says(t, "spate-agent.service", "ExecStart=/usr/bin/spate agent -config /etc/spate/agent.toml",
		"\nAmbientCapabilities=CAP_BPF CAP_NET_ADMIN\n", "\nCapabilityBoundingSet=CAP_BPF CAP_NET_ADMIN\n", "\nSystemCallFilter=bpf\n",
		"\nRestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK\n", "StateDirectory=spate-agent", "LoadCredential=agent.token:/etc/spate/agent.token", "LimitMEMLOCK=infinity")
	// What the shipped config says of a key, and what the package's says.
	for line := range strings.Lines(read(t, "agent.toml")) {
		if key, _, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(line, "#") && !strings.Contains(read(t, "../config.toml"), "\n"+key+" = ") {
			t.Errorf("agent.toml has %s, which config.toml does not name", key)
		}
	}
	if read(t, "agent.token") != "" {
		t.Error("the package has a token in it")
	}
}

// The scripts start the server at the first installation and the agent never; an upgrade
// enables nothing that somebody has turned off.
func TestWhatThePackageStarts(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("sh is not installed")
	}
	tests := []struct {
		name, script string
		args         []string
		want         string
	}{
		{"deb, first", "postinstall", []string{"configure", ""}, "daemon-reload|enable --now spate.service"},
		{"rpm, first", "postinstall", []string{"1"}, "daemon-reload|enable --now spate.service"},
		{"deb, upgrade", "postinstall", []string{"configure", "0.0.1"}, "daemon-reload|try-restart spate.service spate-agent.service"},
		{"rpm, upgrade", "postinstall", []string{"2"}, "daemon-reload|try-restart spate.service spate-agent.service"},
		{"deb, removed", "preremove", []string{"remove"}, "disable --now spate.service spate-agent.service"},
		{"rpm, removed", "preremove", []string{"0"}, "disable --now spate.service spate-agent.service"},
		{"deb, before an upgrade", "preremove", []string{"upgrade", "0.0.2"}, ""},
		{"rpm, before an upgrade", "preremove", []string{"1"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "systemctl"), []byte("#!/bin/sh\necho \"$@\" >>"+dir+"/calls\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			script := strings.ReplaceAll(read(t, tt.script), "/run/systemd/system", dir)
			cmd := exec.Command("sh", append([]string{"-c", script, tt.script}, tt.args...)...)
			cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
			if got := strings.ReplaceAll(strings.TrimSpace(string(calls)), "\n", "|"); got != tt.want {
				t.Errorf("systemctl %s, want %s", got, tt.want)
			}
			if first := strings.HasSuffix(tt.name, "first"); first != strings.Contains(string(out), "systemctl enable --now spate-agent") {
				t.Errorf("it says %q", out)
			}
		})
	}
}
