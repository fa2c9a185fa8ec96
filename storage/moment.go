package storage

import (
	"fmt"
	"path/filepath"
	"time"
)

// moment brings all that was taken to disk and has the engines hold it there: what
// is in their snapshots and what is open together are the store.
func (w *writer) moment() (m moment) {
	w.takeWaiting()
	w.push()
	m.at = time.Now()
	m.journal = appendRecord(appendHeader(nil, w.step), recordState, w.state())
	names := map[*tier]string{}
	m.drop = func() {
		for t, name := range names {
			w.e.dropSnapshot(t, name)
		}
	}
	for k := range w.e.keepers() {
		t, embedded := k.(*tier)
		if !embedded {
			continue
		}
		name, err := t.snapshot()
		if err != nil {
			m.drop()
			m.err = err
			return m
		}
		names[t] = name
		m.snapshots = append(m.snapshots, filepath.Join(t.path, "snapshots", name))
	}
	return m
}

// snapshot has the engine keep what it has on disk as it is now, under a name.
func (t *tier) snapshot() (name string, err error) {
	if t.engine == nil {
		return "", fmt.Errorf("backup: %s is closed until its disk has room", t.path)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("backup: hold %s: %v", t.path, r)
		}
	}()
	return t.engine.MustCreateSnapshot(), nil
}

func (e *store) dropSnapshot(t *tier, name string) {
	e.reading.RLock()
	defer e.reading.RUnlock()
	if e.closed || t.engine == nil {
		return // the next start drops it
	}
	if err := t.engine.DeleteSnapshot(name); err != nil {
		e.space.log.Warn("what a backup held could not be given back: it goes with the next start", "tier", t.name, "err", err)
	}
}

// dropSnapshots gives back what a backup held that was cut off.
func (t *tier) dropSnapshots() {
	for _, name := range t.engine.MustListSnapshots() {
		_ = t.engine.DeleteSnapshot(name) // tried again with the next start
	}
}
