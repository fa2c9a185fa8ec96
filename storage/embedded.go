package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
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
	e.begin()
	return &Embedded{e}, nil
}

func openIn(f *folder, cfg Config, log *slog.Logger) (*store, error) {
	guard := &space{path: cfg.Path, minFree: cfg.MinFree, ask: cfg.FreeSpace, log: log, told: cfg.Told, largest: func() uint64 {
		most := uint64(0)
		for _, name := range tierFolders {
			most = max(most, largestPart(filepath.Join(cfg.Path, name)))
		}
		return most
	}}
	if _, _, err := guard.ask(cfg.Path); err != nil {
		return nil, fmt.Errorf("storage: ask the free space of %s: %w", cfg.Path, err)
	}
	if err := startEngine(cfg, log); err != nil {
		return nil, err
	}
	e, err := newStore(cfg, f, guard, log)
	if err != nil {
		stopEngine()
		return nil, err
	}
	e.release = stopEngine
	e.freeze = freezeEngine
	if err := e.openTiers(); err != nil {
		stopEngine()
		return nil, err
	}
	e.counts = newCounts(cfg.Metrics, e)
	guard.unsaved = func() (sum uint64) {
		for k := range e.keepers() {
			sum += k.unsaved()
		}
		return sum
	}
	guard.look()
	return e, nil
}

// openTiers opens an engine for each tier, or none.
func (e *store) openTiers() error {
	e.aged()
	var open []keeper
	for i, name := range [...]spate.Tier{spate.TierRaw, spate.TierFiveMinutes, spate.TierHour} {
		keep := time.Duration(e.ages[i].keep.Load()) * time.Millisecond
		t, oldest, newest, err := openTier(name, filepath.Join(e.folder.path, tierFolders[i]), keep)
		if err != nil {
			for _, k := range open {
				err = errors.Join(err, k.close())
			}
			return err
		}
		e.ages[i].oldest.Store(oldest)
		if i == 0 {
			e.newest = newest
		}
		open = append(open, t)
	}
	e.raw, e.coarse = open[0], [numLevels]keeper(open[1:])
	return nil
}

// isOpen tells whether all tiers are; with the lock for reading, or by the writer.
func (e *store) isOpen() bool {
	for k := range e.keepers() {
		if !k.isOpen() {
			return false
		}
	}
	return true
}

// readOnly tells whether one of the tiers takes no rows.
func (e *store) readOnly() bool {
	for k := range e.keepers() {
		if k.readOnly() {
			return true
		}
	}
	return false
}
