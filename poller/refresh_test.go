package poller_test

import (
	"log/slog"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"spate"
	"spate/poller"
	"spate/poller/snmptest"
)

// From the first round on, before it is known how the device renews its
// counters, a fast poll shows neither silences nor spikes.
func TestFastPollsOfACachedSwitchNeverShowItsSteps(t *testing.T) {
	tests := []struct {
		name        string
		cache       snmptest.Quirk
		period      time.Duration
		least, most float64
	}{
		{"a timer of 10 s", snmptest.Refreshing(10 * time.Second), 10 * time.Second, 0.85, 1.15},
		{"a timer of 3 s", snmptest.Refreshing(3 * time.Second), 3 * time.Second, 0.7, 1.5},
		{"a cache of 3 s on demand", snmptest.RefreshingOnDemand(3 * time.Second), 3 * time.Second, 0.9, 1.1},
		{"a cache of 5 s on demand", snmptest.RefreshingOnDemand(5 * time.Second), 5 * time.Second, 0.9, 1.1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				agent := steady(0)
				agent.Misbehave(tt.cache)
				rounds := watched(t, agent, time.Second, 15*time.Minute, snmptest.ConnConfig{Latency: 3 * time.Millisecond})
				s := spreadOf(rounds, begin)
				last := rounds[len(rounds)-1]
				t.Logf("%d rates, mean %.4f, sd %.4f, %.3f to %.3f; refresh %v", s.n, s.mean, s.sd, s.least, s.most, last.Refresh)
				if s.least < tt.least || s.most > tt.most {
					t.Errorf("rates from %.3f to %.3f of the truth, want %.2f to %.2f", s.least, s.most, tt.least, tt.most)
				}
				if last.Refresh != tt.period {
					t.Errorf("found a period of %v, want %v", last.Refresh, tt.period)
				}
				if s.seconds < 0.85*s.total {
					t.Errorf("rates cover %.0f of %.0f s", s.seconds, s.total)
				}
			})
		})
	}
}

// A device whose cache changes, as after an upgrade without a restart of the
// agent's clock, is studied again, and one that restarts too.
func TestAChangedCacheIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		agent := steady(10 * time.Second)
		s.add("sw", agent, nil)
		var restarted time.Time
		s.run(t, 90*time.Minute,
			func() { agent.Misbehave(snmptest.Refreshing(15 * time.Second)) },
			func() { agent.Misbehave(snmptest.Refreshing(5 * time.Second)); agent.Restart(); restarted = time.Now() })
		var seen []time.Duration
		for _, r := range s.sink.of("sw") {
			if n := len(seen); n == 0 || seen[n-1] != r.Refresh {
				seen = append(seen, r.Refresh)
			}
			if r.At.Before(restarted) && r.At.After(restarted.Add(-20*time.Minute)) || r.At.After(restarted.Add(10*time.Minute)) {
				for i, reading := range r.Readings {
					v := reading.Rate.Values[spate.InBps] / (8e6 * float64(i+1))
					if reading.Rate.Over > 0 && math.Abs(v-1) > 0.01 {
						t.Fatalf("%v: %.3f of the truth, refresh %v", r.At, v, r.Refresh)
					}
				}
			}
		}
		want := []time.Duration{0, 10 * time.Second, 0, 15 * time.Second, 0, 5 * time.Second}
		if !slices.Equal(seen, want) {
			t.Errorf("periods %v, want %v", seen, want)
		}
	})
}

// Ports without traffic have a rate of 0 in every round, also where none of those in one
// answer has any: their device moves.
func TestIdlePortsOfACachedSwitchAreKnownToBeIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := snmptest.Switch(snmptest.SwitchConfig{Name: "sw", Ports: 96, Profile: func(port int) snmptest.Profile {
			if port > 7 {
				return snmptest.Profile{}
			}
			return snmptest.Profile{In: snmptest.Flow{Octets: 1e6, Size: 500}}
		}})
		agent.Misbehave(snmptest.Refreshing(5 * time.Second))
		rounds := watched(t, agent, 10*time.Second, 20*time.Minute, snmptest.ConnConfig{Latency: 3 * time.Millisecond})
		without := 0
		for _, r := range rounds[30:] {
			if r.Refresh != 5*time.Second {
				t.Fatalf("found a period of %v", r.Refresh)
			}
			for i, rd := range r.Readings {
				if rd.Rate.Over == 0 || i > 7 && rd.Rate.Values[spate.InBps] != 0 {
					without++
				}
			}
		}
		if without > 0 {
			t.Errorf("%d readings of %d rounds say nothing of their port", without, len(rounds)-30)
		}
	})
}

// A flood keeps a device busy, and its timers are late: what was found out of it is wrong
// again and again. It is seen nevertheless, for more than half of the time.
func TestADeviceWhoseTimersAreLateIsStillSeen(t *testing.T) {
	for _, late := range []time.Duration{time.Second, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite()
			cfg := poller.DefaultConfig()
			cfg.Interval = time.Second
			s.poller = poller.New(cfg, &s.network, &s.sink, s.counts, slog.New(slog.DiscardHandler))
			agent := steady(3 * time.Second)
			s.add("sw", agent, nil)
			var busy time.Time
			s.run(t, 20*time.Minute, func() { agent.Misbehave(snmptest.RefreshingLate(3*time.Second, late)); busy = time.Now() })
			got := spreadOf(s.sink.of("sw"), busy.Add(10*time.Second))
			t.Logf("up to %v late: %d rates for %.0f of %.0f s, mean %.3f, %.2f to %.2f", late, got.n, got.seconds, got.total, got.mean, got.least, got.most)
			if got.seconds < 0.6*got.total {
				t.Errorf("up to %v late: rates cover %.0f of %.0f s", late, got.seconds, got.total)
			}
			if got.least < 0.4 || got.most > 2 {
				t.Errorf("up to %v late: rates from %.2f to %.2f of the truth", late, got.least, got.most)
			}
		})
	}
}

// Traffic that comes a packet now and then looks like a cache and is none.
func TestThinTrafficIsNoCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := snmptest.Switch(snmptest.SwitchConfig{Name: "sw", Ports: 4, Profile: func(port int) snmptest.Profile {
			return snmptest.Profile{In: snmptest.Flow{Octets: 100 / (3.7 + float64(port)), Size: 100}}
		}})
		rounds := watched(t, agent, 10*time.Second, 20*time.Minute, snmptest.ConnConfig{Latency: 3 * time.Millisecond})
		for _, r := range rounds {
			if r.Refresh != 0 {
				t.Fatalf("a period of %v was found in thin traffic", r.Refresh)
			}
		}
	})
}

// steady is a switch of eight ports that receive and send at one pace.
func steady(refresh time.Duration) *snmptest.Agent {
	agent := snmptest.Switch(snmptest.SwitchConfig{Name: "sw", Ports: 8, Profile: func(port int) snmptest.Profile {
		octets := 1e6 * float64(port+1)
		return snmptest.Profile{In: snmptest.Flow{Octets: octets, Size: 500}, Out: snmptest.Flow{Octets: octets / 4, Size: 200}}
	}})
	if refresh > 0 {
		agent.Misbehave(snmptest.Refreshing(refresh))
	}
	return agent
}

// watched polls an agent over a way that delays and loses, and gives the rounds.
func watched(t *testing.T, agent *snmptest.Agent, interval, lasting time.Duration, way snmptest.ConnConfig) []*spate.Round {
	t.Helper()
	s := newSite()
	cfg := poller.DefaultConfig()
	cfg.Interval = interval
	s.poller = poller.New(cfg, &s.network, &s.sink, s.counts, slog.New(slog.DiscardHandler))
	address := netip.MustParseAddrPort("192.0.2.1:161")
	s.network.Attach(address, agent, way)
	s.targets = []poller.Target{{Device: spate.Device{Name: "sw", Address: address.String()},
		Credentials: poller.Credentials{Name: "test", Version: poller.V2c, Community: "public"}}}
	s.run(t, lasting)
	return s.sink.of("sw")
}

// spread is what the rates of the steady switch are like, as shares of the truth.
type spread struct {
	n              int
	mean, sd       float64
	least, most    float64
	seconds, total float64 // covered by rates, and in all
}

func spreadOf(rounds []*spate.Round, from time.Time) spread {
	out := spread{least: math.Inf(1), most: math.Inf(-1)}
	var sum, squares float64
	for _, r := range rounds {
		for i, reading := range r.Readings {
			if reading.Rate.Over == 0 || reading.Rate.At.Before(from) {
				continue
			}
			v := reading.Rate.Values[spate.InBps] / (8e6 * float64(i+1))
			sum, squares = sum+v, squares+v*v
			out.n++
			out.least, out.most = min(out.least, v), max(out.most, v)
			out.seconds += reading.Rate.Over.Seconds()
		}
	}
	out.mean = sum / float64(out.n)
	out.sd = math.Sqrt(max(0, squares/float64(out.n)-out.mean*out.mean))
	if len(rounds) > 0 {
		out.total = 8 * rounds[len(rounds)-1].At.Sub(from).Seconds()
	}
	return out
}

// jittery delays every answer by up to 800 ms, some before the agent reads and
// some after, and loses one in twenty.
func jittery(seed uint64) snmptest.ConnConfig {
	dice := rand.New(rand.NewPCG(seed, 8))
	var after time.Duration
	return snmptest.ConnConfig{
		Ahead: func(int) time.Duration {
			whole := time.Duration(dice.Int64N(int64(800 * time.Millisecond)))
			before := time.Duration(dice.Int64N(int64(whole) + 1))
			after = whole - before
			return before
		},
		Script: func(_ int, _, a []byte) []snmptest.Answer {
			if a == nil || dice.IntN(20) == 0 {
				return nil
			}
			return []snmptest.Answer{{Data: a, Delay: after}}
		},
	}
}

func TestRatesOfACachedSwitchAreSteady(t *testing.T) {
	tests := []struct {
		name              string
		refresh, interval time.Duration
		way               snmptest.ConnConfig
		sd                float64
	}{
		{"a cache of 5 s polled every 5 s, jitter and loss", 5 * time.Second, 5 * time.Second, jittery(1), 0.005},
		{"a cache of 10 s polled every second", 10 * time.Second, time.Second, snmptest.ConnConfig{Latency: 3 * time.Millisecond}, 0.005},
		{"a cache of 10 s polled every second, jitter and loss", 10 * time.Second, time.Second, jittery(2), 0.005},
		{"a cache of 3 s polled every 10 s", 3 * time.Second, 10 * time.Second, snmptest.ConnConfig{Latency: 3 * time.Millisecond}, 0.005},
		{"a cache of 10 s polled every 10 s", 10 * time.Second, 10 * time.Second, jittery(3), 0.005},
		{"a cache of 15 s polled every 5 s", 15 * time.Second, 5 * time.Second, jittery(4), 0.005},
		{"no cache, every 10 s, jitter and loss", 0, 10 * time.Second, jittery(5), 0.005},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				rounds := watched(t, steady(tt.refresh), tt.interval, 20*time.Minute, tt.way)
				s := spreadOf(rounds, begin.Add(3*time.Minute))
				last := rounds[len(rounds)-1]
				t.Logf("%d rates, mean %.4f, sd %.4f, %.3f to %.3f, %.0f of %.0f s; refresh %v", s.n, s.mean, s.sd, s.least, s.most, s.seconds, s.total, last.Refresh)
				if s.sd > tt.sd {
					t.Errorf("standard deviation %.4f of the rate, want at most %.4f", s.sd, tt.sd)
				}
				if math.Abs(s.mean-1) > 0.003 {
					t.Errorf("mean %.4f of the truth", s.mean)
				}
				if s.seconds < 0.97*s.total {
					t.Errorf("rates cover %.0f of %.0f s", s.seconds, s.total)
				}
				if last.Refresh != tt.refresh {
					t.Errorf("found a period of %v, want %v", last.Refresh, tt.refresh)
				}
			})
		})
	}
}
