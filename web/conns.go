package web

import (
	"net"
	"net/netip"
	"sync"

	"github.com/VictoriaMetrics/metrics"
)

const (
	connsPerAddress = 200
	spareFiles      = 512 // file descriptors kept for the store and the poller
	fewestConns     = 64
)

// A cappedListener closes connections beyond a total and beyond a share of each
// address; loopback and the walls have no share of their own.
type cappedListener struct {
	net.Listener
	most    int
	trusted []netip.Prefix
	refused *metrics.Counter

	mu     sync.Mutex
	open   int
	byAddr map[netip.Addr]int
}

func newCappedListener(ln net.Listener, most int, trusted []netip.Prefix, refused *metrics.Counter) *cappedListener {
	if most <= 0 {
		most = max(fileLimit()-spareFiles, fewestConns)
	}
	return &cappedListener{Listener: ln, most: most, trusted: trusted, refused: refused, byAddr: map[netip.Addr]int{}}
}

// Accept waits for the next connection that is within the caps.
func (l *cappedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		addr := peer(conn)
		if l.take(addr) {
			return &cappedConn{Conn: conn, release: sync.OnceFunc(func() { l.give(addr) })}, nil
		}
		l.refused.Inc()
		_ = conn.Close()
	}
}

func (l *cappedListener) take(addr netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.most || l.byAddr[addr] >= connsPerAddress && !l.trusts(addr) {
		return false
	}
	l.open++
	l.byAddr[addr]++
	return true
}

func (l *cappedListener) give(addr netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.byAddr[addr]--; l.byAddr[addr] <= 0 {
		delete(l.byAddr, addr)
	}
}

func (l *cappedListener) trusts(addr netip.Addr) bool {
	if addr.IsLoopback() {
		return true
	}
	for _, p := range l.trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func peer(c net.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

type cappedConn struct {
	net.Conn
	release func()
}

func (c *cappedConn) Close() error {
	c.release()
	return c.Conn.Close()
}
