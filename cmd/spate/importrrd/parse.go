package importrrd

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"spate"
)

// A File is what a round-robin file holds.
type File struct {
	Step     time.Duration // of its primary data points
	Last     time.Time     // when it was last updated
	Sources  []string      // names of its data sources
	Archives []Archive
}

// An Archive is one RRA. Row i of n ends at the last multiple of its step up to
// File.Last, less (n-1-i) steps; rrdtool prints that end as the row's time
// (rrdfetch(1)).
type Archive struct {
	Function string        // AVERAGE, MAX, …
	Step     time.Duration // of a row
	Rows     [][]float64   // by time, a value for each source; NaN unknown
}

// Bounds of what is read: a file of rrdtool has no limit of its own.
const (
	mostSources  = 256
	mostArchives = 256
	mostValues   = 40_000_000 // 320 MB
	mostText     = 1 << 10
	longestStep  = 10 * 366 * 24 * time.Hour
)

var errTooLarge = errors.New("it holds more than is read: 256 sources, 256 archives, 40 million values")

// Parse reads the XML of `rrdtool dump`.
func Parse(from io.Reader) (*File, error) {
	p := parser{d: xml.NewDecoder(from)}
	p.d.Strict = true
	for {
		token, err := p.d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("its dump is no XML of rrdtool: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			err = p.begin(t.Name.Local)
		case xml.EndElement:
			err = p.end(t.Name.Local)
		case xml.CharData:
			if len(p.text)+len(t) <= mostText {
				p.text = append(p.text, t...)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return p.file()
}

// A parser knows where it is by the names of the elements around it.
type parser struct {
	d      *xml.Decoder
	f      File
	path   []string
	text   []byte
	step   int64 // s
	last   int64 // s since 1970
	per    int64 // primary data points of a row
	row    []float64
	values int
}

func (p *parser) begin(name string) error {
	p.path, p.text = append(p.path, name), p.text[:0]
	if len(p.path) > 16 {
		return errors.New("its dump is nested too deeply")
	}
	switch p.where() {
	case "rrd/rra":
		if len(p.f.Archives) == mostArchives {
			return errTooLarge
		}
		p.f.Archives = append(p.f.Archives, Archive{})
		p.per = 0
	case "rrd/rra/database/row":
		p.row = make([]float64, 0, len(p.f.Sources))
	}
	return nil
}

func (p *parser) where() string { return strings.Join(p.path, "/") }

func (p *parser) end(string) (err error) {
	text := strings.TrimSpace(string(p.text))
	switch p.where() {
	case "rrd/step":
		p.step, err = number(text, 1, int64(longestStep/time.Second))
	case "rrd/lastupdate":
		p.last, err = number(text, 0, math.MaxInt32*64)
	case "rrd/ds/name":
		if len(p.f.Sources) == mostSources {
			return errTooLarge
		}
		p.f.Sources = append(p.f.Sources, spate.Clean(text))
	case "rrd/rra/cf":
		p.f.Archives[len(p.f.Archives)-1].Function = spate.Clean(text)
	case "rrd/rra/pdp_per_row":
		p.per, err = number(text, 1, int64(longestStep/time.Second))
	case "rrd/rra/database/row/v":
		if p.values++; p.values > mostValues {
			return errTooLarge
		}
		var v float64
		if v, err = strconv.ParseFloat(strings.TrimPrefix(text, "-nan"), 64); strings.HasPrefix(text, "-nan") {
			v, err = math.NaN(), nil // as some C libraries print it
		}
		if err == nil {
			p.row = append(p.row, v)
		}
	case "rrd/rra/database/row":
		a := &p.f.Archives[len(p.f.Archives)-1]
		if len(p.row) != len(p.f.Sources) {
			return fmt.Errorf("a row of it has %d values for %d sources", len(p.row), len(p.f.Sources))
		}
		a.Rows = append(a.Rows, p.row)
	case "rrd/rra":
		a := &p.f.Archives[len(p.f.Archives)-1]
		if p.per == 0 || p.step == 0 || p.per*p.step > int64(longestStep/time.Second) {
			return errors.New("an archive of it has no step")
		}
		a.Step = time.Duration(p.per*p.step) * time.Second
	}
	p.path, p.text = p.path[:len(p.path)-1], p.text[:0]
	if err != nil {
		return fmt.Errorf("its dump has something that is no number: %w", err)
	}
	return nil
}

func number(text string, least, most int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (n < least || n > most) {
		err = strconv.ErrRange
	}
	return n, err
}

func (p *parser) file() (*File, error) {
	if p.step == 0 || len(p.f.Sources) == 0 || len(p.f.Archives) == 0 {
		return nil, errors.New("its dump has no step, no sources or no archives: is it a round-robin file?")
	}
	p.f.Step, p.f.Last = time.Duration(p.step)*time.Second, time.Unix(p.last, 0).UTC()
	return &p.f, nil
}

// What is spread over buckets: no archive of ports has longer rows, and no tier
// reaches back further.
const (
	longestRow = 31 * 24 * time.Hour
	reach      = 11 * 366 * 24 * time.Hour
)

// end is when row i of an archive ends, in ms.
func (f *File) end(a *Archive, i int) int64 {
	step := a.Step.Milliseconds()
	last := f.Last.UnixMilli() / step * step
	return last - int64(len(a.Rows)-1-i)*step
}
