package lab_test

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/lab/fabric"
	"spate/poller"
	"spate/poller/snmptest"
	"spate/topology"
)

// BenchmarkThousandSwitchesSurveyed polls a thousand switches of 48 ports, with
// forty thousand hosts behind them, every ten seconds over UDP: a minute without
// surveys, then while all tables are read once. Agents run in the same process, so
// processor and memory are of both. SPATE_LONG=1: it takes minutes.
func BenchmarkThousandSwitchesSurveyed(b *testing.B) {
	if os.Getenv("SPATE_LONG") == "" {
		b.Skip("takes five minutes: SPATE_LONG=1")
	}
	shape := fabric.Shape{Seed: 7, Start: time.Now(), Borders: 2, Cores: 2, Pods: 32, Access: 30, Ports: 46, Fill: 0.9, Bundles: true, Small: 60}
	n := fabric.New(shape)
	n.Run(n.Now().Add(10*time.Second), 10*time.Second, func(*spate.Round) {})
	ctx, end := context.WithCancel(b.Context())
	defer end()
	var targets []poller.Target
	for _, d := range n.Devices {
		conn, err := snmptest.ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
		if err != nil {
			b.Fatal(err)
		}
		agent := n.Agent(d)
		go func() { _ = agent.ServeUDP(ctx, conn) }()
		targets = append(targets, poller.Target{Device: spate.Device{Name: d.Name, Address: conn.LocalAddr().String()},
			Credentials: poller.Credentials{Name: "default", Version: poller.V2c, Community: "public"}})
	}
	b.ReportMetric(float64(len(targets)), "switches")
	b.ReportMetric(float64(len(n.Hosts)), "hosts")
	run := func(g *topology.Graph, for_ time.Duration) (late time.Duration, pdus int, took time.Duration, core float64) {
		counts := poller.NewCounts(metrics.NewSet())
		sockets := poller.NewSockets(counts.Reject)
		defer sockets.Close()
		cfg := poller.DefaultConfig()
		cfg.Interval = 10 * time.Second
		p := poller.New(cfg, sockets, accept(func(r *spate.Round) {
			if g != nil {
				g.Accept(r)
			}
		}), counts, slog.New(slog.DiscardHandler))
		var mu sync.Mutex
		seen := map[string]bool{}
		all := make(chan struct{})
		began := time.Now()
		if g != nil {
			p.Survey(learn(func(t *spate.Tables) {
				g.Learn(t)
				mu.Lock()
				defer mu.Unlock()
				pdus += t.PDUs
				if seen[t.Device] = true; len(seen) == len(targets) {
					took = time.Since(began)
					close(all)
				}
			}))
		}
		p.Set(targets)
		ctx, end := context.WithTimeout(ctx, for_)
		defer end()
		before := used()
		go func() {
			select {
			case <-all:
				end()
			case <-ctx.Done():
			}
		}()
		_ = p.Run(ctx)
		return counts.LateP99(), pdus, took, (used() - before).Seconds() / time.Since(began).Seconds()
	}
	for b.Loop() {
		late, _, _, core := run(nil, time.Minute)
		b.ReportMetric(float64(late.Microseconds())/1000, "ms-late-p99-alone")
		b.ReportMetric(100*core, "%core-alone")
		g := topology.New(topology.Config{})
		late, pdus, took, core := run(g, 5*time.Minute)
		if took == 0 {
			b.Fatal("not all tables were read within five minutes")
		}
		b.ReportMetric(float64(late.Microseconds())/1000, "ms-late-p99-surveyed")
		b.ReportMetric(float64(pdus), "PDUs")
		b.ReportMetric(took.Seconds(), "s-refresh")
		b.ReportMetric(100*core, "%core-surveyed")
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		held := m.HeapAlloc
		began := time.Now()
		v := g.View(time.Now())
		b.ReportMetric(time.Since(began).Seconds(), "s-view")
		began = time.Now()
		v = g.View(time.Now())
		b.ReportMetric(time.Since(began).Seconds(), "s-view-again")
		b.ReportMetric(float64(held)/1e6, "MB-heap-with-agents")
		b.ReportMetric(float64(len(v.Links)), "links")
		b.ReportMetric(float64(len(v.Hosts)), "hosts-placed")
	}
}

// used is the processor time of this process.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
