package host_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"spate/host"
)

// counted is what a test's own binary says in place of spate agent -once, as another
// user and with other capabilities.
type counted struct {
	Backend, Why, Doubt, Error string
	Interfaces                 int
}

func sayWhatIsCounted(backend string) error {
	cfg := host.DefaultAgentConfig()
	cfg.Backend = backend
	agent, err := host.NewAgent(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	s := agent.Read()
	c := counted{Error: s.Error, Interfaces: len(s.Interfaces)}
	c.Backend, c.Why, c.Doubt = agent.Backend()
	if err := agent.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(c)
}

// The service has two capabilities and no more. With both it counts by eBPF, without
// CAP_BPF by nftables, and with nothing it lists interfaces and says why.
func TestWithTheCapabilitiesOfTheService(t *testing.T) {
	needs(t, "setpriv", "unshare", "iptables-save")
	tests := []struct {
		name, caps string
		want       string
		why        []string
	}{
		{name: "both of the unit", caps: "+bpf,+net_admin", want: "ebpf"},
		{name: "no CAP_BPF", caps: "+net_admin", want: "nftables", why: []string{"eBPF needs CAP_BPF and CAP_NET_ADMIN"}},
		{name: "no CAP_NET_ADMIN", caps: "+bpf", why: []string{"eBPF needs CAP_BPF and CAP_NET_ADMIN", "nftables needs CAP_NET_ADMIN", "iptables"}},
		{name: "none", why: []string{"eBPF needs CAP_BPF and CAP_NET_ADMIN", "nftables needs CAP_NET_ADMIN", "iptables"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := asNobody(t, tt.caps)
			if c.Backend != tt.want || c.Interfaces == 0 || c.Error != "" {
				t.Errorf("%+v, want %q", c, tt.want)
			}
			for _, why := range tt.why {
				if !strings.Contains(c.Why, why) {
					t.Errorf("the reason is %q, want %q in it", c.Why, why)
				}
			}
			if len(tt.why) == 0 && c.Why != "" || strings.Contains(c.Why, "MEMLOCK") {
				t.Errorf("the reason is %q", c.Why)
			}
		})
	}
}

// asNobody runs this binary as nobody, with capabilities as the unit has them (ambient,
// inheritable and as bound), and in a network namespace without rules.
func asNobody(t *testing.T, caps string) (c counted) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may give away capabilities")
	}
	self := forEverybody(t)
	set := "-all"
	if caps != "" {
		set += "," + caps
	}
	cmd := exec.Command("unshare", "--net", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
		"--inh-caps="+set, "--ambient-caps="+set, "--bounding-set="+set, self)
	cmd.Env = []string{"SPATE_TEST_COUNT=auto"}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		if strings.Contains(said.String(), "capab") && strings.Contains(said.String(), "unknown") {
			t.Skipf("setpriv: %s", said.String())
		}
		t.Fatalf("%v: %s", err, said.String())
	}
	if err := json.Unmarshal(out.Bytes(), &c); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return c
}

// forEverybody is a copy of this binary where other users may run it.
func forEverybody(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "spate") // t.TempDir is root's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	self := filepath.Join(dir, "spate")
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(self, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return self
}
