package graph

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"io"
	"sync"
)

// An encoder writes paletted PNG (W3C PNG, third edition). image/png filters
// no rows of a paletted picture; here each row is written as its difference to
// the row above (filter type 2, section 9.2), because a column of a graph has
// the same colour from its top to the ground: nearly all differences are 0.
type encoder struct{ pool sync.Pool } // *encoding

// An encoding is the memory of one PNG in the making.
type encoding struct {
	packed bytes.Buffer
	zip    *zlib.Writer
	row    []byte
	head   []byte
}

const (
	signature = "\x89PNG\r\n\x1a\n"
	filterUp  = 2
)

// encode writes img, whose colours are all opaque, in one go.
func (e *encoder) encode(w io.Writer, img *image.Paletted) error {
	m, _ := e.pool.Get().(*encoding)
	if m == nil {
		m = &encoding{}
		var err error
		if m.zip, err = zlib.NewWriterLevel(&m.packed, zlib.BestSpeed); err != nil {
			return fmt.Errorf("pack PNG: %w", err)
		}
	}
	defer e.pool.Put(m)
	if err := m.pack(img); err != nil {
		return fmt.Errorf("pack PNG: %w", err)
	}
	m.head = append(m.head[:0], signature...)
	m.header(img.Rect.Dx(), img.Rect.Dy())
	m.palette(img.Palette)
	m.begin("IDAT", m.packed.Len())
	sum := crc32.Update(crc32.ChecksumIEEE([]byte("IDAT")), crc32.IEEETable, m.packed.Bytes())
	tail := binary.BigEndian.AppendUint32(make([]byte, 0, 16), sum)
	tail = append(tail, "\x00\x00\x00\x00IEND\xae\x42\x60\x82"...)
	for _, part := range [][]byte{m.head, m.packed.Bytes(), tail} {
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("write PNG: %w", err)
		}
	}
	return nil
}

// pack filters and compresses the rows.
func (m *encoding) pack(img *image.Paletted) error {
	m.packed.Reset()
	m.zip.Reset(&m.packed)
	width := img.Rect.Dx()
	if cap(m.row) <= width {
		m.row = make([]byte, width+1)
	}
	row := m.row[:width+1]
	row[0] = filterUp
	above := make([]byte, width)
	for y := range img.Rect.Dy() {
		pixels := img.Pix[y*img.Stride:][:width]
		subtract(row[1:], pixels, above)
		if _, err := m.zip.Write(row); err != nil {
			return err
		}
		above = pixels
	}
	return m.zip.Close()
}

// subtract sets to to a - b, byte by byte, eight at a time: the top bit of each
// byte is kept out of the subtraction, so that no borrow leaves its byte, and
// put right after it. All three have the same length.
func subtract(to, a, b []byte) {
	const tops = 0x8080808080808080
	for len(to) >= 8 {
		x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
		binary.LittleEndian.PutUint64(to, (x|tops)-(y&^tops)^(x^^y)&tops)
		to, a, b = to[8:], a[8:], b[8:]
	}
	for i := range to {
		to[i] = a[i] - b[i]
	}
}

// header appends the IHDR chunk: 8 bits a pixel, colour type 3.
func (m *encoding) header(width, height int) {
	start := m.begin("IHDR", 13)
	m.head = binary.BigEndian.AppendUint32(m.head, uint32(width))
	m.head = binary.BigEndian.AppendUint32(m.head, uint32(height))
	m.head = append(m.head, 8, 3, 0, 0, 0)
	m.end(start)
}

// palette appends the PLTE chunk.
func (m *encoding) palette(p color.Palette) {
	start := m.begin("PLTE", 3*len(p))
	for _, c := range p {
		r, g, b, _ := c.RGBA()
		m.head = append(m.head, uint8(r>>8), uint8(g>>8), uint8(b>>8))
	}
	m.end(start)
}

// begin appends a chunk's length and name and returns where the name begins.
func (m *encoding) begin(name string, length int) int {
	m.head = binary.BigEndian.AppendUint32(m.head, uint32(length))
	m.head = append(m.head, name...)
	return len(m.head) - len(name)
}

// end appends the checksum of the chunk whose name begins at start.
func (m *encoding) end(start int) {
	m.head = binary.BigEndian.AppendUint32(m.head, crc32.ChecksumIEEE(m.head[start:]))
}
