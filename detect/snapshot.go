package detect

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"slices"

	"spate"
)

// snapshotMagic begins a snapshot and names the layout: a Series or habits that
// change need another.
const snapshotMagic = "spate baseline 2\n"

const (
	longestName = 1 << 12
	mostPorts   = 1 << 20 // of a device
)

// ErrSnapshot is what a snapshot gives that is damaged, cut short or none.
var ErrSnapshot = errors.New("not a whole snapshot of baselines")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save writes what is known of all ports. Devices are locked one by one, so that
// polling goes on.
func (w *Watch) Save(to io.Writer) error {
	sum := crc32.New(castagnoli)
	out := bufio.NewWriterSize(io.MultiWriter(to, sum), 1<<16)
	out.WriteString(snapshotMagic)
	w.mu.RLock()
	names := slices.Sorted(maps.Keys(w.devices))
	w.mu.RUnlock()
	var b []byte
	for _, name := range names {
		b = w.device(name).append(b[:0], name)
		if _, err := out.Write(b); err != nil {
			return fmt.Errorf("write baselines: %w", err)
		}
	}
	out.Write(binary.AppendUvarint(nil, 0)) // no name: the end
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write baselines: %w", err)
	}
	if _, err := to.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("write baselines: %w", err)
	}
	return nil
}

func (d *deviceMemory) append(b []byte, name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ports) == 0 {
		return b
	}
	b = appendName(b, name)
	b = binary.AppendUvarint(b, uint64(len(d.ports)))
	for _, port := range slices.Sorted(maps.Keys(d.ports)) {
		b = appendName(b, port)
		p := d.ports[port]
		for m := range p.series {
			b = p.series[m].append(b)
		}
		b = p.habits.append(b)
	}
	return b
}

func appendName(b []byte, name string) []byte {
	b = binary.AppendUvarint(b, uint64(len(name)))
	return append(b, name...)
}

// Load reads what Save wrote, into a Watch that has seen nothing. What is damaged
// is refused as a whole: half a memory would cry.
func (w *Watch) Load(from io.Reader) error {
	r := &summed{r: bufio.NewReaderSize(from, 1<<16), sum: crc32.New(castagnoli)}
	magic := make([]byte, len(snapshotMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != snapshotMagic {
		return fmt.Errorf("%w: it begins otherwise", ErrSnapshot)
	}
	devices := map[string]*deviceMemory{}
	for {
		name, err := readName(r)
		if err != nil {
			return err
		}
		if name == "" {
			break
		}
		d, err := readDevice(r)
		if err != nil {
			return fmt.Errorf("%s: %w", spate.Clean(name), err)
		}
		devices[name] = d
	}
	want := r.sum.Sum(nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r.r, got); err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("%w: its checksum is another", ErrSnapshot)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.devices = devices
	return nil
}

// summed sums up what is read.
type summed struct {
	r   *bufio.Reader
	sum hash.Hash32
}

func (s *summed) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.sum.Write(b[:n])
	return n, err
}

func (s *summed) ReadByte() (byte, error) {
	c, err := s.r.ReadByte()
	if err == nil {
		s.sum.Write([]byte{c})
	}
	return c, err
}

func readName(r *summed) (string, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil || n > longestName {
		return "", fmt.Errorf("%w: it ends early", ErrSnapshot)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", fmt.Errorf("%w: it ends early", ErrSnapshot)
	}
	return string(b), nil
}

func readDevice(r *summed) (*deviceMemory, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil || n > mostPorts {
		return nil, fmt.Errorf("%w: a device has no number of ports", ErrSnapshot)
	}
	d := &deviceMemory{ports: map[string]*portMemory{}}
	b := make([]byte, spate.NumUsual*seriesOctets+habitOctets)
	for range n {
		name, err := readName(r)
		if err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, fmt.Errorf("%w: it ends early", ErrSnapshot)
		}
		p := &portMemory{}
		for m := range p.series {
			if err := p.series[m].read(b[m*seriesOctets:]); err != nil {
				return nil, err
			}
		}
		p.habits.read(b[spate.NumUsual*seriesOctets:])
		d.ports[name] = p
	}
	return d, nil
}

const (
	seriesOctets = hoursAWeek + numSlots + 2 + 3 + 4*2*numLevels + 2*numLevels + 2 + 6*4 + 4 + 2 + 1
	habitOctets  = 2*numHabits*4 + 4*4
)

func (s *Series) append(b []byte) []byte {
	b = append(append(append(b, s.usual[:]...), s.slots[:]...), s.recent[:]...)
	b = append(b, s.low, s.hour, s.polls)
	for _, levels := range [...]*[numLevels]uint16{&s.record, &s.rise, &s.today, &s.climbed} {
		for _, v := range levels {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
	}
	b = append(append(append(b, s.peak[:]...), s.height[:]...), s.long[:]...)
	for _, v := range [...]uint32{s.since, s.at, s.alarmed, s.calm, s.slot, uint32(s.day), math.Float32bits(s.sum)} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return append(binary.LittleEndian.AppendUint16(b, s.count), s.flags)
}

func (s *Series) read(b []byte) error {
	take := func(n int) []byte {
		out := b[:n]
		b = b[n:]
		return out
	}
	copy(s.usual[:], take(hoursAWeek))
	copy(s.slots[:], take(numSlots))
	copy(s.recent[:], take(2))
	s.low, s.hour, s.polls = b[0], b[1], b[2]
	take(3)
	for _, levels := range [...]*[numLevels]uint16{&s.record, &s.rise, &s.today, &s.climbed} {
		for j := range levels {
			levels[j] = binary.LittleEndian.Uint16(take(2))
		}
	}
	copy(s.peak[:], take(numLevels))
	copy(s.height[:], take(numLevels))
	copy(s.long[:], take(2))
	var day, sum uint32
	for _, v := range [...]*uint32{&s.since, &s.at, &s.alarmed, &s.calm, &s.slot, &day, &sum} {
		*v = binary.LittleEndian.Uint32(take(4))
	}
	s.day, s.sum = int32(day), math.Float32frombits(sum)
	s.count, s.flags = binary.LittleEndian.Uint16(take(2)), b[0]
	if s.hour >= hoursAWeek || !(s.sum >= 0) {
		return fmt.Errorf("%w: a series has impossible figures", ErrSnapshot)
	}
	return nil
}

func (h *habits) append(b []byte) []byte {
	for _, list := range [...]*[numHabits]float32{&h.most, &h.today} {
		for _, v := range list {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	for _, v := range [...]uint32{uint32(h.day), h.silent, h.alarmed, h.since} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func (h *habits) read(b []byte) {
	next := func() uint32 {
		v := binary.LittleEndian.Uint32(b)
		b = b[4:]
		return v
	}
	for _, list := range [...]*[numHabits]float32{&h.most, &h.today} {
		for i := range list {
			if v := math.Float32frombits(next()); v >= 0 {
				list[i] = v
			}
		}
	}
	h.day = int32(next())
	h.silent, h.alarmed, h.since = next(), next(), next()
}
