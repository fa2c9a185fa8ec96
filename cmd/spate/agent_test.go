package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/host"
	"spate/poller/snmptest/snmpd"
)

const (
	readerText = "reader-token-0123456789abcdef"
	agentText  = "agent-token-0123456789abcdef"
)

// hosting is one web server behind one port of a router that net-snmp's agent answers
// for, and the Spate that polls it and takes the server's pushes.
type hosting struct {
	*vethLab
	server *serving
	dir    string
	syslog int // port
}

// polls of less than three seconds want a minute and a half of looking at snmpd first;
// without any the router stays unknown.
func newHosting(t *testing.T, polls, backend string) *hosting {
	t.Helper()
	h := &hosting{vethLab: newVethLab(t), dir: t.TempDir()}
	for _, line := range []string{
		"-n " + h.far + " link set lo up",
		"-n " + h.far + " route add default via " + h.nearData,
		"route add " + h.subnet + " via " + h.nearManagement,
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", line, err, out)
		}
	}
	t.Cleanup(func() { _ = exec.Command("ip", "route", "del", h.subnet).Run() })
	if out, err := exec.Command("ip", "netns", "exec", h.near, "sysctl", "-qw", "net.ipv4.ip_forward=1").CombinedOutput(); err != nil {
		t.Fatalf("forwarding: %v: %s", err, out)
	}
	agent := snmpd.Start(t, snmpd.Config{Namespace: h.near, Address: h.nearManagement})
	h.syslog = freePort(t, h.hostManagement)
	router := ""
	if polls != "" {
		router = fmt.Sprintf("[[device]]\nname = \"sw-acc-1\"\naddress = %q\nspeed = { %q = \"300M\", \"mgmt0\" = \"300M\" }\n", agent, measured)
	}
	sum := func(text string) string { s := sha256.Sum256([]byte(text)); return hex.EncodeToString(s[:]) }
	h.server = startServe(t, fmt.Sprintf(`
[server]
listen = "%s:0"
timezone = "UTC"
[storage]
path = "data"
[poller]
interval = %q
[host]
enabled = false
[snmp.default]
community = %q
%s[syslog]
listen = "%s:%d"
[[token]]
name = "reader"
role = "viewer"
sha256 = %q
[[token]]
name = "web-17"
role = "agent"
sha256 = %q
`, h.hostManagement, cmp.Or(polls, "10s"), snmpd.Community.Reveal(), router, h.hostManagement, h.syslog, sum(readerText), sum(agentText)))
	token := filepath.Join(h.dir, "token")
	if err := os.WriteFile(token, []byte(agentText), 0o600); err != nil {
		t.Fatal(err)
	}
	pushes := "10s"
	if polls == "" {
		pushes = "2s"
	}
	text := fmt.Sprintf("[agent]\nurl = %q\nplain_http = true\ntoken_file = %q\nspool = %q\nbackend = %q\ninterval = %q\nspeed = { data0 = \"300M\" }\n", h.server.url, token, filepath.Join(h.dir, "spool"), backend, pushes)
	if err := os.WriteFile(filepath.Join(h.dir, "agent.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("ports: %s\nsuspects: %s", h.read(t, "/api/v1/ports"), h.read(t, "/api/v1/suspects"))
		}
	})
	return h
}

// freePort is one that nobody uses now, by UDP or TCP.
func freePort(t *testing.T, at string) int {
	t.Helper()
	udp, tcp, err := host.ListenSyslog(at + ":0")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = udp.Close(), tcp.Close()
	return udp.LocalAddr().(*net.UDPAddr).Port
}

// agent runs `spate agent` on the web server, until the test ends or kill is called.
func (h *hosting) agent(t *testing.T) (kill func()) {
	t.Helper()
	said := &output{}
	spate, err := exec.LookPath("spate")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nsenter", "--net=/var/run/netns/"+h.far, spate, "agent", "-config", filepath.Join(h.dir, "agent.toml"))
	cmd.Stderr, cmd.Stdout = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	kill = func() {
		if !done {
			done = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(func() {
		kill()
		if t.Failed() {
			t.Logf("spate agent said:\n%s", said)
		}
	})
	return kill
}

// user sends from the web server under a uid: packets of 1,000 octets of payload, so
// many a second.
func (h *hosting) user(t *testing.T, uid, rate int) (stop func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", h.far, self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SPATE_TEST_SEND=%s 1000 %d", h.hostManagement, rate), "SPATE_TEST_UID="+strconv.Itoa(uid))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	stop = func() {
		if !done {
			done = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	return stop
}

func (h *hosting) read(t *testing.T, path string) []byte {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, h.server.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+readerText)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v: %s", path, res.Status, err, b)
	}
	return b
}

func (h *hosting) open(t *testing.T) *spate.Incident {
	t.Helper()
	var got struct{ Incidents []*spate.Incident }
	if err := json.Unmarshal(h.read(t, "/api/v1/incidents?state=open"), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Incidents) == 0 {
		return nil
	}
	return got.Incidents[0]
}

// users are what each user sends by the agent, in b/s.
func (h *hosting) users(t *testing.T) map[string]float64 {
	t.Helper()
	var got struct {
		Agents []struct {
			Users []struct {
				User  string
				TxBps *float64 `json:"tx_bps"`
			}
		}
	}
	if err := json.Unmarshal(h.read(t, "/api/v1/agents"), &got); err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, a := range got.Agents {
		for _, u := range a.Users {
			if u.TxBps != nil {
				out[u.User] = *u.TxBps
			}
		}
	}
	return out
}

// The story that Spate comes from, with a happier end: one account on a web server
// floods, the switch port is found by SNMP, and the agent names the account.
func TestTheUserBehindAFloodIsNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes three minutes")
	}
	h := newHosting(t, "1s", "auto") // eBPF counts in all namespaces: nothing else may send beside it
	kill := h.agent(t)
	h.user(t, 1043, 100)
	h.user(t, 1044, 20)
	h.awaitCalm(t)
	began := time.Now()
	stop := h.user(t, 1042, 20000) // 167 Mb/s
	var in *spate.Incident
	named := func(uid int) bool {
		in = h.open(t)
		return in != nil && len(in.Users) > 0 && in.Users[0].UID == uid
	}
	until(t, "the user is named", func() bool { return named(1042) })
	opened, took := in.DetectedAt.Sub(began), time.Since(began)
	t.Logf("incident after %.1f s, user after %.1f s: %s", opened.Seconds(), took.Seconds(), in.Summary)
	if took > max(within(12*time.Second), opened+within(3*time.Second)) {
		t.Errorf("the user was named after %v", took)
	}
	until(t, "the share is nearly all of it", func() bool { in = h.open(t); return in != nil && in.Users[0].Share >= 0.95 })
	if u := in.Users[0]; u.Host != "web-17" || in.Origin.Device != "sw-acc-1" || in.Origin.Port != measured {
		t.Errorf("user %+v at %s %s", u, in.Origin.Device, in.Origin.Port)
	}
	if !strings.Contains(in.Summary, "user 1042 9") && !strings.Contains(in.Summary, "user 1042 100") || !strings.Contains(in.Summary, "web-17") {
		t.Errorf("the sentence is %q", in.Summary)
	}
	if wall := string(h.read(t, "/?token="+readerText)); !strings.Contains(wall, "1042") || !strings.Contains(wall, "web-17") {
		t.Error("the wall names neither user nor machine")
	}
	until(t, "destinations are counted", func() bool {
		in = h.open(t)
		return in != nil && len(in.Talkers) > 0 && in.Talkers[0].Dst == h.hostManagement && in.Talkers[0].DstPort == 9 && in.Talkers[0].Src == h.farData
	})
	var kinds map[string]string
	until(t, "machine and port agree", func() bool { // when snmpd was late, one rate of the port is off
		kinds = map[string]string{}
		if in = h.open(t); in == nil {
			return false
		}
		for _, e := range in.Evidence {
			kinds[e.Kind] = e.Text
		}
		return kinds["agent"] != "" && kinds["agent_sum"] != "" && !strings.Contains(kinds["agent_sum"], "apart")
	})
	t.Logf("%s; %s", kinds["agent"], kinds["agent_sum"])

	// Another account takes over while the port is in an incident.
	stop()
	began = time.Now()
	stop = h.user(t, 1050, 30000)
	until(t, "the other user is named", func() bool { return named(1050) })
	t.Logf("in the incident, another user is named after %.1f s: %s", time.Since(began).Seconds(), in.Summary)
	if took := time.Since(began); took > within(3*time.Second) {
		t.Errorf("named after %v", took)
	}
	page := string(h.read(t, "/devices/web-17/users"))
	if !strings.Contains(page, "1050") || !strings.Contains(page, h.hostManagement) {
		t.Error("the page of the machine's users does not say who sends and where to")
	}
	if svg := string(h.read(t, "/api/v1/graph.svg?device=web-17&port=user+1042&from=-5m")); !strings.Contains(svg, "max") || strings.Contains(svg, "no data") {
		t.Error("there is no graph of the user")
	}
	stop()
	kill()
	t.Run("an old web host, without root", h.old)
}

// awaitCalm waits until the agent's users are known, and how snmpd renews its counters:
// before that there are no rates at polls of a second.
func (h *hosting) awaitCalm(t *testing.T) {
	t.Helper()
	for limit := time.Now().Add(8 * time.Minute); ; time.Sleep(time.Second) {
		var got struct {
			Refresh *float64 `json:"counter_refresh_s"`
		}
		if err := json.Unmarshal(h.read(t, "/api/v1/devices/sw-acc-1"), &got); err != nil {
			t.Fatal(err)
		}
		if got.Refresh != nil && h.users(t)["1043"] > 0 {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("no word of how snmpd renews its counters, or none of the users")
		}
	}
	h.calm(t, 20, func() string { // polls, of which what is usual is learned
		var got struct {
			Ports []struct {
				Port string
				Rate *struct{ At string }
			}
		}
		if err := json.Unmarshal(h.read(t, "/api/v1/ports?device=sw-acc-1"), &got); err != nil {
			t.Fatal(err)
		}
		for _, p := range got.Ports {
			if p.Port == measured && p.Rate != nil {
				return p.Rate.At
			}
		}
		return ""
	})
}

// calm waits until so many readings have come, however long they take on a busy machine.
// at is when the newest was taken.
func (h *hosting) calm(t *testing.T, readings int, at func() string) {
	t.Helper()
	last := at()
	until(t, fmt.Sprintf("%d readings", readings), func() bool {
		if now := at(); now != last {
			last = now
			readings--
		}
		return readings <= 0
	})
}

// A rented server behind a switch that is somebody else's: what its agent says is all
// there is, and enough.
func TestAMachineBehindNoKnownPortIsTheOrigin(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel() // it waits for most of its time
	h := newHosting(t, "", "nftables")
	h.agent(t)
	h.user(t, 1043, 100)
	until(t, "the user is seen", func() bool { return h.users(t)["1043"] > 0 })
	h.calm(t, 10, func() string { // pushes, of which what is usual is learned
		var got struct {
			Agents []struct {
				SeenAt string `json:"seen_at"`
			}
		}
		if err := json.Unmarshal(h.read(t, "/api/v1/agents"), &got); err != nil || len(got.Agents) == 0 {
			t.Fatalf("agents: %+v %v", got, err)
		}
		return got.Agents[0].SeenAt
	})
	if in := h.open(t); in != nil {
		t.Fatalf("a calm machine has an incident: %s", in.Summary)
	}
	began := time.Now()
	h.user(t, 1042, 20000) // 167 Mb/s
	var in *spate.Incident
	until(t, "the user is named", func() bool {
		in = h.open(t)
		return in != nil && len(in.Users) > 0 && in.Users[0].UID == 1042 && in.Users[0].Share >= 0.9
	})
	t.Logf("user after %.1f s: %s", time.Since(began).Seconds(), in.Summary)
	if in.Origin.Device != "web-17" || in.Kind != spate.KindFlood || len(in.Path) == 0 || in.Path[0].Direction != "out" {
		t.Errorf("a %s of %s %s, path %+v, want a flood that web-17 sends", in.Kind, in.Origin.Device, in.Origin.Port, in.Path)
	}
	until(t, "nftables counts destinations", func() bool {
		in = h.open(t)
		return in != nil && len(in.Talkers) > 0 && in.Talkers[0].Dst == h.hostManagement && in.Talkers[0].DstPort == 9
	})
	if in.Severity != spate.Critical {
		t.Errorf("severity %s of more than half of the wire", in.Severity)
	}
}
