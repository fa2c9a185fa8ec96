package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/topology"
)

// Limits of a connection: a slow caller holds nothing up, a large header ends
// it. The stream of events sets a deadline of its own for each write.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
	shutdownPatience  = 5 * time.Second
)

const pictureCache = 64 << 20 // octets of drawn pictures kept

// A Server answers HTTP.
type Server struct {
	cfg         Config
	log         *slog.Logger
	board       *Board
	store       Store
	painter     Painter
	prometheus  http.Handler
	importer    Importer
	history     History
	incidents   Incidents
	notices     Notices
	agents      Agents
	usual       func(id spate.PortID, m spate.Metric, at []time.Time) []float64
	changes     func(device string, from, to time.Time, most int) ([]spate.Change, error)
	demo        func(kind string) string
	creep       func() *spate.Creeps
	backtest    func(context.Context, time.Time, time.Time, string, func(float64)) (*spate.Backtest, error)
	resurvey    func(devices ...string)
	rename      Rename
	view        func() *topology.View
	backup      func(context.Context, string, func(done, total int64)) (BackupResult, error)
	storeStatus func() StoreStatus
	isReady     func() error
	metrics     *metrics.Set
	stalled     *metrics.Counter
	refused     *metrics.Counter

	access   *access
	sso      sso
	rounds   *feed // rates and device events
	wallFeed *feed // the wall, for walls
	pictures *pictures
	sparks   *sparks
	pages    *pageSet
	docs     docSet
	compressor
	receivers receivers
	drawing   gate // pictures drawn at once
	asking    gate // questions to the store at once
	strangers lane // of logins from where no right password has come yet
	friends   lane // of the others
	listing   lane // of lists being made
	backlogs  lane // of pushes of what was kept for long
	untaken   untaken
	ending    chan struct{}
	handler   http.Handler

	wallMu     sync.Mutex
	wall       *wallView
	wallMade   time.Time
	wallPlaces places
}

// New makes a server; Run serves.
func New(cfg Config, deps Deps) *Server {
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	deps.fillIn()
	now, cores := time.Now(), runtime.GOMAXPROCS(0)
	s := &Server{
		cfg: cfg, log: deps.Log, board: deps.Board, store: deps.Store, painter: deps.Painter, prometheus: deps.Prometheus, importer: deps.Import, history: deps.History, incidents: deps.Incidents, notices: deps.Notices, agents: deps.Agents, usual: deps.Usual, changes: deps.Changes, demo: deps.Demo, creep: deps.Creep, backtest: deps.Backtest, resurvey: deps.Resurvey, rename: deps.Rename, view: deps.Network, backup: deps.Backup,
		storeStatus: deps.StoreStatus, isReady: deps.Ready, metrics: deps.Metrics,
		access: newAccess(cfg.BaseURL, cfg.Credentials, cfg.SessionKey, deps.Revoked), strangers: newLane(1, mostLogins), friends: newLane(1, mostLogins), listing: newLane(max(cores/2, 1), mostLists), backlogs: newLane(backlogsAtOnce, backlogsWaiting),
		rounds: newFeed(feedAge, feedBytes, now), wallFeed: newFeed(feedAge, 1, now),
		pictures: newPictures(pictureCache), drawing: newGate(cores), asking: newGate(4 * cores),
		sparks: newSparks(), pages: newPageSet(), ending: make(chan struct{}),
	}
	s.register()
	s.handler = s.engine()
	return s
}

// register adds the server's own figures to /metrics.
func (s *Server) register() {
	s.stalled = s.metrics.GetOrCreateCounter("spate_event_readers_dropped_total")
	s.refused = s.metrics.GetOrCreateCounter("spate_http_connections_refused_total")
	s.metrics.GetOrCreateGauge("spate_event_readers", func() float64 {
		return float64(s.rounds.watching() + s.wallFeed.watching())
	})
	s.metrics.GetOrCreateGauge(`spate_queue_dropped_total{queue="events"}`, func() float64 {
		return float64(s.board.Dropped())
	})
}

// ServeHTTP answers one request; the streams of events move only while Run runs.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Run serves ln until ctx ends, then lets requests under way finish for a few
// seconds. It closes ln, and every goroutine it started has ended on return.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	srv := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		DisableGeneralOptionsHandler: true, // OPTIONS * wants a credential as all else does
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	var jobs sync.WaitGroup
	jobs.Go(func() { s.publish(work) })
	jobs.Go(func() { s.beat(work) })
	ended := make(chan error, 1)
	jobs.Go(func() { ended <- srv.Serve(s.listener(ln)) })
	defer jobs.Wait()
	defer stop()
	select {
	case err := <-ended:
		return fmt.Errorf("serve http on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	close(s.ending)
	return s.shutdown(srv)
}

func (s *Server) listener(ln net.Listener) net.Listener {
	capped := newCappedListener(ln, s.cfg.MaxConns, s.cfg.WallAllow, s.refused)
	if s.cfg.TLS == nil {
		return capped
	}
	return tls.NewListener(capped, s.cfg.TLS)
}

func (s *Server) shutdown(srv *http.Server) error {
	last, cancel := context.WithTimeout(context.Background(), shutdownPatience)
	defer cancel()
	if err := srv.Shutdown(last); err != nil {
		s.log.Warn("requests cut off at the end", "err", err)
		if err := srv.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("close http server: %w", err)
		}
	}
	return nil
}
