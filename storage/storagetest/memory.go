package storagetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"spate"
)

// A Memory is a store that keeps every rate as it came and works each answer
// out anew, by the words of the rules and with no regard to time or space: the
// truth that real stores are compared with. Its raw tier keeps 35 days and
// has steps of [Step], the coarse ones are in buckets.go.
type Memory struct {
	mu     sync.Mutex
	folder *MemoryFolder
	names  spate.Names
	closed bool
}

// A MemoryFolder is what a Memory leaves to the next one.
type MemoryFolder struct{ ports map[spate.PortID][]stretch }

// A stretch is the rates of a port between two starts of the store, or two
// settings of the clock, one after the other without overlap.
type stretch struct {
	rates []piece
	ended bool  // nothing will be added
	needs int64 // ms that must be known of the last slot when it has ended
}

// A piece is what counts of a rate.
type piece struct {
	from, to int64 // ms
	values   [spate.NumMetrics]float64
}

const (
	stepMs   = int64(Step / time.Millisecond)
	fiveMin  = 300_000
	hourMs   = 3_600_000
	mostRate = 1e15
)

// OpenMemory opens a store over what earlier ones left.
func OpenMemory(f *MemoryFolder) *Memory {
	if f.ports == nil {
		f.ports = map[spate.PortID][]stretch{}
	}
	return &Memory{folder: f}
}

var errClosed = errors.New("the store is closed")

// Close ends it.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, s := range m.folder.ports {
		end(s, stepMs/2+1)
	}
	return nil
}

func end(s []stretch, needs int64) {
	if n := len(s); n > 0 && !s[n-1].ended {
		s[n-1].ended, s[n-1].needs = true, needs
	}
}

// Flush has nothing to do.
func (m *Memory) Flush(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosed
	}
	return nil
}

// Write takes a round.
func (m *Memory) Write(_ context.Context, r *spate.Round) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosed
	}
	for _, rd := range r.Readings {
		if rd.Gap == "" && rd.Rate.Over > 0 && rd.Port != nil {
			m.take(rd.Port.ID, &rd.Rate)
		}
	}
	return nil
}

func (m *Memory) take(id spate.PortID, r *spate.Rate) {
	p := piece{from: r.At.Add(-r.Over).UnixMilli(), to: r.At.UnixMilli(), values: r.Values}
	good := 0
	for i, v := range p.values {
		if v >= 0 && v <= mostRate {
			good++
		} else {
			p.values[i] = math.NaN()
		}
	}
	if good == 0 || p.from <= 0 || p.to <= p.from || p.to-p.from > 7*24*hourMs {
		return
	}
	all := m.folder.ports[id]
	n := len(all)
	if n > 0 && !all[n-1].ended {
		switch last := all[n-1].rates[len(all[n-1].rates)-1].to; {
		case p.to > last:
			p.from = max(p.from, last)
			all[n-1].rates = append(all[n-1].rates, p)
			return
		case last-p.to < 60_000:
			return // late
		}
		end(all, (stepMs+1)/2) // our clock was set back
	}
	m.folder.ports[id] = append(all, stretch{rates: []piece{p}})
}

// slot is what is known of a metric in the slot that begins at a time, under the name of
// today or else under the last one that knows it.
func (m *Memory) slot(id spate.PortID, metric spate.Metric, at int64) float64 {
	for _, p := range m.places(id) {
		if v := m.stored(p.port, metric, at); p.has(at) && v == v {
			return v
		}
	}
	return math.NaN()
}

func (m *Memory) stored(id spate.PortID, metric spate.Metric, at int64) float64 {
	out := math.NaN()
	for _, s := range m.folder.ports[id] {
		if v := s.slot(metric, at); v == v && (out != out || v > out) {
			out = v
		}
	}
	return out
}

func (s *stretch) slot(metric spate.Metric, at int64) float64 {
	sum, known := 0.0, int64(0)
	for _, p := range s.rates {
		ms := min(p.to, at+stepMs) - max(p.from, at)
		if v := p.values[metric]; ms > 0 && v == v {
			sum += v * float64(ms)
			known += ms
		}
	}
	need := (stepMs + 1) / 2
	if last := s.rates[len(s.rates)-1].to; last < at+stepMs {
		if !s.ended {
			return math.NaN() // the slot is open
		}
		need = s.needs
	}
	if known == 0 || known < need {
		return math.NaN()
	}
	q := math.Round(1 / metric.Quantum())
	return math.Round(sum/float64(known)*q) / q
}

// Query works an answer out.
func (m *Memory) Query(_ context.Context, q spate.Query) (*spate.Frame, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	from, to := q.From.UnixMilli(), q.To.UnixMilli()
	if q.To.After(time.UnixMilli(to)) || from == to {
		to++
	}
	bad := slices.ContainsFunc(q.Metrics, func(m spate.Metric) bool { return m >= spate.NumMetrics })
	if !q.From.Before(q.To) || q.To.Sub(q.From) > 3660*24*time.Hour || q.From.Year() < 1960 || len(q.Ports) == 0 || len(q.Metrics) == 0 || bad || q.Width < 1 || q.Width > 4096 {
		return nil, errors.New("a question that makes no sense")
	}
	step := stepMs
	for (up(to, step)-down(from, step))/step > int64(q.Width) {
		step += stepMs
	}
	ids := unique(q.Ports)
	for _, length := range []int64{hourMs, fiveMin} { // the coarsest whose columns are not much wider
		wide := length
		for (up(to, wide)-down(from, wide))/wide > int64(q.Width) {
			wide += length
		}
		if old := length == fiveMin && from < time.Now().Add(-35*24*time.Hour).UnixMilli(); old || wide <= step+step/4 {
			return m.coarse(q, ids, length, from, to, wide), nil
		}
	}
	f := &spate.Frame{From: time.UnixMilli(down(from, step)).UTC(), To: time.UnixMilli(up(to, step)).UTC(), Step: time.Duration(step) * time.Millisecond, Tier: spate.TierRaw}
	f.Of = len(ids)
	lo, hi := down(from, stepMs), up(to, stepMs)
	for _, id := range ids {
		if m.seen(id, q.Metrics, lo, hi) {
			f.Covered++
		}
	}
	for _, metric := range q.Metrics {
		slots := m.slots(ids, metric, f.From.UnixMilli(), f.To.UnixMilli())
		f.Series = append(f.Series, frame(metric, slots, step, f.From.UnixMilli(), lo, hi))
	}
	return f, nil
}

func unique(ids []spate.PortID) (out []spate.PortID) {
	for _, id := range ids {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func (m *Memory) seen(ids spate.PortID, metrics []spate.Metric, lo, hi int64) bool {
	for at := lo; at < hi; at += stepMs {
		for _, metric := range metrics {
			if v := m.slot(ids, metric, at); v == v {
				return true
			}
		}
	}
	return false
}

// slots are the values of one port, or the sums of several, slot by slot.
func (m *Memory) slots(ids []spate.PortID, metric spate.Metric, from, to int64) []float64 {
	out := make([]float64, (to-from)/stepMs)
	if len(ids) == 1 {
		for i := range out {
			out[i] = m.slot(ids[0], metric, from+int64(i)*stepMs)
		}
		return out
	}
	from, margin := from-hourMs, hourMs/stepMs
	members := make([][]float64, len(ids))
	for p, id := range ids {
		members[p] = m.slots([]spate.PortID{id}, metric, from, to+hourMs)
	}
	for i := range out {
		out[i] = sumAt(members, i+int(margin), stepMs)
	}
	return out
}

// sumAt is the sum of the members in one slot or bucket: see storage/sum.go.
func sumAt(members [][]float64, i int, length int64) float64 {
	sum, doubt, measured := 0.0, 0.0, false
	for _, v := range members {
		if v[i] == v[i] {
			sum += v[i]
			measured = true
			continue
		}
		a, b := i, i
		for a >= 0 && v[a] != v[a] {
			a--
		}
		for b < len(v) && v[b] != v[b] {
			b++
		}
		switch {
		case a < 0:
		case b == len(v):
			if int64(i-a)*length <= fiveMin {
				sum += v[a]
			}
		default:
			x := v[a] + (v[b]-v[a])*float64(i-a)/float64(b-a)
			sum += x
			if int64(b-a-1)*length > fiveMin {
				doubt += x
			}
		}
	}
	if !measured || doubt > sum/10 {
		return math.NaN()
	}
	return sum
}

// frame makes columns and statistics of slots from a time on; lo..hi was asked.
func frame(metric spate.Metric, slots []float64, step, from, lo, hi int64) spate.Series {
	s := spate.Series{Metric: metric}
	per := int(step / stepMs)
	for i := 0; i < len(slots); i += per {
		avg, most, least := summary(slots, i, i+per)
		s.Avg, s.Max, s.Min = append(s.Avg, avg), append(s.Max, most), append(s.Min, least)
	}
	first, last := int((lo-from)/stepMs), int((hi-from)/stepMs)
	s.Stats = spate.Stats{Last: nan, P95: nan, Total: nan}
	s.Stats.Mean, s.Stats.Max, _ = summary(slots, first, last)
	known, means := 0, []float64{}
	for at := down(lo, fiveMin); at < hi; at += fiveMin {
		a, b := int((max(at, lo)-from)/stepMs), int((min(at+fiveMin, hi)-from)/stepMs)
		if mean, _, _ := summary(slots, a, b); mean == mean {
			means = append(means, mean)
		}
	}
	for _, v := range slots[first:last] {
		if v == v {
			known++
			s.Stats.Last = v
		}
	}
	if known == 0 {
		return s
	}
	slices.Sort(means)
	s.Stats.P95 = means[(95*len(means)+99)/100-1]
	s.Stats.Total = s.Stats.Mean * float64(known) * Step.Seconds()
	if metric.IsBits() {
		s.Stats.Total /= 8
	}
	return s
}

func down(t, step int64) int64 { return t - (t%step+step)%step }

func up(t, step int64) int64 { return -down(-t, step) }
