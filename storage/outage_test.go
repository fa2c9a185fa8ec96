package storage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
	"spate/storage/storagetest/victoria"
)

// coarse begins the paths of the tiers of five minutes and an hour at a gate.
const coarse = "/coarse"

// A gate stands before a VictoriaMetrics and does to writes what networks and
// tired servers do.
type gate struct {
	*httptest.Server
	behind string

	mu     sync.Mutex
	mode   string        // "", "hang", "500", "cut reply" or "step"
	steps  chan struct{} // "step": one for each write let through
	passed []int64       // of each write let through: time of its newest row
	calls  int
}

func newGate(t *testing.T, behind string) *gate {
	g := &gate{behind: behind, steps: make(chan struct{})}
	g.Server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.CloseClientConnections()
		g.Close()
	})
	return g
}

func (g *gate) turn(mode string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mode = mode
}

func (g *gate) count() (calls, passed int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls, len(g.passed)
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	g.mu.Lock()
	mode := g.mode
	g.calls++
	g.mu.Unlock()
	switch mode {
	case "hang":
		<-r.Context().Done() // until the sender has had enough
		return
	case "500":
		http.Error(w, "out of breath", http.StatusInternalServerError)
		return
	case "step":
		if strings.HasPrefix(r.URL.Path, coarse) {
			break // these go their own way
		}
		select {
		case <-g.steps:
		case <-r.Context().Done():
			return
		}
	}
	g.forward(w, r, body, mode == "cut reply")
}

func (g *gate) forward(w http.ResponseWriter, r *http.Request, body []byte, cut bool) {
	out, err := http.NewRequest(r.Method, g.behind+strings.TrimPrefix(r.URL.RequestURI(), coarse), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		panic(http.ErrAbortHandler) // nobody there: the connection breaks
	}
	defer resp.Body.Close()
	if resp.StatusCode < 300 && !strings.HasPrefix(r.URL.Path, coarse) {
		g.note(body)
	}
	if cut {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 20")
			conn.Close()
		}
		return
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

func (g *gate) note(body []byte) {
	rows, err := decodeWrite(&http.Request{Body: io.NopCloser(bytes.NewReader(body))})
	if err != nil {
		return
	}
	newest := int64(0)
	for _, s := range rows {
		newest = max(newest, s.at)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passed = append(g.passed, newest)
}

// Hours are hours' worth of samples of a few ports on a clock of the data.
type hours struct {
	t     *testing.T
	r     *storage.Remote
	base  time.Time
	ports []spate.PortID
	slots int // written so far
}

func (h *hours) value(port, slot int) float64 { return float64(1000*port + slot) }

// write goes on for n slots, a block for each minute.
func (h *hours) write(n int) {
	h.t.Helper()
	for range n {
		end := h.base.Add(time.Duration(h.slots+1) * 10 * time.Second)
		for p, id := range h.ports {
			if err := h.r.Write(h.t.Context(), round(id, end, 10*time.Second, h.value(p, h.slots))); err != nil {
				h.t.Fatal(err)
			}
		}
		if h.slots++; h.slots%6 == 0 {
			if err := storage.PushNow(h.t.Context(), h.r); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

func newHours(t *testing.T, r *storage.Remote) *hours {
	h := &hours{t: t, r: r, base: storagetest.Start()}
	for i := range 8 {
		h.ports = append(h.ports, spate.PortID{Device: "sw-1", Name: fmt.Sprint("Gi1/0/", i)})
	}
	return h
}

// complete compares every slot with what was written.
func (h *hours) complete() {
	h.t.Helper()
	for p, id := range h.ports {
		f, err := h.r.Query(h.t.Context(), spate.Query{Ports: []spate.PortID{id}, Metrics: []spate.Metric{spate.InBps}, From: h.base, To: h.base.Add(time.Duration(h.slots) * 10 * time.Second), Width: 4096})
		if err != nil {
			h.t.Fatal(err)
		}
		for slot, v := range f.Series[0].Avg {
			if v != h.value(p, slot) {
				h.t.Fatalf("port %d slot %d is %v, want %v", p, slot, v, h.value(p, slot))
			}
		}
	}
}

// buckets compares the greatest of each whole five minutes with what was written.
func (h *hours) buckets(server *victoria.Server) {
	h.t.Helper()
	for p, id := range h.ports {
		most := map[int64]float64{}
		for at, x := range export(h.t, server, fmt.Sprintf("spate_in_bps_max_5m{ifName=%q}", id.Name)) {
			bucket := at - at%300_000 // a bucket that came in parts has several rows
			most[bucket] = max(most[bucket], x)
		}
		for first := 0; first+60 <= h.slots; first += 30 { // the last may be open
			at := h.base.Add(time.Duration(first) * 10 * time.Second).UnixMilli()
			if got, want := most[at], h.value(p, first+29); math.Abs(got-want) > want/200 {
				h.t.Fatalf("port %d: the greatest of slots %d to %d is %v, want %v", p, first, first+29, got, want)
			}
		}
	}
}

// export gives the rows of series.
func export(t *testing.T, server *victoria.Server, match string) iter.Seq2[int64, float64] {
	return func(yield func(int64, float64) bool) {
		resp, err := http.PostForm(server.URL+"/api/v1/export", url.Values{"match[]": {match}, "start": {"0"}})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for d := json.NewDecoder(resp.Body); ; {
			var line struct {
				Timestamps []int64
				Values     []float64
			}
			if d.Decode(&line) != nil {
				return
			}
			for i, at := range line.Timestamps {
				if !yield(at, line.Values[i]) {
					return
				}
			}
		}
	}
}

// rowsOf counts what the server has, row by row.
func rowsOf(t *testing.T, server *victoria.Server, match string) (n int) {
	for range export(t, server, match) {
		n++
	}
	return n
}

// gauge reads one of the store's own figures.
func gauge(t *testing.T, set *metrics.Set, name string) int {
	t.Helper()
	var text strings.Builder
	set.WritePrometheus(&text)
	_, rest, _ := strings.Cut(text.String(), name+" ")
	figure, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(figure)
	if err != nil {
		t.Fatalf("%s: %v in %s", name, err, &text)
	}
	return n
}

// The server is stopped for an hour of samples, hangs for one, answers 500 for
// one, breaks its replies for one, and is well again.
func TestAnOutageLosesAndDoublesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
		once  bool // each row is there once
	}{
		{"as it comes", nil, false},
		{"with deduplication, as docs/victoriametrics.md says", []string{"-dedup.minScrapeInterval=1ms"}, true},
	} {
		t.Run(c.name, func(t *testing.T) { outage(t, c.flags, c.once) })
	}
}

func outage(t *testing.T, flags []string, once bool) {
	server := victoria.Start(t, flags...)
	g := newGate(t, server.URL)
	cfg := remoteConfig(t.TempDir(), storage.URLs{Write: spate.Secret(g.URL + coarse + "/api/v1/write"), Read: spate.Secret(server.URL)})
	cfg.Raw.Write = spate.Secret(g.URL + "/api/v1/write")
	cfg.Metrics = metrics.NewSet()
	raw := func() int { return gauge(t, cfg.Metrics, `spate_store_queue_rows{tier="raw"}`) }
	cfg.Timeout = 200 * time.Millisecond
	r := openRemote(t, cfg)
	h := newHours(t, r)
	tried := func(what string) {
		t.Helper()
		before, _ := g.count()
		eventually(t, what, func() bool { calls, _ := g.count(); return calls > before+2 })
	}
	h.write(360)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}

	server.Stop()
	h.write(360)
	tried("the stopped server was tried")
	if st := r.Status().Remote; raw() != 360*8 || st.Waiting < 360*8 || st.Error == "" {
		t.Errorf("%d raw rows wait with the server stopped, status %+v; want an hour of 8 ports", raw(), st)
	}
	if err := r.Close(); err != nil { // a restart in the middle of it
		t.Fatal(err)
	}
	r = openRemote(t, cfg)
	h.r = r
	if raw() != 360*8 {
		t.Errorf("%d raw rows wait after a restart, want %d", raw(), 360*8)
	}

	g.turn("hang")
	server.Start()
	h.write(360)
	tried("the hanging server was tried")
	g.turn("500")
	h.write(360)
	tried("the failing server was tried")
	if st := r.Status().Remote; raw() != 3*360*8 || st.Lost != 0 {
		t.Errorf("%d raw rows wait after three bad hours, status %+v; want all of them", raw(), st)
	}
	newestFirst(t, h, g)

	if err := server.Flush(); err != nil {
		t.Fatal(err)
	}
	h.complete()
	if got := rowsOf(t, server, `spate_in_bps`); got != h.slots*len(h.ports) {
		t.Errorf("the server has %d rows, want %d", got, h.slots*len(h.ports))
	}
	h.buckets(server)

	g.turn("cut reply") // taken, and nobody knows
	h.write(360)
	tried("the replies broke")
	g.turn("")
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Flush(); err != nil {
		t.Fatal(err)
	}
	h.complete()
	h.buckets(server)
	all := h.slots * len(h.ports)
	got := rowsOf(t, server, `spate_in_bps`)
	if once && got != all || got < all {
		t.Errorf("the server shows %d rows, want %d", got, all)
	}
	if st := r.Status().Remote; st.Waiting != 0 || st.Lost != 0 || st.Error != "" {
		t.Errorf("status in the end: %+v", st)
	}
}

// newestFirst lets writes through one by one: what is measured now goes before
// what has waited, and of that the newest goes first.
func newestFirst(t *testing.T, h *hours, g *gate) {
	t.Helper()
	g.turn("step")
	step := func() int64 {
		_, n := g.count()
		g.steps <- struct{}{}
		eventually(t, "a block passed", func() bool { _, m := g.count(); return m > n })
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.passed[n]
	}
	slot := func(n int) int64 { return h.base.Add(time.Duration(n) * 10 * time.Second).UnixMilli() }
	h.write(6)
	live := slot(h.slots - 1)
	if a, b := step(), step(); a != live && b != live { // one may have been on its way
		t.Errorf("the first blocks are of %d and %d, want the newest, %d, among them", a, b, live)
	}
	was := step()
	for range 5 {
		at := step()
		if at > was {
			t.Errorf("a block of %d comes after one of %d, want the backlog newest first", at, was)
		}
		was = at
	}
	h.write(6) // in mid-backlog
	live = slot(h.slots - 1)
	if a, b := step(), step(); a != live && b != live {
		t.Errorf("in mid-backlog blocks of %d and %d come, want the newest, %d, among them", a, b, live)
	}
	g.turn("")
	done := make(chan error, 1)
	go func() { done <- h.r.Flush(t.Context()) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		case g.steps <- struct{}{}: // the one that stands at the gate
		}
	}
}
