package storage

import (
	"github.com/VictoriaMetrics/VictoriaMetrics/lib/prompb"
	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"

	"spate"
)

// The stored form, which an own VictoriaMetrics pointed at the folder, or
// Grafana in front of it, would show.
const (
	labelDevice = "device"
	labelPort   = "ifName"
	namePrefix  = "spate_"
)

// batch is how many rows go to the engine at once; it works in blocks of 8,000.
const batch = 8000

// rows collects what is to be written. The names of a batch lie in one piece of
// memory that is used again for the next.
type rows struct {
	list  []vm.MetricRow
	names []byte
	heads [numAggs][spate.NumMetrics + 1][]byte // the metric's name as the engine wants it, before the labels
}

func newRows() *rows {
	r := &rows{list: make([]vm.MetricRow, 0, batch+int(spate.NumMetrics)), names: make([]byte, 0, batch*96)}
	for a := range numAggs {
		for m := range spate.NumMetrics {
			r.head(column{m, a})
		}
	}
	r.head(portKnown)
	return r
}

func (r *rows) head(c column) {
	r.heads[c.agg][c.metric] = vm.MarshalMetricNameRaw(nil, []prompb.Label{{Name: "__name__", Value: c.name()}})
}

// add notes the known values of one slot of a port.
func (r *rows) add(labels []byte, at int64, v *values) {
	for m, x := range v {
		if x == x { // not NaN
			r.one(labels, column{metric: spate.Metric(m)}, at, x)
		}
	}
}

// addBucket notes a bucket of which length ms is the whole.
func (r *rows) addBucket(labels []byte, b *bucket, length int64) {
	most := b.mostKnown()
	if int64(most) < length {
		r.one(labels, portKnown, b.first, float64(most))
	}
	for m, k := range b.known {
		if k == 0 {
			continue
		}
		m := spate.Metric(m)
		p := b.part(m)
		r.one(labels, column{m, aggAvg}, b.first, p.avg)
		r.one(labels, column{m, aggMax}, b.first, p.most)
		if hasMin(m) {
			r.one(labels, column{m, aggMin}, b.first, p.least)
		}
		if k != most {
			r.one(labels, column{m, aggKnown}, b.first, float64(k))
		}
	}
}

func (r *rows) one(labels []byte, c column, at int64, x float64) {
	start := len(r.names)
	r.names = append(append(r.names, r.heads[c.agg][c.metric]...), labels...)
	r.list = append(r.list, vm.MetricRow{MetricNameRaw: r.names[start:], Timestamp: at, Value: x})
}

// oldest is the time of the oldest row of a batch that has some.
func (r *rows) oldest() int64 {
	at := r.list[0].Timestamp
	for i := range r.list {
		at = min(at, r.list[i].Timestamp)
	}
	return at
}

func (r *rows) full() bool { return len(r.list) >= batch }

func (r *rows) empty() { r.list, r.names = r.list[:0], r.names[:0] }
