// Package snmpd starts net-snmp's agent for tests: the real thing, on loopback,
// with a configuration of its own. Only tests import it.
package snmpd

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"spate"
)

// User is one SNMPv3 user of the agent. Auth and Priv are written as in
// config.toml; the passwords are AuthPassword and PrivPassword.
type User struct {
	Name, Auth, Priv string
	Level            string // noauth, auth or priv: the least the agent accepts
}

// The passwords of every user that has one, and the read-only community.
const (
	AuthPassword spate.Secret = "auth-pass-12"
	PrivPassword spate.Secret = "priv-pass-12"
	Community    spate.Secret = "spate-test"
)

// Config says what the agent is to offer.
type Config struct {
	Users     []User
	Namespace string   // start it in this network namespace; empty: here
	Address   string   // "127.0.0.1" when empty
	Lines     []string // more of snmpd.conf
}

// Start runs snmpd until the test ends and gives its address. The test is
// skipped, with the reason, where Debian's package snmpd is not installed.
func Start(t testing.TB, c Config) string {
	t.Helper()
	path, err := exec.LookPath("snmpd")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/snmpd"); err != nil {
			t.Skip("snmpd is not installed (Debian package snmpd)")
		}
	}
	dir := t.TempDir()
	address := net.JoinHostPort(host(c), freePort(t))
	conf := filepath.Join(dir, "snmpd.conf")
	if err := os.WriteFile(conf, []byte(text(c, address)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{path, "-f", "-C", "-c", conf, "-I", "-smux", "-Le"}
	if c.Namespace != "" {
		args = append([]string{"ip", "netns", "exec", c.Namespace}, args...)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "MIBS=", "SNMP_PERSISTENT_DIR="+filepath.Join(dir, "state"))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr, cmd.Stdout = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start snmpd: %v", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-exited
		log.Close()
	})
	awaitAnswer(t, exited, filepath.Join(dir, "log"))
	return address
}

func host(c Config) string {
	if c.Address == "" {
		return "127.0.0.1"
	}
	return c.Address
}

func text(c Config, address string) string {
	s := fmt.Sprintf("agentAddress udp:%s\nrocommunity %s\n", address, Community.Reveal())
	for _, u := range c.Users {
		s += "createUser " + u.Name
		if u.Auth != "" {
			s += " " + authNames[u.Auth] + " " + AuthPassword.Reveal()
		}
		if u.Priv != "" {
			s += " " + u.Priv + " " + PrivPassword.Reveal()
		}
		s += fmt.Sprintf("\nrouser %s %s\n", u.Name, u.Level)
	}
	for _, line := range c.Lines {
		s += line + "\n"
	}
	return s
}

// authNames are net-snmp's words for the protocols.
var authNames = map[string]string{
	"MD5": "MD5", "SHA": "SHA", "SHA224": "SHA-224", "SHA256": "SHA-256", "SHA384": "SHA-384", "SHA512": "SHA-512",
}

func freePort(t testing.TB) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, port, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// awaitAnswer waits for the line that snmpd logs once it serves.
func awaitAnswer(t testing.TB, exited <-chan error, log string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		b, _ := os.ReadFile(log)
		if bytes.Contains(b, []byte("NET-SNMP version")) {
			return
		}
		select {
		case err := <-exited:
			t.Fatalf("snmpd ended: %v\n%s", err, b)
		case <-deadline:
			t.Fatalf("snmpd does not come up:\n%s", b)
		case <-look.C:
		}
	}
}
