package web

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/graph"
	"spate/topology"
)

// Config is what [server] and [web] of config.toml say, and the version.
type Config struct {
	Version     string
	BaseURL     string         // server.base_url: what links point to; its host is accepted beside loopback's names
	Zone        *time.Location // server.timezone; nil: the machine's
	WallAllow   []netip.Prefix // web.wall_allow: no connection cap from there
	TLS         *tls.Config    // nil: plain HTTP
	Credentials Credentials    // who may come in; none: everybody on this machine
	SessionKey  []byte         // signs cookies, 32 octets; shorter: logins end with the process
	MaxConns    int            // open connections in all; 0: the file limit of the process less 512
}

// A Store answers for the past.
type Store interface {
	Query(ctx context.Context, q spate.Query) (*spate.Frame, error)
}

// An Importer takes over what another store knew; the stores are some.
type Importer interface {
	Import(ctx context.Context, h spate.History) (spate.Taken, error)
	Flush(ctx context.Context) error // what was taken can be found
}

// A Painter draws; *graph.Renderer is one.
type Painter interface {
	PNG(w io.Writer, p graph.Picture) error
	SVG(w io.Writer, p graph.Picture) error
	Columns(width int) int // how many values a picture so wide can show
}

// StoreStatus is what /status tells of the store. A negative size or a zero
// time is not known.
type StoreStatus struct {
	Backend           string // "embedded" or "victoriametrics"
	ReadOnly          bool
	Reason            string // why, and what to do; a sentence
	Bytes             int64
	ForecastYearBytes int64
	Oldest            time.Time
	Note              string      // what an operator should know, a sentence; empty: nothing
	Queue             *StoreQueue // nil: the store keeps its rows itself
}

// A StoreQueue is what waits for a store elsewhere.
type StoreQueue struct {
	Rows, Bytes int64
	Oldest      time.Time // when its oldest rows came in; zero: it is empty
	LastSuccess time.Time // when rows were last taken; zero: not since the start
	Lost        int64     // rows dropped since the start
	Error       string    // why rows wait; empty: they do not
}

// Deps are what the server is joined to. Board, Store and Painter are needed.
type Deps struct {
	Board       *Board
	Store       Store
	Painter     Painter
	Prometheus  http.Handler                                                                                  // answers below /prometheus; nil: nobody does
	Import      Importer                                                                                      // nil: nothing is imported
	Backup      func(ctx context.Context, dir string, progress func(done, total int64)) (BackupResult, error) // nil: none is made
	Network     func() *topology.View                                                                         // what is known of the network now; nil: nothing is
	Incidents   Incidents                                                                                     // nil: nobody looks for floods
	Usual       func(id spate.PortID, m spate.Metric, at []time.Time) []float64                               // what is usual at those times, NaN where it is not known; nil: nothing is
	Changes     func(device string, from, to time.Time, most int) ([]spate.Change, error)                     // what happened to a device; nil: nobody notes it
	Agents      Agents                                                                                        // nil: pushes of agents are not taken
	Revoked     Revoked                                                                                       // logins that were ended; nil: not kept over a restart
	Notices     Notices                                                                                       // nil: nobody is told
	History     History                                                                                       // of hosts; nil: none is kept
	Resurvey    func(devices ...string)                                                                       // has the tables of devices read at once; nil: nobody can
	Rename      Rename                                                                                        // gives a device another name; nil: nobody can
	Creep       func() *spate.Creeps                                                                          // the last weekly report; nil: none is made, or not yet
	StoreStatus func() StoreStatus
	Backtest    func(ctx context.Context, from, to time.Time, device string, progress func(part float64)) (*spate.Backtest, error) // nil: there is no store to test
	Demo        func(kind string) string                                                                                           // starts a simulated flood and says which; nil: the network is real
	Ready       func() error                                                                                                       // nil when the store is open and the first round is planned, else why not
	Metrics     *metrics.Set                                                                                                       // what GET /metrics prints; the server adds its own
	Log         *slog.Logger
}

// fillIn makes up for what may be left out: figures nobody has, a server that is
// ready when it runs.
func (d *Deps) fillIn() {
	if d.StoreStatus == nil {
		d.StoreStatus = func() StoreStatus { return StoreStatus{Bytes: -1, ForecastYearBytes: -1} }
	}
	if d.Incidents == nil {
		d.Incidents = noIncidents{}
	}
	if d.Notices == nil {
		d.Notices = noNotices{}
	}
	if d.Ready == nil {
		d.Ready = func() error { return nil }
	}
	if d.Metrics == nil {
		d.Metrics = metrics.NewSet()
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
}
