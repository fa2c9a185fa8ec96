package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A spool is the queue of blocks that wait to be sent, on disk from the moment
// they are put until somebody else has them: neither an outage of days nor the
// end of the process, in any way, loses one. Newest blocks come first, so that
// after an outage what happens now is seen at once. Where it would grow over its
// size, or blocks over their age, the oldest are dropped and counted.
//
// Blocks lie in files of about a mebibyte. A file goes when all its blocks are
// out; until then those that are out already are forgotten by a crash, and sent
// again. That does no harm: a row is always sent with the same time and value.
// While the disk takes nothing blocks wait in memory, up to a bound.
//
// VictoriaMetrics' own persistentqueue was not taken: it gives a block up when
// it is read, knows neither newest first nor age, and ends the process when its
// disk is full.
type spool struct {
	dir  string
	cfg  spoolConfig
	wake chan struct{} // a block was put; holds one

	mu      sync.Mutex
	next    uint64     // number of the next file
	files   []*segment // oldest first; the last one grows
	refused []*block   // set aside by the sender, in no file's list
	octets  int64      // of all files, or in memory
	memory  int64      // of them, in memory
	rows    int64
	lost    int64           // rows dropped
	empty   []chan struct{} // to be closed when nothing waits any more
	trouble string
}

type spoolConfig struct {
	most   int64        // octets
	age    int64        // ms a block may wait
	room   func() error // why the disk takes nothing; nil: it does
	now    func() int64 // ms since 1970
	onLost func(rows int, why string)
}

// A segment is one file of a spool.
type segment struct {
	number  uint64
	file    *os.File // of the one that grows
	size    int64
	newest  int64 // when its newest block was put, ms
	waiting []*block
	open    int // blocks not out yet: waiting, being sent or refused
	gone    bool
}

// A block is a piece of a spool that is sent as a whole.
type block struct {
	in       *segment
	off      int64
	len      int
	memory   []byte // its octets, where the disk did not take them
	rows     int
	put      int64 // when, ms
	refusals int
	goods    uint64 // blocks taken when it was first refused
}

const (
	spoolSuffix   = ".blocks"
	blockHead     = 20           // octets before each block: length, checksum, rows, time
	fullSegment   = 1 << 20      // octets of a file
	mostOfBlock   = 32 << 20     // octets; receivers take no more
	mostInMemory  = 64 << 20     // octets of blocks the disk did not take
	tooOld        = "too_old"    // why rows are lost
	tooMany       = "queue_full" //
	notTaken      = "refused"    //
	damagedOnDisk = "damaged_on_disk"
)

// openSpool reads what an earlier process left in the folder, which it makes
// when absent. A file cut off in mid-block gives the blocks before the cut.
func openSpool(dir string, cfg spoolConfig) (*spool, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("storage: make folder %s: %w: give storage.path to user %d", dir, reason(err), os.Getuid())
	}
	s := &spool{dir: dir, cfg: cfg, wake: make(chan struct{}, 1)}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("storage: read folder %s: %w: give it to user %d", dir, reason(err), os.Getuid())
	}
	for _, e := range entries { // by name, which is by number
		text, ours := strings.CutSuffix(e.Name(), spoolSuffix)
		number, err := strconv.ParseUint(text, 16, 64)
		if !ours || err != nil {
			continue
		}
		if err := s.load(number); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trim()
	return s, nil
}

func (s *spool) path(seg *segment) string {
	return filepath.Join(s.dir, fmt.Sprintf("%016x%s", seg.number, spoolSuffix))
}

// put queues a block. It is on its way to the disk when put returns: the end of
// the process does not lose it, that of the machine may.
func (s *spool) put(payload []byte, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &block{len: len(payload), rows: rows, put: s.cfg.now()}
	s.rows += int64(rows)
	if err := s.store(b, payload); err != nil {
		s.trouble = fmt.Sprintf("what waits to be sent is kept in memory: %v", err)
		s.keep(b, payload)
	} else {
		s.trouble = ""
	}
	s.trim()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// store appends a block to the file that grows.
func (s *spool) store(b *block, payload []byte) error {
	if err := s.cfg.room(); err != nil {
		return err
	}
	seg, err := s.growing()
	if err != nil {
		return err
	}
	record := appendBlock(nil, payload, b.rows, b.put)
	if _, err := seg.file.WriteAt(record, seg.size); err != nil {
		s.seal(seg) // a part of the record may be there
		return fmt.Errorf("write %s: %w", s.path(seg), reason(err))
	}
	b.in, b.off = seg, seg.size+blockHead
	s.join(b, int64(len(record)))
	return nil
}

// keep holds a block in memory, in a segment of its own without a file.
func (s *spool) keep(b *block, payload []byte) {
	b.in, b.memory = &segment{number: s.next}, slices.Clone(payload)
	s.next++
	if n := len(s.files); n > 0 {
		s.seal(s.files[n-1])
	}
	s.files = append(s.files, b.in)
	s.memory += int64(b.len)
	s.join(b, int64(b.len))
	s.trimMemory()
}

func (s *spool) join(b *block, size int64) {
	seg := b.in
	seg.size += size
	seg.newest = max(seg.newest, b.put)
	seg.waiting = append(seg.waiting, b)
	seg.open++
	s.octets += size
}

// growing is the file that takes the next block.
func (s *spool) growing() (*segment, error) {
	if n := len(s.files); n > 0 && s.files[n-1].file != nil {
		seg := s.files[n-1]
		if seg.size < min(fullSegment, s.cfg.most/8) {
			return seg, nil
		}
		s.seal(seg)
	}
	seg := &segment{number: s.next}
	file, err := os.OpenFile(s.path(seg), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", s.path(seg), reason(err))
	}
	s.next++
	seg.file = file
	s.files = append(s.files, seg)
	return seg, nil
}

// seal lets a file grow no more.
func (s *spool) seal(seg *segment) {
	if seg.file != nil {
		_ = seg.file.Close() // written by WriteAt, whose error was looked at
		seg.file = nil
	}
	if seg.open == 0 {
		s.drop(seg)
	}
}

// drop forgets a segment and removes its file.
func (s *spool) drop(seg *segment) {
	if seg.file != nil {
		_ = seg.file.Close()
		seg.file = nil
	}
	seg.gone = true
	s.octets -= seg.size
	if i := slices.Index(s.files, seg); i >= 0 {
		s.files = slices.Delete(s.files, i, i+1)
	}
	if err := os.Remove(s.path(seg)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.trouble = fmt.Sprintf("remove %s: %v", s.path(seg), reason(err))
	}
}

// trim drops the oldest segments while the spool is too large, or they too old.
func (s *spool) trim() {
	for len(s.files) > 0 {
		seg := s.files[0]
		switch {
		case s.octets > s.cfg.most:
			s.lose(seg, tooMany)
		case seg.newest < s.cfg.now()-s.cfg.age && seg.open > 0:
			s.lose(seg, tooOld)
		default:
			return
		}
	}
}

// trimMemory does the same for blocks the disk did not take.
func (s *spool) trimMemory() {
	for s.memory > mostInMemory {
		i := slices.IndexFunc(s.files, func(seg *segment) bool { return len(seg.waiting) == 1 && seg.waiting[0].memory != nil })
		if i < 0 {
			return
		}
		s.lose(s.files[i], tooMany)
	}
}

// lose drops a segment with blocks that are not out. One that is just being sent
// is not lost yet: its fate comes with settle.
func (s *spool) lose(seg *segment, why string) {
	out := func(b *block) {
		s.forget(b)
		s.cfg.onLost(b.rows, why)
		s.lost += int64(b.rows)
	}
	for _, b := range seg.waiting {
		out(b)
	}
	s.refused = slices.DeleteFunc(s.refused, func(b *block) bool {
		if b.in == seg {
			out(b)
		}
		return b.in == seg
	})
	seg.waiting = nil
	s.drop(seg)
}

func (s *spool) forget(b *block) {
	s.rows -= int64(b.rows)
	s.tellEmpty()
	if b.memory != nil {
		s.memory -= int64(b.len)
		b.memory = nil
	}
}

// whenEmpty is closed when nothing waits any more.
func (s *spool) whenEmpty() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := make(chan struct{})
	s.empty = append(s.empty, done)
	s.tellEmpty()
	return done
}

func (s *spool) tellEmpty() {
	if s.rows > 0 {
		return
	}
	for _, done := range s.empty {
		close(done)
	}
	s.empty = nil
}

// A waiting is what a spool holds.
type waiting struct {
	octets, rows, lost int64
	oldest             int64 // when its oldest block was put, ms; 0 none
	trouble            string
}

func (s *spool) waiting() waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := waiting{rows: s.rows, lost: s.lost, trouble: s.trouble}
	for _, seg := range s.files {
		if seg.open > 0 {
			w.octets += seg.size
		}
	}
	if len(s.files) > 0 && len(s.files[0].waiting) > 0 {
		w.oldest = s.files[0].waiting[0].put
	}
	return w
}

// close gives the files free; what waits in memory only is lost.
func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range slices.Clone(s.files) {
		switch {
		case seg.open == 0:
			s.drop(seg)
		case seg.file != nil:
			_ = seg.file.Close()
			seg.file = nil
		}
	}
	if s.memory > 0 {
		return fmt.Errorf("storage: %d octets that waited to be sent are lost: %s", s.memory, s.trouble)
	}
	return nil
}
