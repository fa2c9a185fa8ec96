package storage

import (
	"fmt"
	"time"

	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"

	"spate"
)

// A tier is one resolution of the store: an engine of its own, because the
// engine knows one retention only.
type tier struct {
	name   spate.Tier
	path   string
	keep   time.Duration
	engine *vm.Storage // nil where it could not be opened again
}

// openTier opens the engine in its folder, and tells the times of its oldest and
// newest rows in ms, 0 where it has none. The engine ends the process where it finds a
// damaged file while opening, so what it reads then is checked first.
func openTier(name spate.Tier, path string, keep time.Duration) (t *tier, oldest, newest int64, err error) {
	oldest, newest, err = checkParts(path)
	if err != nil {
		return nil, 0, 0, err
	}
	t = &tier{name: name, path: path, keep: keep}
	if err := t.open(); err != nil {
		return nil, 0, 0, err
	}
	t.dropSnapshots()
	return t, oldest, newest, nil
}

func (t *tier) open() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("storage: open %s: %v: restore it from a backup, or move it away to begin anew", t.path, r)
		}
	}()
	// Without the index by day, series cost a tenth; Spate's live for years.
	t.engine = vm.MustOpenStorage(t.path, vm.OpenOptions{Retention: t.keep, DisablePerDayIndex: true})
	return nil
}

// close writes what is in memory and ends the engine.
func (t *tier) close() (err error) {
	if t.engine == nil {
		return nil
	}
	defer func() {
		t.engine = nil
		if r := recover(); r != nil {
			err = fmt.Errorf("storage: close %s: %v: what was not yet on disk is lost", t.path, r)
		}
	}()
	t.engine.MustClose()
	return nil
}

// rest closes the engine, which puts all that is in memory on disk.
func (t *tier) rest() error { return t.close() }

// wake opens it again. An engine that could not be opened stays closed, and is
// tried again by the next call.
func (t *tier) wake() error {
	if t.engine != nil {
		return nil
	}
	return t.open()
}

func (t *tier) add(rows []vm.MetricRow) { t.engine.AddRows(rows, 64) }

// flush makes what was added findable.
func (t *tier) flush() {
	if t.engine != nil {
		t.engine.DebugFlush()
	}
}

func (t *tier) about() spate.Tier { return t.name }

func (t *tier) isOpen() bool { return t.engine != nil }

func (t *tier) away() bool { return false }

func (t *tier) keeps() bool { return false }

func (t *tier) readOnly() bool { return t.engine == nil || t.engine.IsReadOnly() }

// figures is what the engine says of itself; zero where it cannot: it is closed,
// or its folder was taken away, on which it panics.
func (t *tier) figures() (m vm.TableMetrics) {
	if t.engine == nil {
		return m
	}
	var all vm.Metrics
	defer func() { _ = recover() }() // m stays as it is
	t.engine.UpdateMetrics(&all)
	return all.TableMetrics
}

// rows is how many rows lie on disk.
func (t *tier) rows() uint64 {
	m := t.figures()
	return m.SmallRowsCount + m.BigRowsCount
}

// unsaved is what the engine has in memory.
func (t *tier) unsaved() uint64 {
	m := t.figures()
	return m.InmemorySizeBytes + m.IndexDBMetrics.InmemorySizeBytes
}

// bytes is what the tier takes on disk.
func (t *tier) bytes() uint64 {
	m := t.figures()
	return m.SmallSizeBytes + m.BigSizeBytes + m.IndexDBMetrics.FileSizeBytes
}
