package storage

import (
	"encoding/binary"
	"slices"

	"github.com/VictoriaMetrics/VictoriaMetrics/lib/bytesutil"
	"github.com/VictoriaMetrics/VictoriaMetrics/lib/prompb"
	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"
	"github.com/golang/snappy"

	"spate"
)

// Rows go to VictoriaMetrics by Prometheus remote write 1.0: a WriteRequest in
// protobuf, packed by snappy. Series have the names of the embedded store, and
// those of the coarse tiers say so, since all tiers may lie in one place:
// spate_in_bps, spate_in_bps_avg_5m, spate_in_bps_max_1h.

// suffixOf marks the series of a tier where all may lie in one place.
func suffixOf(tier spate.Tier) string {
	switch tier {
	case spate.TierFiveMinutes:
		return "_5m"
	case spate.TierHour:
		return "_1h"
	}
	return ""
}

// A packer turns rows into blocks. Its memory is used again for the next.
type packer struct {
	suffix  string
	request prompb.WriteRequest
	byName  map[string]int // series of the request, by the engine's name
	names   map[string]string
	labels  []prompb.Label
	samples []prompb.Sample
	order   []int // of a row: its series
	count   []int // of a series: its rows
	plain   []byte
	packed  []byte
}

func newPacker(suffix string) *packer {
	return &packer{suffix: suffix, byName: map[string]int{}, names: map[string]string{}}
}

// pack is the body of a remote write request. It is valid until the next call.
func (p *packer) pack(rows []vm.MetricRow) []byte {
	p.group(rows)
	p.plain = p.request.MarshalProtobuf(p.plain[:0])
	p.packed = snappy.Encode(p.packed[:cap(p.packed)], p.plain)
	p.request.Reset()
	return p.packed
}

// group makes one series of the rows of one name.
func (p *packer) group(rows []vm.MetricRow) {
	p.labels, p.order, p.count = p.labels[:0], p.order[:0], p.count[:0]
	for i := range rows {
		name := rows[i].MetricNameRaw
		n, known := p.byName[string(name)]
		if !known {
			n = len(p.count)
			p.byName[bytesutil.ToUnsafeString(name)] = n
			p.count = append(p.count, 0)
		}
		p.count[n]++
		p.order = append(p.order, n)
	}
	clear(p.byName) // its keys lie in the memory of the rows
	p.lay(rows)
}

// lay gives each series its labels and its piece of the samples.
func (p *packer) lay(rows []vm.MetricRow) {
	if cap(p.samples) < len(rows) {
		p.samples = make([]prompb.Sample, len(rows))
	}
	series := slices.Grow(p.request.Timeseries, len(p.count))[:len(p.count)]
	next := 0
	for i := range rows {
		ts := &series[p.order[i]]
		if ts.Samples == nil {
			n := p.count[p.order[i]]
			ts.Samples = p.samples[next : next : next+n]
			ts.Labels = p.labelsOf(rows[i].MetricNameRaw)
			next += n
		}
		ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: rows[i].Timestamp, Value: rows[i].Value})
	}
	p.request.Timeseries = series
}

// labelsOf reads the engine's form of a name: pairs of strings, each behind its
// length; the metric's own has no key.
func (p *packer) labelsOf(name []byte) []prompb.Label {
	start := len(p.labels)
	for len(name) > 0 {
		var key, value string
		key, name = p.text(name)
		value, name = p.text(name)
		if key == "" {
			key, value = "__name__", p.metric(value)
		}
		p.labels = append(p.labels, prompb.Label{Name: key, Value: value})
	}
	return p.labels[start:len(p.labels):len(p.labels)]
}

func (p *packer) text(b []byte) (text string, rest []byte) {
	if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
		return "", nil
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	return p.kept(b[2:n]), b[n:]
}

// kept is a string that is made once, however many rows have it.
func (p *packer) kept(b []byte) string {
	s, ok := p.names[string(b)]
	if !ok {
		if len(p.names) > mostSeries {
			clear(p.names)
		}
		s = string(b)
		p.names[s] = s
	}
	return s
}

func (p *packer) metric(name string) string {
	if p.suffix == "" {
		return name
	}
	return name + p.suffix
}
