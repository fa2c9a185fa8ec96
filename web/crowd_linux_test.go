package web_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	idleOnes   = 15_000
	crowdFiles = 16_384 // files this process may have open: 15,872 connections
	tooMany    = 1_500
	slowOnes   = 1000
)

func long(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("SPATE_LONG") == "" {
		t.Skip(why + ": SPATE_LONG is not set")
	}
}

// A meter asks for a page again and again, as a person does, and keeps how long each
// answer took.
type meter struct {
	mu    sync.Mutex
	took  []time.Duration
	wrong []string
	stop  chan struct{}
	ended sync.WaitGroup
}

// measure asks every twenty milliseconds, each time by a connection of its own or always
// by the same.
func measure(url string, keep bool) *meter {
	m := &meter{stop: make(chan struct{})}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: !keep}, Timeout: 10 * time.Second}
	m.ended.Go(func() {
		defer c.CloseIdleConnections()
		for {
			select {
			case <-m.stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			began := time.Now()
			err := getOnce(c, url)
			m.mu.Lock()
			m.took = append(m.took, time.Since(began))
			if err != nil {
				m.wrong = append(m.wrong, err.Error())
			}
			m.mu.Unlock()
		}
	})
	return m
}

func getOnce(c *http.Client, url string) error {
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// report stops it, and says what it has seen.
func (m *meter) report(t *testing.T, what string) (p99 time.Duration) {
	t.Helper()
	close(m.stop)
	m.ended.Wait()
	if len(m.took) == 0 {
		t.Fatalf("%s: nothing was asked", what)
	}
	slices.Sort(m.took)
	n := len(m.took)
	p99 = m.took[n*99/100]
	t.Logf("%s: %d requests, half within %.1f ms, p99 %.1f ms, max %.1f ms", what, n, ms(m.took[n/2]), ms(p99), ms(m.took[n-1]))
	if len(m.wrong) > 0 {
		t.Errorf("%s: %d of %d requests failed, the first: %s", what, len(m.wrong), n, m.wrong[0])
	}
	return p99
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// TestIdlers is the other process of TestFifteenThousandIdleConnections.
func TestIdlers(t *testing.T) {
	addr := os.Getenv("SPATE_IDLERS")
	if addr == "" {
		t.Skip("is run by TestFifteenThousandIdleConnections")
	}
	var idle, refused []net.Conn
	var last []time.Time
	for len(idle) < idleOnes {
		c, err := askAndStay(addr)
		if err != nil {
			fmt.Printf("only %d: %v\n", len(idle), err)
			return
		}
		idle, last = append(idle, c), append(last, time.Now())
	}
	fmt.Println("IDLE", len(idle))
	time.Sleep(8 * time.Second) // the other process measures
	var extra []net.Conn
	no := 0
	for range tooMany {
		c, err := askAndStay(addr)
		if err != nil {
			no++
			continue
		}
		extra = append(extra, c)
	}
	fmt.Println("REFUSED", no)
	time.Sleep(2 * time.Second)
	for _, c := range append(extra, refused...) {
		c.Close()
	}
	time.Sleep(time.Second)
	fmt.Println("AGAIN")
	var all sync.WaitGroup
	ages := make([]time.Duration, len(idle))
	for i, c := range idle {
		all.Go(func() {
			_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute))
			if _, err := c.Read(make([]byte, 1)); errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
				ages[i] = time.Since(last[i])
			}
		})
	}
	all.Wait()
	slices.Sort(ages)
	fmt.Println("GONE", ages[0].Milliseconds(), ages[len(ages)-1].Milliseconds())
}

// askAndStay asks once and leaves the connection open.
func askAndStay(addr string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	var b [4096]byte
	_, err = io.WriteString(c, "GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	n := 0
	if err == nil {
		n, err = c.Read(b[:])
	}
	if err != nil || !strings.HasPrefix(string(b[:n]), "HTTP/1.1 200") {
		c.Close()
		return nil, fmt.Errorf("%q: %w", b[:min(n, 20)], errors.Join(err, io.ErrUnexpectedEOF))
	}
	_ = c.SetDeadline(time.Time{})
	return c, nil
}

// filesAtMost lowers how many files this process may have open.
func filesAtMost(t *testing.T, n uint64) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil || was.Max < n+1000 {
		t.Skipf("%d open files are allowed here, %d are needed", was.Max, n+1000)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was) })
}

// Fifteen thousand connections that do nothing cost some memory and nothing else; more
// than the files allow are refused, who has a connection keeps it; and they end.
func TestFifteenThousandIdleConnections(t *testing.T) {
	long(t, "takes a minute and a half")
	filesAtMost(t, crowdFiles)
	n := newNetwork()
	r := newRig(t, n.devices...)
	n.fill(t.Context(), r.board.Accept, time.Now())
	addr := r.running(t)
	page := "http://" + addr + "/api/v1/top"
	before, routines := residentMB(t), runtime.NumGoroutine()
	always, anew := measure(page, true), measure(page, false)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestIdlers$", "-test.v")
	cmd.Env = append(os.Environ(), "SPATE_IDLERS="+addr)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var refused, first, last int
	seen := map[string]bool{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		seen[word] = true
		switch word {
		case "IDLE":
			time.Sleep(5 * time.Second)
			anew.report(t, "new connections while 15,000 come and stay")
			with := residentMB(t)
			t.Logf("%.0f MB before, %.0f MB with them: %.1f kB each", before, with, (with-before)*1024/idleOnes)
			if with-before > 400 {
				t.Errorf("they take %.0f MB", with-before)
			}
		case "REFUSED":
			_, _ = fmt.Sscan(rest, &refused)
			if text := body(t, r.get(t, "/metrics")); !strings.Contains(text, fmt.Sprintf("spate_http_connections_refused_total %d\n", refused)) {
				t.Errorf("%d were refused, which /metrics does not say", refused)
			}
		case "AGAIN":
			anew = measure(page, false)
		case "GONE":
			_, _ = fmt.Sscan(rest, &first, &last)
		}
	}
	if err := cmd.Wait(); err != nil || !seen["IDLE"] || !seen["GONE"] {
		t.Fatal(err, seen)
	}
	anew.report(t, "new connections after those above the limit have left")
	always.report(t, "one connection, throughout")
	t.Logf("%d of %d more were refused; the others ended after %d to %d ms of quiet", refused, tooMany, first, last)
	if want := idleOnes + tooMany - (crowdFiles - 512); refused < want || refused > want+10 {
		t.Errorf("%d were refused, want %d", refused, want)
	}
	if first < 59_000 || last > 75_000 {
		t.Errorf("they ended after %d to %d ms, want a minute", first, last)
	}
	time.Sleep(time.Second)
	if now := runtime.NumGoroutine(); now > routines+20 {
		t.Errorf("%d goroutines, %d before", now, routines)
	}
}

// What people wait for while a thousand callers are as slow as they can: slowhttptest
// sends headers and bodies a few octets at a time, and reads answers likewise.
func TestAThousandSlowCallersHoldNothingUp(t *testing.T) {
	long(t, "takes a minute and a half")
	if _, err := exec.LookPath("slowhttptest"); err != nil {
		t.Skip("slowhttptest is not installed: apt-get install slowhttptest")
	}
	n := newNetwork()
	r := newRig(t, n.devices...)
	n.fill(t.Context(), r.board.Accept, time.Now())
	addr := r.running(t)
	base := "http://" + addr
	calm := measure(base+"/api/v1/top", false)
	time.Sleep(3 * time.Second)
	calm.report(t, "calm")
	every := []string{"-c", fmt.Sprint(slowOnes), "-r", "500", "-l", "25", "-i", "3", "-p", "3", "-x", "20"}
	for mode, args := range map[string][]string{
		"headers (-H)":             {"-H", "-u", base + "/"},
		"bodies (-B)":              {"-B", "-s", "8192", "-t", "POST", "-u", base + "/api/v1/silences"},
		"reads (-X) of the wall":   {"-X", "-w", "10", "-y", "20", "-n", "5", "-z", "16", "-u", base + "/"},
		"reads (-X) of long lists": {"-X", "-w", "10", "-y", "20", "-n", "5", "-z", "16", "-u", base + "/api/v1/ports?limit=5000"},
	} {
		t.Run(mode, func(t *testing.T) {
			before := residentMB(t)
			cmd := exec.CommandContext(t.Context(), "slowhttptest", slices.Concat(every, args)...)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, t.TempDir()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			m := measure(base+"/api/v1/top", false)
			most, at := 0.0, time.NewTicker(time.Second)
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			var err error
			for running := true; running; {
				select {
				case err = <-ended:
					running = false
				case <-at.C:
					most = max(most, residentMB(t))
				}
			}
			at.Stop()
			p99 := m.report(t, mode)
			text := out.String()
			tail := text[max(0, len(text)-700):]
			if err != nil || !strings.Contains(text, "slow HTTP test status") && !strings.Contains(text, "est ended") {
				t.Fatalf("slowhttptest: %v: %s", err, tail)
			}
			t.Logf("%.0f MB before, %.0f MB at most", before, most)
			if p99 >= 50*time.Millisecond {
				t.Errorf("a normal request takes %v, want less than 50 ms", p99)
			}
			if most-before > 256 {
				t.Errorf("it took %.0f MB", most-before)
			}
		})
	}
}

// A body that comes an octet a second is given up after ReadTimeout, an answer that is
// not read after WriteTimeout; nothing of them stays.
func TestSlowBodiesAndSlowReadersAreCutOff(t *testing.T) {
	long(t, "takes forty seconds")
	n := newNetwork()
	r := newRig(t, n.devices...)
	n.fill(t.Context(), r.board.Accept, time.Now())
	addr := r.running(t)
	routines := runtime.NumGoroutine()
	ways := map[string]struct {
		send, drip string
		after      time.Duration
	}{
		"nothing at all":                  {"", "", 5 * time.Second},
		"half a request line":             {"GET /api", "x", 5 * time.Second},
		"headers without end":             {"GET / HTTP/1.1\r\nHost: localhost\r\n", "X-a: b\r\n", 5 * time.Second},
		"a body, octet by octet":          {"POST /api/v1/silences HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", "{", 15 * time.Second},
		"a body in pieces of one octet":   {"POST /api/v1/silences HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", 15 * time.Second},
		"a body to where none is awaited": {"POST /api/v1/devices HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", "x", 15 * time.Second},
		"an answer that is not read":      {strings.Repeat("GET /api/v1/ports?limit=5000 HTTP/1.1\r\nHost: localhost\r\n\r\n", 20), "x", 30 * time.Second},
	}
	var all sync.WaitGroup
	for name, w := range ways {
		all.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetReadBuffer(2048)
			}
			began := time.Now()
			_, err = io.WriteString(c, w.send)
			for err == nil && time.Since(began) < time.Minute {
				if time.Sleep(250 * time.Millisecond); w.drip != "" {
					_, err = io.WriteString(c, w.drip)
				} else if !openYet(c) {
					err = io.EOF
				}
			}
			took := time.Since(began)
			t.Logf("%s: ended after %.1f s", name, took.Seconds())
			if err == nil || took > w.after+5*time.Second {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		})
	}
	all.Wait()
	time.Sleep(500 * time.Millisecond)
	if now := runtime.NumGoroutine(); now > routines+5 {
		t.Errorf("%d goroutines, %d before", now, routines)
	}
}

// openYet tells whether the other side has not closed, without reading what it sent.
func openYet(c net.Conn) bool {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return false
	}
	open := true
	_ = raw.Control(func(fd uintptr) {
		var info [1]byte
		n, _, err := syscall.Recvfrom(int(fd), info[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if err != nil && !errors.Is(err, syscall.EAGAIN) || n == 0 && err == nil {
			open = false
		}
		if code, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR); err != nil || code != 0 {
			open = false
		}
	})
	return open
}

// Ten thousand guesses in a minute from as many addresses, half at passwords and half at
// tokens, while people work.
func TestTenThousandGuessesAMinute(t *testing.T) {
	long(t, "takes a minute")
	r, _, _ := closedRig(t)
	addr := r.running(t)
	ask := func(from, method, path, form string, header ...string) (*http.Response, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
		c := &http.Client{Timeout: 40 * time.Second, Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		ctx, end := context.WithTimeout(t.Context(), 40*time.Second)
		defer end()
		req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, strings.NewReader(form))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := c.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		return resp, err
	}
	right := "name=ann&password=" + strings.ReplaceAll(password, " ", "+")
	first, err := ask("127.7.7.7", "POST", "/login", right)
	if err != nil || first.StatusCode != 303 {
		t.Fatal(first, err)
	}
	cookie := first.Cookies()[0].Name + "=" + first.Cookies()[0].Value
	if again, err := ask("127.6.6.6", "POST", "/login", right); err != nil || again.StatusCode != 303 {
		t.Fatal(again, err)
	}
	codes := sync.Map{}
	var all sync.WaitGroup
	var late atomic.Int64
	began := time.Now()
	all.Go(func() {
		for n := range 10_000 {
			time.Sleep(time.Until(began.Add(time.Duration(n) * 6 * time.Millisecond)))
			all.Go(func() {
				from, at := fmt.Sprintf("127.%d.%d.1", 10+n/200, n%200), time.Now()
				if n%10 == 0 {
					from = "127.7.7.7" // some come from where people work
				}
				var resp *http.Response
				var err error
				if n%2 == 0 {
					resp, err = ask(from, "POST", "/login", fmt.Sprint("name=ann&password=guess", n))
				} else {
					resp, err = ask(from, "GET", "/api/v1/devices", "", "Authorization", fmt.Sprint("Bearer guess", n))
				}
				if err != nil {
					t.Errorf("guess %d: %v", n, err)
					return
				}
				c, _ := codes.LoadOrStore(resp.StatusCode, new(atomic.Int64))
				c.(*atomic.Int64).Add(1)
				if took := time.Since(at).Milliseconds(); took > late.Load() {
					late.Store(took)
				}
			})
		}
	})
	var slowest [4]time.Duration
	for time.Since(began) < 62*time.Second {
		time.Sleep(2 * time.Second)
		for i, try := range []func() (*http.Response, error){
			func() (*http.Response, error) { return ask("127.7.7.7", "GET", "/devices", "", "Cookie", cookie) },
			func() (*http.Response, error) {
				return ask("127.7.7.7", "GET", "/api/v1/devices", "", "Authorization", "Bearer "+viewerToken)
			},
			func() (*http.Response, error) {
				return ask("127.8.8.8", "GET", "/api/v1/devices", "", "Authorization", "Bearer "+viewerToken)
			},
			func() (*http.Response, error) { return ask("127.6.6.6", "POST", "/login", right) }, // who has been here
		} {
			at := time.Now()
			resp, err := try()
			if err != nil || resp.StatusCode != 200 && resp.StatusCode != 303 {
				t.Errorf("the right user, way %d: %v %v", i, resp, err)
			}
			slowest[i] = max(slowest[i], time.Since(at))
		}
	}
	all.Wait()
	sum := ""
	codes.Range(func(code, n any) bool { sum += fmt.Sprintf("%d: %d, ", code, n.(*atomic.Int64).Load()); return true })
	t.Logf("in %.0f s %sslowest answer %d ms; the right user, at most: %.0f ms by a login that lasts, %.0f ms by token, from where others guess; %.0f ms by token elsewhere; %.0f ms to log in anew", time.Since(began).Seconds(), sum, late.Load(), ms(slowest[0]), ms(slowest[1]), ms(slowest[2]), ms(slowest[3]))
}
