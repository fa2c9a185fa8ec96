package storage

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"
)

// A series is the rows of one stored series.
type series struct {
	times []int64
	vals  []float64
}

func (s *series) reset() { s.times, s.vals = s.times[:0], s.vals[:0] }

// tidy puts the rows into the order of time, and of two of one time keeps the
// greater, as the engine does when it gets to merge them.
func (s *series) tidy() {
	if rising(s.times) {
		return
	}
	order := make([]int, len(s.times))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(s.times[a], s.times[b]), cmp.Compare(s.vals[a], s.vals[b]))
	})
	var out series
	for _, i := range order {
		if n := len(out.times); n > 0 && out.times[n-1] == s.times[i] {
			out.vals[n-1] = s.vals[i]
			continue
		}
		out.times, out.vals = append(out.times, s.times[i]), append(out.vals, s.vals[i])
	}
	*s = out
}

func rising(times []int64) bool {
	for i := 1; i < len(times); i++ {
		if times[i] <= times[i-1] {
			return false
		}
	}
	return true
}

// scan hands every series of the tier that has rows in from..to to yield, which
// must not keep them. It fails with ErrTooLarge after most rows.
func (t *tier) scan(from, to int64, most int, yield func(key, *series)) (err error) {
	all := vm.NewTagFilters()
	if err := all.Add(nil, []byte(namePrefix+".*"), false, true); err != nil {
		return fmt.Errorf("search the store: %w", err)
	}
	defer survive(&err)
	tr := vm.TimeRange{MinTimestamp: from, MaxTimestamp: to - 1}
	var search vm.Search
	search.Init(nil, t.engine, []*vm.TagFilters{all}, tr, mostScanned, math.MaxUint64)
	defer search.MustClose()
	var s scanned
	for search.NextMetricBlock() {
		ref := &search.MetricBlockRef
		if most -= ref.BlockRef.RowsCount(); most < 0 {
			return ErrTooLarge
		}
		if string(s.name) != string(ref.MetricName) {
			s.hand(yield)
			s.begin(ref.MetricName)
		}
		if err := s.take(ref.BlockRef, tr); err != nil {
			return err
		}
	}
	s.hand(yield)
	return search.Error()
}

// mostScanned is how many series a store may have: a million ports.
const mostScanned = 1 << 24

// A scanned is the series that a scan is at.
type scanned struct {
	name  []byte
	key   key
	known bool
	rows  series
	block vm.Block
}

func (s *scanned) begin(name []byte) {
	s.name = append(s.name[:0], name...)
	s.key, s.known = keyOf(name)
	s.rows.reset()
}

func (s *scanned) take(ref *vm.BlockRef, tr vm.TimeRange) error {
	if !s.known {
		return nil
	}
	ref.MustReadBlock(&s.block)
	if err := s.block.UnmarshalData(); err != nil {
		return fmt.Errorf("read %s of %s: %w: the store is damaged", s.key.name(), s.key.port, err)
	}
	s.rows.times, s.rows.vals = s.block.AppendRowsWithTimeRangeFilter(s.rows.times, s.rows.vals, tr)
	return nil
}

func (s *scanned) hand(yield func(key, *series)) {
	if s.known && len(s.rows.times) > 0 {
		s.rows.tidy()
		yield(s.key, &s.rows)
	}
}
