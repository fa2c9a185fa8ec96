package storage

import (
	"context"
	"fmt"
	"iter"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"

	"spate"
)

const (
	mostAlternatives = 100     // names in one filter; the engine looks up so many one by one, more by scanning
	mostSeries       = 500_000 // one query may touch
)

// A key names one stored series.
type key struct {
	column
	port spate.PortID
}

// A finding is an open search: where the rows of each series lie. It must be
// closed before the store is.
type finding struct {
	search vm.Search
	parts  map[key][]vm.BlockRef
	tr     vm.TimeRange

	block vm.Block // reused by read
	times []int64
	vals  []float64
}

// find looks the series of the ports up and notes their blocks, without reading
// them. It fails with ErrTooLarge where they hold more than most values.
func (t *tier) find(ctx context.Context, ports []spate.PortID, columns []column, from, to int64, most int) (found, error) {
	filters, err := filtersOf(ports, columns)
	if err != nil {
		return nil, err
	}
	f := &finding{parts: make(map[key][]vm.BlockRef, len(ports)*len(columns)), tr: vm.TimeRange{MinTimestamp: from, MaxTimestamp: to - 1}}
	f.search.Init(nil, t.engine, filters, f.tr, mostSeries, deadline(ctx))
	done := false
	defer func() {
		if !done {
			f.close()
		}
	}()
	if err := f.collect(ctx, most); err != nil {
		return nil, err
	}
	done = true
	return f, nil
}

func (f *finding) close() { f.search.MustClose() }

// deadline is when the engine gives up, in seconds since 1970.
func deadline(ctx context.Context) uint64 {
	if at, ok := ctx.Deadline(); ok {
		return uint64(at.Unix() + 1)
	}
	return math.MaxUint64
}

func (f *finding) collect(ctx context.Context, most int) error {
	var name []byte
	var k key
	known, rows := false, 0
	for n := 0; f.search.NextMetricBlock(); n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		ref := &f.search.MetricBlockRef
		if string(name) != string(ref.MetricName) || n == 0 {
			name = append(name[:0], ref.MetricName...)
			k, known = keyOf(name)
		}
		if !known {
			continue
		}
		if rows += ref.BlockRef.RowsCount(); rows > most {
			return ErrTooLarge
		}
		f.parts[k] = append(f.parts[k], *ref.BlockRef)
	}
	if err := f.search.Error(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("search the store: %w", err)
	}
	return nil
}

// keyOf reads the engine's name of a series.
func keyOf(name []byte) (k key, ok bool) {
	mn := vm.GetMetricName()
	defer vm.PutMetricName(mn)
	if mn.Unmarshal(name) != nil {
		return k, false
	}
	k.column, ok = columnOf(string(mn.MetricGroup))
	k.port = spate.PortID{Device: string(mn.GetTagValue(labelDevice)), Name: string(mn.GetTagValue(labelPort))}
	return k, ok
}

func (f *finding) rows(k key) (times []int64, vals []float64, err error) {
	f.times, f.vals = f.times[:0], f.vals[:0]
	for i := range f.parts[k] {
		f.parts[k][i].MustReadBlock(&f.block)
		if err := f.block.UnmarshalData(); err != nil {
			return nil, nil, fmt.Errorf("read %s of %s: %w: the store is damaged", k.name(), k.port, err)
		}
		f.times, f.vals = f.block.AppendRowsWithTimeRangeFilter(f.times, f.vals, f.tr)
	}
	return f.times, f.vals, nil
}

// filtersOf asks for every column of every port.
func filtersOf(ports []spate.PortID, columns []column) (out []*vm.TagFilters, err error) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name()
	}
	for device, ports := range lookups(ports) {
		tf, err := filterOf(names, device, ports)
		if err != nil {
			return nil, err
		}
		out = append(out, tf)
	}
	return out, nil
}

// lookups are the names to ask for at once: all of one device, or in parts
// where there are many.
func lookups(ports []spate.PortID) iter.Seq2[string, []string] {
	byDevice := map[string][]string{}
	var devices []string
	for _, p := range ports {
		if byDevice[p.Device] == nil {
			devices = append(devices, p.Device)
		}
		byDevice[p.Device] = append(byDevice[p.Device], p.Name)
	}
	return func(yield func(string, []string) bool) {
		for _, d := range devices {
			for part := range slices.Chunk(byDevice[d], mostAlternatives) {
				if !yield(d, part) {
					return
				}
			}
		}
	}
}

func filterOf(columns []string, device string, ports []string) (*vm.TagFilters, error) {
	tf := vm.NewTagFilters()
	err := addAny(tf, nil, columns)
	if err == nil {
		err = tf.Add([]byte(labelDevice), []byte(device), false, false)
	}
	if err == nil {
		err = addAny(tf, []byte(labelPort), ports)
	}
	if err != nil {
		return nil, fmt.Errorf("search the ports of %s: %w", device, err)
	}
	return tf, nil
}

func addAny(tf *vm.TagFilters, label []byte, values []string) error {
	if len(values) == 1 {
		return tf.Add(label, []byte(values[0]), false, false)
	}
	return tf.Add(label, []byte(anyOf(values)), false, true)
}

// anyOf is a regular expression that matches the names and nothing else.
func anyOf(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = regexp.QuoteMeta(n)
	}
	return strings.Join(quoted, "|")
}

// now is the wall clock, which decides only what is past its retention.
func now() int64 { return time.Now().UnixMilli() }
