package snmptest

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// ConnConfig says how the way to an agent in memory behaves.
type ConnConfig struct {
	// Latency is the round trip added to every answer.
	Latency time.Duration
	// Ahead is how long the n-th request (from 1) waits before the agent looks at
	// it, as in a busy agent's queue; nil: not at all.
	Ahead func(n int) time.Duration
	// Script decides what comes back for the n-th request (from 1): it may
	// delay, drop, double, reorder, corrupt or replace what the agent
	// answered, which is nil where it kept silent. nil: what the agent says.
	Script func(n int, request, response []byte) []Answer
	// Remote is what RemoteAddr tells.
	Remote netip.AddrPort
}

// A Conn is a conversation with an agent in memory: one Write is one datagram
// to it, one Read one datagram from it. No socket and no goroutine is behind
// it, only timers, so that it works inside testing/synctest.
type Conn struct {
	agent    *Agent // nil: nobody is there
	cfg      ConnConfig
	in       chan []byte
	closed   chan struct{}
	deadline deadline

	mu     sync.Mutex
	writes int
	ended  bool
	timers map[*time.Timer]struct{}
}

// inFlight is how many datagrams wait for a reader, as in a socket's buffer;
// more are lost.
const inFlight = 64

// NewConn opens a conversation; with a nil agent nobody ever answers.
func NewConn(agent *Agent, cfg ConnConfig) *Conn {
	return &Conn{
		agent: agent, cfg: cfg,
		in: make(chan []byte, inFlight), closed: make(chan struct{}),
		timers: map[*time.Timer]struct{}{}, deadline: deadline{over: make(chan struct{})},
	}
}

// Write sends one datagram to the agent, which answers at once.
func (c *Conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return 0, net.ErrClosed
	}
	c.writes++
	n := c.writes
	if c.cfg.Ahead == nil {
		c.respond(n, b)
		return len(b), nil
	}
	request := append([]byte(nil), b...)
	c.after(c.cfg.Ahead(n), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.ended {
			c.respond(n, request)
		}
	})
	return len(b), nil
}

// respond sends what comes back for the n-th request; c.mu is held.
func (c *Conn) respond(n int, request []byte) {
	for _, a := range c.answers(n, request) {
		c.send(a)
	}
}

// after does f when a time has passed; c.mu is held.
func (c *Conn) after(d time.Duration, f func()) {
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		c.mu.Lock()
		delete(c.timers, timer)
		c.mu.Unlock()
		f()
	})
	c.timers[timer] = struct{}{}
}

func (c *Conn) answers(n int, request []byte) []Answer {
	var answers []Answer
	if c.agent != nil {
		answers = c.agent.Answers(request)
	}
	if c.cfg.Script == nil {
		return answers
	}
	if len(answers) == 0 {
		return c.cfg.Script(n, request, nil)
	}
	var out []Answer
	for _, a := range answers {
		for _, scripted := range c.cfg.Script(n, request, a.Data) {
			scripted.Delay += a.Delay
			out = append(out, scripted)
		}
	}
	return out
}

// send delivers an answer when its time has come; c.mu is held.
func (c *Conn) send(a Answer) {
	data := append([]byte(nil), a.Data...)
	delay := a.Delay + c.cfg.Latency
	if delay <= 0 {
		c.deliver(data)
		return
	}
	c.after(delay, func() { c.deliver(data) })
}

func (c *Conn) deliver(data []byte) {
	select {
	case c.in <- data:
	default:
	}
}

// Read waits for one datagram until the deadline. What does not fit b is lost.
func (c *Conn) Read(b []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, net.ErrClosed
	case <-c.deadline.done():
		return 0, os.ErrDeadlineExceeded
	default:
	}
	select {
	case data := <-c.in:
		return copy(b, data), nil
	case <-c.closed:
		return 0, net.ErrClosed
	case <-c.deadline.done():
		return 0, os.ErrDeadlineExceeded
	}
}

// Close ends the conversation; what is under way is lost.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return net.ErrClosed
	}
	c.ended = true
	close(c.closed)
	for t := range c.timers {
		t.Stop()
	}
	c.deadline.set(time.Time{})
	return nil
}

// SetDeadline sets when reading gives up, also for a Read that waits already.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline is SetDeadline.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return net.ErrClosed
	}
	c.deadline.set(t)
	return nil
}

// SetWriteDeadline does nothing: writing never waits.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr is an address of no host.
func (c *Conn) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4zero} }

// RemoteAddr is ConnConfig.Remote.
func (c *Conn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.cfg.Remote) }

// deadline is a channel that closes when a time has come, and that can be
// moved while somebody waits for it.
type deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	over   chan struct{}
	passed bool
	moves  int // a timer that was too late to be stopped sees that it is an old one
}

func (d *deadline) done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

// set moves the deadline. The channel stays the same until it closes, so that
// whoever waits on it sees the new time.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.moves++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.passed {
		d.over, d.passed = make(chan struct{}), false
	}
	if t.IsZero() {
		return
	}
	wait, move := time.Until(t), d.moves
	if wait <= 0 {
		d.expire()
		return
	}
	d.timer = time.AfterFunc(wait, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.moves == move {
			d.expire()
		}
	})
}

func (d *deadline) expire() {
	d.passed = true
	close(d.over)
}
