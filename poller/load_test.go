package poller_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/poller"
)

// discard counts rounds and forgets them.
type discard struct{ rounds atomic.Int64 }

func (d *discard) Accept(context.Context, *spate.Round) { d.rounds.Add(1) }

// BenchmarkThousandSwitches polls 1,000 simulated switches of 48 ports at 10 s,
// a fifth of them dead, for a minute after the tables were read, and says what
// the poller costs: the agents run in another process. SPATE_LOAD_SECONDS makes
// it longer.
func BenchmarkThousandSwitches(b *testing.B) {
	const switches = 1000
	targets := farm(b, "-n", "1000", "-ports", "48", "-dead", "0.2")
	if len(targets) != switches {
		b.Fatalf("the farm has %d switches", len(targets))
	}
	seconds, err := time.ParseDuration(os.Getenv("SPATE_LOAD_SECONDS") + "s")
	if err != nil {
		seconds = time.Minute
	}
	counts := poller.NewCounts(metrics.NewSet())
	sockets := poller.NewSockets(counts.Reject)
	defer sockets.Close()
	var sink discard
	before := heap()
	p := poller.New(poller.DefaultConfig(), sockets, &sink, counts, slog.New(slog.DiscardHandler))
	p.Set(targets)
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	for b.Loop() {
		pause(b, 40*time.Second)
		cpu, rounds, first := processorTime(b), sink.rounds.Load(), heap()
		pause(b, seconds)
		spent, polled, last := processorTime(b)-cpu, sink.rounds.Load()-rounds, heap()
		b.ReportMetric(100*spent.Seconds()/seconds.Seconds(), "%core")
		b.ReportMetric(float64(last-before)/switches/1024, "KiB/device")
		b.ReportMetric(100*(float64(last)/float64(first)-1), "%heap-growth")
		b.ReportMetric(float64(polled)/seconds.Seconds(), "rounds/s")
		b.ReportMetric(float64(counts.LateP99().Microseconds())/1000, "ms-late-p99")
	}
	stop()
	<-done
}

func pause(b *testing.B, d time.Duration) {
	select {
	case <-time.After(d):
	case <-b.Context().Done():
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// farm starts simulated switches in a process of their own.
func farm(b *testing.B, args ...string) []poller.Target {
	b.Helper()
	bin := b.TempDir() + "/farm"
	if out, err := exec.Command("go", "build", "-o", bin, "../lab/farm").CombinedOutput(); err != nil {
		b.Fatalf("build lab/farm: %v: %s", err, out)
	}
	cmd := exec.Command(bin, append(args, "-until-eof")...)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	var text strings.Builder
	buf := make([]byte, 1<<16)
	for !strings.HasSuffix(text.String(), "\n\n") {
		n, err := out.Read(buf)
		if err != nil {
			b.Fatalf("the farm's list ends early: %v", err)
		}
		text.Write(buf[:n])
	}
	var targets []poller.Target
	for line := range strings.Lines(text.String()) {
		if f := strings.Fields(line); len(f) == 3 {
			targets = append(targets, poller.Target{Device: spate.Device{Name: f[0], Address: f[1]},
				Credentials: poller.Credentials{Name: "farm", Version: poller.V2c, Community: "public"}})
		}
	}
	return targets
}
