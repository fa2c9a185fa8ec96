package storage_test

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

// traffic makes rounds of devices x 48 ports that look like a network: some
// ports busy, some idle, no errors.
type traffic struct {
	devices int
	ports   [][]spate.Port
	rnd     uint64
}

func newTraffic(devices int) *traffic {
	tr := &traffic{devices: devices, ports: make([][]spate.Port, devices), rnd: 1}
	for d := range tr.ports {
		for p := range 48 {
			tr.ports[d] = append(tr.ports[d], spate.Port{ID: spate.PortID{Device: fmt.Sprintf("sw-%05d", d), Name: fmt.Sprintf("GigabitEthernet1/0/%d", p+1)}})
		}
	}
	return tr
}

// round is one pass over device d that ended at a time.
func (tr *traffic) round(d int, at time.Time) *spate.Round {
	r := &spate.Round{Device: spate.Device{Name: tr.ports[d][0].ID.Device}, At: at, Interval: storagetest.Step}
	r.Readings = make([]spate.Reading, len(tr.ports[d]))
	for i := range r.Readings {
		tr.rnd ^= tr.rnd << 13
		tr.rnd ^= tr.rnd >> 7
		tr.rnd ^= tr.rnd << 17
		load := float64(tr.rnd%1000) * float64(1+i*i*10)
		rate := spate.Rate{At: at, Over: storagetest.Step}
		for m := range spate.InErrorsPs {
			rate.Values[m] = load / float64(m+1)
		}
		r.Readings[i] = spate.Reading{Port: &tr.ports[d][i], Rate: rate}
	}
	return r
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkIngest writes all 14 metrics of 20 devices x 48 ports, one step of
// the grid each round, through the queue to the engine. values/cpu-s counts the
// CPU time of the whole process, the making of the rounds too.
func BenchmarkIngest(b *testing.B) {
	e := open(b, config(b.TempDir()))
	tr := newTraffic(20)
	at := storagetest.Start()
	ctx := context.Background()
	b.ReportAllocs()
	values, before := 0, cpu()
	for b.Loop() {
		at = at.Add(storagetest.Step)
		for d := range tr.devices {
			if err := e.Write(ctx, tr.round(d, at)); err != nil {
				b.Fatal(err)
			}
		}
		values += tr.devices * 48 * int(spate.NumMetrics)
	}
	if err := e.Flush(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(values)/(cpu()-before).Seconds(), "values/cpu-s")
}

// day fills a store with 24 h of one device of 48 ports, at 10 s.
func day(b *testing.B) (*storage.Embedded, *traffic, time.Time) {
	e := open(b, config(b.TempDir()))
	tr := newTraffic(1)
	start := time.Now().Add(-25 * time.Hour).Truncate(time.Hour)
	for at := start; at.Sub(start) < 24*time.Hour; {
		at = at.Add(storagetest.Step)
		if err := e.Write(context.Background(), tr.round(0, at)); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	return e, tr, start
}

// BenchmarkQuery asks for 24 h at 10 s: in and out of one port, and the sum of
// a whole device.
func BenchmarkQuery(b *testing.B) {
	e, tr, start := day(b)
	var all []spate.PortID
	for i := range tr.ports[0] {
		all = append(all, tr.ports[0][i].ID)
	}
	for _, c := range []struct {
		name  string
		ports []spate.PortID
	}{{"ports=1", all[5:6]}, {"ports=48", all}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			q := spate.Query{Ports: c.ports, Metrics: []spate.Metric{spate.InBps, spate.OutBps}, From: start, To: start.Add(24 * time.Hour), Width: 1200}
			for b.Loop() {
				f, err := e.Query(context.Background(), q)
				if err != nil || f.Covered != len(c.ports) {
					b.Fatalf("frame %v, error %v", f, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/query")
		})
	}
}

// BenchmarkPortMemory states what one port costs in memory with its ring full:
// eight metrics that move, six counts of errors that do not.
func BenchmarkPortMemory(b *testing.B) {
	cfg := config(b.TempDir())
	cfg.FreeSpace = func(string) (uint64, uint64, error) { return 0, 1 << 40, nil } // the ring alone, without the engine
	e := open(b, cfg)
	tr := newTraffic(20)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	at := storagetest.Start()
	for filled := false; b.Loop(); filled = true {
		for range 100 {
			if filled {
				break // buckets that wait for room on the disk would be counted
			}
			at = at.Add(storagetest.Step)
			for d := range tr.devices {
				if err := e.Write(context.Background(), tr.round(d, at)); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	if err := e.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(tr.devices*48), "B/port")
}
