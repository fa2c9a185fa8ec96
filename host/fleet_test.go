package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/host"
)

// A pushing machine of tests: what its agent would send, at times the test sets.
type pushing struct {
	head  host.Header
	up    time.Duration
	out   uint64
	users map[uint32]*host.UserCount
}

func newPushing(name string) *pushing {
	return &pushing{head: host.Header{Version: host.Protocol, Host: name, Boot: "11111111-2222", Run: "aaaaaaaaaaaaaaaa", Backend: "ebpf", IntervalS: 10}, up: time.Hour, users: map[uint32]*host.UserCount{}}
}

// sends lets some seconds go by in which users send at given rates, octets of layer 3
// a second in packets of 1,000, and takes a snapshot.
func (p *pushing) sends(seconds float64, rates map[uint32]float64) host.Snapshot {
	p.up += time.Duration(seconds * float64(time.Second))
	for uid, rate := range rates {
		u := p.users[uid]
		if u == nil {
			u = &host.UserCount{UID: uid, Name: fmt.Sprintf("u%d", uid)}
			p.users[uid] = u
		}
		packets := uint64(rate * seconds / 1000)
		u.Packets += packets
		u.Octets += 1000 * packets
		p.out += 1014 * packets
	}
	s := host.Snapshot{Up: p.up.Milliseconds(), At: 1_800_000_000_000 + p.up.Milliseconds(), Boot: p.head.Boot, Run: p.head.Run, IntervalS: seconds, Others: host.UserCount{Name: "(other)"}}
	s.Interfaces = []host.Interface{
		{Name: "eth0", Index: 2, Type: "ethernetCsmacd", SpeedBps: 1e9, Admin: "up", Oper: "up", MAC: "02:00:00:00:00:17", IPs: []string{"10.2.0.17"}, Counters: map[string]uint64{"out_octets": p.out, "in_octets": 7, "out_ucast_pkts": p.out / 1014}},
		{Name: "lo", Index: 1, Type: "softwareLoopback", Admin: "up", Oper: "up", Counters: map[string]uint64{"out_octets": 1 << 40, "in_octets": 1 << 40}},
	}
	for _, u := range p.users {
		s.Users = append(s.Users, *u)
	}
	return s
}

func (p *pushing) body(t testing.TB, snapshots ...host.Snapshot) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	p.head.Up, p.head.At = p.up.Milliseconds(), 1_800_000_000_000+p.up.Milliseconds()
	enc := json.NewEncoder(&b)
	_ = enc.Encode(p.head)
	for _, s := range snapshots {
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
	}
	return &b
}

type roundSink struct{ rounds []*spate.Round }

func (s *roundSink) Accept(_ context.Context, r *spate.Round) { s.rounds = append(s.rounds, r) }

func (s *roundSink) Backlog(ctx context.Context, r *spate.Round) error {
	s.Accept(ctx, r)
	return nil
}

// value is a rate of the newest round; NaN where the port has none.
func (s *roundSink) value(port string, m spate.Metric) float64 {
	if len(s.rounds) == 0 {
		return math.NaN()
	}
	for _, rd := range s.rounds[len(s.rounds)-1].Readings {
		if rd.Port.ID.Name == port && rd.Rate.Over > 0 {
			return rd.Rate.Values[m]
		}
	}
	return math.NaN()
}

func newFleet(clock *time.Time) (*host.Fleet, *roundSink) {
	sink := &roundSink{}
	f := host.NewFleet(10*time.Second, sink, func(name string) (spate.Device, error) {
		return spate.Device{Name: name, Address: "spate agent"}, nil
	}, slog.New(slog.DiscardHandler))
	host.SetNow(f, func() time.Time { return *clock })
	return f, sink
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Max(math.Abs(a), math.Abs(b)) }

func TestUsersBecomeRatesOfTheirOwn(t *testing.T) {
	clock := time.Unix(1_900_000_000, 0) // the machine's own clock is three years off
	f, sink := newFleet(&clock)
	p := newPushing("web-17")
	push := func(s ...host.Snapshot) host.Answer {
		t.Helper()
		clock = clock.Add(10 * time.Second)
		a, err := f.Take(t.Context(), "web-17", p.body(t, s...))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	push(p.sends(10, map[uint32]float64{1042: 1e6, 1043: 2e5}))
	if a := push(p.sends(10, map[uint32]float64{1042: 1e6, 1043: 2e5})); a.Taken != 1 || a.Old != 0 || a.IntervalS != 10 || a.Destinations {
		t.Errorf("answer %+v", a)
	}
	for _, want := range []struct {
		port string
		m    spate.Metric
		v    float64
	}{
		{"user u1042", spate.OutBps, 8 * 1014e3}, {"user u1042", spate.OutPps, 1000}, {"eth0", spate.OutUcastPps, 1200}, {"user u1043", spate.OutBps, 8 * 202800},
		{"eth0", spate.OutBps, 8 * 1216800}, {"users (unattributed)", spate.OutBps, 0}, {"users (other)", spate.OutBps, 0},
	} {
		if got := sink.value(want.port, want.m); !near(got, want.v) {
			t.Errorf("%s %v: %g, want %g", want.port, want.m, got, want.v)
		}
	}
	if got := sink.value("user u1042", spate.OutUcastPps); !math.IsNaN(got) {
		t.Errorf("packets of a user are handed on twice: %g unicasts", got)
	}
	if at := sink.rounds[1].At; at.Sub(clock).Abs() > time.Millisecond {
		t.Errorf("taken at %v, want %v: the machine's clock does not count", at, clock)
	}
	// A user who is new in the list brings the reading before along.
	s := p.sends(10, map[uint32]float64{1042: 1e6, 1043: 2e5, 1050: 5e5})
	for i := range s.Users {
		if s.Users[i].UID == 1050 {
			s.Users[i].From = &[2]uint64{0, 0}
		}
	}
	push(s)
	if got := sink.value("user u1050", spate.OutBps); !near(got, 8*507e3) {
		t.Errorf("a user who is new in the list sends %g, want %g", got, 8*507e3)
	}
}

func TestReplayedForgedAndLateReports(t *testing.T) {
	clock := time.Unix(1_900_000_000, 0)
	f, sink := newFleet(&clock)
	p := newPushing("web-17")
	a, b := p.sends(10, map[uint32]float64{1042: 1e6}), p.sends(10, map[uint32]float64{1042: 1e6})
	body := p.body(t, a, b)
	text := body.String()
	if answer, err := f.Take(t.Context(), "web-17", body); err != nil || answer.Taken != 2 {
		t.Fatalf("%+v %v", answer, err)
	}
	clock = clock.Add(time.Second)
	if answer, err := f.Take(t.Context(), "web-17", strings.NewReader(text)); err != nil || answer.Taken != 0 || answer.Old != 2 {
		t.Errorf("replayed: %+v %v", answer, err)
	}
	// An agent that starts anew counts its users from nothing: no rate, no jump.
	p.head.Run, p.users = "bbbbbbbbbbbbbbbb", map[uint32]*host.UserCount{}
	clock = clock.Add(9 * time.Second)
	if _, err := f.Take(t.Context(), "web-17", p.body(t, p.sends(10, map[uint32]float64{1042: 1e6}))); err != nil {
		t.Fatal(err)
	}
	if v := sink.value("user u1042", spate.OutBps); !math.IsNaN(v) {
		t.Errorf("after a new start the user sends %g", v)
	}
	if v := sink.value("eth0", spate.OutBps); !near(v, 8*1014e3) {
		t.Errorf("the interface, which goes on counting, sends %g", v)
	}
	// What the agent before left is not mixed in, and it is told.
	p.head.Run = "aaaaaaaaaaaaaaaa"
	clock = clock.Add(10 * time.Second)
	if answer, err := f.Take(t.Context(), "web-17", p.body(t, p.sends(10, map[uint32]float64{1042: 1e6}))); err != nil || answer.Old != 1 || !strings.Contains(answer.Note, "another agent") {
		t.Errorf("two agents with one token: %+v %v", answer, err)
	}
	for name, text := range map[string]string{
		"empty": "", "no JSON": "hello", "another version": `{"spate_agent":2}`, "no boot": `{"spate_agent":1,"at_ms":1,"up_ms":1}`,
		"a bad line": `{"spate_agent":1,"boot":"11111111-2222","run":"aaaaaaaaaaaaaaaa","at_ms":1,"up_ms":1}` + "\n{\"at_ms\":\"x\"}",
	} {
		if _, err := f.Take(t.Context(), "web-17", strings.NewReader(text)); !host.IsMalformed(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Take(t.Context(), "../etc", p.body(t)); !host.IsMalformed(err) {
		t.Errorf("a name that is none: %v", err)
	}
}

// The machine's clock is put an hour on, and two back: rates and their times go by the
// time since its start, and nothing moves.
func TestAStepOfTheMachinesClockMovesNothing(t *testing.T) {
	clock := time.Unix(1_900_000_000, 0)
	f, sink := newFleet(&clock)
	p := newPushing("web-17")
	for i, step := range []time.Duration{0, 0, time.Hour, time.Hour, -time.Hour, -time.Hour, 0} {
		clock = clock.Add(10 * time.Second)
		s := p.sends(10, map[uint32]float64{1042: 1e6})
		s.At += step.Milliseconds()
		answer, err := f.Take(t.Context(), "web-17", p.body(t, s))
		if err != nil || answer.Taken != 1 {
			t.Fatalf("reading %d: %+v %v", i, answer, err)
		}
		if at := sink.rounds[i].At; at.Sub(clock).Abs() > time.Millisecond {
			t.Errorf("reading %d was taken at %v, want %v", i, at, clock)
		}
		if v := sink.value("user u1042", spate.OutBps); i > 0 && !near(v, 8*1014e3) {
			t.Errorf("reading %d: the user sends %g", i, v)
		}
	}
}

// An hour of snapshots that were kept while the server was away makes an hour of
// rates: none is lost, and they stand where they belong.
func TestAnHourInTheSpoolIsAnHourOfRates(t *testing.T) {
	clock := time.Unix(1_900_000_000, 0)
	f, sink := newFleet(&clock)
	p := newPushing("web-17")
	var kept []host.Snapshot
	for range 361 {
		kept = append(kept, p.sends(10, map[uint32]float64{1042: 1e6}))
		clock = clock.Add(10 * time.Second)
	}
	answer, err := f.Take(t.Context(), "web-17", p.body(t, kept...))
	if err != nil || answer.Taken != 361 {
		t.Fatalf("%+v %v", answer, err)
	}
	for i, r := range sink.rounds {
		if want := clock.Add(time.Duration(i-360) * 10 * time.Second); r.At.Sub(want).Abs() > time.Millisecond {
			t.Fatalf("snapshot %d stands at %v, want %v", i, r.At, want)
		}
		if r.Backlog != (clock.Sub(r.At) > 2*time.Minute) {
			t.Errorf("snapshot %d: backlog %t", i, r.Backlog)
		}
		for _, rd := range r.Readings {
			if i > 0 && rd.Port.ID.Name == "user u1042" && !near(rd.Rate.Values[spate.OutBps], 8*1014e3) {
				t.Errorf("snapshot %d: the user sends %g (gap %q)", i, rd.Rate.Values[spate.OutBps], rd.Gap)
			}
		}
	}
}

func TestTheUserBehindAnOriginIsNamed(t *testing.T) {
	clock := time.Unix(1_900_000_000, 0)
	f, _ := newFleet(&clock)
	p := newPushing("web-17")
	usual := map[uint32]float64{1042: 1e5, 1043: 3e6, 1044: 1e5}
	push := func(s host.Snapshot) host.Answer {
		t.Helper()
		clock = clock.Add(time.Duration(s.IntervalS * float64(time.Second)))
		a, err := f.Take(t.Context(), "", p.body(t, s))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for range 70 {
		push(p.sends(10, usual))
	}
	origin := &spate.Origin{Device: "sw-acc-1", Port: "Gi1/0/2", RateBps: 8 * 104e6, Hosts: spate.List[spate.HostNamed]{{MAC: "02:00:00:00:00:17"}}}
	if got := f.Behind(host.Places(origin)); len(got) != 1 || got[0] != "web-17" {
		t.Fatalf("behind the port: %v", got)
	}
	f.SetHot([]string{"web-17"})
	flood := map[uint32]float64{1042: 1e8, 1043: 3e6, 1044: 1.1e6}
	s := p.sends(10, flood)
	s.Flows = []host.FlowCount{{UID: 1042, Protocol: 17, Dst: netip.MustParseAddr("203.0.113.9"), Port: 53, Octets: 99e7, Packets: 99e4}}
	if a := push(s); a.IntervalS != 1 || !a.Destinations {
		t.Errorf("a machine in an incident is to push each second: %+v", a)
	}
	got := f.Senders(origin)
	if len(got.Users) != 1 || got.Users[0].UID != 1042 || got.Users[0].User != "u1042" || got.Users[0].Host != "web-17" || math.Abs(got.Users[0].Share-0.99) > 0.002 {
		t.Fatalf("users %+v", got.Users)
	}
	if len(got.Talkers) != 1 || got.Talkers[0].Src != "10.2.0.17" || got.Talkers[0].Dst != "203.0.113.9" || got.Talkers[0].DstPort != 53 || got.Talkers[0].Protocol != "udp" {
		t.Errorf("talkers %+v", got.Talkers)
	}
	text := ""
	for _, e := range got.Evidence {
		text += e.Text + "\n"
	}
	for _, want := range []string{"user u1042 (uid 1042), 99 %", "most of it to 203.0.113.9 UDP/53", "844 Mb/s", "832 Mb/s at the port"} {
		if !strings.Contains(text, want) {
			t.Errorf("evidence does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "apart") {
		t.Errorf("the sums agree:\n%s", text)
	}
	origin.RateBps = 8 * 300e6
	if e := f.Senders(origin).Evidence; !strings.Contains(e[len(e)-1].Text, "something else sends here too") {
		t.Errorf("two thirds come from elsewhere: %+v", e)
	}
	// Who is not named any more sends nothing that is known.
	gone := p.sends(10, map[uint32]float64{1044: 1e8})
	gone.Users = slices.DeleteFunc(gone.Users, func(u host.UserCount) bool { return u.UID == 1042 })
	push(gone)
	if got := f.Senders(origin).Users; len(got) != 1 || got[0].UID != 1044 || got[0].Share < 0.99 {
		t.Errorf("after another has taken over: %+v", got)
	}
	// Nothing of the flood has become usual, as long as it lasted.
	for range 3600 {
		push(p.sends(1, flood))
	}
	if got := f.Senders(origin).Users; len(got) == 0 || math.Abs(got[0].Share-0.99) > 0.002 {
		t.Errorf("after an hour: %+v", got)
	}
	clock = clock.Add(time.Minute)
	if got := f.Senders(origin); len(got.Users) > 0 {
		t.Errorf("a machine that says nothing any more still names %+v", got.Users)
	}
}

// Whatever is pushed, what comes out is bounded, clean and in order.
func FuzzReports(f *testing.F) {
	p := newPushing("web-17")
	f.Add(p.body(f, p.sends(10, map[uint32]float64{1042: 1e6})).String())
	f.Add(p.body(f, p.sends(10, nil), p.sends(10, map[uint32]float64{1: 1e6})).String())
	f.Add(`{"spate_agent":1,"boot":"11111111-2222","run":"aaaaaaaaaaaaaaaa","at_ms":1,"up_ms":1}` + "\n" + `{"boot":"11111111-2222","run":"aaaaaaaaaaaaaaaa","at_ms":1,"up_ms":1,"interval_s":1,"interfaces":[{"name":"\u001b[31m","counters":{"out_octets":18446744073709551615}}],"users":[{"uid":4294967295,"user":"=cmd()","from":[1,2]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		clock := time.Unix(1_900_000_000, 0)
		fleet, sink := newFleet(&clock)
		_, _ = fleet.Take(t.Context(), "", strings.NewReader(text))
		last := time.Time{}
		for _, r := range sink.rounds {
			if !r.At.After(last) || r.At.After(clock) {
				t.Fatalf("a round at %v after one at %v", r.At, last)
			}
			last = r.At
			seen := map[string]bool{}
			for _, rd := range r.Readings {
				if n := rd.Port.ID.Name; n != spate.Clean(n) || n == "" || seen[n] {
					t.Fatalf("port %q", n)
				}
				seen[rd.Port.ID.Name] = true
				if v := rd.Rate.Values[spate.OutBps]; rd.Rate.Over > 0 && v < 0 {
					t.Fatalf("a rate of %g", v)
				}
			}
		}
	})
}

func TestAgentsComeAgainWhenTheyAreTold(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 200 {
		told := host.PatienceFor(429, 30*time.Second, time.Second)
		if told < 30*time.Second || told >= time.Minute {
			t.Fatalf("told to wait 30 s it waits %v", told)
		}
		seen[told] = true
		if own := host.PatienceFor(503, 0, 8*time.Second); own < 4*time.Second || own > 8*time.Second {
			t.Fatalf("told nothing it waits %v", own)
		}
	}
	if len(seen) < 100 {
		t.Errorf("many agents come again at one of %d moments", len(seen))
	}
}
