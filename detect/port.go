package detect

import (
	"fmt"
	"math"
	"time"

	"spate"
)

// judge is one port's round.
func (p *portMemory) judge(r *spate.Round, rd *spate.Reading, cfg Config, clock func(time.Time) (int, int), frozen bool) spate.Excess {
	e := spate.Excess{Port: rd.Port, From: rd.Rate.At.Add(-rd.Rate.Over), To: rd.Rate.At, Rate: rd.Rate.Values, Gap: rd.Gap}
	if rd.Gap != "" {
		e = spate.Excess{Port: rd.Port, From: r.At, To: r.At, Gap: rd.Gap, Mark: p.mark}
		for m := range e.Rate {
			e.Rate[m] = math.NaN()
		}
	}
	hour, day := clock(e.To)
	whole := p.gather(r, &e)
	oldest := int64(0)
	for m := range spate.Metric(spate.NumUsual) {
		l := p.limits(rd.Port, m, cfg.FloorPercent)
		e.Floor[m] = l.Floor
		x := Sample{At: e.To.Unix(), Value: e.Rate[m], Hour: hour, Day: day}
		s := &p.series[m]
		var got Reading
		if whole {
			got = s.Update(x, l, frozen)
		} else {
			got = s.Peek(x, l)
		}
		if !whole && p.burst != nil && p.burst.ripe(r) {
			x.Value = p.burst.mean(m)
			got.take(s.Update(x, l, frozen))
		}
		if got.Cleared && !s.Paged() {
			s.Accept()
		}
		e.Usual[m], e.Marked[m], e.Hinted[m] = got.Usual, got.Surprise, got.Hint && !got.Surprise
		if got.Alarmed && (oldest == 0 || got.Since < oldest) {
			oldest = got.Since
		}
	}
	if p.burst != nil && (whole || p.burst.ripe(r)) {
		p.burst = nil
	}
	p.note(&e, oldest, r.Interval)
	p.habits.note(&e, p, hour, frozen)
	return e
}

// take adds what a whole window says to what its last part said.
func (r *Reading) take(whole Reading) {
	r.Cleared, r.Alarmed, r.Since = whole.Cleared, whole.Alarmed, whole.Since
	r.Surprise, r.Hint = r.Surprise || whole.Surprise, r.Hint || whole.Hint
}

// gather tells whether the window is as long as usual; shorter ones are put
// together until they are.
func (p *portMemory) gather(r *spate.Round, e *spate.Excess) (whole bool) {
	over := e.To.Sub(e.From)
	if !r.Burst || over >= r.Interval*8/10 {
		return true
	}
	if e.Gap != "" {
		return false
	}
	if p.burst == nil {
		p.burst = &gathered{from: e.From}
	}
	p.burst.secs += over.Seconds()
	for m := range p.burst.sum {
		if v := e.Rate[m]; !math.IsNaN(v) {
			p.burst.sum[m] += v * over.Seconds()
			p.burst.known[m] += over.Seconds()
		}
	}
	return false
}

func (g *gathered) ripe(r *spate.Round) bool { return g.secs >= r.Interval.Seconds()*0.8 }

func (g *gathered) mean(m spate.Metric) float64 {
	if g.known[m] == 0 {
		return math.NaN()
	}
	return g.sum[m] / g.known[m]
}

// note keeps the mark that people see while the alarm lasts.
func (p *portMemory) note(e *spate.Excess, oldest int64, interval time.Duration) {
	if oldest == 0 {
		if p.habits.alarmed == 0 {
			p.mark = nil
		}
		return
	}
	since := time.Unix(oldest, 0).Add(-interval).UTC()
	if e.AnyMark() || p.mark == nil {
		p.mark = &spate.Mark{Since: since, Text: unusual(e)}
	}
	e.Mark, e.Since = p.mark, since
}

// unusual says what is, in the operator's units: the direction and the unit whose
// factor is greatest among those that are marked.
func unusual(e *spate.Excess) string {
	best, of := math.NaN(), spate.InBps
	for m := range spate.Metric(spate.NumUsual) {
		f := e.Rate[m] / math.Max(e.Usual[m], e.Floor[m])
		if math.IsNaN(f) {
			f = e.Rate[m] / e.Floor[m]
		}
		if e.Marked[m] && !(f <= best) {
			best, of = f, m
		}
	}
	direction := [...]string{"in", "out"}[of%2]
	if math.IsNaN(e.Usual[of]) {
		return fmt.Sprintf("%s %s, and nothing is known of its usual yet", Format(of, e.Rate[of]), direction)
	}
	if e.Usual[of] < e.Floor[of] {
		return fmt.Sprintf("%s %s, where less than %s is usual", Format(of, e.Rate[of]), direction, Format(of, e.Floor[of]))
	}
	return fmt.Sprintf("%s %s, %s its usual %s", Format(of, e.Rate[of]), direction, Times(best), Format(of, e.Usual[of]))
}

// Format prints a rate of the metric.
func Format(m spate.Metric, v float64) string {
	if m.IsBits() {
		return spate.BitRate(v).String()
	}
	return spate.PacketRate(v).String()
}

// Times prints a factor as people say it: "38x", "2.4x".
func Times(f float64) string {
	if f >= 9.95 {
		return fmt.Sprintf("%.0fx", f)
	}
	return fmt.Sprintf("%.1fx", f)
}

func unixTime(s uint32) time.Time { return time.Unix(int64(s), 0).UTC() }
