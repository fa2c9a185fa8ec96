package web_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/graph"
	"spate/host"
	"spate/web"
)

// peakOf is by how many octets the heap grew at most while do ran.
func peakOf(do func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	heap := func() uint64 {
		m := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(m)
		return m[0].Value.Uint64()
	}
	runtime.GC()
	before, most := heap(), uint64(0)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			most = max(most, heap())
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	do()
	close(stop)
	<-ended
	return max(most, before) - before
}

// taker takes any history.
type taker struct{ lines int }

func (k *taker) Import(context.Context, spate.History) (spate.Taken, error) {
	k.lines++
	return spate.Taken{Written: 1}, nil
}
func (*taker) Flush(context.Context) error { return nil }

// fullRig is closed and has all there is: every route answers.
func fullRig(t testing.TB) *rig {
	t.Helper()
	n := newNetwork()
	fleet := host.NewFleet(time.Second, nil, func(name string) (spate.Device, error) { return dev(name), nil }, slog.New(slog.DiscardHandler))
	r := &rig{board: web.NewBoard(n.devices), store: &fakeStore{}, painter: &fakePainter{Renderer: graph.NewRenderer()}, log: &bytes.Buffer{}}
	r.board.SetGroups([]web.Group{{Name: "all", Ports: []web.PortPattern{{Device: "*", Port: "*"}}}})
	r.Server = web.New(web.Config{Version: "0.1.0", Zone: time.UTC, Credentials: credentials(), SessionKey: bytes.Repeat([]byte("k"), 32)}, web.Deps{
		Board: r.board, Store: r.store, Painter: r.painter, Log: slog.New(slog.NewTextHandler(r.log, nil)), Incidents: newDesk(), Notices: &notices{},
		Revoked: &revoked{map[string]bool{}}, Import: &taker{}, Agents: fleet, Demo: func(string) string { return "x" }, Resurvey: func(...string) {},
		Backup: func(context.Context, string, func(done, total int64)) (web.BackupResult, error) {
			return web.BackupResult{Dir: "x"}, nil
		},
		Prometheus: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // room promql has tests of its own
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		}),
		Backtest: func(context.Context, time.Time, time.Time, string, func(float64)) (*spate.Backtest, error) {
			return &spate.Backtest{}, nil
		},
	})
	for i := range n.devices {
		r.board.Accept(t.Context(), n.round(i, time.Now()))
	}
	return r
}

// endless repeats a text, and counts how much of it was read.
type endless struct {
	head, text string
	left, read int64
	at         int
}

func bodyOf(head, text string, size int64) *endless {
	return &endless{head: head, text: strings.Repeat(text, 1+4096/len(text)), left: size}
}

func (e *endless) Read(b []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := copy(b, e.head)
	e.head = e.head[n:]
	for n < len(b) {
		k := copy(b[n:], e.text[e.at:])
		n += k
		e.at = (e.at + k) % len(e.text)
	}
	n = int(min(int64(n), e.left))
	e.left, e.read = e.left-int64(n), e.read+int64(n)
	return n, nil
}

// hand hands a request on without a network between.
func (r *rig) hand(method, path, from string, body io.Reader, header ...string) *http.Response {
	req := httptest.NewRequest(method, path, body)
	req.Host, req.RemoteAddr, req.ContentLength = "192.0.2.10:8080", from+":4711", -1
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Result()
}
