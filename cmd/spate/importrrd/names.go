package importrrd

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"spate"
)

// A column is where a metric's values come from: sources of the file, added up, and
// what makes them the metric's unit.
type column struct {
	metric  spate.Metric
	sources []int // of File.Sources
	times   float64
}

// known are the names that LibreNMS (its module ports), Cacti (interface traffic,
// errors, packets) and MRTG give to what they count. All store what a second has.
var known = map[string]spate.Metric{
	"inoctets": spate.InBps, "outoctets": spate.OutBps, "traffic_in": spate.InBps, "traffic_out": spate.OutBps, "ds0": spate.InBps, "ds1": spate.OutBps,
	"inucastpkts": spate.InUcastPps, "outucastpkts": spate.OutUcastPps, "unicast_in": spate.InUcastPps, "unicast_out": spate.OutUcastPps,
	"inmulticastpkts": spate.InMcastPps, "outmulticastpkts": spate.OutMcastPps, "multicast_in": spate.InMcastPps, "multicast_out": spate.OutMcastPps,
	"inbroadcastpkts": spate.InBcastPps, "outbroadcastpkts": spate.OutBcastPps, "broadcast_in": spate.InBcastPps, "broadcast_out": spate.OutBcastPps,
	"inerrors": spate.InErrorsPs, "outerrors": spate.OutErrorsPs, "errors_in": spate.InErrorsPs, "errors_out": spate.OutErrorsPs,
	"indiscards": spate.InDiscardsPs, "outdiscards": spate.OutDiscardsPs, "discards_in": spate.InDiscardsPs, "discards_out": spate.OutDiscardsPs,
}

// sums are the packets of all kinds: those with a column of their own, else
// unicast and the old counter of all others.
var sums = []struct {
	metric   spate.Metric
	parts    []spate.Metric
	nonucast string
}{
	{spate.InPps, []spate.Metric{spate.InUcastPps, spate.InMcastPps, spate.InBcastPps}, "innucastpkts"},
	{spate.OutPps, []spate.Metric{spate.OutUcastPps, spate.OutMcastPps, spate.OutBcastPps}, "outnucastpkts"},
}

// columns says what of the file is meant by which metric.
func (f *File) columns() ([]column, error) {
	at := map[spate.Metric]int{}
	byName := map[string]int{}
	var out []column
	for i, name := range f.Sources {
		name = strings.ToLower(name)
		byName[name] = i
		m, ok := known[name]
		if _, twice := at[m]; !ok || twice {
			continue
		}
		at[m] = i
		c := column{metric: m, sources: []int{i}, times: 1}
		if m.IsBits() {
			c.times = 8
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("its sources %s are none of those of a port in LibreNMS, Cacti or MRTG", strings.Join(f.Sources[:min(len(f.Sources), 20)], ", "))
	}
	for _, s := range sums {
		c := column{metric: s.metric, times: 1}
		for _, part := range s.parts {
			if i, ok := at[part]; ok {
				c.sources = append(c.sources, i)
			}
		}
		if i, ok := byName[s.nonucast]; ok && len(c.sources) == 1 {
			c.sources = append(c.sources, i)
		}
		if _, ok := at[s.parts[0]]; ok && len(c.sources) > 1 {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b column) int { return int(a.metric) - int(b.metric) })
	return out, nil
}

// value is the column's value of a row: NaN where a part is unknown. The peak of a
// sum is not known, but that it was no less than each part's: with peaks it is
// the greatest part.
func (c *column) value(row []float64, peaks bool) float64 {
	v := 0.0
	for _, i := range c.sources {
		x := row[i]
		if !(x >= 0) || math.IsInf(x, 0) {
			return math.NaN()
		}
		if peaks && len(c.sources) > 1 {
			v = max(v, x)
		} else {
			v += x
		}
	}
	return v * c.times
}
