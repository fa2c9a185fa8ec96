package web_test

import (
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate/web"
)

// arrivals is a listener to which connections from any address come.
type arrivals struct{ next chan net.Conn }

func (a arrivals) Accept() (net.Conn, error) {
	c, ok := <-a.next
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (arrivals) Close() error   { return nil }
func (arrivals) Addr() net.Addr { return &net.TCPAddr{} }

type conn struct {
	net.Conn
	from   string
	closed chan bool
}

func (c conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from)) }
func (c conn) Close() error         { c.closed <- true; return nil }

func TestConnectionsAreCappedPerAddressAndInAll(t *testing.T) {
	tests := []struct {
		name, from string
		most, come int
		let        int
	}{
		{"one address in the network", "192.0.2.9:1", 1000, 250, 200},
		{"loopback has no share", "127.0.0.1:1", 1000, 250, 250},
		{"nor has IPv6 loopback", "[::1]:1", 1000, 250, 250},
		{"nor has an IPv4 loopback in IPv6 dress", "[::ffff:127.0.0.1]:1", 1000, 250, 250},
		{"nor have walls", "10.1.2.3:1", 1000, 250, 250},
		{"the total holds for all", "127.0.0.1:1", 100, 250, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refused := new(metrics.Counter)
			in := arrivals{make(chan net.Conn, tt.come)}
			closed := make(chan bool, tt.come)
			for range tt.come {
				in.next <- conn{from: tt.from, closed: closed}
			}
			close(in.next)
			l := web.NewCappedListener(in, tt.most, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, refused)
			var open []net.Conn
			for {
				c, err := l.Accept()
				if err != nil {
					break
				}
				open = append(open, c)
			}
			if len(open) != tt.let || int(refused.Get()) != tt.come-tt.let || len(closed) != tt.come-tt.let {
				t.Errorf("let in %d, want %d; refused %d, closed %d", len(open), tt.let, refused.Get(), len(closed))
			}
		})
	}
}

func TestClosedConnectionsMakeRoom(t *testing.T) {
	in := arrivals{make(chan net.Conn, 3)}
	l := web.NewCappedListener(in, 1, nil, new(metrics.Counter))
	closed := make(chan bool, 8)
	in.next <- conn{from: "192.0.2.9:1", closed: closed}
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Close()
	_ = first.Close() // twice gives one place, not two
	in.next <- conn{from: "192.0.2.9:1", closed: closed}
	in.next <- conn{from: "192.0.2.9:1", closed: closed}
	close(in.next)
	if _, err := l.Accept(); err != nil {
		t.Errorf("no room after a close: %v", err)
	}
	if c, err := l.Accept(); err == nil {
		t.Errorf("two closes of one connection made two places: %v", c.RemoteAddr())
	}
}

func TestSlowHeadersDoNotHoldUpTheOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("opens 300 connections")
	}
	r := twoSwitches(t)
	addr := r.running(t)
	for range 300 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	resp, err := http.Get("http://" + addr + "/api/v1/devices")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	if took := time.Since(start); took > within(time.Second) {
		t.Errorf("a request took %s beside 300 slow ones", took)
	}
}
