package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// snapshotFile holds the open buckets of a store that was closed as it should.
const snapshotFile = "open-buckets"

// reach is how far before the newest slot a bucket must have ended to be surely
// on disk after a crash: it was written at the latest two minutes after its end,
// looked at once a minute, and the engine keeps rows in memory for some seconds.
const reach = patience + tidyEvery + 60_000

// saveBuckets keeps the open buckets for the next start.
func (e *store) saveBuckets() error {
	path := filepath.Join(e.folder.path, snapshotFile)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err == nil {
		e.ports.mu.RLock()
		err = errors.Join(e.ports.sums.snapshot(f), f.Sync(), f.Close())
		e.ports.mu.RUnlock()
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = syncFolder(e.folder.path)
	}
	if err != nil {
		return fmt.Errorf("storage: write %s: %w: they are made anew at the next start", path, reason(err))
	}
	return nil
}

// remake makes the open buckets of the slots of the hour that was open, or not
// yet surely on disk. It is for a folder without journal.
func (e *store) remake(log *slog.Logger) {
	raw, embedded := e.raw.(*tier)
	newest := min(e.newest, now())
	if !embedded || newest <= 0 {
		return
	}
	began := time.Now()
	ports, err := e.rebuild(raw, newest)
	if err != nil {
		log.Warn("the open five minutes and hours could not be made anew: they begin with the next rates", "err", err)
		return
	}
	log.Info("open five minutes and hours made anew after a stop without warning", "ports", ports, "took", time.Since(began).Round(time.Millisecond))
}

// noteBuckets makes the tiers reach back to what is open.
func (e *store) noteBuckets() {
	for _, a := range e.ports.sums {
		for l := range a.levels {
			if at := a.levels[l].open.first; at > 0 {
				e.ages[1+l].note(at)
			}
		}
	}
}

// takeSnapshot takes up what the last store left open. The file stays until the
// journal has it.
func (e *store) takeSnapshot(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(e.ports.sums.restore(f), f.Close())
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// rebuild makes the buckets that were open when the newest slot was written, or
// are not surely on disk, of the slots of the last hour and a little. Those that
// are over are written again, which changes nothing where they were.
func (e *store) rebuild(raw *tier, newest int64) (ports int, err error) {
	sure := newest - reach
	from := floor(sure, levelSteps[levelHour])
	steps := e.folder.during(from-longestStep.Milliseconds(), newest+1)
	err = raw.scan(from-steps[0].Step, newest+1, e.cfg.MaxSamples, func(k key, s *series) {
		if k.agg != aggSlot {
			return
		}
		a := e.ports.sums.get(k.port)
		for i, at := range s.times {
			if x := s.vals[i]; x >= 0 && x <= mostValue {
				a.recount(k.column, at, stepAt(steps, at), sure, newest, x)
			}
		}
	})
	return len(e.ports.sums), err
}

// stepAt is the length of a row of a time.
func stepAt(steps []epoch, at int64) int64 {
	step := steps[0].Step
	for _, e := range steps {
		if e.Since <= at {
			step = e.Step
		}
	}
	return step
}

// recount puts one stored value where it was counted: into the bucket of the
// newest slot, or the one before where that is not surely on disk.
func (a *accumulator) recount(c column, at, step, sure, newest int64, x float64) {
	for l := range a.levels {
		length, lv := levelSteps[l], &a.levels[l]
		for from := at; from < at+step; {
			start := floor(from, length)
			until := min(at+step, start+length)
			switch {
			case start == floor(newest, length):
				lv.open.recount(c, from, until-from, x)
			case start+length > sure && start == floor(newest, length)-length:
				lv.last.recount(c, from, until-from, x)
			}
			from = until
		}
	}
	a.end = max(a.end, at+step)
}

func (b *bucket) recount(c column, from, ms int64, x float64) {
	if b.first == 0 || from < b.first {
		b.first = from
	}
	b.count(c.metric, x, ms)
}
