package host_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"spate"
	"spate/host"
)

// script is a Source: what the kernel answers to each question in turn, the
// last for ever.
type script struct {
	asked  int
	closed bool
	answer func(n int) ([]host.Link, error)
}

func (s *script) Links() ([]host.Link, error) { s.asked++; return s.answer(s.asked) }
func (s *script) Close() error                { s.closed = true; return nil }

// collect takes n rounds and then ends the run.
type collect struct {
	n      int
	cancel context.CancelFunc
	rounds []*spate.Round
}

func (c *collect) Accept(_ context.Context, r *spate.Round) {
	if c.rounds = append(c.rounds, r); len(c.rounds) == c.n {
		c.cancel()
	}
}

func run(t *testing.T, n int, answer func(n int) ([]host.Link, error)) ([]*spate.Round, string) {
	t.Helper()
	var rounds []*spate.Round
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		source := &script{answer: answer}
		cfg := host.Config{Enabled: true, Interval: 10 * time.Second}
		r := host.NewFrom(cfg, "web-17.example.net", source, machine(), slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		sink := &collect{n: n, cancel: cancel}
		if err := r.Run(ctx, sink); !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
		if !source.closed {
			t.Error("Run left the source open")
		}
		rounds = sink.rounds
	})
	return rounds, log.String()
}

func machine() fstest.MapFS {
	return fstest.MapFS{
		"proc/uptime":                   {Data: []byte("9200.73 17278.52\n")},
		"proc/sys/kernel/ostype":        {Data: []byte("Linux\n")},
		"proc/sys/kernel/osrelease":     {Data: []byte("6.1.0\n")},
		"etc/os-release":                {Data: []byte("NAME=x\nPRETTY_NAME=\"Debian \\\"12\\\"\"\n")},
		"sys/class/net/eth0/speed":      {Data: []byte("25000\n")},
		"sys/class/net/eth0/device/x":   {},
		"sys/class/net/veth1/speed":     {Data: []byte("10000\n")},
		"sys/class/net/bond0/speed":     {Data: []byte("50000\n")},
		"sys/class/net/wlan0/phy80211":  {},
		"sys/class/net/wlan0/device/x":  {},
		"sys/class/net/wlan0/speed":     {Data: []byte("-1\n")},
		"sys/class/net/bridge0/speed":   {Data: []byte("1000\n")},
		"sys/class/net/unused/ifindex":  {},
		"sys/class/net/eth1/device/x":   {},
		"sys/class/net/eth1/speed":      {Data: []byte("4294967295\n")},
		"sys/class/net/eth1/queues/x/y": {},
	}
}

func eth0(second uint64) host.Link {
	return host.Link{
		Index: 2, Name: "eth0", Alias: "to\x1b[31m the rack", Hardware: 1, MAC: []byte{2, 0, 0, 0, 0, 1}, Up: true, Running: true, Oper: 6,
		RxBytes: 1000 + 1250*second, TxBytes: 50 * second, RxPackets: 500 + 10*second, TxPackets: 3 * second,
		RxErrors: second, RxDropped: 2 * second, RxMissed: 5 * second, TxDropped: second, Multicast: 7 + 4*second,
	}
}

func TestRatesAreTheKernelsOwn(t *testing.T) {
	rounds, _ := run(t, 2, func(n int) ([]host.Link, error) { return []host.Link{eth0(10 * uint64(n))}, nil })
	if first := rounds[0].Readings[0]; first.Rate.Over != 0 || first.Gap != "" {
		t.Errorf("the first round has a rate or a gap: %+v", first)
	}
	second := rounds[1].Readings[0]
	if second.Gap != "" || second.Rate.Over != 10*time.Second {
		t.Fatalf("gap %q, over %s", second.Gap, second.Rate.Over)
	}
	unknown := math.NaN()
	want := [spate.NumMetrics]float64{
		spate.InBps: 10000, spate.OutBps: 400, spate.InPps: 10, spate.OutPps: 3,
		spate.InUcastPps: 6, spate.OutUcastPps: 3, spate.InMcastPps: 4, spate.OutMcastPps: unknown,
		spate.InBcastPps: unknown, spate.OutBcastPps: unknown,
		spate.InErrorsPs: 1, spate.OutErrorsPs: 0, spate.InDiscardsPs: 7, spate.OutDiscardsPs: 1,
	}
	for m, v := range want {
		if got := second.Rate.Values[m]; math.Abs(got-v) > 1e-9 || math.IsNaN(got) != math.IsNaN(v) {
			t.Errorf("%s = %g, want %g", spate.Metric(m), got, v)
		}
	}
}

// Cards count multicasts that never become rx_packets; in_pps stays what the
// kernel received, and no part of it is negative or unknown.
func TestPacketsAddUpToTheKernelsCount(t *testing.T) {
	tests := []struct {
		name         string
		rx, mcast    [3]uint64
		ucast, multi float64 // per second, in the last of three rounds 10 s apart
	}{
		{"multicasts within the packets", [3]uint64{100, 200, 300}, [3]uint64{10, 30, 60}, 7, 3},
		{"the card counts more multicasts than arrive", [3]uint64{100, 200, 300}, [3]uint64{1000, 9000, 20000}, 0, 10},
		{"no multicast was ever counted", [3]uint64{100, 200, 300}, [3]uint64{0, 0, 0}, 10, math.NaN()},
		{"the first multicast of all", [3]uint64{100, 200, 300}, [3]uint64{0, 0, 5}, 10, math.NaN()},
		{"the multicast count went down alone", [3]uint64{100, 200, 300}, [3]uint64{500, 550, 2}, 10, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rounds, _ := run(t, 3, func(n int) ([]host.Link, error) {
				l := eth0(10 * uint64(n))
				l.RxPackets, l.Multicast = tt.rx[n-1], tt.mcast[n-1]
				return []host.Link{l}, nil
			})
			v := rounds[2].Readings[0].Rate.Values
			if v[spate.InPps] != 10 {
				t.Errorf("in_pps %g, want the kernel's 10", v[spate.InPps])
			}
			if v[spate.InUcastPps] != tt.ucast {
				t.Errorf("in_ucast_pps %g, want %g", v[spate.InUcastPps], tt.ucast)
			}
			if got := v[spate.InMcastPps]; got != tt.multi && !(math.IsNaN(got) && math.IsNaN(tt.multi)) {
				t.Errorf("in_mcast_pps %g, want %g", got, tt.multi)
			}
		})
	}
}

func TestALinkThatReturnsIsANewOne(t *testing.T) {
	tests := []struct {
		name   string
		second func(l host.Link) host.Link
		gap    spate.Gap
	}{
		{"deleted and made again: another ifIndex", func(l host.Link) host.Link { l.Index = 9; l.RxBytes = 1 << 40; return l }, ""},
		{"renamed: its history is its name's", func(l host.Link) host.Link { l.Name = "lan0"; return l }, ""},
		{"the driver was loaded again and counts from 0", func(l host.Link) host.Link { l.RxBytes = 5; return l }, spate.GapDiscontinuity},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rounds, _ := run(t, 3, func(n int) ([]host.Link, error) {
				l := eth0(10 * uint64(n))
				if n > 1 {
					l = tt.second(l)
				}
				return []host.Link{l}, nil
			})
			r := rounds[1].Readings[0]
			if r.Rate.Over != 0 || r.Gap != tt.gap {
				t.Errorf("rate over %s, gap %q, want no rate and gap %q", r.Rate.Over, r.Gap, tt.gap)
			}
			if after := rounds[2].Readings[0]; after.Gap != "" && tt.gap == "" {
				t.Errorf("the round after has gap %q", after.Gap)
			}
		})
	}
}

func TestSlotsDoNotDriftAndAFailureIsToldOnce(t *testing.T) {
	rounds, log := run(t, 8, func(n int) ([]host.Link, error) {
		switch n {
		case 2, 3:
			return nil, errors.New("no netlink here: allow it")
		case 5:
			time.Sleep(25 * time.Second) // covers two slots
		default:
			time.Sleep(300 * time.Millisecond)
		}
		return []host.Link{eth0(10 * uint64(n))}, nil
	})
	var at []time.Duration
	for _, r := range rounds {
		at = append(at, r.At.Sub(rounds[0].At)-r.Took+rounds[0].Took)
		if r.Interval != 10*time.Second || r.Late != 0 {
			t.Errorf("interval %s, late %s", r.Interval, r.Late)
		}
	}
	for i, want := range []time.Duration{0, 10, 20, 30, 40, 70, 80, 90} {
		if at[i] != want*time.Second {
			t.Errorf("round %d started at %s, want %ds", i, at[i], want)
		}
	}
	if rounds[1].Err == nil || rounds[1].Readings != nil || rounds[3].Err != nil {
		t.Errorf("errors %v and %v", rounds[1].Err, rounds[3].Err)
	}
	if r := rounds[3].Readings[0].Rate; r.Over < 29*time.Second {
		t.Errorf("after two failures the rate covers %s, want the whole time", r.Over)
	}
	if n := strings.Count(log, "no netlink here"); n != 1 {
		t.Errorf("the failure stands %d times in the log, want once:\n%s", n, log)
	}
	if !strings.Contains(log, "can be read again") {
		t.Errorf("the log does not say that it works again:\n%s", log)
	}
}

func TestADisabledRoomReadsNothing(t *testing.T) {
	source := &script{answer: func(int) ([]host.Link, error) { return nil, nil }}
	r := host.NewFrom(host.Config{Interval: time.Second}, "x", source, machine(), slog.New(slog.DiscardHandler))
	if err := r.Run(t.Context(), &collect{}); err != nil || source.asked != 0 {
		t.Errorf("Run: %v, asked %d times", err, source.asked)
	}
}
