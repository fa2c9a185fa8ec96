package storage

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"spate"
)

// Embedded is the store in one folder: an engine for each tier. Its methods may
// be called from many goroutines; Close waits for them.
type Embedded struct{ *store }

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
	return &Embedded{e}, nil
}

func openIn(f *folder, cfg Config, log *slog.Logger) (*store, error) {
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
	e := &store{
		cfg: cfg, folder: f, raw: raw, space: guard,
		ports:   newPorts(int(cfg.Ring / cfg.Step)),
		queue:   make(chan *spate.Round, cfg.Queue),
		flushes: make(chan chan struct{}),
		stop:    make(chan struct{}),
		seats:   make(chan struct{}, max(4, 2*runtime.GOMAXPROCS(0))),
		release: stopEngine,
	}
	e.oldest.Store(oldest)
	e.counts = newCounts(cfg.Metrics, e)
	guard.look(raw.readOnly())
	return e, nil
}
