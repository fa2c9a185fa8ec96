package lab_test

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/lab/fabric"
	"spate/poller"
	"spate/poller/snmptest"
	"spate/topology"
)

// surveyed polls the devices of a network over UDP on loopback and gives what the
// topology makes of their tables, once all have been read.
func surveyed(t *testing.T, n *fabric.Net, patience time.Duration) *topology.View {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	external := map[string][]string{}
	for _, p := range n.Outside {
		external[p.Device.Name] = append(external[p.Device.Name], p.Name)
	}
	n.Run(n.Now().Add(time.Minute), time.Minute, func(*spate.Round) {})
	var targets []poller.Target
	for _, d := range n.Devices {
		if !d.Polled {
			continue
		}
		conn, err := snmptest.ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		agent := n.Agent(d)
		go func() { _ = agent.ServeUDP(ctx, conn) }()
		targets = append(targets, poller.Target{
			Device:      spate.Device{Name: d.Name, Address: conn.LocalAddr().String()},
			Credentials: poller.Credentials{Name: "default", Version: poller.V2c, Community: "public"},
		})
	}
	g := topology.New(topology.Config{External: external})
	counts := poller.NewCounts(metrics.NewSet())
	sockets := poller.NewSockets(counts.Reject)
	defer sockets.Close()
	cfg := poller.DefaultConfig()
	cfg.Interval = time.Second
	p := poller.New(cfg, sockets, accept(g.Accept), counts, slog.New(slog.DiscardHandler))
	told := make(chan *spate.Tables, len(targets))
	p.Survey(learn(func(tables *spate.Tables) { g.Learn(tables); told <- tables }))
	p.Set(targets)
	done := make(chan struct{})
	go func() { defer close(done); _ = p.Run(ctx) }()
	seen := map[string]bool{}
	late := time.After(patience)
	again := time.NewTicker(3 * time.Second)
	defer again.Stop()
	for len(seen) < len(targets) {
		select {
		case tables := <-told:
			for kind, r := range tables.Read {
				if !r.Whole || r.Dropped > 0 {
					t.Errorf("%s of %s: %+v", kind, tables.Device, r)
				}
			}
			seen[tables.Device] = true
		case <-again.C:
			for _, target := range targets {
				if !seen[target.Device.Name] {
					p.Resurvey(target.Device.Name)
				}
			}
		case <-late:
			t.Fatalf("the tables of %d of %d devices were read within %v", len(seen), len(targets), patience)
		}
	}
	v := g.View(time.Now())
	end()
	<-done
	return v
}

type accept func(*spate.Round)

func (f accept) Accept(_ context.Context, r *spate.Round) { f(r) }

type learn func(*spate.Tables)

func (f learn) Learn(t *spate.Tables) { f(t) }

// What is read over SNMP gives the links and the places that the network has.
func TestANetworkReadOverSNMPIsTheNetwork(t *testing.T) {
	half := fabric.Medium50(5)
	half.NoLLDP = 0.5
	for _, c := range []struct {
		name  string
		shape fabric.Shape
	}{{"5 switches", fabric.Small5(3)}, {"50 switches", fabric.Medium50(4)}, {"50 switches, half of LLDP silent", half}} {
		t.Run(c.name, func(t *testing.T) {
			n := fabric.New(c.shape)
			s := judge(t, n, surveyed(t, n, time.Minute))
			if s.right != s.links || s.wrong > 0 || s.hostsRight != s.hosts || s.roles != s.ports {
				t.Errorf("%+v: want every link, host and role right", s)
			}
			t.Logf("%+v", s)
		})
	}
}
