package storage

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"spate"
)

// Embedded is the store in one folder. Its methods may be called from many
// goroutines; Close waits for them.
type Embedded struct {
	cfg    Config
	folder *folder
	raw    *tier
	ports  *ports
	space  *space
	counts *counts

	queue   chan *spate.Round
	flushes chan chan struct{}
	stop    chan struct{}
	stopped sync.Once
	writing sync.WaitGroup

	reading sync.RWMutex  // readers share it, Close takes it whole
	closed  bool          // under reading
	seats   chan struct{} // queries at once
	spans   sync.Pool     // *[]float64 of queries

	dropped atomic.Uint64
	oldest  atomic.Int64 // time of the oldest row, ms; 0 none
	size    sizeCache
}

// Open opens the store in cfg.Path, which it makes when absent. Errors are
// sentences that name the folder and what to do: it is locked by another
// process, not writable, not a store, damaged, or of a newer Spate.
//
// A step other than last time is taken from the next full slot on; older rows
// keep the length they were written with.
func Open(cfg Config, log *slog.Logger) (*Embedded, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	folder, err := openFolder(cfg.Path, cfg.Step, time.Now())
	if err != nil {
		return nil, err
	}
	e, err := openIn(folder, cfg, log)
	if err != nil {
		folder.close()
		return nil, err
	}
	w := newWriter(e)
	e.writing.Go(func() { w.run(e.stop) })
	return e, nil
}

func openIn(f *folder, cfg Config, log *slog.Logger) (*Embedded, error) {
	path := filepath.Join(cfg.Path, rawFolder)
	guard := &space{path: cfg.Path, minFree: cfg.MinFree, ask: cfg.FreeSpace, log: log, largest: func() uint64 { return largestPart(path) }}
	_, size, err := guard.ask(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("storage: ask the free space of %s: %w", cfg.Path, err)
	}
	if err := startEngine(cfg, guard.limit(size), log); err != nil {
		return nil, err
	}
	raw, oldest, err := openTier(spate.TierRaw, path, cfg.RetentionRaw)
	if err != nil {
		stopEngine()
		return nil, err
	}
	e := &Embedded{
		cfg: cfg, folder: f, raw: raw, space: guard,
		ports:   newPorts(int(cfg.Ring / cfg.Step)),
		queue:   make(chan *spate.Round, cfg.Queue),
		flushes: make(chan chan struct{}),
		stop:    make(chan struct{}),
		seats:   make(chan struct{}, max(4, 2*runtime.GOMAXPROCS(0))),
	}
	e.oldest.Store(oldest)
	e.counts = newCounts(cfg.Metrics, e)
	guard.look(raw.readOnly())
	return e, nil
}

// Close writes what is waiting, and of the slots still open those known for
// more than half, and gives the folder free. Rounds that come later are dropped
// and counted. An error means that the disk did not take all of it.
func (e *Embedded) Close() error {
	var err error
	e.stopped.Do(func() {
		close(e.stop)
		e.writing.Wait()
		e.counts.forget() // without the lock, which the gauges take
		e.reading.Lock()
		defer e.reading.Unlock()
		e.closed = true
		err = e.raw.close()
		stopEngine()
		e.folder.close()
	})
	return err
}

// noteOldest keeps the time of the oldest row for Status.
func (e *Embedded) noteOldest(at int64) {
	if was := e.oldest.Load(); was == 0 || at < was {
		e.oldest.Store(at)
	}
}
