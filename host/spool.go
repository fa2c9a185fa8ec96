package host

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	spoolFile  = "snapshots.jsonl"
	mostSpool  = 64 << 20 // octets on disk
	mostMemory = 8 << 20  // octets where there is no folder
	// compactAt is how much of what was sent may stay at the head of the file.
	compactAt = 4 << 20
)

// A spool keeps snapshots until the server has them, on disk where it has a folder.
// What does not fit pushes out the oldest. A process that is killed loses nothing that
// was added; the server knows what it has seen, should a line come twice.
type spool struct {
	path   string
	file   *os.File // nil: in memory
	lines  [][]byte // in memory
	at     []int64  // offsets in the file, of each line
	end    int64
	octets int
	lost   uint64
}

// openSpool takes up what an earlier run has left. dir may be "".
func openSpool(dir string) (*spool, error) {
	s := &spool{}
	if dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s.path = filepath.Join(dir, spoolFile)
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("spool %s is used by another spate agent: %w", dir, err), f.Close())
	}
	s.file = f
	in := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break // what has no end was being written
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			break // no line of ours
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("spool: %w", err), f.Close())
		}
		s.at = append(s.at, s.end)
		s.end += int64(len(line))
	}
	if err := f.Truncate(s.end); err != nil {
		return nil, errors.Join(fmt.Errorf("spool: %w", err), f.Close())
	}
	return s, nil
}

func (s *spool) len() int { return max(len(s.at), len(s.lines)) }

// add keeps one line, which has no line feed.
func (s *spool) add(line []byte) error {
	if s.file == nil {
		s.lines = append(s.lines, line)
		for s.octets += len(line); s.octets > mostMemory && len(s.lines) > 1; {
			s.drop(1)
			s.lost++
		}
		return nil
	}
	for s.size()+int64(len(line)) > mostSpool && len(s.at) > 0 {
		if err := s.drop(max(1, len(s.at)/16)); err != nil {
			return err
		}
		s.lost++
	}
	if _, err := s.file.WriteAt(append(line, '\n'), s.end); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.at = append(s.at, s.end)
	s.end += int64(len(line)) + 1
	return nil
}

func (s *spool) size() int64 {
	if len(s.at) == 0 {
		return 0
	}
	return s.end - s.at[0]
}

// first are the oldest lines, as many as fit into some octets, and one at least.
func (s *spool) first(octets, most int) ([][]byte, error) {
	var out [][]byte
	for i := range min(s.len(), most) {
		line, err := s.line(i)
		if err != nil {
			return nil, err
		}
		if octets -= len(line); octets < 0 && i > 0 {
			break
		}
		out = append(out, line)
	}
	return out, nil
}

func (s *spool) line(i int) ([]byte, error) {
	if s.file == nil {
		return s.lines[i], nil
	}
	end := s.end
	if i+1 < len(s.at) {
		end = s.at[i+1]
	}
	line := make([]byte, end-s.at[i]-1)
	if _, err := s.file.ReadAt(line, s.at[i]); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return line, nil
}

// drop forgets the n oldest lines.
func (s *spool) drop(n int) error {
	if s.file == nil {
		for _, l := range s.lines[:n] {
			s.octets -= len(l)
		}
		s.lines = append([][]byte(nil), s.lines[n:]...)
		return nil
	}
	s.at = s.at[n:]
	switch {
	case len(s.at) == 0:
		s.at, s.end = nil, 0
		return s.file.Truncate(0)
	case s.at[0] > compactAt && s.at[0] > s.size():
		return s.compact()
	}
	return nil
}

// compact moves what is left to the head: into a second file that takes the place of
// the first, so that a kill leaves one of them.
func (s *spool) compact() error {
	next, err := os.OpenFile(s.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	head := s.at[0]
	_, err = io.Copy(next, io.NewSectionReader(s.file, head, s.end-head))
	if err == nil {
		err = lockFile(next)
	}
	if err == nil {
		err = os.Rename(s.path+".new", s.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("spool: %w", err), next.Close())
	}
	old := s.file
	s.file = next
	for i := range s.at {
		s.at[i] -= head
	}
	s.end -= head
	return old.Close()
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
