package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
)

// A journal keeps, on disk, what the store was told of late, because the engine
// holds rows in memory for some ten seconds and buckets for an hour. It is files
// by number. Each begins with the writer's state at that moment, and goes on with
// the rounds as they came; a new one is begun every minute. After a crash the
// writer takes up the state of the oldest file and does all again, which gives
// the same rows with the same times: writing them a second time changes nothing.
// A file is removed when all that came of it is surely on the engine's disk.
//
// What is appended has left the process within a quarter of a second, so that
// the end of the process in any way loses no more; the disk is told to keep it
// every five seconds, which is what a power cut may cost.
type journal struct {
	dir   string
	every time.Duration // between states
	keep  time.Duration // a file stays so long after the next was begun
	log   *slog.Logger
	ids   map[spate.PortID]uint32 // of the ports named in the open file
	buf   []byte

	file    *os.File // nil: nothing is appended
	number  uint64   // of the open or newest file
	began   int64    // when, ms
	old     []oldFile
	broken  string // why nothing is appended, as last told
	dirty   bool
	syncing atomic.Bool
	syncs   sync.WaitGroup
	bytes   atomic.Int64
	errors  *metrics.Counter
}

// An oldFile is one that grows no more.
type oldFile struct {
	number uint64
	size   int64
	ended  int64 // when the next was begun, ms
}

const (
	journalFolder = "journal"
	journalSuffix = ".rounds"
	journalFlush  = 250 * time.Millisecond
	journalSync   = 5_000    // ms
	mostBuffered  = 64 << 10 // octets, then they are written at once
	mostJournal   = 1 << 30  // octets; beyond them it waits for older files to go
	// engineHolds is how long, at most and with room, the engine keeps rows in
	// memory (its flush is every 5 s, of rows up to 12 s old).
	engineHolds = 30 * time.Second
)

// openJournal finds the files of an earlier process; it reads none.
func openJournal(path string, every time.Duration, log *slog.Logger) (*journal, error) {
	j := &journal{dir: filepath.Join(path, journalFolder), every: every, keep: engineHolds, log: log, errors: &metrics.Counter{}}
	if err := os.MkdirAll(j.dir, 0o750); err != nil {
		return nil, fmt.Errorf("storage: make folder %s: %w: give storage.path to user %d", j.dir, reason(err), os.Getuid())
	}
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, fmt.Errorf("storage: read folder %s: %w: give it to user %d", j.dir, reason(err), os.Getuid())
	}
	for _, e := range entries { // by name, which is by number
		text, ours := strings.CutSuffix(e.Name(), journalSuffix)
		number, err := strconv.ParseUint(text, 16, 64)
		if !ours || err != nil {
			continue
		}
		size := int64(0)
		if info, err := e.Info(); err == nil {
			size = info.Size()
		}
		j.old = append(j.old, oldFile{number: number, size: size, ended: now()})
		j.number = number
		j.bytes.Add(size)
	}
	return j, nil
}

func (j *journal) path(number uint64) string {
	return filepath.Join(j.dir, fmt.Sprintf("%016x%s", number, journalSuffix))
}

// begin starts a file with what head appends: the state of the writer. What cannot be written is
// told once and tried again when the next file is due.
func (j *journal) begin(head func(b []byte) []byte, at int64) {
	j.pause()
	j.began = at
	file, err := os.OpenFile(j.path(j.number+1), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		j.fail(err)
		return
	}
	j.number++
	j.file, j.ids = file, map[spate.PortID]uint32{}
	j.old = append(j.old, oldFile{number: j.number})
	j.buf = head(j.buf[:0]) // of every round there is room again
	j.write(j.buf)
	j.buf = j.buf[:0]
	if j.file != nil {
		j.broken = ""
		j.prune(at)
	}
}

// pause ends the open file: no room on the disk, or the next is about to begin.
func (j *journal) pause() {
	j.flush()
	if j.file == nil {
		return
	}
	j.end()
}

func (j *journal) end() {
	j.syncs.Wait()
	if err := j.file.Close(); err != nil {
		j.fail(err)
	}
	j.file = nil
	j.old[len(j.old)-1].ended = now()
}

// due tells whether the next file should begin.
func (j *journal) due(at int64) bool {
	return at-j.began >= j.every.Milliseconds() || at < j.began
}

// round appends a round.
func (j *journal) round(r *spate.Round) {
	if j.file == nil {
		return
	}
	if j.bytes.Load() > mostJournal {
		j.fail(fmt.Errorf("it has grown to %v: more comes in than a store of this kind is made for", spate.Octets(mostJournal)))
		j.pause()
		return
	}
	j.buf = appendRound(j.buf, r, j.ids)
	if len(j.buf) >= mostBuffered {
		j.flush()
	}
}

// safe notes that what came of the rounds so far needs no journal any more.
func (j *journal) safe() {
	if j.file != nil {
		j.buf = appendRecord(j.buf, recordSafe, nil)
		j.flush()
	}
}

// flush gives to the system what was appended. It comes before the engine gets
// any row made of it: what the engine knows, the journal does too.
func (j *journal) flush() {
	if len(j.buf) > 0 && j.file != nil {
		j.write(j.buf)
	}
	j.buf = j.buf[:0]
}

func (j *journal) write(b []byte) {
	n, err := j.file.Write(b)
	j.old[len(j.old)-1].size += int64(n)
	j.bytes.Add(int64(n))
	j.dirty = true
	if err != nil {
		j.fail(err)
		j.end() // a part of a record may be there: nothing may follow it
	}
}

func (j *journal) fail(err error) {
	j.errors.Inc()
	if why := reason(err).Error(); why != j.broken {
		j.broken = why
		j.log.Error("the journal is not written: should Spate be killed, its last seconds are lost", "folder", j.dir, "err", why)
	}
}

// sync tells the disk to keep what was written, and does not wait for it.
func (j *journal) sync() {
	if j.file == nil || !j.dirty || j.syncing.Swap(true) {
		return
	}
	j.dirty = false
	file := j.file
	j.syncs.Go(func() {
		defer j.syncing.Store(false)
		if err := file.Sync(); err != nil {
			j.errors.Inc()
		}
	})
}

// prune removes files that a crash would not need: those before the newest one
// that was begun long enough ago.
func (j *journal) prune(at int64) {
	keep := j.keep.Milliseconds()
	for len(j.old) > 1 && (j.old[0].ended <= at-keep || j.old[0].ended > at+keep) { // the latter by another clock
		j.remove()
	}
}

func (j *journal) remove() {
	o := j.old[0]
	if err := os.Remove(j.path(o.number)); err != nil && !errors.Is(err, os.ErrNotExist) {
		j.fail(err)
	}
	j.bytes.Add(-o.size)
	j.old = j.old[1:]
}

// discard removes all files: the store is closed and all is on its disk.
func (j *journal) discard() {
	j.buf = j.buf[:0]
	if j.file != nil {
		j.end()
	}
	for len(j.old) > 0 {
		j.remove()
	}
}

// leave closes the open file and keeps all, for the next start.
func (j *journal) leave() {
	j.pause()
	j.syncs.Wait()
}
