package snmptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// maxRequest is the largest request an agent on a socket reads, in octets; of
// a larger one the end is missing, which makes it garbage.
const maxRequest = 8 << 10

// ServeUDP answers on conn until ctx ends, which closes conn, and returns nil
// then. Answers that are still to come by then are not sent.
func (a *Agent) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	late := later{timers: map[*time.Timer]struct{}{}}
	defer late.stop()
	request, buf := make([]byte, maxRequest), make([]byte, 0, 2048)
	var answers []Answer
	for {
		n, from, err := conn.ReadFromUDPAddrPort(request)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("serve SNMP on %s: %w", conn.LocalAddr(), err)
		case err != nil:
			continue // an ICMP error of somebody who asked and went away
		}
		answers, buf = a.answerInto(request[:n], buf, answers[:0])
		for _, answer := range answers {
			if answer.Delay <= 0 {
				_, _ = conn.WriteToUDPAddrPort(answer.Data, from) // who asked may be gone
				continue
			}
			late.send(conn, from, answer)
		}
	}
}

// answerInto is Answers with the memory of the caller.
func (a *Agent) answerInto(request, buf []byte, out []Answer) ([]Answer, []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	out = a.answers(request, buf, out)
	if len(out) == 1 && cap(out[0].Data) > cap(buf) && len(a.quirks) == 0 {
		buf = out[0].Data[:0]
	}
	return out, buf
}

// later sends datagrams after a while.
type later struct {
	mu     sync.Mutex
	timers map[*time.Timer]struct{}
	over   bool
}

func (l *later) send(conn *net.UDPConn, to netip.AddrPort, a Answer) {
	data := append([]byte(nil), a.Data...)
	l.mu.Lock()
	defer l.mu.Unlock()
	var timer *time.Timer
	timer = time.AfterFunc(a.Delay, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.timers, timer)
		if !l.over {
			_, _ = conn.WriteToUDPAddrPort(data, to) // who asked may be gone
		}
	})
	l.timers[timer] = struct{}{}
}

func (l *later) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for t := range l.timers {
		t.Stop()
	}
}

// ListenUDP opens the socket of one agent, on any port when address has port 0.
func ListenUDP(address netip.AddrPort) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(address))
	if err != nil {
		return nil, fmt.Errorf("listen for SNMP on %s: %w", address, err)
	}
	return conn, nil
}

// A Network is a set of agents in memory by address, with the Dial that a
// poller wants of a transport. The zero value is an empty network; an address
// nobody has never answers.
type Network struct {
	mu    sync.Mutex
	nodes map[netip.AddrPort]node
}

type node struct {
	agent *Agent
	cfg   ConnConfig
}

// Attach puts an agent at an address, in the place of the one there; those who
// have dialled already keep what they have.
func (n *Network) Attach(address netip.AddrPort, agent *Agent, cfg ConnConfig) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.nodes == nil {
		n.nodes = map[netip.AddrPort]node{}
	}
	cfg.Remote = address
	n.nodes[address] = node{agent, cfg}
}

// Dial opens a conversation with the agent at address.
func (n *Network) Dial(address netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.nodes[address]
	if !ok {
		at.cfg.Remote = address
	}
	return NewConn(at.agent, at.cfg), nil
}
