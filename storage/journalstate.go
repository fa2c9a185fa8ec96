package storage

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"spate"
)

// The state of the writer, little endian: what the next rounds are added to.
//
//	int64     when buckets were last looked through, int64 when ports were, ms of the data
//	uint32    ports with an open slot, of each
//	          uint16 length and text of device, the same of ifName
//	          int64 start of the slot, int64 end of the newest rate, ms
//	          uint16 set of metrics known, of each float64 sum, float32 ms known
//	          the open buckets, as the snapshot of accumulators has them

// state is what a file of the journal begins with.
func (w *writer) state() []byte { return w.appendState(nil) }

func (w *writer) appendState(b []byte) []byte {
	ps := w.e.ports
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	b = slices.Grow(b, 64+len(ps.byID)*160+len(ps.sums)*600)
	b = binary.LittleEndian.AppendUint64(b, uint64(w.tidied))
	b = binary.LittleEndian.AppendUint64(b, uint64(w.swept))
	count, n := len(b), uint32(0)
	b = append(b, 0, 0, 0, 0)
	for id, p := range ps.byID {
		if p.slots.open && len(id.Device) <= math.MaxUint16 && len(id.Name) <= math.MaxUint16 {
			b = p.slots.append(appendText(appendText(b, id.Device), id.Name))
			n++
		}
	}
	binary.LittleEndian.PutUint32(b[count:], n)
	return ps.sums.append(b)
}

func (s *slots) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(s.at))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.end))
	set := uint16(0)
	for m, ms := range s.known {
		if ms > 0 {
			set |= 1 << m
		}
	}
	b = binary.LittleEndian.AppendUint16(b, set)
	for m, ms := range s.known {
		if ms > 0 {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s.sum[m]))
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(ms))
		}
	}
	return b
}

// A journalState is a state as read.
type journalState struct {
	tidied, swept int64
	slots         map[spate.PortID]slots
	sums          accumulators
}

// readState reads a state of a raw tier of the given step.
func readState(body []byte, step int64) (*journalState, error) {
	d := newDecoder(body)
	st := &journalState{tidied: d.int64(), swept: d.int64(), slots: map[spate.PortID]slots{}, sums: accumulators{}}
	for range d.uint32() {
		id := spate.PortID{Device: d.text(), Name: d.text()}
		s := d.slots(step)
		if d.bad {
			return nil, errJournal
		}
		st.slots[id] = s
	}
	if d.bad {
		return nil, errJournal
	}
	if err := st.sums.restore(bytes.NewReader(body[len(body)-d.Len():])); err != nil {
		return nil, err
	}
	return st, nil
}

func (d *decoder) slots(step int64) slots {
	s := slots{open: true, at: d.int64(), end: d.int64()}
	set := d.uint16()
	d.bad = d.bad || s.at < 0 || floor(s.at, step) != s.at || s.end < s.at || s.end > s.at+step || set >= 1<<spate.NumMetrics
	for m := range s.known {
		if set&(1<<m) == 0 {
			continue
		}
		s.sum[m], s.known[m] = d.float64(), d.float32()
		d.bad = d.bad || !(s.known[m] > 0 && s.known[m] <= float32(step)) || !sane(s.sum[m]/float64(s.known[m]))
	}
	return s
}

// restore makes the state the writer's own. Ports that are in memory already
// keep their rings, which know more than one file.
func (w *writer) restore(st *journalState) {
	ps := w.e.ports
	ps.mu.Lock()
	defer ps.mu.Unlock()
	w.tidied, w.swept = st.tidied, st.swept
	ps.sums = st.sums
	for id, p := range ps.byID {
		p.sums = ps.sums.get(id)
		p.slots = slots{}
	}
	for id, s := range st.slots {
		ps.get(id).slots = s
	}
}
