package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// running serves a rig on loopback until the test ends.
func (r *rig) running(t testing.TB) (addr string) {
	t.Helper()
	return r.runningAt(t, "127.0.0.1:0")
}

func (r *rig) runningAt(t testing.TB, address string) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return ln.Addr().String()
}

// A streamReader reads server-sent events.
type streamReader struct {
	lines *bufio.Scanner
	resp  *http.Response
}

type sse struct{ id, kind, data string }

func openEvents(t testing.TB, addr, query, lastID string) *streamReader {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/api/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" || resp.Header.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("headers %v", resp.Header)
	}
	s := &streamReader{lines: bufio.NewScanner(resp.Body), resp: resp}
	s.lines.Buffer(nil, 1<<20)
	s.next(t) // the retry line: the stream is open
	return s
}

// next is the next event or comment.
func (s *streamReader) next(t testing.TB) (e sse) {
	t.Helper()
	for s.lines.Scan() {
		line := s.lines.Text()
		switch {
		case line == "":
			return e
		case strings.HasPrefix(line, "id: "):
			e.id = line[4:]
		case strings.HasPrefix(line, "event: "):
			e.kind = line[7:]
		case strings.HasPrefix(line, "data: "):
			e.data = line[6:]
		}
	}
	t.Fatalf("the stream ended: %v", s.lines.Err())
	return e
}

func TestEventsComePerRoundAndResume(t *testing.T) {
	r := newRig(t, dev("sw-1"), dev("sw-2"))
	addr := r.running(t)
	a := openEvents(t, addr, "", "")
	r.board.Accept(t.Context(), round("sw-1", time.Now(), 2))
	first := a.next(t)
	if first.kind != "rates" || !strings.Contains(first.data, `"port":"Gi1/0/2","rate":{"at":`) || !strings.Contains(first.data, `"factor":null,"mark":null`) {
		t.Fatalf("first event %+v", first)
	}
	second := a.next(t)
	if second.kind != "device" || !strings.Contains(second.data, `"state":"up"`) || second.id <= first.id {
		t.Fatalf("second event %+v after id %s", second, first.id)
	}
	r.board.Accept(t.Context(), round("sw-2", time.Now().Add(time.Second), 1))
	third := a.next(t)
	if third.kind != "rates" {
		t.Fatalf("third event %+v", third)
	}

	b := openEvents(t, addr, "", second.id)
	if got := b.next(t); got != third {
		t.Errorf("resumed behind %s: got %+v, want %+v", second.id, got, third)
	}
	c := openEvents(t, addr, "", "17")
	if got := c.next(t); got.kind != "reset" || got.id == "" {
		t.Errorf("an id too old: got %+v, want reset", got)
	}
	d := openEvents(t, addr, "?device=sw-2&only=rates", first.id)
	if got := d.next(t); got != third {
		t.Errorf("only rates of sw-2: got %+v, want %+v", got, third)
	}
}

func TestRunEndsWithOpenStreamsAndLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := newRig(t, dev("sw-1"))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, ln) }()
	s := openEvents(t, ln.Addr().String(), "", "")
	start := time.Now()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(start); took > within(2*time.Second) {
		t.Errorf("the end took %s with a stream open", took)
	}
	_ = s.resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
}

func TestLargeHeadersAreRefused(t *testing.T) {
	r := newRig(t)
	addr := r.running(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/-/healthy", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Large", strings.Repeat("a", 32<<10))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", resp.StatusCode)
	}
}

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	r.board.Accept(t.Context(), round("sw-1", time.Now(), 1))
	r.store.panic = true
	resp := r.get(t, "/api/v1/series?device=sw-1&port=Gi1/0/1")
	if text := body(t, resp); resp.StatusCode != 500 || strings.Contains(text, "fell over") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	if !strings.Contains(fmt.Sprint(r.log), "fell over") {
		t.Error("the log does not tell of the panic")
	}
}

// within is what the suite grants to what is to take d at most: other tests run beside
// it, and on machines of many kinds. SPATE_LONG holds it to d.
func within(d time.Duration) time.Duration {
	if os.Getenv("SPATE_LONG") != "" {
		return d
	}
	return 3 * d
}
