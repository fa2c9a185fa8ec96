// Package live is a simulated network at work in real time: agents on loopback
// answer for its devices, with counters that carry its traffic, and floods begin
// when somebody asks for them.
package live

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"spate"
	"spate/lab"
	"spate/lab/fabric"
	"spate/mibs"
	"spate/poller/snmptest"
)

// renewal is how old counters may be that an agent answers with: as those of real
// devices they are renewed now and then, here so often that nobody sees it.
const renewal = 40 * time.Millisecond

// A Network is a fabric with an agent for each device that is polled. Methods may
// be called from many goroutines.
type Network struct {
	mu      sync.Mutex
	net     *fabric.Net
	farm    *lab.Farm
	devices []Device
	began   time.Time // on this machine's clock; zero: not yet
	start   time.Time // on the network's
	dice    *rand.Rand
	agents  []*agent
}

// A Device is one that answers.
type Device struct {
	spate.Device
	Address  netip.AddrPort
	External []string // ifNames that lead to the outside
}

// New makes a network whose clock begins at the shape's start, and opens its sockets.
func New(shape fabric.Shape) (*Network, error) {
	n := &Network{net: fabric.New(shape), dice: rand.New(rand.NewPCG(shape.Seed, 99))}
	n.start = n.net.Now()
	var nodes []lab.Node
	for _, d := range n.net.Devices {
		if !d.Polled {
			continue
		}
		a := n.agent(d)
		n.agents = append(n.agents, a)
		nodes = append(nodes, lab.Node{Name: d.Name, Agent: snmptest.New(a.walk, snmptest.Config{})})
	}
	farm, err := lab.Listen(nodes, 0)
	if err != nil {
		return nil, fmt.Errorf("simulated network: %w", err)
	}
	n.farm = farm
	for _, node := range farm.Nodes() {
		d := n.net.Device(node.Name)
		out := Device{Device: spate.Device{Name: node.Name, Address: node.Address.String()}, Address: node.Address}
		for _, p := range d.Ports {
			if p.External {
				out.External = append(out.External, p.Name)
			}
		}
		n.devices = append(n.devices, out)
	}
	return n, nil
}

// Devices are those that answer.
func (n *Network) Devices() []Device { return slices.Clone(n.devices) }

// Run answers until ctx ends. The network's clock runs from here on.
func (n *Network) Run(ctx context.Context) error {
	n.mu.Lock()
	if n.began.IsZero() {
		n.began = time.Now()
	}
	n.mu.Unlock()
	return n.farm.Run(ctx)
}

// Close closes the sockets of a network that does not run.
func (n *Network) Close() error { return n.farm.Close() }

// catchUp brings the network to the present; its lock is held.
func (n *Network) catchUp() {
	if n.began.IsZero() {
		return
	}
	now := n.start.Add(time.Since(n.began))
	if now.Sub(n.net.Now()) >= renewal {
		n.net.Advance(now)
	}
}

// Begin starts a flood of a kind after a delay, and gives it. A flood that is
// drawn without an end lasts for the given time.
func (n *Network) Begin(kind fabric.FloodKind, after, lasts time.Duration) *fabric.Flood {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.catchUp()
	f := n.net.Draw(kind, n.net.Now().Add(max(after, time.Millisecond)), n.dice)
	f.End = f.Start.Add(lasts)
	return n.net.Add(f)
}

// Add starts a flood as it is told; its times are the network's.
func (n *Network) Add(f fabric.Flood) *fabric.Flood {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.catchUp()
	return n.net.Add(f)
}

// Now is the network's clock.
func (n *Network) Now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.catchUp()
	return n.net.Now()
}

// Net gives the network to a function while nothing moves.
func (n *Network) Net(do func(*fabric.Net)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	do(n.net)
}

// agent is one device's table with counters that are read from the network.
type agent struct {
	walk *snmptest.Walk
}

var counted = []struct {
	object mibs.Object
	of     spate.Counter
}{
	{mibs.IfHCInOctets, spate.InOctets}, {mibs.IfHCOutOctets, spate.OutOctets},
	{mibs.IfHCInUcastPkts, spate.InUcastPkts}, {mibs.IfHCOutUcastPkts, spate.OutUcastPkts},
	{mibs.IfHCInMulticastPkts, spate.InMcastPkts}, {mibs.IfHCOutMulticastPkts, spate.OutMcastPkts},
	{mibs.IfHCInBroadcastPkts, spate.InBcastPkts}, {mibs.IfHCOutBroadcastPkts, spate.OutBcastPkts},
	{mibs.IfInErrors, spate.InErrors}, {mibs.IfOutErrors, spate.OutErrors},
	{mibs.IfInDiscards, spate.InDiscards}, {mibs.IfOutDiscards, spate.OutDiscards},
}

func (n *Network) agent(d *fabric.Device) *agent {
	a := &agent{walk: n.net.Walk(d)}
	for _, p := range d.Ports {
		if p.Bundle != nil || len(p.Members) > 0 || p.Peer != nil || p.VLAN != 0 || p.External {
			for _, c := range counted {
				a.count(n, p, c.object, c.of)
			}
		}
	}
	return a
}

// count puts one counter of a port into the agent's table.
func (a *agent) count(n *Network, p *fabric.Port, o mibs.Object, c spate.Counter) {
	wide := strings.HasPrefix(string(o.OID), ".1.3.6.1.2.1.31.")
	kind := mibs.Counter64
	if !wide {
		kind = mibs.Counter32
	}
	a.walk.Set(mibs.OID(fmt.Sprintf("%s.%d", o.OID, p.Index)), snmptest.Value{Syntax: kind, Func: func(snmptest.Moment) snmptest.Value {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.catchUp()
		v := p.Count(c)
		if !wide {
			v &= 1<<32 - 1
		}
		return snmptest.Value{Syntax: kind, Uint: v}
	}})
}
