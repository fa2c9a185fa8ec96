package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
)

// snapshotFile has what the detector has learned, beside the store.
const snapshotFile = "baselines"

// load reads the baselines of the last run. What cannot be read is put aside, and
// learning begins anew: it is no reason to poll nothing.
func (w *watch) load() error {
	f, err := os.Open(w.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = w.baselines.Load(f)
		f.Close()
	}
	if err == nil {
		return w.catchUp()
	}
	aside := w.path + ".damaged"
	w.log.Error("baselines are not read: what is usual is learned anew, which takes a week; the file is kept", "file", aside, "err", err)
	if err := os.Rename(w.path, aside); err != nil {
		return fmt.Errorf("put %s aside: %w", w.path, err)
	}
	return nil
}

// catchUp gives devices the names they got after the snapshot was written.
func (w *watch) catchUp() error {
	r, err := w.state.Renamings()
	for _, u := range r.Undone {
		w.baselines.Rename(u.From, u.To)
	}
	return err
}

// rename has move rename what is on disk, and renames what is in memory.
func (w *watch) rename(from, to string, move func() error) error {
	err := func() error {
		w.saving.Lock()
		defer w.saving.Unlock()
		if err := move(); err != nil {
			return err
		}
		w.baselines.Rename(from, to)
		w.desk.Rename(from, to)
		return nil
	}()
	if err != nil {
		return err
	}
	return w.save()
}

// save writes the baselines, over the old ones once they are whole.
func (w *watch) save() error {
	if w.path == "" {
		return nil
	}
	w.saving.Lock()
	defer w.saving.Unlock()
	next := w.path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("write baselines: %w", err)
	}
	out := bufio.NewWriterSize(f, 1<<20)
	if err = w.baselines.Save(out); err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	if err := os.Rename(next, w.path); err != nil {
		return err
	}
	if r, err := w.state.Renamings(); err != nil || len(r.Undone) == 0 {
		return err
	}
	return w.state.Done()
}
