package config_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spate"
	"spate/cmd/spate/config"
	"spate/poller"
)

// comparers let cmp look at the types that it cannot open itself.
func comparers() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b *time.Location) bool { return a == b || a.String() == b.String() }),
	}
}

func load(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := loader().LoadBytes("c.toml", []byte(text))
	if err != nil {
		t.Fatalf("refused:\n%v", err)
	}
	return cfg
}

func TestDeviceBecomesTarget(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "secrets/auth", "0640 hunter2hunter2\r\n")
	cfg := load(t, `
[snmp.core]
version = "3"
user = "spate"
auth_protocol = "SHA512"
auth_password_file = "${PLACE}/secrets/auth"
context = "bridge"

[[device]]
name = "sw-core-1"
address = "[2001:db8::7]:1161"
snmp = "core"
site = "hall 2"
interval = "1m"
ports = ["Te*", "ae?"]
external = ["Te1/1"]
speed = { "Gi1/0/9" = "100M", lo = "2.5G" }

[[device]]
name = "sw-acc-1"
address = "192.0.2.11"
snmp = ""
interval = ""
`)
	want := []poller.Target{
		{
			Device: spate.Device{Name: "sw-core-1", Address: "[2001:db8::7]:1161", Site: "hall 2"},
			Credentials: poller.Credentials{
				Name: "core", Version: poller.V3, User: "spate", Context: "bridge",
				AuthProtocol: "SHA512", AuthPassword: "hunter2hunter2",
			},
			Interval: time.Minute,
			Ports:    []string{"Te*", "ae?"},
			External: []string{"Te1/1"},
			Speed:    map[string]spate.BitRate{"Gi1/0/9": 100e6, "lo": 2.5e9},
		},
		{
			Device:      spate.Device{Name: "sw-acc-1", Address: "192.0.2.11"},
			Credentials: poller.Credentials{Name: "default", Version: poller.V2c, Community: "public"},
		},
	}
	if diff := cmp.Diff(want, cfg.Targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	if shown := fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg.Targets); strings.Contains(shown, "hunter2") || strings.Contains(shown, "public") {
		t.Errorf("printing the config shows a secret: %s", shown)
	}
}

func TestRelativeNamesAreBesideTheFileTheyStandIn(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "c.toml"), "0644 include = [\"d/*.toml\", \"d/a.toml\"]\n[storage]\npath = \"store\"\n")
	write(t, filepath.Join(dir, "d/a.toml"), "0644 [snmp.x]\ncommunity_file = \"x\"\n"+device+"snmp = \"x\"\n")
	write(t, filepath.Join(dir, "d/b.toml"), "0644 include = [\"deep/*.toml\"]\n[poller]\nretries = 3\n")
	write(t, filepath.Join(dir, "d/x"), "0600 hunter2\n")
	cfg, err := loader().Load(filepath.Join(dir, "c.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "store"); cfg.Storage.Path != want {
		t.Errorf("storage.path is %s, want %s", cfg.Storage.Path, want)
	}
	if got := cfg.Targets[0].Credentials.Community.Reveal(); got != "hunter2" {
		t.Errorf("community is %q, want that of d/x", got)
	}
	if cfg.Poller.Retries != 3 {
		t.Errorf("poller.retries is %d, want 3 from d/b.toml", cfg.Poller.Retries)
	}
	want := []string{filepath.Join(dir, "c.toml"), filepath.Join(dir, "d/a.toml"), filepath.Join(dir, "d/b.toml")}
	if diff := cmp.Diff(want, cfg.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestAcceptedFiles(t *testing.T) {
	tests := []struct{ name, text string }{
		{name: "an empty file", text: ""},
		{name: "nothing but a comment without a line end", text: "# nothing"},
		{name: "Windows line ends and a byte order mark", text: "\xef\xbb\xbf[poller]\r\ninterval = \"5s\"\r\n"},
		{name: "open to the network with a token", text: "[server]\nlisten = \"0.0.0.0:80\"\n[[token]]\nname = \"wall\"\nrole = \"viewer\"\nsha256 = \"" + strings.Repeat("0", 64) + "\"\n"},
		{name: "open to the network with OIDC", text: "[server]\nlisten = \"[::]:80\"\n[oidc]\nissuer = \"https://id.example.net\"\nclient_id = \"spate\"\n"},
		{name: "every spelling of loopback", text: "[server]\nlisten = \"[::1]:8080\"\n[flow]\nsflow = \":6343\"\n"},
		{name: "localhost by name", text: "[server]\nlisten = \"localhost:0\"\n"},
		{name: "a user that only comes by OIDC", text: "[oidc]\nissuer = \"https://id.example.net\"\nclient_id = \"spate\"\n[[user]]\nname = \"ann@example.net\"\nrole = \"admin\"\n"},
		{name: "VictoriaMetrics with a URL for each tier", text: "[storage]\nbackend = \"victoriametrics\"\n" + tierURLs("raw") + tierURLs("five_minutes") + tierURLs("hour")},
		{name: "dotted keys", text: "poller.interval = \"5s\"\nstorage.retention.raw = \"10d\"\n"},
		{name: "sections as inline tables", text: "poller = { interval = \"5s\" }\ndevice = [{ name = \"a\", address = \"192.0.2.1\" }]\n"},
		{name: "two devices behind one address", text: device + "[[device]]\nname = \"b\"\naddress = \"192.0.2.1\"\n"},
		{name: "a link to this machine", text: device + "[[link]]\na = \"a Te1/1\"\nb = \"noc1 eth0\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { load(t, tt.text) })
	}
}

func tierURLs(tier string) string {
	return "[storage.victoriametrics." + tier + "]\nwrite_url = \"http://vm:8428/api/v1/write\"\nread_url = \"http://u:p@vm:8428/\"\n"
}

func TestTierURLOverridesTheCommonOne(t *testing.T) {
	vm := load(t, "[storage]\nbackend = \"victoriametrics\"\n[storage.victoriametrics]\nwrite_url = \"http://a/\"\nread_url = \"http://b/\"\n[storage.victoriametrics.hour]\nread_url = \"http://c/\"\n").Storage.VictoriaMetrics
	if vm.Raw.Read != "http://b/" || vm.Hour.Read != "http://c/" || vm.Hour.Write != "http://a/" {
		t.Errorf("raw %q, hour %q written to %q", vm.Raw.Read.Reveal(), vm.Hour.Read.Reveal(), vm.Hour.Write.Reveal())
	}
}

// A file of 10 MB is an installation of 100,000 devices, or garbage. Both must
// end soon and without eating the machine.
func TestTenMegabytes(t *testing.T) {
	var good strings.Builder
	for i := 0; good.Len() < 10<<20; i++ {
		fmt.Fprintf(&good, "[[device]]\nname = \"sw-%d\"\naddress = \"192.0.2.1:%d\"\nports = [\"Gi1/0/*\", \"Te*\"]\n\n", i, i%65535+1)
	}
	start := time.Now()
	cfg := load(t, good.String())
	if len(cfg.Targets) < 100_000 {
		t.Errorf("%d devices", len(cfg.Targets))
	}
	t.Logf("%d devices in %v", len(cfg.Targets), time.Since(start))
	start = time.Now()
	_, err := loader().LoadBytes("c.toml", []byte(strings.Repeat("[[devise]]\nnaem = \"a\"\n", 10<<20/22)))
	if n := strings.Count(fmt.Sprint(err), "\n"); n < 400_000 {
		t.Errorf("%d errors, want one for each line", n)
	}
	t.Logf("all wrong in %v", time.Since(start))
}

func TestFindPrefersTheGivenFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if got := config.Find("x.toml"); got != "x.toml" {
		t.Errorf("given x.toml, found %q", got)
	}
	if _, err := os.Stat(config.SystemFile); err != nil {
		if got := config.Find(""); got != "" {
			t.Errorf("nothing there, found %q", got)
		}
	}
	write(t, "config.toml", "0600 ")
	if got := config.Find(""); got != "config.toml" {
		t.Errorf("found %q, want config.toml", got)
	}
}

func TestMissingFileIsOneError(t *testing.T) {
	_, err := loader().Load(filepath.Join(t.TempDir(), "none.toml"))
	if err == nil || !strings.HasSuffix(err.Error(), "none.toml: cannot be read: no such file or directory, wanted a config file; the one that Spate ships shows every key") {
		t.Errorf("error is %v", err)
	}
}
