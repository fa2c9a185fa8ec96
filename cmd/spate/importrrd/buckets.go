package importrrd

import (
	"cmp"
	"math"
	"slices"
	"time"

	"spate"
)

// The tiers that are imported into. Slots of the raw tier are not: where one port
// had them and another had none, the store would answer for both from there.
var tiers = []struct {
	tier   spate.Tier
	length time.Duration
}{{spate.TierFiveMinutes, 5 * time.Minute}, {spate.TierHour, time.Hour}}

// Histories are what the file says of a port, for each tier and metric.
func (f *File) Histories(port spate.PortID) ([]spate.History, error) {
	columns, err := f.columns()
	if err != nil {
		return nil, err
	}
	var out []spate.History
	for _, t := range tiers {
		for i := range columns {
			if b := f.buckets(&columns[i], t.length.Milliseconds()); len(b) > 0 {
				out = append(out, spate.History{Port: port, Tier: t.tier, Metric: columns[i].metric, Buckets: b})
			}
		}
	}
	return out, nil
}

// A gathered is what archives say of one bucket.
type gathered struct {
	sum, known float64 // value x ms, ms
	most       float64
}

// buckets gathers a column of all archives. Of each bucket the archive counts whose
// rows are as long, as far as it reaches back; before that the next finer one, then
// coarser ones, whose rows fill all buckets they cover. What an archive does not
// know is not taken from a coarser one: a gap stays a gap.
func (f *File) buckets(c *column, length int64) []spate.Bucket {
	means := f.gather(c, length, "AVERAGE", false)
	peaks := f.gather(c, length, "MAX", true)
	var starts []int64
	for at := range means {
		starts = append(starts, at)
	}
	slices.Sort(starts)
	var out []spate.Bucket
	for _, at := range starts {
		m := means[at]
		b := spate.Bucket{At: time.UnixMilli(at).UTC(), Avg: m.sum / m.known, Max: m.most}
		if p, ok := peaks[at]; ok {
			b.Max = p.most
		}
		b.Max = max(b.Max, b.Avg)
		if known := int64(math.Round(m.known)); known < length {
			b.Known = time.Duration(known) * time.Millisecond
		}
		out = append(out, b)
	}
	return out
}

// gather goes through the archives of a function, those that suit best first.
func (f *File) gather(c *column, length int64, function string, peaks bool) map[int64]gathered {
	var suits []*Archive
	for i := range f.Archives {
		if f.Archives[i].Function == function {
			suits = append(suits, &f.Archives[i])
		}
	}
	rank := func(a *Archive) (int, int64) {
		switch step := a.Step.Milliseconds(); {
		case step == length:
			return 0, 0
		case step < length:
			return 1, length - step
		default:
			return 2, step
		}
	}
	slices.SortStableFunc(suits, func(a, b *Archive) int {
		ra, sa := rank(a)
		rb, sb := rank(b)
		return cmp.Or(cmp.Compare(ra, rb), cmp.Compare(sa, sb))
	})
	all := map[int64]gathered{}
	reached := int64(math.MaxInt64)
	for _, a := range suits {
		for at, g := range f.spread(a, c, length, peaks) {
			if at < reached {
				all[at] = g
			}
		}
		if len(a.Rows) > 0 {
			begin := f.end(a, 0) - a.Step.Milliseconds()
			reached = min(reached, begin+(length-begin%length)%length) // of the bucket it begins in it has a part
		}
	}
	return all
}

// spread lays the rows of one archive over buckets.
func (f *File) spread(a *Archive, c *column, length int64, peaks bool) map[int64]gathered {
	out := map[int64]gathered{}
	step := a.Step.Milliseconds()
	if a.Step > longestRow {
		return nil
	}
	oldest := f.Last.Add(-reach).UnixMilli()
	for i, row := range a.Rows {
		v := c.value(row, peaks)
		if math.IsNaN(v) {
			continue
		}
		end := f.end(a, i)
		if end < oldest {
			continue
		}
		for from := end - step; from < end; {
			start := from - from%length
			until := min(end, start+length)
			if start >= 0 {
				g := out[start]
				g.sum += v * float64(until-from)
				g.known += float64(until - from)
				g.most = max(g.most, v)
				out[start] = g
			}
			from = until
		}
	}
	return out
}
