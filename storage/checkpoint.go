package storage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"spate"
)

// start takes up what the last store left: the open buckets of one that was
// closed as it should, else its journal, else what can be made anew of raw rows.
func (w *writer) start() {
	j, log := w.e.journal, w.e.space.log
	path := filepath.Join(w.e.folder.path, snapshotFile)
	err := w.e.takeSnapshot(path)
	switch {
	case err == nil:
		j.discard() // all of it was on disk when the snapshot was written
	case len(j.old) > 0:
		began := time.Now()
		if sum, found := w.replay(); found {
			log.Info("taken up after a stop without warning", "rates", sum.rates, "torn", sum.torn, "damaged", sum.damaged, "took", time.Since(began).Round(time.Millisecond))
			break
		}
		fallthrough
	default:
		if !errors.Is(err, fs.ErrNotExist) {
			log.Warn("the open five minutes and hours are made anew", "file", path, "err", err)
		}
		w.e.remake(log)
		w.rewrite()
	}
	w.e.noteBuckets()
	w.push()
	for k := range w.e.keepers() {
		k.flush()
	}
	w.checkpoint()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Error("what the last start left open cannot be removed: it would be taken up again after a crash", "file", path, "err", reason(err))
	}
}

// checkpoint begins a new file of the journal with what is open now.
func (w *writer) checkpoint() {
	if w.closed() {
		w.e.journal.pause()
		return
	}
	w.unwritten = false
	w.e.journal.begin(func(b []byte) []byte {
		return sealRecord(w.appendState(startRecord(appendHeader(b, w.step))), journalHead, recordState)
	}, w.now)
}

// tickJournal is done once a second.
func (w *writer) tickJournal() {
	j := w.e.journal
	if j.due(w.now) {
		w.checkpoint()
	}
	if j.file != nil {
		j.prune(w.now)
	}
	if w.now-w.synced >= journalSync || w.now < w.synced {
		w.synced = w.now
		j.sync()
	}
}

// note gives a round to the journal. One of long ago is a back-fill, which is
// begun anew by whoever does it; the next state has what came of it.
func (w *writer) note(r *spate.Round) {
	if w.now-r.At.UnixMilli() > w.e.cfg.JournalAge.Milliseconds() {
		w.unwritten = true
		return
	}
	w.e.journal.round(r)
}
