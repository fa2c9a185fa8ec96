package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
	"golang.org/x/sync/errgroup"

	"spate"
	"spate/cmd/spate/config"
	"spate/graph"
	"spate/host"
	"spate/poller"
	"spate/promql"
	"spate/storage"
	"spate/web"
)

// site is everything that runs between the config file and the web server.
type site struct {
	log       *slog.Logger
	metrics   *metrics.Set
	board     *web.Board
	state     *storage.State
	store     store
	inventory *inventory
	network   *network
	watch     *watch
	notices   *notices
	chronicle *chronicle
	eyes      *eyes
	logins    *logins
	server    atomic.Pointer[web.Server] // nil before it serves
	past      *past
	creep     *creep
	config    atomic.Pointer[config.Config]
	renaming  sync.Mutex // one change of names, or of the config, at a time
	sightings *storage.Sightings
	sockets   *poller.Sockets
	poller    *poller.Poller
	host      *host.Reader // nil: off
	agents    *agents
}

// stateFile is where storage.State lies in storage.path.
const stateFile = "state.db"

// A sink takes rounds; rooms declare the same.
type sink interface {
	Accept(ctx context.Context, r *spate.Round)
}

// tee hands each round to all of them, in order. None of them blocks.
type tee []sink

func (t tee) Accept(ctx context.Context, r *spate.Round) {
	for _, s := range t {
		s.Accept(ctx, r)
	}
}

// A gate lets rounds of configured devices through: one of a device that has just left the
// config would write of it what is kept under another name now.
type gate struct {
	board *web.Board
	next  sink
}

func (g gate) Accept(ctx context.Context, r *spate.Round) {
	if g.board.Has(r.Device.Name) {
		g.next.Accept(ctx, r)
	}
}

func newSite(cfg *config.Config, log *slog.Logger) (*site, error) {
	s := &site{log: log, metrics: metrics.NewSet(), eyes: &eyes{}}
	var err error
	own := newTrouble()
	if s.store, err = openStore(cfg, own.store, s.metrics, log); err != nil {
		return nil, err
	}
	if s.state, err = storage.OpenState(filepath.Join(cfg.Storage.Path, stateFile), log); err != nil {
		return nil, errors.Join(err, s.store.Close())
	}
	if cfg.Host.Enabled {
		s.host = host.New(host.Config{Enabled: true, Interval: cfg.Poller.Interval}, log)
	}
	s.config.Store(cfg)
	s.agents = newAgents(s, cfg, log)
	s.board = web.NewBoard(s.devices(cfg))
	s.board.SetGroups(groups(cfg))
	if s.inventory, err = newInventory(s.state, cfg.Poller.KeepRemoved, s.metrics, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.settle(s.devices(cfg)); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.inventory.retain(s.devices(cfg))
	s.inventory.seed(s.board)
	if s.sightings, err = s.state.Sightings(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.network = newNetwork(cfg, s.agents.called, s.sightings, s.metrics, log)
	if s.watch, err = newWatch(cfg, own, s.state, s.network, s.metrics, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.watch.adopt(cfg, s.devices(cfg), s.inventory.remembered())
	if s.notices, err = newNotices(cfg, s.state, s.watch.desk, s.eyes, s.watch.alive, s.metrics, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	tell := s.notices.Told
	s.watch.told.Store(&tell)
	s.notices.resume(s.watch)
	s.chronicle = newChronicle(s.state, log)
	if s.logins, err = newLogins(s.state); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.past, s.creep = &past{site: s}, &creep{site: s}
	s.watch.desk.Ask(s.agents.senders)
	s.watch.follow, s.watch.beside = s.agents.follow, s.agents.beside
	counts := poller.NewCounts(s.metrics)
	s.sockets = poller.NewSockets(counts.Reject)
	s.poller = poller.New(cfg.Poller, s.sockets, s.sink(), counts, log)
	s.poller.Recall(s.inventory.recall)
	s.poller.Survey(s.network)
	s.poller.Set(cfg.Targets)
	s.watch.hurry, s.watch.resurvey = s.poller.Hurry, s.poller.Resurvey
	return s, nil
}

func (s *site) sink() sink {
	return gate{s.board, tee{s.watch, s.board, s.store, s.inventory, s.network, s.chronicle}}
}

// devices are the configured ones and this machine, which gives its name up to
// a configured device that has it.
func (s *site) devices(cfg *config.Config) []spate.Device {
	var out []spate.Device
	taken := map[string]bool{}
	for _, t := range cfg.Targets {
		out = append(out, t.Device)
		taken[t.Device.Name] = true
	}
	if s.host != nil && !taken[s.host.Device().Name] {
		out = append(out, s.host.Device())
		taken[s.host.Device().Name] = true
	}
	for _, d := range s.agents.list() {
		if !taken[d.Name] {
			out = append(out, d)
		}
	}
	return out
}

// groups are those of the config in web's form.
func groups(cfg *config.Config) (out []web.Group) {
	for _, g := range cfg.Groups {
		group := web.Group{Name: g.Name}
		for _, p := range g.Ports {
			group.Ports = append(group.Ports, web.PortPattern(p))
		}
		out = append(out, group)
	}
	return out
}

// run starts what polls; group ends when ctx does.
func (s *site) run(ctx context.Context, group *errgroup.Group) {
	group.Go(func() error { return ended(ctx, s.poller.Run(ctx)) })
	group.Go(func() error { s.inventory.run(ctx); return nil })
	group.Go(func() error { s.network.run(ctx); return nil })
	group.Go(func() error { s.network.feed(ctx); return nil })
	group.Go(func() error { s.watch.run(ctx); return nil })
	group.Go(func() error { return ended(ctx, s.notices.run(ctx)) })
	group.Go(func() error { s.creep.run(ctx); return nil })
	group.Go(func() error { s.chronicle.run(ctx); return nil })
	group.Go(func() error { s.network.names.run(ctx); return nil })
	if s.host == nil {
		return
	}
	group.Go(func() error {
		if err := s.host.Run(ctx, s.sink()); ended(ctx, err) != nil {
			s.log.Error("this machine's own interfaces cannot be read", "err", err) // the switches are polled all the same
		}
		return nil
	})
}

// adopt takes over what can change while running.
func (s *site) adopt(cfg *config.Config) {
	s.renaming.Lock()
	defer s.renaming.Unlock()
	s.agents.adopt(cfg)
	s.board.Configure(s.devices(cfg))
	s.board.SetGroups(groups(cfg))
	if err := s.settle(s.devices(cfg)); err != nil {
		s.log.Error("a device did not get its new name: it is tried again with the next reload or start", "err", err)
	}
	s.list(cfg)
	if err := s.notices.adopt(cfg); err != nil {
		s.log.Error("targets of messages not taken over, the old ones stay", "err", err)
	}
	s.config.Store(cfg)
	if server := s.server.Load(); server != nil {
		server.SetCredentials(credentials(cfg))
	}
	s.poller.Set(cfg.Targets)
}

// list takes over which devices there are.
func (s *site) list(cfg *config.Config) {
	devices := s.devices(cfg)
	s.board.Configure(devices)
	s.inventory.retain(devices)
	s.inventory.seed(s.board)
	s.network.adopt(cfg, devices)
	s.chronicle.retain(devices)
	s.watch.adopt(cfg, devices, s.inventory.remembered())
}

// close ends what keeps files and sockets, in the order in which readings go.
func (s *site) close() error {
	var errs []error
	if s.sockets != nil {
		errs = append(errs, s.sockets.Close())
	}
	if s.inventory != nil {
		errs = append(errs, s.inventory.flush())
	}
	if s.watch != nil {
		errs = append(errs, s.watch.save())
	}
	return errors.Join(append(errs, s.store.Close(), s.state.Close())...)
}

func (s *site) deps() web.Deps {
	return web.Deps{
		Board: s.board, Store: s.store, Painter: graph.NewRenderer(), Metrics: s.metrics, Log: s.log,
		StoreStatus: s.storeStatus,
		Network:     s.network.View,
		Incidents:   s.watch,
		Notices:     desk{s.notices},
		Backtest:    s.past.run,
		Creep:       s.creep.last.Load,
		History:     s.sightings,
		Agents:      s.agents.fleet,
		Revoked:     s.logins,
		Usual:       s.watch.baselines.Usual,
		Changes:     s.state.Changes,
		Resurvey:    s.poller.Resurvey,
		Rename:      s.rename,
		Import:      s.store,
		Backup:      s.backup,
		Prometheus:  promql.New(s.store, promSource{s.board}, promql.DefaultLimits(), s.log),
		Ready:       func() error { return nil }, // the store is open and the schedule is set before the server is made
	}
}
