package promql

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"

	"spate"
)

// A point is one sample.
type point struct {
	t int64 // ms
	v float64
}

// T is the sample's time in ms.
func (p *point) T() int64 { return p.t }

// ST is when its counter began; not told.
func (p *point) ST() int64 { return 0 }

// F is its value.
func (p *point) F() float64 { return p.v }

// H is none: there are no histograms.
func (p *point) H() *histogram.Histogram { return nil }

// FH is none either.
func (p *point) FH() *histogram.FloatHistogram { return nil }

// Type is float.
func (p *point) Type() chunkenc.ValueType { return chunkenc.ValFloat }

// Copy copies it.
func (p *point) Copy() chunks.Sample { c := *p; return &c }

type points []point

// Get is sample number i.
func (s points) Get(i int) chunks.Sample { return &s[i] }

// Len is how many there are.
func (s points) Len() int { return len(s) }

// mostWidth is how many values one question to the store gives.
const mostWidth = 4096

// A window is the samples an expression needs of a series.
type window struct {
	from, to int64         // ms; samples at from and before it are not looked at
	grid     time.Duration // how far they may lie apart
	step     int64         // ms between evaluations; 0: one
	lookback int64         // ms, of an expression without range
	function string        // what is done with them
	now      int64         // ms
}

// A maker turns frames into samples.
type maker struct {
	m       *metric
	w       window
	out     points
	sum     float64
	end     int64 // of the newest slot, ms; 0: none yet
	unknown bool  // it is
	left    *budget
}

// make asks for one series and gives its samples. Each stands at the end of the time
// it is of: what will be known later is not known yet.
func (e *Engine) samples(ctx context.Context, f *found, w window, left *budget) (points, error) {
	switch f.metric.kind {
	case fact:
		return w.steps(f.metric.now(&f.port), left)
	case state:
		return w.once(f)
	}
	mk := maker{m: f.metric, w: w, left: left, unknown: true}
	early := 3 * w.grid // the counter is well above 0 at the first sample that counts, else rate() cuts there
	from, to := time.UnixMilli(w.from).Add(-early), time.UnixMilli(w.to)
	chunk := w.grid * (mostWidth - 2)
	for from.Before(to) {
		until := to
		if to.Sub(from) > chunk {
			until = from.Add(chunk)
		}
		q := spate.Query{Ports: []spate.PortID{f.port.ID}, Metrics: []spate.Metric{f.port.stored(f.metric.of)}, From: from, To: until}
		q.Width = min(max(int((until.Sub(from)+w.grid-1)/w.grid), 1), mostWidth)
		frame, err := e.reader.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		if err := mk.take(frame); err != nil {
			return nil, err
		}
		from = until
		if frame.To.After(until) {
			from = frame.To
		}
	}
	return mk.out, nil
}

// take adds the slots of a frame that come after those it has.
func (k *maker) take(f *spate.Frame) error {
	if len(f.Series) != 1 || f.Step <= 0 {
		return nil
	}
	v := k.column(&f.Series[0])
	if err := k.left.spend(len(v)); err != nil {
		return err
	}
	step := f.Step.Milliseconds()
	for i, x := range v {
		start := f.From.UnixMilli() + int64(i)*step
		if start < k.end || start+step > k.w.now+step {
			continue
		}
		k.slot(start, start+step, x)
	}
	return nil
}

// column is what the function wants to know of each slot: max_over_time shall
// find the true peak however wide the slots are.
func (k *maker) column(s *spate.Series) []float64 {
	switch {
	case k.m.kind == gauge && k.w.function == "max_over_time":
		return s.Max
	case k.m.kind == gauge && k.w.function == "min_over_time" && s.Min != nil:
		return s.Min
	}
	return s.Avg
}

func (k *maker) slot(start, end int64, x float64) {
	k.end = end
	switch {
	case math.IsNaN(x):
		if !k.unknown && end < k.w.now-3*(end-start) { // the newest slots are not yet there, which is no gap
			k.unknown = true
			k.add(end, math.Float64frombits(value.StaleNaN))
		}
		return
	case k.m.kind == gauge:
		k.add(end, x)
	default:
		if k.unknown {
			k.add(start, k.sum) // it stood still until here
		}
		k.sum += x * k.m.per() * float64(end-start) / 1000
		k.add(end, k.sum)
	}
	k.unknown = false
}

func (k *maker) add(t int64, v float64) {
	if n := len(k.out); n > 0 && k.out[n-1].t >= t {
		k.out[n-1].v = v // stale where it ends, and known again from there on
	} else if t <= k.w.to {
		k.out = append(k.out, point{t, v})
	}
}

// factGap is how far samples of a fact lie apart: less than the lookback.
const factGap = 4 * 60_000 // ms

// steps says the same at every moment that is looked at.
func (w window) steps(v float64, left *budget) (points, error) {
	gap, at := int64(factGap), w.from+1
	if w.lookback > 0 && w.step > factGap {
		gap, at = w.step, w.from+w.lookback
	}
	to := min(w.to, w.now)
	if n := (to - at) / gap; n > 0 {
		if err := left.spend(int(n)); err != nil {
			return nil, err
		}
	}
	var out points
	for ; at < to; at += gap {
		out = append(out, point{at, v})
	}
	if at-gap < to || len(out) == 0 {
		out = append(out, point{to, v})
	}
	return out, nil
}

// once says it of the last poll alone.
func (w window) once(f *found) (points, error) {
	at := f.port.Polled.UnixMilli()
	if f.port.Polled.IsZero() || at <= w.from || at > w.to {
		return nil, nil
	}
	return points{{at, f.metric.now(&f.port)}}, nil
}
