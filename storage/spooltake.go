package storage

import (
	"fmt"
	"io"
	"os"
	"slices"
)

// A fate is what became of a block that was sent.
type fate uint8

const (
	delivered   fate = iota
	undelivered      // to be sent again
	refusedIt        // whoever got it does not want it, for now set aside
	poison           // nobody will ever want it
	unreadable       // the disk does not give it back
)

// take gives the newest block that waits, and its octets. The caller settles it
// before it takes another. Blocks that were refused come when nothing else
// waits, or when others were taken since: see sender.
func (s *spool) take(goods uint64) (b *block, payload []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trim()
	if b = s.pick(goods); b == nil {
		return nil, nil, false
	}
	payload, err := s.read(b)
	if err != nil {
		s.trouble = err.Error()
		s.settled(b, unreadable)
		return nil, nil, true
	}
	return b, payload, true
}

func (s *spool) pick(goods uint64) *block {
	for i, b := range s.refused {
		if b.goods != goods {
			s.refused = slices.Delete(s.refused, i, i+1)
			return b
		}
	}
	for i := len(s.files) - 1; i >= 0; i-- {
		seg := s.files[i]
		if n := len(seg.waiting); n > 0 {
			b := seg.waiting[n-1]
			seg.waiting = seg.waiting[:n-1]
			return b
		}
	}
	if len(s.refused) > 0 {
		b := s.refused[0]
		s.refused = slices.Delete(s.refused, 0, 1)
		return b
	}
	return nil
}

func (s *spool) read(b *block) ([]byte, error) {
	if b.memory != nil {
		return b.memory, nil
	}
	name := s.path(b.in)
	file, payload := b.in.file, make([]byte, b.len)
	if file == nil {
		var err error
		if file, err = os.Open(name); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, reason(err))
		}
		defer file.Close()
	}
	if _, err := file.ReadAt(payload, b.off); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read %s: %w", name, reason(err))
	}
	return payload, nil
}

// settle says what became of the block that was taken.
func (s *spool) settle(b *block, f fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled(b, f)
}

func (s *spool) settled(b *block, f fate) {
	switch {
	case f == undelivered && !b.in.gone:
		b.in.waiting = append(b.in.waiting, b)
		return
	case f == refusedIt && !b.in.gone:
		s.refused = append(s.refused, b)
		return
	}
	s.forget(b)
	why := map[fate]string{undelivered: tooMany, refusedIt: tooMany, poison: notTaken, unreadable: damagedOnDisk}[f]
	if why != "" {
		s.cfg.onLost(b.rows, why)
		s.lost += int64(b.rows)
	}
	if b.in.open--; b.in.open == 0 && !b.in.gone {
		s.emptied(b.in)
	}
}

// emptied is called when all blocks of a segment are out. The file that grows is
// used again: while all goes well no files come and go.
func (s *spool) emptied(seg *segment) {
	if seg.file == nil || seg.file.Truncate(0) != nil {
		s.drop(seg)
		return
	}
	s.octets -= seg.size
	seg.size, seg.newest = 0, 0
}
