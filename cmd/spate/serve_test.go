package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"spate/poller/snmptest"
)

// agentUDP is a simulated switch on loopback, until the test ends.
func agentUDP(t *testing.T, name string) string {
	t.Helper()
	conn, err := snmptest.ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- snmptest.Switch(snmptest.SwitchConfig{Name: name, Ports: 4, Seed: 3}).ServeUDP(ctx, conn)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return conn.LocalAddr().String()
}

func everySecond(folder string, devices ...string) string {
	s := fmt.Sprintf("[server]\nlisten = \"127.0.0.1:0\"\n[storage]\npath = %q\n[poller]\ninterval = \"1s\"\n[host]\nenabled = false\n[snmp.default]\ncommunity = \"public\"\n", folder)
	for i, d := range devices {
		s += fmt.Sprintf("[[device]]\nname = \"sw-%d\"\naddress = %q\n", i+1, d)
	}
	return s
}

// until asks again, four times a second, until ok or the patience ends.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within two minutes", what)
		case <-tick.C:
		}
	}
}

// within is what the suite grants to what is to take d at most: other tests run beside
// it, and on machines of many kinds. SPATE_LONG holds it to d.
func within(d time.Duration) time.Duration {
	if os.Getenv("SPATE_LONG") != "" {
		return d
	}
	return 3 * d
}

func (s *serving) known(t *testing.T, device string, from, to time.Time) []*float64 {
	to = to.Add(time.Second) // "to" is after "from", whenever it is asked
	t.Helper()
	var got struct {
		Series map[string]struct{ Avg []*float64 }
	}
	q := url.Values{"device": {device}, "port": {"Gi1/0/1"}, "metrics": {"in_bps"}, "width": {"600"},
		"from": {fmt.Sprint(from.Unix())}, "to": {fmt.Sprint(to.Unix())}}
	s.get(t, "/api/v1/series?"+q.Encode(), &got)
	return got.Series["in_bps"].Avg
}

func count(values []*float64) int {
	n := 0
	for _, v := range values {
		if v != nil {
			n++
		}
	}
	return n
}

func (s *serving) rated(t *testing.T, device string) bool {
	t.Helper()
	var got struct{ Ports []apiPort }
	res, err := http.Get(s.url + "/api/v1/ports?device=" + device)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotFound {
		return false // not taken over yet
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return len(got.Ports) == 4 && got.Ports[0].Rate != nil
}

func TestARestartShowsOnlyTheTimeItWasDown(t *testing.T) {
	folder, agent := t.TempDir(), agentUDP(t, "sw-1")
	begin := time.Now()
	first := startServe(t, everySecond(folder, agent))
	until(t, "a first rate", func() bool { return first.rated(t, "sw-1") })
	until(t, "ten seconds of history", func() bool { return count(first.known(t, "sw-1", begin, time.Now())) >= 10 })
	first.stop(t)
	down := time.Now()
	if code := first.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("SIGINT ended it with %d", code)
	}
	second := startServe(t, everySecond(folder, agent))
	var ports struct{ Ports []apiPort }
	second.get(t, "/api/v1/ports?device=sw-1", &ports)
	if len(ports.Ports) != 4 {
		t.Errorf("%d ports right after the start, want the 4 of the last run", len(ports.Ports))
	}
	until(t, "five seconds after the restart", func() bool { return count(second.known(t, "sw-1", down, time.Now())) >= 5 })
	values := second.known(t, "sw-1", begin, time.Now())
	gaps, in := 0, false
	for _, v := range values[firstKnown(values):lastKnown(values)] {
		if v == nil && !in {
			gaps++
		}
		in = v == nil
	}
	if gaps != 1 {
		t.Errorf("%d gaps in %d seconds around one restart", gaps, len(values))
	}
}

func firstKnown(v []*float64) int {
	for i := range v {
		if v[i] != nil {
			return i
		}
	}
	return len(v)
}

func lastKnown(v []*float64) int {
	for i := len(v) - 1; i >= 0; i-- {
		if v[i] != nil {
			return i
		}
	}
	return 0
}

func TestReloadTakesDevicesOverAndRefusesMistakes(t *testing.T) {
	folder, a, b := t.TempDir(), agentUDP(t, "sw-1"), agentUDP(t, "sw-2")
	s := startServe(t, everySecond(folder, a))
	until(t, "a rate of sw-1", func() bool { return s.rated(t, "sw-1") })
	begin := time.Now()

	s.reload(t, everySecond(folder, a, b)+"[poller]\n")
	until(t, "the mistake in the log", func() bool { return strings.Contains(s.err.String(), "the old one stays") })
	s.reload(t, everySecond(folder, a, b))
	until(t, "a rate of sw-2", func() bool { return s.rated(t, "sw-2") })
	until(t, "history of sw-1 over the reload", func() bool { return len(s.known(t, "sw-1", begin, time.Now())) >= 8 })
	s.reload(t, everySecond(folder, a))
	until(t, "sw-2 gone", func() bool {
		var got struct{ Devices []struct{ Name string } }
		s.get(t, "/api/v1/devices", &got)
		return len(got.Devices) == 1
	})
	values := s.known(t, "sw-1", begin, time.Now())
	values = values[firstKnown(values):lastKnown(values)]
	if n := len(values) - count(values); n != 0 || len(values) < 4 {
		t.Errorf("%d of %d seconds of the device that stayed are missing", n, len(values))
	}
}

func (s *serving) reload(t *testing.T, config string) {
	t.Helper()
	if err := os.WriteFile(s.file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

func TestASecondSpateIsRefusedWithASentence(t *testing.T) {
	folder := t.TempDir()
	s := startServe(t, everySecond(folder))
	port := strings.TrimPrefix(s.url, "http://")
	for name, tt := range map[string]struct{ config, says string }{
		"the same port":   {strings.Replace(everySecond(t.TempDir()), "127.0.0.1:0", port, 1), port + " is taken"},
		"the same folder": {everySecond(folder), folder},
	} {
		t.Run(name, func(t *testing.T) {
			file := t.TempDir() + "/config.toml"
			if err := os.WriteFile(file, []byte(tt.config), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("spate", "serve", "-config", file).CombinedOutput()
			exit, ok := err.(*exec.ExitError)
			if !ok || exit.ExitCode() != 1 || !strings.Contains(string(out), tt.says) {
				t.Errorf("%v: %s; want exit code 1 and %q", err, out, tt.says)
			}
		})
	}
}
