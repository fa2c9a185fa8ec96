package storage_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
	"spate/storage/storagetest/victoria"
)

// fillDay gives a store 24 h of one device of 48 ports, at 10 s.
func fillDay(b *testing.B, s storagetest.Store) (*traffic, time.Time) {
	b.Helper()
	tr := newTraffic(1)
	start := time.Now().Add(-25 * time.Hour).Truncate(time.Hour)
	for at := start; at.Sub(start) < 24*time.Hour; {
		at = at.Add(storagetest.Step)
		if err := s.Write(context.Background(), tr.round(0, at)); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	return tr, start
}

// BenchmarkDayOfAPort asks for 24 h of one port, in and out, at 10 s: from the
// embedded store, from VictoriaMetrics through Remote, and from VictoriaMetrics
// as Grafana does, whose answer is read and thrown away.
func BenchmarkDayOfAPort(b *testing.B) {
	server := victoria.Start(b)
	embedded := open(b, config(b.TempDir()))
	remote := shown{openRemote(b, remoteConfig(b.TempDir(), urls(server.URL, "day"))), server}
	tr, start := fillDay(b, embedded)
	fillDay(b, remote)
	q := spate.Query{Ports: []spate.PortID{tr.ports[0][5].ID}, Metrics: []spate.Metric{spate.InBps, spate.OutBps}, From: start, To: start.Add(24 * time.Hour), Width: 1200}
	for _, c := range []struct {
		name  string
		store storagetest.Store
	}{{"embedded", embedded}, {"remote", remote}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if f, err := c.store.Query(context.Background(), q); err != nil || f.Covered != 1 {
					b.Fatalf("frame %v, error %v", f, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/query")
		})
	}
	b.Run("query_range", func(b *testing.B) {
		ask := url.Values{"query": {fmt.Sprintf(`{__name__=~"spate_in_bps|spate_out_bps",device="sw-00000",ifName=%q}`, q.Ports[0].Name)},
			"start": {fmt.Sprint(start.Unix())}, "end": {fmt.Sprint(q.To.Unix())}, "step": {"10s"}, "nocache": {"1"}}
		octets := int64(0)
		for b.Loop() {
			resp, err := http.PostForm(server.URL+"/api/v1/query_range", ask)
			if err != nil {
				b.Fatal(err)
			}
			octets, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if octets < 200_000 {
			b.Fatalf("an answer of %d octets", octets)
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/query")
	})
}

// BenchmarkIngestRemote writes what BenchmarkIngest does to VictoriaMetrics.
// values/cpu-s are told of this process, of the server, and of both.
func BenchmarkIngestRemote(b *testing.B) {
	server := victoria.Start(b)
	r := openRemote(b, remoteConfig(b.TempDir(), urls(server.URL, "ingest")))
	tr := newTraffic(20)
	at := storagetest.Start()
	ctx := context.Background()
	b.ReportAllocs()
	values, ours, theirs := 0, cpu(), server.CPU()
	for b.Loop() {
		at = at.Add(storagetest.Step)
		for d := range tr.devices {
			if err := r.Write(ctx, tr.round(d, at)); err != nil {
				b.Fatal(err)
			}
		}
		values += tr.devices * 48 * int(spate.NumMetrics)
	}
	if err := r.Flush(ctx); err != nil {
		b.Fatal(err)
	}
	ours, theirs = cpu()-ours, server.CPU()-theirs
	b.ReportMetric(float64(values)/ours.Seconds(), "values/cpu-s-here")
	b.ReportMetric(float64(values)/theirs.Seconds(), "values/cpu-s-there")
	b.ReportMetric(float64(values)/(ours+theirs).Seconds(), "values/cpu-s")
}

var _ storagetest.Store = (*storage.Remote)(nil)

// BenchmarkBacklog lets ten minutes of 960 ports wait, a block for each step, and
// measures how fast they are taken once the server is there.
func BenchmarkBacklog(b *testing.B) {
	server := victoria.Start(b)
	r := openRemote(b, remoteConfig(b.TempDir(), urls(server.URL, "backlog")))
	tr := newTraffic(20)
	at := storagetest.Start()
	took := time.Duration(0)
	for b.Loop() {
		server.Stop()
		for range 60 {
			at = at.Add(storagetest.Step)
			for d := range tr.devices {
				if err := r.Write(b.Context(), tr.round(d, at)); err != nil {
					b.Fatal(err)
				}
			}
			if err := storage.PushNow(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
		server.Start()
		began := time.Now()
		if err := r.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		took += time.Since(began)
	}
	b.ReportMetric(float64(b.N)*600/took.Seconds(), "x-real-time")
}
