package poller

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
)

// Counts is what the poller says of itself in /metrics and on the status page.
type Counts struct {
	rejected    map[Rejection]*metrics.Counter
	gaps        map[spate.Gap]*metrics.Counter
	fallbacks   map[Fallback]*metrics.Counter
	quarantined *metrics.Counter
	rounds      *metrics.Counter
	failed      *metrics.Counter
	surveys     *metrics.Counter
	broken      *metrics.Counter // surveys
	surveyPDUs  *metrics.Counter
	lateSeconds *metrics.Histogram
	tookSeconds *metrics.Histogram

	mu   sync.Mutex
	ring [4096]time.Duration // newest lateness of rounds, for the percentile on /status
	n    int
}

// NewCounts registers the poller's metrics in set, all at zero.
func NewCounts(set *metrics.Set) *Counts {
	c := &Counts{
		rejected: map[Rejection]*metrics.Counter{}, gaps: map[spate.Gap]*metrics.Counter{}, fallbacks: map[Fallback]*metrics.Counter{},
		quarantined: set.NewCounter("spate_quarantined_total"),
		rounds:      set.NewCounter("spate_rounds_total"),
		failed:      set.NewCounter("spate_rounds_failed_total"),
		surveys:     set.NewCounter("spate_surveys_total"),
		broken:      set.NewCounter("spate_surveys_failed_total"),
		surveyPDUs:  set.NewCounter("spate_survey_requests_total"),
		lateSeconds: set.NewHistogram("spate_poll_late_seconds"),
		tookSeconds: set.NewHistogram("spate_round_seconds"),
	}
	for _, why := range Rejections() {
		c.rejected[why] = set.NewCounter(fmt.Sprintf(`spate_snmp_rejected_total{why=%q}`, why))
	}
	for _, what := range Fallbacks() {
		c.fallbacks[what] = set.NewCounter(fmt.Sprintf(`spate_fallbacks_total{why=%q}`, what))
	}
	for _, gap := range spate.Gaps() {
		c.gaps[gap] = set.NewCounter(fmt.Sprintf(`spate_gaps_total{why=%q}`, gap))
	}
	return c
}

// Reject counts an answer that was not believed.
func (c *Counts) Reject(why Rejection) { c.reject(why) }

func (c *Counts) reject(why Rejection) { c.rejected[why].Inc() }

// Rejected is how many answers were not believed for one reason.
func (c *Counts) Rejected(why Rejection) uint64 { return c.rejected[why].Get() }

func (c *Counts) fell(what Fallback) { c.fallbacks[what].Inc() }

// Fell is how often devices were read another way for one reason.
func (c *Counts) Fell(what Fallback) uint64 { return c.fallbacks[what].Get() }

// surveyed counts the tables of one device.
func (c *Counts) surveyed(t *spate.Tables, err error) {
	c.surveys.Inc()
	c.surveyPDUs.Add(t.PDUs)
	if err != nil {
		c.broken.Inc()
	}
}

func (c *Counts) round(r *spate.Round) {
	c.rounds.Inc()
	c.tookSeconds.Update(r.Took.Seconds())
	if r.Err != nil {
		c.failed.Inc()
	}
	for i := range r.Readings {
		gap := r.Readings[i].Gap
		if gap == "" {
			continue
		}
		c.gaps[gap].Inc()
		if gap == spate.GapOverSpeed {
			c.quarantined.Inc()
		}
	}
}

func (c *Counts) late(d time.Duration) {
	c.lateSeconds.Update(d.Seconds())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring[c.n%len(c.ring)] = d
	c.n++
}

// LateP99 is the 99th percentile (nearest rank) of how late the newest rounds
// started, at most 4,096 of them; 0 before the first.
func (c *Counts) LateP99() time.Duration {
	c.mu.Lock()
	all := slices.Clone(c.ring[:min(c.n, len(c.ring))])
	c.mu.Unlock()
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)*99+99)/100-1]
}
