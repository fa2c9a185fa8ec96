package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spate"
	"spate/host"
	"spate/web"
)

// fakeAgents is one machine, web-17, whose greatest user has a name that tests set.
type fakeAgents struct {
	user, taken, name string
	err               error
	hold              chan struct{} // large pushes wait for it; nil: none does
	held              atomic.Int32
}

func (f *fakeAgents) Take(_ context.Context, name string, body io.Reader) (host.Answer, error) {
	b, err := io.ReadAll(body)
	if f.hold != nil && len(b) > 1000 {
		f.held.Add(1)
		<-f.hold
		return host.Answer{Taken: 360}, err
	}
	f.name, f.taken = name, string(b)
	return host.Answer{IntervalS: 10, Taken: 1}, errors.Join(f.err, err)
}

func (f *fakeAgents) Machines() []host.Machine {
	user := f.user
	if user == "" {
		user = "custshop"
	}
	return []host.Machine{{Name: "web-17", Device: "web-17", Backend: "nftables", Why: "eBPF needs cgroup v2", Doubt: "TCP octets are a lower bound", Release: "0.1.0", SeenAt: time.Now(), Interval: 10 * time.Second, OutBps: 9e8,
		Users: []host.UserRate{
			{UID: 1042, Name: user, Port: "user " + user, At: time.Now(), Bps: 8.9e8, Pps: 1e5, UsualBps: 2.4e7, Today: 3e11},
			{UID: 33, Name: "www-data", Port: "user www-data", At: time.Now(), Bps: 1e7, Pps: 1e3, UsualBps: math.NaN(), Today: 2e9},
			{UID: host.Others, Name: "(other)", Port: "users (other)", Bps: math.NaN(), Pps: math.NaN(), UsualBps: math.NaN()},
		},
		Flows: []host.FlowRate{{UID: 1042, User: user, Src: "10.2.0.17", Dst: "203.0.113.9", Protocol: "udp", Port: 53, Bps: 8.8e8, Pps: 1e5}},
	}}
}

func (f *fakeAgents) Behind(places []string) []string {
	if slices.Contains(places, "name:web-17") {
		return []string{"web-17"}
	}
	return nil
}

func (f *fakeAgents) Machine(name string) (host.Machine, bool) {
	m := f.Machines()[0]
	return m, name == m.Name
}

const agentToken = "token-of-an-agent-0123456789abcdef"

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// A token of role agent pushes as the machine it is named after, and does nothing else;
// no other token pushes.
func TestAnAgentPushesItsOwnMachineAndReadsNothing(t *testing.T) {
	r, _, _ := closedRig(t)
	push := func(token, kind, encoding, text string) *http.Response {
		return r.call(t, "POST", "/api/v1/agent", stranger, text, "Authorization", "Bearer "+token, "Content-Type", kind, "Content-Encoding", encoding)
	}
	const lines = "application/x-ndjson"
	if resp := push(agentToken, lines, "gzip", packed("{}\n")); resp.StatusCode != 200 || r.agents.name != "web-17" || r.agents.taken != "{}\n" {
		t.Errorf("a push: %d, as %q: %q", resp.StatusCode, r.agents.name, r.agents.taken)
	}
	for _, token := range []string{viewerToken, operatorToken, adminToken, "nobody-knows-this-0123456789"} {
		if resp := push(token, lines, "", "{}"); resp.StatusCode != 403 && resp.StatusCode != 401 {
			t.Errorf("another token pushes: %d", resp.StatusCode)
		}
	}
	for _, line := range r.Routes() {
		if line.Path == "/api/v1/agent" || strings.HasPrefix(line.Path, "/login") || strings.HasPrefix(line.Path, "/-/") || strings.HasPrefix(line.Path, "/assets") {
			continue
		}
		if resp := r.call(t, line.Method, concrete(line.Path), stranger, "", "Authorization", "Bearer "+agentToken); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s by an agent: %d", line.Method, line.Path, resp.StatusCode)
		}
	}
	for name, tt := range map[string]struct {
		kind, encoding, text string
		status               int
	}{
		"JSON": {"application/json", "", "{}", 415}, "no gzip": {lines, "gzip", "{}", 400}, "9 MiB": {lines, "", strings.Repeat("x", 9<<20), 413},
		"a bomb": {lines, "gzip", packed(strings.Repeat("0", 65<<20)), 413},
	} {
		if resp := push(agentToken, tt.kind, tt.encoding, tt.text); resp.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, tt.status)
		}
	}
	_, err := host.NewFleet(time.Second, nil, nil, nil).Take(t.Context(), "x", strings.NewReader("nonsense"))
	if r.agents.err = err; push(agentToken, lines, "", "{}").StatusCode != 400 {
		t.Error("a malformed push is the sender's fault")
	}
}

func TestThePageOfUsersSaysWhoSends(t *testing.T) {
	r := newRig(t, spate.Device{Name: "web-17", Address: "spate agent"})
	r.board.Accept(t.Context(), &spate.Round{Device: spate.Device{Name: "web-17"}, At: time.Now(), Interval: 10 * time.Second, Readings: []spate.Reading{
		{Port: &spate.Port{ID: spate.PortID{Device: "web-17", Name: "eth0"}, IfIndex: 2, Type: "ethernetCsmacd", Admin: spate.StatusUp, Oper: spate.StatusUp}},
		{Port: &spate.Port{ID: spate.PortID{Device: "web-17", Name: "user custshop"}, Type: "other", Admin: spate.StatusUp, Oper: spate.StatusUp, HighLayer: true}},
	}})
	text := body(t, r.get(t, "/devices/web-17/users"))
	for _, want := range []string{"Who sends on web-17", "custshop", "1042", "890 Mb/s", "24 Mb/s", "TCP octets are a lower bound", "203.0.113.9 port 53", "kind=stack", "port=user&#43;custshop"} {
		if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(text, "\u202f", " "), "\u00a0", " "), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	device := body(t, r.get(t, "/devices/web-17"))
	if !strings.Contains(device, `href="/devices/web-17/users"`) || !strings.Contains(device, ">eth0<") || strings.Contains(device, ">user custshop<") {
		t.Error("the page of the machine leads to its users, and lists its interfaces only")
	}
	if port := body(t, r.get(t, "/port?device=web-17&port=eth0")); !strings.Contains(port, `href="/devices/web-17/users"`) {
		t.Error("the page of a port does not lead to who sends behind it")
	}
	if list := body(t, r.get(t, "/api/v1/devices")); !strings.Contains(list, `"ports":1,`) || !strings.Contains(body(t, r.get(t, "/")), ">1 port<") && !strings.Contains(body(t, r.get(t, "/")), "1 port ") {
		t.Errorf("users count as ports: %s", list)
	}
	found := body(t, r.get(t, "/api/v1/find?q=1042"))
	if !strings.Contains(found, `"kind":"user","device":"web-17","port":"user custshop"`) || strings.Count(found, `"kind"`) != 1 || !strings.Contains(found, "user custshop (uid 1042) on web-17 sends 890 Mb/s") {
		t.Errorf("a user is not found: %s", found)
	}
	if resp := r.get(t, "/devices/sw-1/users"); resp.StatusCode != 404 {
		t.Errorf("of a machine without agent: %d", resp.StatusCode)
	}
	calm := skeleton(t, text)
	for _, evil := range payloads {
		if r.agents.user = spate.Clean(evil); r.agents.user == "" {
			continue
		}
		got := skeleton(t, body(t, r.get(t, "/devices/web-17/users")))
		if !slices.Equal(got, calm) {
			t.Errorf("a user called %q changes the page:\n%s", evil, difference(calm, got))
		}
	}
}

var _ web.Agents = (*fakeAgents)(nil)

// A push that comes slowly is not begun before it is here.
func TestASlowPushHoldsNoMachine(t *testing.T) {
	r, _, _ := closedRig(t)
	slow, fast := io.Pipe()
	ended := make(chan int)
	go func() {
		ended <- r.hand("POST", "/api/v1/agent", stranger, slow, "Authorization", "Bearer "+agentToken, "Content-Type", "application/x-ndjson").StatusCode
	}()
	if _, err := io.WriteString(fast, "{}\n"); err != nil {
		t.Fatal(err)
	}
	if r.agents.name != "" {
		t.Error("it was begun when half of it was here")
	}
	_ = fast.CloseWithError(io.ErrUnexpectedEOF)
	if got := <-ended; got != 400 || r.agents.name != "" {
		t.Errorf("half a push: %d, taken of %q", got, r.agents.name)
	}
}

// After an outage a thousand machines come with an hour each: two are taken at once, a
// few wait, and the others are told when to come again before their bodies are read.
// Readings of now go past them.
func TestBacklogsAreTakenInTurn(t *testing.T) {
	r, _, _ := closedRig(t)
	r.agents.hold = make(chan struct{})
	push := func(text string) *http.Response {
		return r.call(t, "POST", "/api/v1/agent", stranger, text, "Authorization", "Bearer "+agentToken, "Content-Type", "application/x-ndjson")
	}
	hour := strings.Repeat("x", 100<<10)
	var all sync.WaitGroup
	var taken, later atomic.Int32
	for range 30 {
		all.Go(func() {
			switch resp := push(hour); {
			case resp.StatusCode == 200:
				taken.Add(1)
			case resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "30":
				later.Add(1)
			default:
				t.Errorf("%d", resp.StatusCode)
			}
		})
	}
	for limit := time.Now().Add(20 * time.Second); later.Load() < 20 && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	if n := later.Load(); n != 20 {
		t.Errorf("%d of 30 were told to come later, want 20", n)
	}
	if n := r.agents.held.Load(); n > 2 {
		t.Errorf("%d are taken at once, want 2", n)
	}
	if resp := push("{}"); resp.StatusCode != 200 || r.agents.taken != "{}" {
		t.Errorf("a reading of now: %d", resp.StatusCode)
	}
	close(r.agents.hold)
	all.Wait()
	if taken.Load() != 10 || r.agents.held.Load() != 10 {
		t.Errorf("%d were taken, want 10", taken.Load())
	}
}
