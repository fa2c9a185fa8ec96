package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// dialEvents opens a stream by hand, so that a thousand of them cost little.
func dialEvents(t testing.TB, addr, query string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "GET /api/v1/events%s HTTP/1.1\r\nHost: localhost\r\n\r\n", query); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStalledReaderIsDroppedAndOthersGoOn(t *testing.T) {
	if testing.Short() {
		t.Skip("waits 10 s for a reader that does not read")
	}
	t.Parallel()
	r := newRig(t, dev("sw-1"))
	addr := r.running(t)
	stalled := dialEvents(t, addr, "")
	defer stalled.Close()
	if err := stalled.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	lively := openEvents(t, addr, "", "")
	deadline := time.Now().Add(30 * time.Second)
	for n := 0; ; n++ {
		r.board.Accept(t.Context(), round("sw-1", time.Now().Add(time.Duration(n)*time.Millisecond), 400))
		if e := lively.next(t); e.kind == "" {
			continue
		}
		if strings.Contains(body(t, r.get(t, "/metrics")), "spate_event_readers_dropped_total 1") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the stalled reader is still there")
		}
	}
}

// BenchmarkEventReaders says how old an event is when the last of many readers
// has it, and what a reader costs in memory.
func BenchmarkEventReaders(b *testing.B) {
	for _, readers := range []int{100, 1000} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) { readAll(b, readers) })
	}
}

func readAll(b *testing.B, readers int) {
	r := newRig(b, dev("sw-1"))
	addr := r.running(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	got := make(chan struct{}, readers)
	var all sync.WaitGroup
	for range readers {
		c := dialEvents(b, addr, "?only=rates")
		defer c.Close()
		lines := bufio.NewReaderSize(c, 512)
		if err := skipTo(lines, "retry:"); err != nil {
			b.Fatal(err)
		}
		all.Go(func() {
			for skipTo(lines, "event: rates") == nil {
				got <- struct{}{}
			}
		})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	var ages []time.Duration
	for b.Loop() {
		start := time.Now()
		r.board.Accept(context.Background(), round("sw-1", start, 4))
		for range readers {
			<-got
		}
		ages = append(ages, time.Since(start))
	}
	slices.Sort(ages)
	b.ReportMetric(float64(ages[len(ages)*99/100].Milliseconds()), "p99-ms")
	b.ReportMetric(float64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse)/float64(readers), "B/reader")
}

func skipTo(r *bufio.Reader, prefix string) error {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		if strings.HasPrefix(string(line), prefix) {
			return nil
		}
		if err == io.EOF {
			return err
		}
	}
}
