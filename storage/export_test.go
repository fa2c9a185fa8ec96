package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"log/slog"
	"math"
	"slices"

	"spate"
)

// StepsOf reads a marker: pairs of since and step in ms.
func StepsOf(b []byte) ([][2]int64, error) {
	m, err := parseMarker("spate-store", b)
	if err != nil {
		return nil, err
	}
	var out [][2]int64
	for _, e := range m.Steps {
		out = append(out, [2]int64{e.Since, e.Step})
	}
	return out, nil
}

// Tell logs a message of the engine.
func Tell(log *slog.Logger, message string) { tell(log, message) }

// EncodeDevice and DecodeDevice are the stored form of a device.
var (
	EncodeDevice = encodeDevice
	DecodeDevice = decodeDevice
)

// PagesWritten counts what went to state.db since it was opened.
func PagesWritten(s *State) int64 {
	stats := s.db.Stats()
	return stats.TxStats.GetPageCount()
}

// Exported is a line of an export.
type Exported struct {
	Name, Device, Port string
	Values             []float64
	Times              []int64
}

// ParseExported reads a line of an export.
func ParseExported(line []byte) (Exported, error) {
	var e exported
	err := e.parse(line)
	return Exported{e.name, e.device, e.port, e.values, e.times}, err
}

// ParseExportedSlowly does so by encoding/json alone.
func ParseExportedSlowly(line []byte) (Exported, error) {
	var e exported
	err := e.parseSlowly(line)
	return Exported{e.name, e.device, e.port, e.values, e.times}, err
}

// PushNow brings what was written into the queue, or to the engine, and does
// not wait until it was sent.
func PushNow(ctx context.Context, r *Remote) error { return r.store.Flush(ctx) }

// Spool is the queue on disk.
type Spool struct{ s *spool }

// Block is one block of it that was taken.
type Block struct{ b *block }

// Fates of a block.
const (
	Delivered   = delivered
	Undelivered = undelivered
	RefusedIt   = refusedIt
	Poison      = poison
)

// SpoolConfig is what a test sets of a queue.
type SpoolConfig struct {
	Most, Age int64
	Now       func() int64
	Room      func() error
	OnLost    func(rows int, why string)
}

// OpenSpool opens a queue.
func OpenSpool(dir string, c SpoolConfig) (*Spool, error) {
	s, err := openSpool(dir, spoolConfig{most: c.Most, age: c.Age, now: c.Now, room: c.Room, onLost: c.OnLost})
	return &Spool{s}, err
}

// Put queues a block.
func (s *Spool) Put(payload []byte, rows int) { s.s.put(payload, rows) }

// Take gives the newest block.
func (s *Spool) Take(goods uint64) (*Block, []byte) {
	for {
		b, payload, ok := s.s.take(goods)
		if !ok {
			return nil, nil
		}
		if b != nil {
			return &Block{b}, payload
		}
	}
}

// Settle says what became of it.
func (s *Spool) Settle(b *Block, f fate) { s.s.settle(b.b, f) }

// Refused notes how many were taken when the block was refused.
func (b *Block) Refused(goods uint64) { b.b.goods = goods }

// Rows is how many rows wait, Octets what they take, Lost what was dropped.
func (s *Spool) Rows() int64   { return s.s.waiting().rows }
func (s *Spool) Octets() int64 { return s.s.waiting().octets }
func (s *Spool) Lost() int64   { return s.s.waiting().lost }

// Trouble is what the queue has to say.
func (s *Spool) Trouble() string { return s.s.waiting().trouble }

// Close closes the queue.
func (s *Spool) Close() error { return s.s.close() }

// ParseBlocks gives the blocks of a file, and how many octets at its end are none.
func ParseBlocks(b []byte) (blocks [][]byte, rows []int, put []int64, rest int) {
	rest = parseBlocks(b, func(off, n, r int, at int64) {
		blocks, rows, put = append(blocks, b[off:off+n]), append(rows, r), append(put, at)
	})
	return blocks, rows, put, rest
}

// AppendBlock writes one.
var AppendBlock = appendBlock

// WriteSnapshot is the snapshot of one port after slots of one metric.
func WriteSnapshot(to io.Writer, id spate.PortID, at int64, bps []float64) error {
	as := accumulators{}
	for i, x := range bps {
		var v values
		for m := range v {
			v[m] = math.NaN()
		}
		v[spate.InBps], v[spate.InErrorsPs] = x, x/1000
		as.get(id).add(floor(at, 10_000)+int64(i)*10_000, 10_000, &v, func(int, *bucket) {})
	}
	return as.snapshot(to)
}

// RestoreSnapshot restores one and writes it again.
func RestoreSnapshot(b []byte) ([]byte, error) {
	as := accumulators{}
	if err := as.restore(bytes.NewReader(b)); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err := as.snapshot(&out)
	return out.Bytes(), err
}

// Sealed is b with the checksum that makes it a snapshot if it is one otherwise.
func Sealed(b []byte) []byte {
	b = b[:max(len(b)-4, 0)]
	return binary.LittleEndian.AppendUint32(slices.Clone(b), crc32.Checksum(b, castagnoli))
}

// SetPace sets how many values a second come in.
func SetPace(e *Embedded, perSecond float64) { e.pace.perSecond.Store(math.Float64bits(perSecond)) }

// Merge merges the parts of every tier, as the engine does in the hours after.
func Merge(e *Embedded) error {
	var err error
	for k := range e.keepers() {
		err = errors.Join(err, k.(*tier).engine.ForceMergePartitions(""))
	}
	return err
}

// JournalFile writes a file of the journal with an empty state and these rounds.
func JournalFile(step int64, rounds ...*spate.Round) []byte {
	w := &writer{e: &store{ports: newPorts(4)}}
	b := appendRecord(appendHeader(nil, step), recordState, w.state())
	ids := map[spate.PortID]uint32{}
	for _, r := range rounds {
		b = appendRound(b, r, ids)
	}
	return b
}

// A Journalled is one rate of a round of the journal.
type Journalled struct {
	Port spate.PortID
	Rate spate.Rate
}

// ReadJournal reads a file of the journal: its step, and the rates as far as they
// can be read.
func ReadJournal(b []byte) (step int64, rates []Journalled, err error) {
	r, err := newJournalReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return 0, nil, err
	}
	for {
		kind, body, err := r.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return r.step, rates, err
		}
		switch kind {
		case recordState:
			if _, err := readState(body, r.step); err != nil {
				return r.step, rates, err
			}
		case recordRound:
			_, list, err := r.round(body, nil)
			if err != nil {
				return r.step, rates, err
			}
			for _, x := range list {
				rates = append(rates, Journalled{x.port, x.rate})
			}
		}
	}
}

// SealedJournal makes the checksums of a file right, so that a fuzzer gets past them.
func SealedJournal(b []byte) []byte {
	b = slices.Clone(b)
	for at := journalHead; at+recordHead <= len(b); {
		n := int(min(binary.LittleEndian.Uint32(b[at:]), 1<<30))
		if n > len(b)-at-recordHead {
			break
		}
		binary.LittleEndian.PutUint32(b[at+4:], crc32.Checksum(b[at+8:at+recordHead+n], castagnoli))
		at += recordHead + n
	}
	return b
}

// ParseManifest reads a manifest of a backup.
func ParseManifest(text []byte) (*Manifest, error) { return parseManifest(text) }
