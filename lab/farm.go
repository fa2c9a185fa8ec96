// Package lab is a simulated network: switches that answer SNMP on loopback,
// for the demo, for tests and for benchmarks.
package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"

	"spate/poller/snmptest"
)

// A Node is one simulated device. Without an Agent it is dead: its socket takes
// requests and nobody answers.
type Node struct {
	Name    string
	Agent   *snmptest.Agent
	Address netip.AddrPort // filled in by Listen
}

// Dead tells whether nobody answers at the node's address.
func (n *Node) Dead() bool { return n.Agent == nil }

// A Farm is a set of nodes with a socket each, and a goroutine for each that
// is alive, which waits in the runtime's poller and costs nothing until asked.
type Farm struct {
	nodes []Node
	conns []*net.UDPConn
}

// loopback is where a farm's addresses begin: on Linux all of 127.0.0.0/8 is
// this machine's.
const loopback = "127.77.0.1"

// Listen opens a socket for each node: on Linux each on an address of its own
// from 127.77.0.1 on, elsewhere all on 127.0.0.1. Port 0 lets each have any
// port; another is usable where the addresses differ.
func Listen(nodes []Node, port uint16) (*Farm, error) {
	return listen(nodes, port, runtime.GOOS == "linux")
}

func listen(nodes []Node, port uint16, spread bool) (*Farm, error) {
	if port != 0 && !spread && len(nodes) > 1 {
		return nil, fmt.Errorf("%d nodes cannot share port %d of 127.0.0.1: use port 0", len(nodes), port)
	}
	f := &Farm{nodes: append([]Node(nil), nodes...)}
	at := netip.MustParseAddr("127.0.0.1")
	if spread {
		at = netip.MustParseAddr(loopback)
	}
	for i := range f.nodes {
		conn, err := snmptest.ListenUDP(netip.AddrPortFrom(at, port))
		if err != nil {
			_ = f.Close()
			return nil, advise(err, i, len(nodes))
		}
		if f.nodes[i].Dead() {
			_ = conn.SetReadBuffer(1) // the kernel's smallest: nobody will read
		}
		f.conns = append(f.conns, conn)
		f.nodes[i].Address = conn.LocalAddr().(*net.UDPAddr).AddrPort()
		if spread {
			at = following(at)
		}
	}
	return f, nil
}

func advise(err error, open, of int) error {
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%d of %d sockets: %w: raise the limit of open files (ulimit -n)", open, of, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: is another farm running? port 0 takes any that is free", err)
	}
	return err
}

// following is the next address that a host may have: the last octet goes from
// 1 to 254.
func following(a netip.Addr) netip.Addr {
	for a = a.Next(); ; a = a.Next() {
		if last := a.As4()[3]; last != 0 && last != 255 {
			return a
		}
	}
}

// Nodes are the farm's nodes with their addresses.
func (f *Farm) Nodes() []Node { return append([]Node(nil), f.nodes...) }

// Requests is how many requests all agents have understood.
func (f *Farm) Requests() int {
	sum := 0
	for _, n := range f.nodes {
		if !n.Dead() {
			sum += n.Agent.Requests()
		}
	}
	return sum
}

// Run answers until ctx ends and closes the sockets. It returns nil then, or
// the error of the first agent that could not go on.
func (f *Farm) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var serving sync.WaitGroup
	for i, n := range f.nodes {
		if n.Dead() {
			continue
		}
		serving.Go(func() {
			if err := n.Agent.ServeUDP(ctx, f.conns[i]); err != nil {
				cancel(fmt.Errorf("%s: %w", n.Name, err))
			}
		})
	}
	<-ctx.Done()
	serving.Wait()
	_ = f.Close()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// Close closes the sockets of a farm that does not run.
func (f *Farm) Close() error {
	var errs []error
	for _, c := range f.conns {
		if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
