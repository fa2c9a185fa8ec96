package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"spate"
)

// large is a board of so many devices with 48 ports, polled just now.
func large(b *testing.B, devices int) *rig {
	list := make([]spate.Device, devices)
	for i := range list {
		list[i] = dev(fmt.Sprintf("sw-%05d", i))
	}
	r := newRig(b, list...)
	for _, d := range list {
		r.board.Accept(context.Background(), round(d.Name, time.Now().Add(time.Hour), 48))
	}
	return r
}

func (r *rig) serve(b *testing.B, path string) int {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Host = "localhost"
	req.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		b.Fatalf("%s: %d", path, w.Code)
	}
	return w.Body.Len()
}

func BenchmarkAccept(b *testing.B) {
	r := large(b, 1)
	rd := round("sw-00000", time.Now(), 48)
	b.ReportAllocs()
	for b.Loop() {
		r.board.Accept(context.Background(), rd)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/48, "ns/port")
}

// BenchmarkHalfAMillionPorts reads a board of 10,000 devices with 48 ports.
func BenchmarkHalfAMillionPorts(b *testing.B) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := large(b, 10_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	perDevice := float64(after.HeapAlloc-before.HeapAlloc) / 10_000
	for _, path := range []string{"/api/v1/top?by=bps", "/api/v1/ports?limit=500", "/api/v1/ports?q=nothing-like-it", "/api/v1/status", "/"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.serve(b, path)
			}
			b.ReportMetric(perDevice, "heap-B/device")
		})
	}
}

// BenchmarkDevicePage is the server's time for a switch of 400 ports.
func BenchmarkDevicePage(b *testing.B) {
	r := newRig(b, dev("sw-1"))
	r.board.Accept(context.Background(), round("sw-1", time.Now().Add(time.Hour), 400))
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		size = r.serve(b, "/devices/sw-1")
	}
	b.ReportMetric(float64(size), "octets")
}

func BenchmarkWallPage(b *testing.B) {
	n := newNetwork()
	r := newRig(b, n.devices...)
	n.fill(context.Background(), r.board.Accept, time.Now())
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		size = r.serve(b, "/")
	}
	b.ReportMetric(float64(size), "octets")
}

func BenchmarkSeries(b *testing.B) {
	r := newRig(b, dev("sw-1"))
	r.board.Accept(context.Background(), round("sw-1", time.Now(), 1))
	b.ReportAllocs()
	for b.Loop() {
		r.serve(b, "/api/v1/series?device=sw-1&port=Gi1/0/1&metrics=in_bps,out_bps&width=1200")
	}
}
