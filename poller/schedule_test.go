package poller_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/poller"
	"spate/poller/snmptest"
)

// sink keeps every round.
type sink struct {
	mu     sync.Mutex
	rounds map[string][]*spate.Round
}

func (s *sink) Accept(_ context.Context, r *spate.Round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rounds == nil {
		s.rounds = map[string][]*spate.Round{}
	}
	s.rounds[r.Device.Name] = append(s.rounds[r.Device.Name], r)
}

func (s *sink) of(name string) []*spate.Round {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*spate.Round(nil), s.rounds[name]...)
}

// site is a poller over agents in memory.
type site struct {
	network snmptest.Network
	sink    sink
	counts  *poller.Counts
	poller  *poller.Poller
	targets []poller.Target
	packets map[string]int
	mu      sync.Mutex
}

func newSite() *site {
	s := &site{counts: poller.NewCounts(metrics.NewSet()), packets: map[string]int{}}
	s.poller = poller.New(poller.DefaultConfig(), &s.network, &s.sink, s.counts, slog.New(slog.DiscardHandler))
	return s
}

// add puts an agent into the site; a nil one never answers.
func (s *site) add(name string, agent *snmptest.Agent, script func(n int, request, response []byte) []snmptest.Answer) poller.Target {
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(len(s.targets) + 1)}), 161)
	s.network.Attach(address, agent, snmptest.ConnConfig{Latency: 3 * time.Millisecond, Script: func(n int, q, a []byte) []snmptest.Answer {
		s.mu.Lock()
		s.packets[name]++
		s.mu.Unlock()
		if script != nil {
			return script(n, q, a)
		}
		if a == nil {
			return nil
		}
		return []snmptest.Answer{{Data: a}}
	}})
	t := poller.Target{Device: spate.Device{Name: name, Address: address.String()},
		Credentials: poller.Credentials{Name: "test", Version: poller.V2c, Community: "public"}}
	s.targets = append(s.targets, t)
	return t
}

func (s *site) sent(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.packets[name]
}

// run polls for d of the bubble's time.
func (s *site) run(t *testing.T, d time.Duration, meanwhile ...func()) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	s.poller.Set(s.targets)
	go func() { defer close(done); _ = s.poller.Run(ctx) }()
	for _, f := range meanwhile {
		time.Sleep(d / time.Duration(len(meanwhile)+1))
		f()
	}
	time.Sleep(d / time.Duration(len(meanwhile)+1))
	stop()
	<-done
}

func aSwitch(name string, ports int) *snmptest.Agent {
	return snmptest.Switch(snmptest.SwitchConfig{Name: name, Ports: ports, Seed: 7})
}

func TestRoundsKeepTheirSlotsWithADeadSwitchBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		for i := range 20 {
			s.add(fmt.Sprintf("sw-%d", i), aSwitch("sw", 8), nil)
		}
		s.add("dead", nil, nil)
		s.run(t, 10*time.Minute)
		for i := range 20 {
			name := fmt.Sprintf("sw-%d", i)
			rounds := s.sink.of(name)
			if n := len(rounds); n < 59 || n > 61 {
				t.Errorf("%s: %d rounds in ten minutes at 10 s", name, n)
			}
			for _, r := range rounds {
				if r.Err != nil || r.Late > 0 {
					t.Fatalf("%s: late by %v, err %v", name, r.Late, r.Err)
				}
				if off := (r.At.Add(-r.Took).UnixNano() - int64(poller.Phase(name, 10*time.Second))) % int64(10*time.Second); off != 0 {
					t.Fatalf("%s: a round began %v off its slot", name, time.Duration(off))
				}
			}
		}
		// Three rounds of two tries (SNMP GET), then one packet an interval.
		rounds := len(s.sink.of("dead"))
		// The round that the end of the test cut off may have sent one more.
		if sent := s.sent("dead"); sent < 3*2+(rounds-3) || sent > 3*2+(rounds-3)+1 {
			t.Errorf("the dead switch cost %d packets in %d rounds", sent, rounds)
		}
		if got := s.counts.LateP99(); got != 0 {
			t.Errorf("p99 lateness %v in a bubble where work takes no time", got)
		}
	})
}

func TestADeviceIsBackWithinOneInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		var up atomic.Bool
		s.add("sw", aSwitch("sw", 8), func(_ int, _, a []byte) []snmptest.Answer {
			if !up.Load() {
				return nil
			}
			return []snmptest.Answer{{Data: a}}
		})
		var back time.Time
		s.run(t, 10*time.Minute, func() { up.Store(true); back = time.Now() })
		first := time.Time{}
		for _, r := range s.sink.of("sw") {
			if r.Err == nil && first.IsZero() {
				first = r.At
			}
		}
		if first.IsZero() || first.Sub(back) > 11*time.Second {
			t.Errorf("answered again at %v, was seen at %v", back, first)
		}
	})
}

func TestRatesOfASimulatedSwitchAreTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		config := snmptest.SwitchConfig{Name: "sw", Ports: 48, Seed: 7}
		s.add("sw", snmptest.Switch(config), nil)
		s.run(t, 5*time.Minute)
		rates := 0
		for _, r := range s.sink.of("sw") {
			for i, reading := range r.Readings {
				if reading.Gap != "" {
					t.Fatalf("%s: gap %s", reading.Port.ID, reading.Gap)
				}
				if reading.Rate.Over == 0 {
					continue
				}
				rates++
				p := snmptest.SwitchProfile(config, i)
				for want, got := range map[float64]spate.BitRate{mean(&p.In, &reading.Rate): reading.Rate.InBits(), mean(&p.Out, &reading.Rate): reading.Rate.OutBits()} {
					if math.Abs(float64(got)-want) > want*0.001+100 {
						t.Errorf("%s: %v, true %v", reading.Port.ID, got, spate.BitRate(want))
					}
				}
			}
		}
		if rates < 48*28 {
			t.Errorf("%d rates from 48 ports in five minutes", rates)
		}
	})
}

// mean is a flow's true rate in bits/s over the time a rate covers (Simpson's rule).
func mean(f *snmptest.Flow, r *spate.Rate) float64 {
	begin, middle := r.At.Add(-r.Over), r.At.Add(-r.Over/2)
	return (f.Rate(begin) + 4*f.Rate(middle) + f.Rate(r.At)) / 6 * 8
}

func TestReloadLosesNoSampleOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		s.add("stays", aSwitch("stays", 4), nil)
		s.add("goes", aSwitch("goes", 4), nil)
		var removed time.Time
		s.run(t, 5*time.Minute,
			func() { s.add("comes", aSwitch("comes", 4), nil); s.poller.Set(s.targets) },
			func() { removed = time.Now(); s.poller.Set([]poller.Target{s.targets[0], s.targets[2]}) })
		for i, r := range s.sink.of("stays") {
			for _, reading := range r.Readings {
				if i > 0 && reading.Rate.Over.Round(time.Second) != 10*time.Second {
					t.Errorf("round %d of the device that stays covers %v (gap %q)", i, reading.Rate.Over, reading.Gap)
				}
			}
		}
		for _, r := range s.sink.of("goes") {
			if r.At.After(removed) {
				t.Errorf("the removed device was polled at %v, %v after it went", r.At, r.At.Sub(removed))
			}
		}
		if n := len(s.sink.of("comes")); n < 19 {
			t.Errorf("the new device had %d rounds in 200 s", n)
		}
	})
}

func TestASlowDeviceIsPolledLessOftenAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		s.add("slow", aSwitch("slow", 48), func(_ int, _, a []byte) []snmptest.Answer {
			return []snmptest.Answer{{Data: a, Delay: 1200 * time.Millisecond}}
		})
		s.run(t, 15*time.Minute)
		rounds := s.sink.of("slow")
		last := rounds[len(rounds)-1]
		if last.Interval <= 10*time.Second || last.Took > last.Interval {
			t.Fatalf("a device that needs %v is polled every %v", last.Took, last.Interval)
		}
		for _, reading := range last.Readings {
			if reading.Gap != "" || reading.Rate.Over == 0 {
				t.Errorf("%s: gap %q", reading.Port.ID, reading.Gap)
			}
		}
	})
}

func TestNextSlotSkipsWhatWasMissed(t *testing.T) {
	due := time.Date(2026, 3, 3, 14, 0, 3, 0, time.UTC)
	for took, want := range map[time.Duration]time.Duration{
		0: 10 * time.Second, 9 * time.Second: 10 * time.Second, 10 * time.Second: 20 * time.Second, 35 * time.Second: 40 * time.Second,
	} {
		if got := poller.NextSlot(due, due.Add(took), 10*time.Second).Sub(due); got != want {
			t.Errorf("after a round of %v the next slot is %v later, want %v", took, got, want)
		}
	}
}
