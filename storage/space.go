package storage

import (
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"spate"
)

// A space guard closes the store for writing before its disk is full: the
// engine ends the process when it cannot write. Polling, the ring and reading go
// on meanwhile.
type space struct {
	path    string
	minFree uint64 // 0: by the size of the file system
	ask     func(string) (free, size uint64, err error)
	told    func(string)  // of Config; nil: nobody
	largest func() uint64 // octets of the largest part, which a merge writes anew
	unsaved func() uint64 // octets in memory that closing the store writes; nil: none
	log     *slog.Logger

	part    uint64    // largest part as last asked
	asked   time.Time // when
	memory  uint64    // what the engine had in memory when the store was last open
	weighed time.Time // when that was asked
	near    bool      // so little is free that a merge may take it within a second

	mu     sync.Mutex
	reason string // why nothing is written; empty: it is
	free   uint64
}

const (
	// margin is how much above the limit must be free before writing resumes, so
	// that a store on the edge does not open and close with every merge.
	margin = 20 // the limit's 1/20
	// nearly is how many times the limit are near to it: a merge writes as much as
	// there is room for, at the speed of the disk.
	nearly = 8
	// weighEvery is how often the engine is asked what it has in memory, which costs
	// more than asking the disk.
	weighEvery = time.Second
	// spaceNear is how often the disk is looked at near the limit, else once a second.
	spaceNear = 50 * time.Millisecond
	// The largest part is believed for so long, far from the limit and near to it.
	partsEvery, partsSoon = 10 * time.Minute, 2 * time.Second
)

func diskSpace(path string) (free, size uint64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return 0, 0, err
	}
	return st.Bavail * uint64(st.Bsize), st.Blocks * uint64(st.Bsize), nil
}

// limit is the octets to keep free on a file system of the given size: what the
// operator says, else min(2 GiB, a tenth), never less than two of the largest
// part.
func (s *space) limit(size uint64) uint64 {
	if s.minFree > 0 {
		return s.minFree
	}
	every := partsEvery
	if s.near {
		every = partsSoon
	}
	if s.asked.IsZero() || time.Since(s.asked) >= every {
		s.part, s.asked = s.largest(), time.Now()
	}
	return max(min(2<<30, size/10), 2*s.part)
}

// look measures, and opens or closes the store.
func (s *space) look() {
	free, size, err := s.ask(s.path)
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.reason
	limit := s.limit(size)
	need := limit
	if was == "" && s.unsaved != nil && time.Since(s.weighed) >= weighEvery {
		s.memory, s.weighed = s.unsaved(), time.Now()
	}
	if was != "" {
		need += limit / margin
	}
	need += s.memory // while closed what it was: else closing would open it again
	s.free, s.near = free, free < nearly*limit
	switch {
	case err != nil:
		s.reason = fmt.Sprintf("free space of %s cannot be told: %v", s.path, err)
	case free >= limit && free < need: // more than the limit is free, and yet it is shut
		s.reason = fmt.Sprintf("%s has %v free, and %v are wanted before it writes again, for storage.min_free (%v) and what waits in memory: make room there", s.path, spate.Octets(free), spate.Octets(need), spate.Octets(limit))
	case free < need:
		s.reason = fmt.Sprintf("%s has %v free, storage.min_free is %v: make room there", s.path, spate.Octets(free), spate.Octets(limit))
	default:
		s.reason = ""
	}
	switch {
	case was == "" && s.reason != "":
		s.log.Error("the store does not write, polling goes on", "why", s.reason)
		s.tell(s.reason)
	case was != "" && s.reason == "":
		s.log.Warn("the store writes again", "free", free)
		s.tell("")
	}
}

func (s *space) tell(trouble string) {
	if s.told != nil {
		s.told(trouble)
	}
}

func (s *space) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason != ""
}

func (s *space) why() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}
