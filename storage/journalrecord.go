package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"time"

	"spate"
)

// A file of the journal, little endian:
//
//	8 octets  "spatejou"
//	uint16    version, 1
//	int64     step of the raw tier, ms
//	records of
//	uint32    length of the body
//	uint32    CRC-32C of kind and body
//	uint8     kind: 1 the writer's state, once, first; 2 a round; 3 all that came of
//	          the rounds so far was put where no crash reaches it
//	body
//
// A round: int64 its time in ms, uvarint number of rates, of each
//
//	uvarint   number of the port in this file; the next free one is followed by
//	          uint16 length and text of device, the same of ifName
//	int64     end in ns since 1970, int64 length in ns
//	uint16    set of metrics known, uint16 set of those other than 0
//	float64   of each of the latter
const (
	journalMagic   = "spatejou"
	journalVersion = 1
	journalHead    = len(journalMagic) + 2 + 8
	recordHead     = 9

	recordState = 1
	recordRound = 2
	recordSafe  = 3

	mostRecord = 2 << 30 // octets
)

var (
	errJournal = errors.New("the journal is damaged")
	errTorn    = errors.New("the journal ends in mid-record")
)

func appendHeader(b []byte, step int64) []byte {
	b = append(b, journalMagic...)
	b = binary.LittleEndian.AppendUint16(b, journalVersion)
	return binary.LittleEndian.AppendUint64(b, uint64(step))
}

func appendRecord(b []byte, kind byte, body []byte) []byte {
	start := len(b)
	return sealRecord(append(startRecord(b), body...), start, kind)
}

// startRecord makes room for the head of a record, which sealRecord fills in.
func startRecord(b []byte) []byte { return append(b, make([]byte, recordHead)...) }

// sealRecord fills in the head of the record that begins at start.
func sealRecord(b []byte, start int, kind byte) []byte {
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-recordHead))
	b[start+8] = kind
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(b[start+8:], castagnoli))
	return b
}

// appendRound appends the record of a round. ids are the ports the file has
// named so far; those new in it are added.
func appendRound(b []byte, r *spate.Round, ids map[spate.PortID]uint32) []byte {
	start := len(b)
	b = startRecord(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.At.UnixMilli()))
	n := 0
	for i := range r.Readings {
		if journalled(&r.Readings[i]) {
			n++
		}
	}
	b = binary.AppendUvarint(b, uint64(n))
	for i := range r.Readings {
		rd := &r.Readings[i]
		if !journalled(rd) {
			continue
		}
		id, known := ids[rd.Port.ID]
		if !known {
			id = uint32(len(ids))
			ids[rd.Port.ID] = id
		}
		b = binary.AppendUvarint(b, uint64(id))
		if !known {
			b = appendText(appendText(b, rd.Port.ID.Device), rd.Port.ID.Name)
		}
		b = appendRate(b, &rd.Rate)
	}
	return sealRecord(b, start, recordRound)
}

// journalled tells whether a reading has a rate to keep. A name that no engine keeps
// is nobody's.
func journalled(rd *spate.Reading) bool {
	return rd.Gap == "" && rd.Rate.Over > 0 && rd.Port != nil &&
		len(rd.Port.ID.Device) <= math.MaxUint16 && len(rd.Port.ID.Name) <= math.MaxUint16
}

func appendRate(b []byte, r *spate.Rate) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(r.At.UnixNano()))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Over))
	known, some := uint16(0), uint16(0)
	for m, x := range r.Values {
		if x == x { // not NaN
			known |= 1 << m
		}
		if x == x && x != 0 {
			some |= 1 << m
		}
	}
	b = binary.LittleEndian.AppendUint16(b, known)
	b = binary.LittleEndian.AppendUint16(b, some)
	for m, x := range r.Values {
		if some&(1<<m) != 0 {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
	}
	return b
}

// A journalReader reads one file.
type journalReader struct {
	from  io.Reader
	left  int64 // octets of the file not read yet
	step  int64 // ms
	ports []spate.PortID
	body  []byte
}

func newJournalReader(from io.Reader, size int64) (*journalReader, error) {
	head := make([]byte, journalHead)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, errTorn
	}
	if string(head[:len(journalMagic)]) != journalMagic {
		return nil, errJournal
	}
	if v := binary.LittleEndian.Uint16(head[len(journalMagic):]); v != journalVersion {
		return nil, fmt.Errorf("%w: version %d, this Spate knows %d", errJournal, v, journalVersion)
	}
	r := &journalReader{from: from, left: size - int64(journalHead), step: int64(binary.LittleEndian.Uint64(head[len(journalMagic)+2:]))}
	if r.step <= 0 || r.step > longestStep.Milliseconds() || r.step%gridUnit.Milliseconds() != 0 {
		return nil, errJournal
	}
	return r, nil
}

// next is the next record, whose body is valid until the call after it; io.EOF
// at the end, errTorn or errJournal where it cannot be read.
func (r *journalReader) next() (kind byte, body []byte, err error) {
	var head [recordHead]byte
	if _, err := io.ReadFull(r.from, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, nil, io.EOF
		}
		return 0, nil, errTorn
	}
	r.left -= recordHead
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n > mostRecord {
		return 0, nil, errJournal
	}
	if n > r.left {
		return 0, nil, errTorn
	}
	if int64(cap(r.body)) < n {
		r.body = make([]byte, n)
	}
	r.body = r.body[:n]
	if _, err := io.ReadFull(r.from, r.body); err != nil {
		return 0, nil, errTorn
	}
	r.left -= n
	sum := crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, r.body)
	if sum != binary.LittleEndian.Uint32(head[4:]) {
		return 0, nil, errJournal
	}
	return head[8], r.body, nil
}

// A rated is one rate of a round of the journal.
type rated struct {
	port spate.PortID
	rate spate.Rate
}

// round reads the body of a round, and appends its rates to list.
func (r *journalReader) round(body []byte, list []rated) (at int64, rates []rated, err error) {
	d := newDecoder(body)
	at = d.int64()
	n := d.uvarint()
	for range n {
		var x rated
		switch id := d.uvarint(); {
		case id < uint64(len(r.ports)):
			x.port = r.ports[id]
		case id == uint64(len(r.ports)):
			x.port = spate.PortID{Device: d.text(), Name: d.text()}
			r.ports = append(r.ports, x.port)
		default:
			d.bad = true
		}
		d.rate(&x.rate)
		if d.bad {
			return 0, nil, errJournal
		}
		list = append(list, x)
	}
	if d.bad || d.Len() != 0 {
		return 0, nil, errJournal
	}
	return at, list, nil
}

func (d *decoder) rate(r *spate.Rate) {
	r.At = time.Unix(0, d.int64())
	r.Over = time.Duration(d.int64())
	known, some := d.uint16(), d.uint16()
	d.bad = d.bad || some&^known != 0 || known >= 1<<spate.NumMetrics || r.Over <= 0
	for m := range r.Values {
		switch bit := uint16(1) << m; {
		case known&bit == 0:
			r.Values[m] = math.NaN()
		case some&bit == 0:
			r.Values[m] = 0
		default:
			r.Values[m] = d.float64()
		}
	}
}
