package web_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	manyViewers  = 10_000
	stalledOnes  = 1_000
	viewersWatch = 30 * time.Second
)

// watched is what the process of the viewers has seen.
type watched struct {
	Viewers, Frames int
	P50, P99, Max   float64 // ms after the first viewer had a frame
}

// TestViewersOfTheWall is the other process of TestTenThousandViewersOfTheWall.
func TestViewersOfTheWall(t *testing.T) {
	addr := os.Getenv("SPATE_VIEWERS")
	if addr == "" {
		t.Skip("is run by TestTenThousandViewersOfTheWall")
	}
	ask := []byte("GET /api/v1/events?only=wall HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	dial := func() net.Conn {
		for range 20 {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				if _, err = c.Write(ask); err == nil {
					return c
				}
				c.Close()
			}
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	}
	for range stalledOnes {
		if c := dial(); c != nil {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetReadBuffer(2048)
			}
			defer c.Close() // and never reads
		}
	}
	var mu sync.Mutex
	arrived := map[string][]time.Time{}
	viewers := 0
	for range manyViewers {
		c := dial()
		if c == nil {
			continue
		}
		viewers++
		go func() {
			defer c.Close()
			lines := bufio.NewReaderSize(c, 1024)
			for {
				line, err := lines.ReadSlice('\n')
				if err != nil && err != bufio.ErrBufferFull {
					return
				}
				if id, ok := bytes.CutPrefix(line, []byte("id: ")); ok {
					now := time.Now()
					mu.Lock()
					key := string(bytes.TrimSpace(id))
					arrived[key] = append(arrived[key], now)
					mu.Unlock()
				}
			}
		}()
	}
	time.Sleep(5 * time.Second)
	mu.Lock()
	clear(arrived)
	mu.Unlock()
	time.Sleep(viewersWatch)
	mu.Lock()
	defer mu.Unlock()
	var ages []float64
	frames := 0
	for _, times := range arrived {
		if len(times) < viewers/2 {
			continue // at the edge of the watch
		}
		frames++
		first := slices.MinFunc(times, time.Time.Compare)
		for _, at := range times {
			ages = append(ages, float64(at.Sub(first).Microseconds())/1000)
		}
	}
	slices.Sort(ages)
	w := watched{Viewers: viewers, Frames: frames}
	if n := len(ages); n > 0 {
		w.P50, w.P99, w.Max = ages[n/2], ages[n*99/100], ages[n-1]
	}
	b, _ := json.Marshal(w)
	fmt.Println("WATCHED " + string(b))
}

// TestTenThousandViewersOfTheWall has them in a process of their own, a thousand more
// that never read, and looks at the age of frames, the memory, and how punctual this
// process stays.
func TestTenThousandViewersOfTheWall(t *testing.T) {
	if os.Getenv("SPATE_LONG") == "" {
		t.Skip("takes two minutes and 22,000 files: SPATE_LONG is not set")
	}
	n := newNetwork()
	r := newRig(t, n.devices...)
	n.fill(t.Context(), r.board.Accept, time.Now())
	addr := r.running(t)
	calm := lateness(5 * time.Second)
	before := residentMB(t)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestViewersOfTheWall$", "-test.v")
	cmd.Env = append(os.Environ(), "SPATE_VIEWERS="+addr)
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	rounds := make(chan struct{})
	go func() { // devices go on being polled
		defer close(rounds)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				r.board.Accept(t.Context(), n.round(i%len(n.devices), time.Now()))
			}
		}
	}()
	time.Sleep(15 * time.Second)
	busy := lateness(15 * time.Second)
	most := residentMB(t)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err, out)
	}
	close(stop)
	<-rounds
	_, text, _ := strings.Cut(out.String(), "WATCHED ")
	var w watched
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&w); err != nil {
		t.Fatal(err, out)
	}
	t.Logf("%d viewers, %d frames: age p50 %.0f ms, p99 %.0f ms, max %.0f ms; %.0f MB before, %.0f MB with them; a tick of 10 ms late by %.1f ms (p99), %.1f ms before", w.Viewers, w.Frames, w.P50, w.P99, w.Max, before, most, busy, calm)
	if w.Viewers < manyViewers || w.Frames < 5 {
		t.Errorf("%d viewers saw %d frames", w.Viewers, w.Frames)
	}
	if w.P99 >= 1000 {
		t.Errorf("the 99th percentile of a frame's age is %.0f ms, want less than a second", w.P99)
	}
	if most >= 400 {
		t.Errorf("%.0f MB, want less than 400", most)
	}
}

// lateness is the 99th percentile of how late ticks of ten milliseconds come, in ms.
func lateness(d time.Duration) float64 {
	var late []float64
	tick := 10 * time.Millisecond
	for due, end := time.Now().Add(tick), time.Now().Add(d); due.Before(end); due = due.Add(tick) {
		time.Sleep(time.Until(due))
		late = append(late, float64(time.Since(due).Microseconds())/1000)
	}
	slices.Sort(late)
	return late[len(late)*99/100]
}

func residentMB(t *testing.T) float64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}
