package storage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"spate"
)

// Rows are read by /api/v1/export, which gives what was written: query_range
// would fill gaps from before (its lookback), and shift what is off its grid.

const (
	mostOfLine   = 4 << 20   // octets; at exportRows a line has a tenth of it
	exportRows   = 10_000    // rows of a line
	rowsAtOnce   = 2_000_000 // of an answer that is kept in memory, 16 octets each
	portsAtOnce  = 2000      // of one request
	octetsOfARow = 100       // of an answer, at most, with the share of its names
)

// A remoteFound is a question to a VictoriaMetrics, which is asked part by part
// as the rows are wanted.
type remoteFound struct {
	ctx      context.Context
	at       *endpoint
	suffix   string
	timeout  time.Duration
	ports    []spate.PortID
	columns  []column
	place    map[spate.PortID]int // in ports
	from, to int64
	most     int // rows, of which so many were read
	seen     int
	end      func() // lets go of ctx

	each  int          // ports of a part
	one   bool         // a part has the columns of one metric
	part  int          // number of the part that have holds; -1 none
	about spate.Metric // its metric
	have  map[key]*columnsOfRows
}

// columnsOfRows are the rows of one series.
type columnsOfRows struct {
	times []int64
	vals  []float64
}

// newRemoteFound plans the parts: all at once where it is little, else metric by
// metric and so many ports that their rows fit the memory.
func newRemoteFound(ctx context.Context, ports []spate.PortID, columns []column, from, to, step int64, most int) *remoteFound {
	f := &remoteFound{ctx: ctx, ports: ports, columns: columns, from: from, to: to, most: most, part: -1, place: make(map[spate.PortID]int, len(ports))}
	for i, id := range ports {
		f.place[id] = i
	}
	slots := max((to-from)/step, 1)
	f.each = portsAtOnce
	if all := slots * int64(len(ports)*len(columns)); all > rowsAtOnce || len(ports) > portsAtOnce {
		f.one = true
		widest := int64(0)
		for _, c := range columns {
			widest = max(widest, int64(len(f.columnsOf(c.metric))))
		}
		f.each = int(min(max(rowsAtOnce/(slots*widest), 1), portsAtOnce))
	}
	return f
}

func (f *remoteFound) close() { f.end() }

func (f *remoteFound) rows(k key) (times []int64, vals []float64, err error) {
	if err := f.load(k); err != nil {
		return nil, nil, err
	}
	r := f.have[k]
	if r == nil {
		return nil, nil, nil
	}
	return r.times, r.vals, nil
}

// load asks for the part that k is in, unless it is here.
func (f *remoteFound) load(k key) error {
	place, asked := f.place[k.port]
	if !asked {
		return nil
	}
	part := place / f.each
	if part == f.part && (!f.one || k.metric == f.about || k.column == portKnown) {
		return nil
	}
	columns := f.columns
	if f.one {
		columns = f.columnsOf(k.metric)
	}
	f.have, f.part, f.about = map[key]*columnsOfRows{}, part, k.metric
	return f.ask(f.ports[part*f.each:min((part+1)*f.each, len(f.ports))], columns)
}

// columnsOf are those that are read together for a metric.
func (f *remoteFound) columnsOf(m spate.Metric) (out []column) {
	for _, c := range f.columns {
		if c.metric == m || c == portKnown {
			out = append(out, c)
		}
	}
	return out
}

func (f *remoteFound) ask(ports []spate.PortID, columns []column) error {
	ctx, cancel := context.WithTimeout(f.ctx, f.timeout)
	defer cancel()
	body := url.Values{
		"match[]": matchesOf(ports, columns, f.suffix),
		"start":   {seconds(f.from - 1)}, "end": {seconds(f.to)}, // out to whole ms whatever the rounding; see keep
		"max_rows_per_line": {strconv.Itoa(exportRows)},
	}
	resp, err := f.at.post(ctx, "application/x-www-form-urlencoded", nil, []byte(body.Encode()))
	if err != nil {
		return f.unreadable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return f.unreadable(f.at.bad(resp))
	}
	if err := f.lines(resp.Body); err != nil {
		return f.unreadable(err)
	}
	return nil
}

// unreadable is an error of reading in a sentence; that of the caller's context
// is the caller's.
func (f *remoteFound) unreadable(err error) error {
	if f.ctx.Err() != nil {
		return context.Cause(f.ctx)
	}
	if errors.Is(err, ErrTooLarge) {
		return err
	}
	var place *statusError
	if errors.As(err, &place) || strings.Contains(err.Error(), f.at.shown) {
		return fmt.Errorf("read the store: %w", err)
	}
	return fmt.Errorf("read the store: %w", f.at.failed(err))
}

func seconds(ms int64) string { return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64) }

// lines reads an answer, of which a hostile server may send without end.
func (f *remoteFound) lines(body io.Reader) error {
	limit := int64(f.most-f.seen)*octetsOfARow + mostOfLine
	limited := &io.LimitedReader{R: body, N: limit}
	in := bufio.NewReaderSize(limited, 64<<10)
	var e exported
	var long []byte
	for {
		line, err := in.ReadSlice('\n')
		for err == bufio.ErrBufferFull && len(long) < mostOfLine {
			long = append(long, line...)
			line, err = in.ReadSlice('\n')
		}
		if len(long) > 0 {
			long = append(long, line...)
			line = long
		}
		switch {
		case err == io.EOF && len(line) == 0:
			return nil
		case err == io.EOF && limited.N <= 0:
			return ErrTooLarge
		case err == io.EOF:
			return errors.New("its answer ends in mid-line")
		case err == bufio.ErrBufferFull:
			return errLine
		case err != nil:
			return err
		}
		if err := f.line(&e, line[:len(line)-1]); err != nil {
			return err
		}
		long = long[:0]
	}
}

func (f *remoteFound) line(e *exported, line []byte) error {
	if err := e.parse(line); err != nil {
		return err
	}
	if f.seen += len(e.times); f.seen > f.most {
		return ErrTooLarge
	}
	if k, ours := f.keyOf(e); ours {
		f.keep(k, e)
	}
	return nil
}

// keyOf tells which series a line is of, and whether it was asked for.
func (f *remoteFound) keyOf(e *exported) (k key, ours bool) {
	name, marked := strings.CutSuffix(e.name, f.suffix)
	k.column, ours = columnOf(name)
	k.port = spate.PortID{Device: e.device, Name: e.port}
	_, asked := f.place[k.port]
	return k, ours && marked && asked
}

// keep notes the rows that lie in the range. Two of one time may come where
// rows were sent twice: the greater counts, see span.put.
func (f *remoteFound) keep(k key, e *exported) {
	r := f.have[k]
	if r == nil {
		r = &columnsOfRows{}
		f.have[k] = r
	}
	for i, at := range e.times {
		if at >= f.from && at < f.to {
			r.times = append(r.times, at)
			r.vals = append(r.vals, e.values[i])
		}
	}
}

// matchesOf asks for the columns of the ports as series selectors.
func matchesOf(ports []spate.PortID, columns []column, suffix string) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name() + suffix
	}
	var out []string
	for device, ports := range lookups(ports) {
		out = append(out, "{"+oneOf("__name__", names)+","+labelDevice+"="+strconv.Quote(device)+","+oneOf(labelPort, ports)+"}")
	}
	return out
}

func oneOf(label string, values []string) string {
	if len(values) == 1 {
		return label + "=" + strconv.Quote(values[0])
	}
	return label + "=~" + strconv.Quote(anyOf(values))
}
