package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"spate"
	"spate/cmd/spate/config"
	"spate/lab/fabric"
	"spate/lab/live"
	"spate/poller"
	"spate/web"
)

const (
	demoInterval = 5 * time.Second
	demoStep     = 5 * time.Minute
	demoFine     = 2 * time.Hour // before the start that are known in full
	demoFineStep = 10 * time.Second
	demoLasts    = 2 * time.Minute // of a flood
	demoPause    = 3 * time.Minute // between two on the script
	demoFlood    = 0.62            // of the port's speed, from a hacked account
)

func demoCommand(a *app) *cobra.Command {
	var (
		listen string
		after  time.Duration
		seed   uint64
		days   int
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a simulated provider with floods; no hardware is needed",
		Long:  "Demo runs a small provider's network on loopback, polls it as it would real switches, and floods it. Some history is made first. Everything is in a temporary folder that is gone afterwards.",
		Args:  cobra.NoArgs,
		RunE: a.does(func(ctx context.Context, _ []string) error {
			if after < 0 {
				return a.misused("-flood-after %v, wanted 0s or more", after)
			}
			if days < 1 || days > 60 {
				return a.misused("-history %d, wanted 1 to 60 days", days)
			}
			return a.demo(ctx, listen, after, seed, time.Duration(days)*24*time.Hour)
		}),
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "where the pages are")
	cmd.Flags().DurationVar(&after, "flood-after", time.Minute, "when the first flood begins")
	cmd.Flags().IntVar(&days, "history", 14, "days of history that are made first")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "of the network and its floods")
	return cmd
}

// demoShape is a provider with a border, a core, two distribution and six access
// switches of four vendors.
func demoShape(seed uint64, start time.Time) fabric.Shape {
	return fabric.Shape{Seed: seed, Start: start, Step: 2 * time.Second, Borders: 1, Cores: 1, Pods: 2, Access: 3, Ports: 24, Fill: 0.75, Bundles: true, Small: 2}
}

// demo is a play: the network, its history, Spate, and the floods on the script.
type demo struct {
	site    *site
	net     *live.Network
	servers []*demoServer // of the network, with agents
	log     *slog.Logger
	order   []fabric.FloodKind

	mu    sync.Mutex
	next  int // of order
	hacks int
}

func (a *app) demo(ctx context.Context, listenAt string, after time.Duration, seed uint64, past time.Duration) (err error) {
	folder, err := os.MkdirTemp("", "spate-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(folder)
	listener, err := listen(ctx, listenAt)
	if err != nil {
		return err
	}
	defer listener.Close()
	cfg, err := config.Loader{Env: a.env}.Defaults()
	if err != nil {
		return err
	}
	cfg.Server.Listen, cfg.Storage.Path, cfg.Poller.Interval, cfg.Host.Enabled, cfg.Log.Level = listenAt, folder, demoInterval, false, slog.LevelWarn
	start := time.Now().In(cfg.Server.Location)
	net, err := live.New(demoShape(seed, start))
	if err != nil {
		return err
	}
	defer net.Close()
	targets(cfg, net)
	log := newLog(cfg.Log, a.err)
	s, err := newSite(cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := a.backfill(ctx, s, seed, start, past); err != nil {
		return err
	}
	d := &demo{site: s, net: net, log: log, order: []fabric.FloodKind{fabric.ToOutside, fabric.SmallPkts, fabric.Inbound, fabric.Storm, fabric.ToHost, fabric.Bots, fabric.Loop}}
	net.Net(func(n *fabric.Net) { d.servers = demoServers(n) })
	webConfig, err := serverConfig(cfg)
	if err != nil {
		return err
	}
	deps := s.deps()
	deps.Demo = d.flood
	server := web.New(webConfig, deps)
	told := server.TellIncident
	s.watch.shown.Store(&told)
	s.eyes.server.Store(server)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ended(ctx, net.Run(ctx)) })
	group.Go(func() error { return ended(ctx, server.Run(ctx, listener)) })
	s.run(ctx, group)
	ready := make(chan struct{})
	group.Go(func() error { return d.serve(ctx, ready) })
	group.Go(func() error { d.play(ctx, after, ready); return nil })
	fmt.Fprintf(a.out, "Spate shows a simulated provider at %s\nThe first flood begins in %v; a button on the wall starts one at once. Ctrl-C ends it, and nothing stays.\n", address(cfg, listener), after)
	return group.Wait()
}

// targets makes the network's devices those of the config, and its ways out a group.
func targets(cfg *config.Config, net *live.Network) {
	uplinks := config.Group{Name: "uplinks"}
	defer func() { cfg.Groups = append(cfg.Groups, uplinks) }()
	for _, d := range net.Devices() {
		cfg.Targets = append(cfg.Targets, poller.Target{
			Device:      spate.Device{Name: d.Name, Address: d.Address.String(), Site: "demo"},
			Credentials: poller.Credentials{Version: poller.V2c, Community: "public"},
			External:    d.External,
		})
		for _, port := range d.External {
			uplinks.Ports = append(uplinks.Ports, config.PortGlob{Device: d.Name, Port: port})
		}
	}
}

// play starts the floods on the script, one after the other, as long as ctx lasts. The
// first waits until ready: what is sent before would be taken for normal.
func (d *demo) play(ctx context.Context, after time.Duration, ready <-chan struct{}) {
	began := time.Now()
	select {
	case <-ctx.Done():
		return
	case <-ready:
	}
	wait := time.After(after - time.Since(began))
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait:
		}
		d.flood("")
		wait = time.After(demoLasts + demoPause)
	}
}

// flood starts one of a kind, the next of the script where none is named, and says
// in words what it does.
func (d *demo) flood(kind string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := fabric.FloodKind(kind)
	if kind == "" {
		k = d.order[d.next%len(d.order)]
		d.next++
	}
	if k == fabric.ToOutside && len(d.servers) > 0 {
		return d.hacked()
	}
	f := d.net.Begin(k, 0, demoLasts)
	return fmt.Sprintf("%s from %s", k, f.OriginIDs()[0])
}

// hacked floods from one customer's account on a web server, another one each time.
func (d *demo) hacked() string {
	s := d.servers[d.hacks%len(d.servers)]
	d.hacks++
	begin := d.net.Now().Add(time.Millisecond)
	f := d.net.Add(fabric.Flood{Kind: fabric.ToOutside, Start: begin, End: begin.Add(demoLasts), Bps: demoFlood * float64(s.at.Port.Speed), Hosts: []*fabric.Host{s.at}})
	return fmt.Sprintf("%s from %s", f.Kind, f.OriginIDs()[0])
}
