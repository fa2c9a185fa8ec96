package storage

import (
	"fmt"
	"log/slog"
	"sync"
	"syscall"

	"spate"
)

// A space guard closes the store for writing before its disk is full: the
// engine ends the process when it cannot write. Polling, the ring and reading go
// on meanwhile.
type space struct {
	path    string
	minFree uint64 // 0: by the size of the file system
	ask     func(string) (free, size uint64, err error)
	largest func() uint64 // octets of the largest part, which a merge writes anew
	log     *slog.Logger

	mu     sync.Mutex
	reason string // why nothing is written; empty: it is
	free   uint64
	part   uint64 // largest part as last asked
	looks  int
}

const (
	// margin is how much above the limit must be free before writing resumes, so
	// that a store on the edge does not open and close with every merge.
	margin = 20 // the limit's 1/20
	// partsEvery is how many looks, one a second, the largest part is believed for.
	partsEvery = 600
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
	if s.looks%partsEvery == 0 {
		s.part = s.largest()
	}
	s.looks++
	return max(min(2<<30, size/10), 2*s.part)
}

// look measures, and opens or closes the store. engineClosed tells that the
// engine itself has stopped writing.
func (s *space) look(engineClosed bool) {
	free, size, err := s.ask(s.path)
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.reason
	limit := s.limit(size)
	need := limit
	if was != "" {
		need += limit / margin
	}
	s.free = free
	switch {
	case err != nil:
		s.reason = fmt.Sprintf("free space of %s cannot be told: %v", s.path, err)
	case free < need:
		s.reason = fmt.Sprintf("%s has %v free, storage.min_free is %v: make room there", s.path, spate.Octets(free), spate.Octets(limit))
	case engineClosed:
		s.reason = fmt.Sprintf("the engine found less than %v free in %s: make room there", spate.Octets(limit), s.path)
	default:
		s.reason = ""
	}
	switch {
	case was == "" && s.reason != "":
		s.log.Error("the store does not write, polling goes on", "why", s.reason)
	case was != "" && s.reason == "":
		s.log.Warn("the store writes again", "free", free)
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
