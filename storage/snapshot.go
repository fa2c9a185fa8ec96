package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"spate"
)

// accumulators are those of all ports, also of ports that have had no rate since
// the start. They are guarded by the lock of ports.
type accumulators map[spate.PortID]*accumulator

func (as accumulators) get(id spate.PortID) *accumulator {
	a := as[id]
	if a == nil {
		a = &accumulator{}
		as[id] = a
	}
	return a
}

// A snapshot of the open buckets, so that they go on after a restart. Its form,
// little endian:
//
//	8 octets  "spateacc"
//	uint16    version, 1
//	uint32    ports, each of
//	          uint16 length and text of device, the same of ifName
//	          int64 end, uint8 turn
//	          per level: int64 first (0: no more of this level), uint16 set of metrics known, of each
//	          float64 sum, uint32 known, float64 most, and float64 least where it is kept
//	uint32    CRC-32C of all before
const (
	snapshotMagic   = "spateacc"
	snapshotVersion = 1
	mostSnapshot    = 2 << 30 // octets; a million ports have 1.1 GB
)

var errSnapshot = errors.New("the open five minutes and hours are damaged")

// snapshot writes what is open.
func (as accumulators) snapshot(to io.Writer) error {
	_, err := to.Write(as.append(make([]byte, 0, 64+len(as)*600)))
	return err
}

func (as accumulators) append(b []byte) []byte {
	start := len(b)
	b = append(b, snapshotMagic...)
	b = binary.LittleEndian.AppendUint16(b, snapshotVersion)
	count := len(b)
	b = append(b, 0, 0, 0, 0)
	n := uint32(0)
	for id, a := range as {
		if len(id.Device) > math.MaxUint16 || len(id.Name) > math.MaxUint16 {
			continue // the engine does not keep such a name either
		}
		b = appendText(appendText(b, id.Device), id.Name)
		b = append(binary.LittleEndian.AppendUint64(b, uint64(a.end)), byte(a.turn))
		for l := range a.levels {
			b = a.levels[l].open.append(b)
		}
		n++
	}
	binary.LittleEndian.PutUint32(b[count:], n)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

func appendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(s))), s...)
}

func (k *bucket) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(k.first))
	if k.first == 0 {
		return b
	}
	set := uint16(0)
	for m, ms := range k.known {
		if ms > 0 {
			set |= 1 << m
		}
	}
	b = binary.LittleEndian.AppendUint16(b, set)
	for m, ms := range k.known {
		if ms == 0 {
			continue
		}
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(k.sum[m]))
		b = binary.LittleEndian.AppendUint32(b, ms)
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(k.most[m]))
		if m < minMetrics {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(k.least[m]))
		}
	}
	return b
}

// restore reads a snapshot; all of it or, with an error, nothing.
func (as accumulators) restore(from io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(from, mostSnapshot))
	if err != nil {
		return err
	}
	head := len(snapshotMagic) + 2 + 4
	if len(b) < head+4 || string(b[:len(snapshotMagic)]) != snapshotMagic {
		return errSnapshot
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return errSnapshot
	}
	if v := binary.LittleEndian.Uint16(b[len(snapshotMagic):]); v != snapshotVersion {
		return fmt.Errorf("%w: version %d, this Spate knows %d", errSnapshot, v, snapshotVersion)
	}
	d := newDecoder(body[head:])
	found := accumulators{}
	for range binary.LittleEndian.Uint32(b[head-4:]) {
		id := spate.PortID{Device: d.text(), Name: d.text()}
		a := &accumulator{end: d.int64(), turn: int64(d.take(1)[0])}
		for l := range a.levels {
			d.bucket(l, &a.levels[l].open)
		}
		if d.bad || a.end < 0 || a.turn >= gridUnit.Milliseconds() {
			return errSnapshot
		}
		found[id] = a
	}
	if d.bad || d.Len() != 0 {
		return errSnapshot
	}
	for id, a := range found {
		as[id] = a
	}
	return nil
}

// A decoder reads little-endian values; bad once something was not there.
type decoder struct {
	*bytes.Reader
	bad bool
	buf [8]byte
}

func newDecoder(b []byte) *decoder { return &decoder{Reader: bytes.NewReader(b)} }

func (d *decoder) take(n int) []byte {
	b := d.buf[:n]
	if _, err := io.ReadFull(d.Reader, b); err != nil {
		d.bad = true
		clear(b)
	}
	return b
}

func (d *decoder) uint16() uint16   { return binary.LittleEndian.Uint16(d.take(2)) }
func (d *decoder) uint32() uint32   { return binary.LittleEndian.Uint32(d.take(4)) }
func (d *decoder) int64() int64     { return int64(binary.LittleEndian.Uint64(d.take(8))) }
func (d *decoder) float64() float64 { return math.Float64frombits(uint64(d.int64())) }
func (d *decoder) float32() float32 { return math.Float32frombits(d.uint32()) }

func (d *decoder) uvarint() uint64 {
	n, err := binary.ReadUvarint(d.Reader)
	if err != nil {
		d.bad = true
		return 0
	}
	return n
}

func (d *decoder) text() string {
	n := int(d.uint16())
	if n > d.Len() {
		d.bad = true
		return ""
	}
	b := make([]byte, n)
	_, _ = d.Read(b) // it has as many
	return string(b)
}

func (d *decoder) bucket(level int, k *bucket) {
	if k.first = d.int64(); k.first == 0 {
		return
	}
	set := d.uint16()
	d.bad = d.bad || k.first < 0 || set == 0 || set >= 1<<spate.NumMetrics
	for m := range k.known {
		if set&(1<<m) == 0 {
			continue
		}
		k.sum[m], k.known[m], k.most[m] = d.float64(), d.uint32(), d.float64()
		if m < minMetrics {
			k.least[m] = d.float64()
		}
		ms := int64(k.known[m])
		d.bad = d.bad || ms == 0 || ms > levelSteps[level] || !sane(k.sum[m]/float64(ms)) || !sane(k.most[m]) || m < minMetrics && !sane(k.least[m])
	}
}

// sane tells a rate that can be.
func sane(x float64) bool { return x >= 0 && x <= mostValue*(1+1e-9) }
