package storage

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"

	"spate"
)

// A store is what [Embedded] and [Remote] have in common: all but where the rows
// are kept. Its methods may be called from many goroutines; Close waits for them.
type store struct {
	cfg    Config
	folder *folder
	raw    keeper
	coarse [numLevels]keeper // nil: not kept
	ages   [1 + numLevels]age
	newest int64 // time of the newest raw row when it was opened, ms; 0 none
	ports  *ports
	names  atomic.Pointer[names] // nil: no device was ever renamed
	space  *space
	counts *counts

	journal *journal

	queue     chan *spate.Round
	hurry     chan struct{} // many rounds wait
	fills     chan struct{} // as many as rounds of a backlog are in the queue
	flushes   chan chan struct{}
	histories chan historyJob
	moments   chan chan moment
	partings  chan partJob
	backing   sync.Mutex // one backup at a time
	stop      chan struct{}
	stopped   sync.Once
	writing   sync.WaitGroup

	reading sync.RWMutex  // readers share it, Close takes it whole
	closed  bool          // under reading
	seats   chan struct{} // queries at once
	spans   sync.Pool     // *[]float64 of queries

	dropped    atomic.Uint64
	sizes      sizeCache
	pace       pace
	overBudget atomic.Pointer[string] // what to say while more is stored than may be, and nothing can be dropped
	freeze     func(bool)             // keeps the engines from writing, or no longer; called while they rest; nil: they need not be
	release    func()                 // what Close does when the rows are safe
}

// A keeper keeps the rows of one tier: the engine in a folder of this machine
// ([tier]), or a VictoriaMetrics elsewhere. One goroutine writes, many read.
type keeper interface {
	about() spate.Tier
	add(rows []vm.MetricRow) // the rows are the caller's again when it returns
	flush()                  // what was added can be found, as far as that is in our hands
	find(ctx context.Context, ports []spate.PortID, columns []column, from, to int64, most int) (found, error)

	isOpen() bool    // else nothing can be added or found
	rest() error     // all that is in memory goes to disk, and nothing is written until wake
	wake() error     //
	readOnly() bool  // it takes no rows now
	away() bool      // asking it is likely in vain
	keeps() bool     // what was added outlives this process, however it ends
	bytes() uint64   // on disk
	unsaved() uint64 // octets in memory that rest writes
	close() error
}

// A found is what a search found. It must be closed before the store is.
type found interface {
	// rows are all rows of a series, until the next call. They need not be in the
	// order of time, and may be there twice.
	rows(k key) (times []int64, vals []float64, err error)
	close()
}

// newStore makes what both kinds have in common, all but the keepers.
func newStore(cfg Config, f *folder, guard *space, log *slog.Logger) (*store, error) {
	j, err := openJournal(f.path, cfg.Checkpoint, log)
	if err != nil {
		return nil, err
	}
	return &store{
		cfg: cfg, folder: f, space: guard, journal: j,
		ports:   newPorts(int(cfg.Ring / cfg.Step)),
		queue:   make(chan *spate.Round, cfg.Queue),
		hurry:   make(chan struct{}, 1),
		fills:   make(chan struct{}, max(cfg.Queue/2, 1)),
		flushes: make(chan chan struct{}), histories: make(chan historyJob), moments: make(chan chan moment), partings: make(chan partJob),
		stop:  make(chan struct{}),
		seats: make(chan struct{}, max(4, 2*runtime.GOMAXPROCS(0))),
	}, nil
}

// begin takes up what the last store left and lets the writer run.
func (e *store) begin() {
	w := newWriter(e)
	w.start()
	e.writing.Go(func() { w.run(e.stop) })
}

// Close writes what is waiting, and of the slots still open those known for
// more than half, and gives the folder free. Rounds that come later are dropped
// and counted. An error means that the disk did not take all of it.
func (e *store) Close() error {
	var err error
	e.stopped.Do(func() {
		close(e.stop)
		e.writing.Wait()
		e.counts.forget() // without the lock, which the gauges take
		e.reading.Lock()
		defer e.reading.Unlock()
		e.closed = true
		for k := range e.keepers() {
			err = errors.Join(err, k.close())
		}
		if err == nil {
			err = e.saveBuckets()
		}
		if err == nil {
			e.journal.discard()
		} else {
			e.journal.leave()
		}
		if e.release != nil {
			e.release()
		}
		e.folder.close()
	})
	return err
}

// keepers are those of all tiers, finest first.
func (e *store) keepers() iter.Seq[keeper] {
	return func(yield func(keeper) bool) {
		if !yield(e.raw) {
			return
		}
		for _, k := range e.coarse {
			if k != nil && !yield(k) {
				return
			}
		}
	}
}

// An age says how far back a tier reaches.
type age struct {
	oldest atomic.Int64 // time of the oldest row, ms; 0 none
	keep   atomic.Int64 // ms that rows are kept
}

// note keeps the time of the oldest row.
func (a *age) note(at int64) {
	if was := a.oldest.Load(); was == 0 || at < was {
		a.oldest.Store(at)
	}
}

// since is the time of the oldest row that is kept; 0: there is none.
func (a *age) since(now int64) int64 {
	if at := a.oldest.Load(); at > 0 {
		return max(at, now-a.keep.Load())
	}
	return 0
}

// keeper is that of a tier: 0 raw, then the coarse ones; nil where it is not kept.
func (e *store) keeper(tier int) keeper {
	if tier == 0 {
		return e.raw
	}
	return e.coarse[tier-1]
}

// stepsOf tells how long the rows of a tier are.
func (e *store) stepsOf(tier int) func(from, to int64) []epoch {
	if tier == 0 {
		return e.folder.during
	}
	return func(int64, int64) []epoch { return []epoch{{Step: levelSteps[tier-1]}} }
}

// aged sets how long the tiers are kept, and that they may reach back as far.
func (e *store) aged() {
	for i, keep := range e.cfg.retentions() {
		e.ages[i].keep.Store(keep.Milliseconds())
		e.ages[i].oldest.Store(1)
	}
}
