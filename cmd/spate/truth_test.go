package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"spate"
	"spate/poller/snmptest/snmpd"
)

// The whole way with real parts: packets over a veth pair at a known rate,
// net-snmp's agent in a network namespace, `spate serve`, and what it says in
// the API, in pictures and on the page. SPATE_TRUTH_SECONDS shortens it.
func TestStoredRatesAreTheKernels(t *testing.T) {
	if testing.Short() {
		t.Skip("takes two minutes")
	}
	t.Parallel() // it waits for most of its time
	lab := newVethLab(t)
	// An agent for each version: they share the counters of the kernel, and no
	// cache that one device's polls would renew for another's.
	var agents [3]string
	for i := range agents {
		agents[i] = snmpd.Start(t, snmpd.Config{Namespace: lab.near, Address: lab.nearManagement,
			Users: []snmpd.User{{Name: "aes", Auth: "SHA256", Priv: "AES", Level: "priv"}}})
	}
	server := startServe(t, truthConfig(agents))
	server.awaitRefresh(t, "agent-v1", "agent-v2c", "agent-v3")
	seconds := 125
	if s, err := strconv.Atoi(os.Getenv("SPATE_TRUTH_SECONDS")); err == nil {
		seconds = s
	}
	kernel := lab.send(t, time.Duration(seconds)*time.Second)
	server.await(t, kernel.last().Add(21*time.Second)) // the slot after the window, and the poll that closes it

	from := kernel.first().Add(15 * time.Second).Truncate(10 * time.Second).Add(10 * time.Second)
	to := from.Add(time.Duration(seconds-35) / 10 * 10 * time.Second)
	for _, device := range []string{"agent-v1", "agent-v2c", "agent-v3"} {
		t.Run(device, func(t *testing.T) { server.compare(t, device, from, to, kernel) })
	}
	t.Run("lo is not quarantined", func(t *testing.T) {
		var got struct{ Ports []apiPort }
		server.get(t, "/api/v1/ports?device=agent-v2c&q=lo", &got)
		for _, p := range got.Ports {
			if p.Port == "lo" && p.Gap == nil && p.Rate != nil && p.SpeedBps == nil {
				return
			}
		}
		t.Errorf("lo should have a rate, no gap and no speed: %+v", got.Ports)
	})
}

const measured = "data0"

// vethLab is two namespaces joined by a veth pair, and a management link to one.
type vethLab struct {
	near, far                      string
	hostManagement, nearManagement string // addresses
	nearData, farData              string
	subnet                         string // of the veth pair
}

var labs sync.Mutex // while one takes its addresses

// newVethLab makes one of addresses that nothing here has: a lab beside it, one that the
// kernel is still taking down, or one that a killed test left behind.
func newVethLab(t *testing.T) *vethLab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is not installed (Debian package iproute2)")
	}
	block := func(n, host int) string { return fmt.Sprintf("198.18.%d.%d", n, host) } // RFC 2544: addresses for tests
	labs.Lock()
	defer labs.Unlock()
	here, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	number := 76
	for slices.ContainsFunc(here, func(a net.Addr) bool { return strings.HasPrefix(a.String(), block(number, 1)+"/") }) {
		if number += 2; number > 254 {
			t.Fatal("198.18.76.1 to 198.18.254.1 are all in use: ip netns lists what tests that were killed left behind")
		}
	}
	l := &vethLab{near: fmt.Sprintf("spate-near-%d-%d", number, os.Getpid()), far: fmt.Sprintf("spate-far-%d-%d", number, os.Getpid())}
	l.hostManagement, l.nearManagement, l.nearData, l.farData, l.subnet = block(number, 1), block(number, 2), block(number+1, 1), block(number+1, 2), block(number+1, 0)+"/30"
	if out, err := exec.Command("ip", "netns", "add", l.near).CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %s", out)
	}
	t.Cleanup(func() {
		for _, ns := range []string{l.near, l.far} {
			_ = exec.Command("ip", "netns", "del", ns).Run()
		}
	})
	for _, line := range strings.Split(fmt.Sprintf(`netns add %[2]s
link add spm%[9]d-%[3]d type veth peer name mgmt0 netns %[1]s
link add %[4]s netns %[1]s type veth peer name data0 netns %[2]s
addr add %[5]s/30 dev spm%[9]d-%[3]d
link set spm%[9]d-%[3]d up
-n %[1]s addr add %[6]s/30 dev mgmt0
-n %[1]s addr add %[7]s/30 dev %[4]s
-n %[1]s link set mgmt0 up
-n %[1]s link set lo up
-n %[1]s link set %[4]s up
-n %[2]s addr add %[8]s/30 dev data0
-n %[2]s link set data0 up`, l.near, l.far, os.Getpid()%100000, measured, l.hostManagement, l.nearManagement, l.nearData, l.farData, number), "\n") {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", line, err, out)
		}
	}
	return l
}

// reading is the kernel's counters of the measured interface at one moment.
type reading struct {
	at                                     time.Time
	rxBytes, txBytes, rxPackets, txPackets float64
}

type readings []reading

func (r readings) first() time.Time { return r[0].at }
func (r readings) last() time.Time  { return r[len(r)-1].at }

// send drives packets both ways for d and reads the kernel's counters twice a second.
func (l *vethLab) send(t *testing.T, d time.Duration) readings {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	for _, way := range []struct {
		ns, to     string
		size, rate int
	}{{l.near, l.farData, 1200, 2500}, {l.far, l.nearData, 300, 900}} {
		cmd := exec.CommandContext(ctx, "ip", "netns", "exec", way.ns, executable(t))
		cmd.Env = append(os.Environ(), fmt.Sprintf("SPATE_TEST_SEND=%s %d %d", way.to, way.size, way.rate))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	var out readings
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	for {
		out = append(out, l.read(t))
		select {
		case <-ctx.Done():
			return out
		case <-look.C:
		}
	}
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (l *vethLab) read(t *testing.T) reading {
	t.Helper()
	out, err := exec.Command("ip", "-n", l.near, "-s", "-j", "link", "show", "dev", measured).Output()
	at := time.Now()
	var links []struct {
		Stats struct {
			RX, TX struct{ Bytes, Packets float64 }
		} `json:"stats64"`
	}
	if err != nil || json.Unmarshal(out, &links) != nil || len(links) != 1 {
		t.Fatalf("ip -s -j link: %v: %s", err, out)
	}
	s := links[0].Stats
	return reading{at, s.RX.Bytes, s.TX.Bytes, s.RX.Packets, s.TX.Packets}
}

// rate is the kernel's own rate of one counter between two moments.
func (r readings) rate(from, to time.Time, counter func(reading) float64) float64 {
	at := func(when time.Time) float64 {
		for i := 1; i < len(r); i++ {
			if a, b := r[i-1], r[i]; !b.at.Before(when) {
				part := when.Sub(a.at).Seconds() / b.at.Sub(a.at).Seconds()
				return counter(a) + part*(counter(b)-counter(a))
			}
		}
		return math.NaN()
	}
	return (at(to) - at(from)) / to.Sub(from).Seconds()
}

// sendPackets is the traffic generator: size octets of UDP payload, rate times a second.
func sendPackets(order string) {
	var to string
	var size, rate int
	if _, err := fmt.Sscanf(order, "%s %d %d", &to, &size, &rate); err != nil {
		panic(err)
	}
	if uid, err := strconv.Atoi(os.Getenv("SPATE_TEST_UID")); err == nil {
		if err := syscall.Setuid(uid); err != nil {
			panic(err)
		}
	}
	conn, err := net.Dial("udp", net.JoinHostPort(to, "9"))
	if err != nil {
		panic(err)
	}
	payload := make([]byte, size)
	begin := time.Now()
	for sent := 0; ; sent++ {
		if ahead := time.Duration(sent)*time.Second/time.Duration(rate) - time.Since(begin); ahead > time.Millisecond {
			time.Sleep(ahead)
		}
		_, _ = conn.Write(payload) // nobody listens at port 9; the packet has crossed the wire
	}
}

func truthConfig(agents [3]string) string {
	return fmt.Sprintf(`
[server]
listen = "127.0.0.1:0"
timezone = "UTC"
[storage]
path = "data"
[host]
enabled = false
[snmp.v1]
version = "1"
community = %[2]q
[snmp.v2c]
version = "2c"
community = %[2]q
[snmp.v3]
version = "3"
user = "aes"
auth_protocol = "SHA256"
auth_password = %[3]q
priv_protocol = "AES"
priv_password = %[4]q
[[device]]
name = "agent-v1"   # its 32-bit octets wrap in 3.4 s at the 10 Gb/s that veth claims
address = %[1]q
snmp = "v1"
speed = { "%[5]s" = "1G", "mgmt0" = "1G" }
[[device]]
name = "agent-v2c"
address = %[6]q
snmp = "v2c"
[[device]]
name = "agent-v3"
address = %[7]q
snmp = "v3"
`, agents[0], snmpd.Community.Reveal(), snmpd.AuthPassword.Reveal(), snmpd.PrivPassword.Reveal(), measured, agents[1], agents[2])
}

// serving is a running `spate serve`.
type serving struct {
	url  string
	file string // its config
	cmd  *exec.Cmd
	err  *output
}

// output is what a program has said so far.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// startServe runs the program with a config file in a folder of its own.
func startServe(t *testing.T, config string) *serving {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &serving{file: file, err: &output{}, cmd: exec.Command("spate", "serve", "-config", file)}
	s.cmd.Stderr = s.err
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop(t)
		if t.Failed() {
			t.Logf("spate serve said:\n%s", s.err)
		}
	})
	line := make([]byte, 200)
	n, err := out.Read(line)
	if found := regexp.MustCompile(`http://\S+`).FindString(string(line[:n])); found != "" {
		s.url = found
		return s
	}
	t.Fatalf("spate serve did not come up (%v): %s%s", err, line[:n], s.err)
	return nil
}

func (s *serving) stop(t *testing.T) {
	t.Helper()
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("spate serve ended with %v", err)
	}
}

// awaitRefresh waits until it is known how the devices renew their counters: in
// the first minute with a device, rates are as good as the age of its cache.
func (s *serving) awaitRefresh(t *testing.T, devices ...string) {
	t.Helper()
	for limit := time.Now().Add(8 * time.Minute); len(devices) > 0; time.Sleep(time.Second) {
		var got struct {
			Refresh *float64 `json:"counter_refresh_s"`
		}
		s.get(t, "/api/v1/devices/"+devices[0], &got)
		switch {
		case got.Refresh != nil && math.Abs(*got.Refresh-3) > 0.2: // its timer may be late
			t.Fatalf("%s renews its counters every %v s, net-snmp does every 3 s", devices[0], *got.Refresh)
		case got.Refresh != nil:
			devices = devices[1:]
		case time.Now().After(limit):
			t.Fatalf("%s: no word of how it renews its counters", devices[0])
		}
	}
}

// await sleeps until a moment that the real agent and clock decide on.
func (s *serving) await(t *testing.T, when time.Time) {
	t.Helper()
	select {
	case <-time.After(time.Until(when)):
	case <-t.Context().Done():
	}
}

func (s *serving) body(t *testing.T, path string) []byte {
	t.Helper()
	res, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v\n%s", path, res.Status, err, b)
	}
	return b
}

func (s *serving) get(t *testing.T, path string, into any) {
	t.Helper()
	if err := json.Unmarshal(s.body(t, path), into); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
}

type apiPort struct {
	Device, Port string
	Gap          *string
	SpeedBps     *float64 `json:"speed_bps"`
	Rate         *struct {
		InBps *float64 `json:"in_bps"`
	}
}

// compare holds what Spate says of the window against the kernel.
func (s *serving) compare(t *testing.T, device string, from, to time.Time, kernel readings) {
	query := url.Values{"device": {device}, "port": {measured}, "from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}}
	var series struct {
		Stats map[string]struct{ Mean, Max, Total *float64 }
	}
	s.get(t, "/api/v1/series?metrics=in_bps,out_bps,in_pps,out_pps&"+query.Encode(), &series)
	bits := string(s.body(t, "/api/v1/graph.svg?kind=bits&"+query.Encode()))
	packets := string(s.body(t, "/api/v1/graph.svg?kind=packets&"+query.Encode()))
	page := string(s.body(t, "/port?"+query.Encode()))
	for _, c := range []struct {
		metric, picture, unit string
		want                  float64
	}{
		{"in_bps", bits, "b/s", 8 * kernel.rate(from, to, func(r reading) float64 { return r.rxBytes })},
		{"out_bps", bits, "b/s", 8 * kernel.rate(from, to, func(r reading) float64 { return r.txBytes })},
		{"in_pps", packets, "p/s", kernel.rate(from, to, func(r reading) float64 { return r.rxPackets })},
		{"out_pps", packets, "p/s", kernel.rate(from, to, func(r reading) float64 { return r.txPackets })},
	} {
		got := series.Stats[c.metric].Mean
		if got == nil {
			t.Errorf("%s: no mean", c.metric)
			continue
		}
		off := math.Abs(*got-c.want) / c.want
		t.Logf("%s: stored %.0f, kernel %.0f, off by %.2f %%", c.metric, *got, c.want, 100*off)
		if off > 0.01 {
			t.Errorf("%s: stored %.0f, kernel %.0f: off by %.2f %%, want at most 1 %%", c.metric, *got, c.want, 100*off)
		}
		for where, text := range map[string]string{"picture's legend": c.picture, "page": page} {
			if !says(text, *got, c.unit) {
				t.Errorf("%s: the %s does not say %q", c.metric, where, formatted(*got, c.unit))
			}
		}
	}
	if png := s.body(t, "/api/v1/graph.png?"+query.Encode()); !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Error("graph.png is no PNG")
	}
}

// says tells whether a text shows a rate. The API gives it to the metric's
// quantum, pages and pictures round the whole figure: a half may go either way.
func says(text string, v float64, unit string) bool {
	text = plainSpaces(text)
	for _, off := range [...]float64{0, -0.05, 0.05} {
		if strings.Contains(text, formatted(v+off, unit)) {
			return true
		}
	}
	return false
}

// formatted is a rate as pages and pictures print it.
func formatted(v float64, unit string) string { return spate.FormatSI(v, unit) }

// plainSpaces turns every kind of space into the ordinary one, and tags into
// none, so that text can be looked for.
func plainSpaces(s string) string {
	s = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(s, "")
	return strings.NewReplacer("\u202f", " ", "\u00a0", " ", "\u2009", " ", "&nbsp;", " ", "&#8239;", " ").Replace(s)
}
