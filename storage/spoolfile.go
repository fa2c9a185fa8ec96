package storage

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *spool) load(number uint64) error {
	s.next = number + 1
	seg := &segment{number: number}
	name := s.path(seg)
	b, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("storage: read %s: %w: give it to user %d", name, reason(err), os.Getuid())
	}
	rest := parseBlocks(b, func(off, n, rows int, put int64) {
		seg.newest = max(seg.newest, put)
		seg.waiting = append(seg.waiting, &block{in: seg, off: int64(off), len: n, rows: rows, put: put})
		s.rows += int64(rows)
	})
	if rest > 0 {
		s.trouble = fmt.Sprintf("the last %d octets of %s are no whole block: they are left out", rest, name)
	}
	if seg.open = len(seg.waiting); seg.open == 0 {
		_ = os.Remove(name) // it would be read in vain again, no more
		return nil
	}
	seg.size = int64(len(b))
	s.octets += seg.size
	s.files = append(s.files, seg)
	return nil
}

// parseBlocks calls each for every whole block of a file, and tells how many
// octets at its end are none.
func parseBlocks(b []byte, each func(off, n, rows int, put int64)) (rest int) {
	off := 0
	for len(b)-off >= blockHead {
		head := b[off : off+blockHead]
		n := int(binary.BigEndian.Uint32(head))
		if n == 0 || n > mostOfBlock || n > len(b)-off-blockHead {
			break
		}
		end := off + blockHead + n
		if crc32.Checksum(b[off+8:end], castagnoli) != binary.BigEndian.Uint32(head[4:]) {
			break
		}
		rows, put := binary.BigEndian.Uint32(head[8:]), binary.BigEndian.Uint64(head[12:])
		if rows > mostOfBlock || put > 1<<62 {
			break
		}
		each(off+blockHead, n, int(rows), int64(put))
		off = end
	}
	return len(b) - off
}

// appendBlock is parseBlocks the other way round.
func appendBlock(b, payload []byte, rows int, put int64) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(rows))
	b = binary.BigEndian.AppendUint64(b, uint64(put))
	b = append(b, payload...)
	binary.BigEndian.PutUint32(b[start+4:], crc32.Checksum(b[start+8:], castagnoli))
	return b
}
