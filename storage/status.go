package storage

import (
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// A Status is how the store does, for GET /api/v1/status.
type Status struct {
	Backend  string        // "embedded" or "victoriametrics"
	ReadOnly bool          // nothing is written; the newest Config.Ring is kept in memory
	Reason   string        // why, and what to do; empty when it writes
	Bytes    uint64        // on disk, up to a minute old
	Oldest   time.Time     // of what can be asked for; zero: nothing yet
	Dropped  uint64        // rounds that found the queue full
	Refused  uint64        // values not written because the disk was full
	Queued   int           // rounds waiting
	Ports    int           // in memory
	Step     time.Duration // of the raw tier

	ForecastYearBytes int64        // on disk in a year at this pace; -1: not known yet
	Note              string       // what to know of the budget; empty: nothing
	Tiers             []TierStatus // finest first

	Remote *RemoteStatus // nil: the rows are kept here
}

// Status tells how the store does. It is cheap enough for every request.
func (e *store) Status() Status {
	s := Status{
		Backend: "embedded", Reason: e.space.why(), Dropped: e.dropped.Load(), Refused: e.counts.refused.Get(),
		Queued: len(e.queue), Ports: e.ports.len(), Step: e.cfg.Step, Bytes: e.bytes(),
	}
	s.ReadOnly = s.Reason != ""
	s.ForecastYearBytes, s.Note, s.Tiers = e.forecast(), e.note(), e.tiers()
	at := now()
	for i := range e.ages {
		if ms := e.ages[i].since(at); ms > 0 && (s.Oldest.IsZero() || ms < s.Oldest.UnixMilli()) {
			s.Oldest = time.UnixMilli(ms).UTC()
		}
	}
	return s
}

// sizeCache keeps the sizes of the tiers, which the engine sums up part by part.
type sizeCache struct {
	mu    sync.Mutex
	at    time.Time
	tiers [1 + numLevels]size
}

type size struct{ bytes, rows uint64 }

func (c *sizeCache) tier(n int) size {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tiers[n]
}

func (e *store) bytes() (sum uint64) {
	e.reading.RLock()
	defer e.reading.RUnlock()
	c := &e.sizes
	c.mu.Lock()
	defer c.mu.Unlock()
	if !e.closed && (c.at.IsZero() || time.Since(c.at) > time.Minute) {
		c.at = time.Now()
		for i := range c.tiers {
			if k := e.keeper(i); k != nil {
				c.tiers[i].bytes = k.bytes()
			}
			if t, ok := e.keeper(i).(*tier); ok {
				c.tiers[i].rows = t.rows()
			}
		}
	}
	for _, t := range c.tiers {
		sum += t.bytes
	}
	return sum
}

// counts are the store's own counters.
type counts struct {
	set                                            *metrics.Set
	rows, dropped, refused, late, unsound, outside *metrics.Counter
	gauges                                         []string
}

// newCounts registers the counters in the set; gauges ask e.
func newCounts(set *metrics.Set, e *store) *counts {
	if set == nil {
		set = metrics.NewSet()
	}
	c := &counts{
		set:     set,
		rows:    set.GetOrCreateCounter("spate_store_rows_total"),
		dropped: set.GetOrCreateCounter(`spate_queue_dropped_total{queue="store"}`),
		refused: set.GetOrCreateCounter("spate_store_rows_refused_total"),
		late:    set.GetOrCreateCounter(`spate_store_rates_rejected_total{why="late"}`),
		unsound: set.GetOrCreateCounter(`spate_store_rates_rejected_total{why="unsound"}`),
	}
	c.outside = set.GetOrCreateCounter(`spate_store_slots_rejected_total{why="outside_retention"}`)
	e.journal.errors = set.GetOrCreateCounter("spate_store_journal_errors_total")
	c.gauge("spate_store_journal_bytes", func() float64 { return float64(e.journal.bytes.Load()) })
	c.gauge("spate_store_read_only", func() float64 { return oneIf(e.space.full()) })
	c.gauge("spate_store_bytes", func() float64 { return float64(e.bytes()) })
	c.gauge("spate_store_ports", func() float64 { return float64(e.ports.len()) })
	c.gauge(`spate_queue_length{queue="store"}`, func() float64 { return float64(len(e.queue)) })
	return c
}

func (c *counts) gauge(name string, f func() float64) {
	c.set.UnregisterMetric(name) // of a store closed before
	c.set.NewGauge(name, f)
	c.gauges = append(c.gauges, name)
}

// forget takes back what would keep a closed store in memory.
func (c *counts) forget() {
	for _, name := range c.gauges {
		c.set.UnregisterMetric(name)
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
