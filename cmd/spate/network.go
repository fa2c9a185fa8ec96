package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/cmd/spate/config"
	"spate/storage"
	"spate/topology"
)

const (
	mostWaiting = 4096            // rounds
	viewPause   = 5 * time.Second // between two workings out of the network
	historyKept = 365 * 24 * time.Hour
	viewEvery   = time.Minute // also where no table has changed: links are found by counters too
)

// network keeps the topology: it takes tables and rounds, and works out what they
// mean on its own goroutine.
type network struct {
	graph  *topology.Graph
	rounds chan *spate.Round // to the graph, which may be busy for a second
	lost   *metrics.Counter  // rounds that found it full
	view   atomic.Pointer[topology.View]
	news   chan struct{}
	hosts  *storage.Sightings
	names  *namer
	called func(places []string) string // what machines call themselves
	log    *slog.Logger

	pruned time.Time
}

func newNetwork(cfg *config.Config, called func([]string) string, hosts *storage.Sightings, set *metrics.Set, log *slog.Logger) *network {
	names := newNamer()
	n := &network{called: called, graph: topology.New(topologyConfig(cfg, called, names, log)), names: names, news: make(chan struct{}, 1), hosts: hosts, log: log,
		rounds: make(chan *spate.Round, mostWaiting), lost: set.NewCounter(`spate_queue_dropped_total{queue="topology"}`)}
	for _, h := range hosts.All() {
		n.graph.Remember(&spate.Host{MAC: h.MAC, Port: h.Port, VLAN: h.VLAN, IPs: h.IPs, FirstSeen: h.First, SeenAt: h.Until, Moves: h.Moves})
	}
	n.view.Store(n.graph.View(time.Now()))
	return n
}

// View is the network as last worked out.
func (n *network) View() *topology.View { return n.view.Load() }

// Learn takes the tables of one device.
func (n *network) Learn(t *spate.Tables) {
	n.graph.Learn(t)
	select {
	case n.news <- struct{}{}:
	default:
	}
}

// Accept takes a round: ports, and rates to find links by. It does not wait.
func (n *network) Accept(_ context.Context, r *spate.Round) {
	select {
	case n.rounds <- r:
	default:
		n.lost.Inc()
	}
}

// feed hands rounds to the graph until ctx ends.
func (n *network) feed(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-n.rounds:
			n.graph.Accept(r)
		}
	}
}

// adopt takes over what can change while running.
func (n *network) adopt(cfg *config.Config, devices []spate.Device) {
	names := map[string]bool{}
	for _, d := range devices {
		names[d.Name] = true
	}
	n.graph.Configure(topologyConfig(cfg, n.called, n.names, n.log))
	n.graph.Retain(names)
}

// run works the network out until ctx ends.
func (n *network) run(ctx context.Context) {
	every := time.NewTicker(viewEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.news:
		case <-every.C:
		}
		began := time.Now()
		v := n.graph.View(began)
		n.view.Store(v)
		if !v.Settled {
			n.log.Debug("tables of devices are still to be read", "devices", v.Waiting)
		} else if err := n.remember(v, began); err != nil {
			n.log.Error("the history of hosts is not written", "err", err)
		}
		took := time.Since(began)
		n.log.Debug("network worked out", "links", len(v.Links), "hosts", len(v.Hosts), "took", took)
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(viewPause, 10*took)): // a tenth of a core at most
		}
	}
}

// remember writes where hosts are, and once a day forgets what is older than a year.
func (n *network) remember(v *topology.View, now time.Time) error {
	err := n.hosts.Keep(v.Hosts, now)
	if now.Sub(n.pruned) < 24*time.Hour {
		return err
	}
	n.pruned = now
	return errors.Join(err, n.hosts.Prune(now.Add(-historyKept)))
}

func topologyConfig(cfg *config.Config, called func([]string) string, names *namer, log *slog.Logger) topology.Config {
	t := topology.Config{External: map[string][]string{}}
	for _, l := range cfg.Links {
		t.Links = append(t.Links, [2]spate.PortID{l.A, l.B})
	}
	for _, d := range cfg.Targets {
		if len(d.External) > 0 {
			t.External[d.Device.Name] = d.External
		}
	}
	t.Called = called
	if cfg.Hosts.ReverseDNS {
		t.Reverse = names.name
	}
	if cfg.Hosts.CSV != "" {
		names, err := readHosts(cfg.Hosts.CSV)
		if err != nil {
			log.Error("names of hosts are not read: they stay without", "err", err)
		}
		t.Names = names
	}
	return t
}

// readHosts reads [hosts] csv: mac-or-ip,name[,customer]. A line that is none is
// an error, and the others count.
func readHosts(path string) (map[string]topology.Name, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("hosts.csv: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.Comment, r.TrimLeadingSpace = -1, '#', true
	names := map[string]topology.Name{}
	var wrong error
	for line := 1; ; line++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return names, wrong
		}
		if err != nil {
			return names, errors.Join(wrong, fmt.Errorf("%s: %w", path, err))
		}
		key, ok := hostKey(row[0])
		switch {
		case !ok || len(row) < 2:
			wrong = fmt.Errorf("%s, line %d: wanted mac-or-ip,name[,customer]", path, line)
		case len(row) > 2:
			names[key] = topology.Name{Name: spate.Clean(row[1]), Customer: spate.Clean(row[2])}
		default:
			names[key] = topology.Name{Name: spate.Clean(row[1])}
		}
	}
}

// hostKey is a MAC or an address as topology prints it.
func hostKey(s string) (string, bool) {
	if m, err := spate.ParseMAC(s); err == nil {
		return m.String(), true
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().String(), err == nil
}
