package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spate/mibs"
	"spate/poller/snmptest/snmpd"
)

// Debian's snmpd starts spate agent -pass-persist, and snmpwalk reads what an agent that
// runs beside it counts, here from a file of existing iptables rules.
func TestSnmpdServesTheUsersOfAnAgent(t *testing.T) {
	walk, err := exec.LookPath("snmpwalk")
	if err != nil {
		t.Skip("snmpwalk is not installed (Debian package snmp)")
	}
	spate, err := exec.LookPath("spate")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "agent.toml")
	write(rules, "*filter\n[7:700] -A OUTPUT -m owner --uid-owner 4000001 -j ACCEPT\n[3000000000:18000000000000000000] -A OUTPUT -m owner --uid-owner 4000002 -j ACCEPT\nCOMMIT\n")
	// The token is of no concern to snmpd's child, which could not read it.
	write(config, fmt.Sprintf("[agent]\nlisten = %q\nbackend = \"file\"\ncounter_files = [%q]\ninterval = \"1s\"\ntoken_file = \"${CREDENTIALS_DIRECTORY}/agent.token\"\n", listen, rules))
	write(filepath.Join(dir, "agent.token"), "0123456789abcdef0123\n")

	address := snmpd.Start(t, snmpd.Config{Lines: []string{
		"rwcommunity writer",
		fmt.Sprintf("pass_persist %s %s agent -pass-persist -config %s", mibs.AgentUsers, spate, config),
	}})
	table := func() string {
		t.Helper()
		cmd := exec.Command(walk, "-v2c", "-c", snmpd.Community.Reveal(), "-On", "-t", "3", address, string(mibs.AgentUsers))
		cmd.Env = append(os.Environ(), "MIBS=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("snmpwalk: %v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := table(); strings.Contains(got, "4000001") {
		t.Fatalf("without an agent: %s", got)
	}
	agent := exec.Command(spate, "agent", "-config", config)
	agent.Env = append(os.Environ(), "CREDENTIALS_DIRECTORY="+dir)
	said := &output{}
	agent.Stdout, agent.Stderr = said, said
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() { _ = agent.Process.Kill(); _ = agent.Wait() }
	ended := false
	t.Cleanup(func() {
		if !ended {
			end()
		}
		if t.Failed() {
			t.Logf("spate agent said:\n%s", said)
		}
	})
	want := strings.NewReplacer("NAME", string(mibs.AgentUserName), "OCTETS", string(mibs.AgentUserOctets), "PACKETS", string(mibs.AgentUserPackets),
		"HOW", string(mibs.AgentBackend), "REST", string(mibs.AgentOtherOctets), "LAST", string(mibs.AgentOtherPackets)).Replace(`NAME.4000001 = STRING: "4000001"
NAME.4000002 = STRING: "4000002"
OCTETS.4000001 = Counter64: 700
OCTETS.4000002 = Counter64: 18000000000000000000
PACKETS.4000001 = Counter64: 7
PACKETS.4000002 = Counter64: 3000000000
HOW = STRING: "file"
REST = Counter64: 0
LAST = Counter64: 0`)
	got := ""
	for limit := time.Now().Add(20 * time.Second); got != want; time.Sleep(200 * time.Millisecond) {
		if got = table(); time.Now().After(limit) {
			t.Fatalf("snmpwalk reads\n%s\nwant\n%s", got, want)
		}
	}
	began := time.Now()
	table()
	t.Logf("a walk takes %v", time.Since(began))

	// What counts goes on, and what is asked for one by one is there too.
	write(rules, "*filter\n[9:900] -A OUTPUT -m owner --uid-owner 4000001 -j ACCEPT\n[3000000000:18000000000000000000] -A OUTPUT -m owner --uid-owner 4000002 -j ACCEPT\nCOMMIT\n")
	until(t, "the counter goes on", func() bool {
		return strings.Contains(table(), string(mibs.AgentUserOctets)+".4000001 = Counter64: 900")
	})
	set, err := exec.LookPath("snmpset")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(set, "-v2c", "-c", "writer", "-On", address, string(mibs.AgentUserName)+".4000001", "s", "root").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "notWritable") {
		t.Errorf("snmpset: %v: %s", err, out)
	}
	end()
	ended = true
	until(t, "an agent that is away has no users", func() bool { return !strings.Contains(table(), "4000001") })
}
