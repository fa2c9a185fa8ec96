package storage_test

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

const tenThousand = 208 // devices of 48 ports

func TestTopIsTheGreatestFirst(t *testing.T) {
	e := open(t, config(t.TempDir()))
	base := storagetest.Start()
	for name, bps := range map[string]float64{"c": 5, "a": 9, "b": 9, "d": 1} {
		put(t, e, round(spate.PortID{Device: "sw-1", Name: name}, base, 10*time.Second, bps))
	}
	flush(t, e)
	got := ""
	for _, r := range e.Top(3, func(r *spate.Rate) float64 { return float64(r.Bits()) }) {
		got += r.Port.Name
	}
	if got != "abc" {
		t.Errorf("top 3 %s, want abc", got)
	}
	if n := len(e.Top(3, func(r *spate.Rate) float64 { return float64(r.Packets()) })); n != 0 {
		t.Errorf("%d ports ranked by what is unknown", n)
	}
}

// BenchmarkTop asks for the twenty busiest of 10,000 ports.
func BenchmarkTop(b *testing.B) {
	cfg := config(b.TempDir())
	cfg.FreeSpace = func(string) (uint64, uint64, error) { return 0, 1 << 40, nil } // memory alone
	e := open(b, cfg)
	tr := newTraffic(tenThousand)
	for d := range tr.devices {
		if err := e.Write(context.Background(), tr.round(d, storagetest.Start())); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if top := e.Top(20, func(r *spate.Rate) float64 { return float64(r.Bits()) }); len(top) != 20 {
			b.Fatal(len(top))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/top20")
}

// BenchmarkTwoHours is 10,000 ports with all their metrics every 10 s for two
// hours, the clock at sixty times, with all tiers. %core is of the simulated time,
// the making of the rounds counted too. It takes two minutes and more: SPATE_LONG=1.
// SPATE_CLOCK is another haste: 10 gives the last twenty minutes at ten times the
// clock, where the engine's buffers hold less.
func BenchmarkTwoHours(b *testing.B) {
	if os.Getenv("SPATE_LONG") == "" {
		b.Skip("takes two minutes: SPATE_LONG=1")
	}
	length, faster := 2*time.Hour, time.Duration(60)
	if n, err := strconv.Atoi(os.Getenv("SPATE_CLOCK")); err == nil && n > 0 && n < 60 {
		length, faster = 2*time.Minute*time.Duration(n), time.Duration(n)
	}
	cfg := storage.DefaultConfig()
	cfg.Path, cfg.Step, cfg.JournalAge = b.TempDir(), storagetest.Step, 24*time.Hour
	e := open(b, cfg)
	tr := newTraffic(tenThousand)
	for b.Loop() {
		start := time.Now().Truncate(time.Hour).Add(time.Minute - length)
		before, busy := cpu(), uint64(0)
		pace := time.NewTicker(storagetest.Step / faster)
		for at := start; at.Sub(start) < length; <-pace.C {
			at = at.Add(storagetest.Step)
			for d := range tr.devices {
				if err := e.Write(context.Background(), tr.round(d, at)); err != nil {
					b.Fatal(err)
				}
			}
			busy = max(busy, resident(b))
		}
		pace.Stop()
		if err := e.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(100*(cpu()-before).Seconds()/length.Seconds(), "%core")
		b.ReportMetric(float64(busy)/1e6, "MB-RSS")
		b.ReportMetric(float64(e.Status().Bytes)/1e6, "MB-disk")
	}
	began := time.Now()
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	closed := time.Since(began)
	began = time.Now()
	open(b, cfg)
	b.ReportMetric(closed.Seconds(), "s-close")
	b.ReportMetric(time.Since(began).Seconds(), "s-open")
}

// resident is what the process holds of the machine's memory, in octets.
func resident(b *testing.B) uint64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("needs a /proc")
	}
	fields := bytes.Fields(text)
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * uint64(os.Getpagesize())
}
