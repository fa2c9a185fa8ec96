package poller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// A Transport opens conversations with agents. The conn it gives carries one
// datagram a Write and one a Read. A specialised one for v2c can take the place
// of [Sockets] without another room noticing.
type Transport interface {
	Dial(address netip.AddrPort) (net.Conn, error)
}

// Sockets is the Transport over UDP: all devices share a few sockets, so that
// 10,000 of them need no 10,000 file descriptors. A datagram reaches only the
// conn of the address it came from; others are counted as RejectSource.
type Sockets struct {
	reject func(Rejection)
	mu     sync.Mutex
	shared []*socket
	closed bool
}

// receiveBuffer is what we ask the kernel to hold while this process does not
// run, in octets; the kernel may give less (net.core.rmem_max).
const receiveBuffer = 8 << 20

// maxSockets bounds how many devices can share one address and port: each
// needs a socket of its own there.
const maxSockets = 64

// queueLength is how many datagrams wait for one conn. One request is
// outstanding at a time; the rest is late, doubled or forged.
const queueLength = 8

// NewSockets makes a Transport; reject counts datagrams nobody waits for.
func NewSockets(reject func(Rejection)) *Sockets { return &Sockets{reject: reject} }

// Dial opens a conversation with the agent at address. Nothing is sent.
func (s *Sockets) Dial(address netip.AddrPort) (net.Conn, error) {
	address = netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, net.ErrClosed
	}
	for _, sock := range s.shared {
		if sock.v6 == address.Addr().Is6() {
			if c := sock.add(address); c != nil {
				return c, nil
			}
		}
	}
	if len(s.shared) >= maxSockets {
		return nil, fmt.Errorf("more than %d devices at %s: one address can stand behind so many names only", maxSockets/2, address)
	}
	sock, err := listen(address.Addr().Is6(), s.reject)
	if err != nil {
		return nil, err
	}
	s.shared = append(s.shared, sock)
	return sock.add(address), nil
}

// Close ends all conversations and waits for the readers.
func (s *Sockets) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var errs []error
	for _, sock := range s.shared {
		errs = append(errs, sock.udp.Close())
		<-sock.done
	}
	s.shared = nil
	return errors.Join(errs...)
}

// socket is one UDP socket and the conns that share it.
type socket struct {
	udp    *net.UDPConn
	v6     bool
	reject func(Rejection)
	done   chan struct{}
	mu     sync.RWMutex
	conns  map[netip.AddrPort]*conn
}

func listen(v6 bool, reject func(Rejection)) (*socket, error) {
	network := "udp4"
	if v6 {
		network = "udp6"
	}
	pc, err := (&net.ListenConfig{}).ListenPacket(context.Background(), network, ":0")
	if err != nil {
		return nil, fmt.Errorf("open a UDP socket for SNMP: %w", err)
	}
	udp := pc.(*net.UDPConn)
	_ = udp.SetReadBuffer(receiveBuffer) // less than asked is slower, not wrong
	s := &socket{udp: udp, v6: v6, reject: reject, done: make(chan struct{}), conns: map[netip.AddrPort]*conn{}}
	go s.read()
	return s, nil
}

// add makes the conn of an address, nil when the socket has one already.
func (s *socket) add(address netip.AddrPort) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.conns[address]; taken {
		return nil
	}
	c := &conn{socket: s, remote: address, in: make(chan []byte, queueLength), closed: make(chan struct{}), moved: make(chan struct{}, 1)}
	s.conns[address] = c
	return c
}

func (s *socket) remove(address netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, address)
}

func (s *socket) read() {
	defer close(s.done)
	buf := make([]byte, 1<<16)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of some peer; the request to it times out by itself
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		s.mu.RLock()
		c := s.conns[from]
		s.mu.RUnlock()
		if c == nil {
			s.reject(RejectSource)
			continue
		}
		c.deliver(buf[:n])
	}
}

// conn is one device's share of a socket, a net.Conn to gosnmp.
type conn struct {
	socket *socket
	remote netip.AddrPort
	in     chan []byte
	moved  chan struct{} // the deadline has changed
	closed chan struct{}
	once   sync.Once

	mu       sync.Mutex
	deadline time.Time
	waiting  bool
}

// deliver queues a datagram for a conn that has asked something.
func (c *conn) deliver(b []byte) {
	c.mu.Lock()
	waiting := c.waiting
	c.mu.Unlock()
	if !waiting {
		c.socket.reject(RejectID)
		return
	}
	select {
	case c.in <- append([]byte(nil), b...):
	default:
		c.socket.reject(RejectID) // more answers than requests
	}
}

// Write sends one datagram; answers count from here on.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.waiting = true
	c.mu.Unlock()
	return c.socket.udp.WriteToUDPAddrPort(b, c.remote)
}

// Read waits for one datagram until the deadline.
func (c *conn) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		deadline := c.deadline
		c.mu.Unlock()
		var expired <-chan time.Time
		if !deadline.IsZero() {
			timer := time.NewTimer(time.Until(deadline))
			defer timer.Stop()
			expired = timer.C
		}
		select {
		case datagram := <-c.in:
			return copy(b, datagram), nil
		case <-c.closed:
			return 0, net.ErrClosed
		case <-expired:
			return 0, os.ErrDeadlineExceeded
		case <-c.moved:
		}
	}
}

// Rest ends a conversation: what comes now was not asked for.
func (c *conn) Rest() {
	c.mu.Lock()
	c.waiting = false
	c.mu.Unlock()
	for {
		select {
		case <-c.in:
			c.socket.reject(RejectID)
		default:
			return
		}
	}
}

// Close takes the conn off its socket.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.socket.remove(c.remote)
		close(c.closed)
	})
	return nil
}

// SetDeadline sets when a Read gives up, also one that already waits.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	select {
	case c.moved <- struct{}{}:
	default:
	}
	return nil
}

// SetReadDeadline is SetDeadline; a datagram is written at once or not at all.
func (c *conn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline does nothing: writing does not wait.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr is the shared socket's address.
func (c *conn) LocalAddr() net.Addr { return c.socket.udp.LocalAddr() }

// RemoteAddr is the agent's address.
func (c *conn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.remote) }
