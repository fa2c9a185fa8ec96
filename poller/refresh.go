package poller

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"spate"
	"spate/mibs"
)

const (
	lookStep    = 200 * time.Millisecond // mean time between looks while a device is studied
	lookFor     = 25 * time.Second       // without a second move: nothing can be said
	studyFor    = 100 * time.Second
	studyRows   = 24 // rows watched: in octets and out octets of each
	movesWanted = 5
	longestBeat = 16 * time.Second
)

// A Refresh is how a device renews the counters that it shows.
type Refresh struct {
	Period   time.Duration // 0: not known, or too short to see
	OnDemand bool          // renewed by a request when they are older than Period (net-snmp), not by a timer
	Live     bool          // counters move at every look
	Quiet    bool          // too little moved while we looked: nothing can be said
	phase    time.Duration // of the renewals in the agent's clock, modulo Period; of a timer only
	blur     time.Duration // how far phase may be off
}

// A study watches octet counters of some rows about five times a second. An
// agent with a cache moves all of them at once and then lets them stand; when
// they moved tells its period (net-snmp: 3 s; Cisco: about 10 s), and whether a
// timer renews it or the first request after its time: looks come at irregular
// times, which only the first of both keeps to its beat.
type study struct {
	oids   []mibs.OID
	rows   []int // positions in the table of the rows watched
	begun  time.Time
	last   []uint64
	others bool // a round was polled since the last look
	looks  []glance
	moves  int
	paused int // moves seen when it last looked away
	failed int
	shown  time.Time // last look or round with something new in it
	zero   time.Time // earliest that the agent's clock can have stood at zero, by ours
	not    refuted
	dice   *rand.Rand
	result Refresh
	done   bool
}

// glance is the time between two looks by the agent's clock, and whether the
// counters moved in it.
type glance struct {
	from, to  time.Duration
	moved     bool
	disturbed bool // other requests than looks were sent meanwhile
}

var errStudy = errors.New("the device answers too slowly to be watched")

// newStudy watches some of the rows at the given positions of a table.
func newStudy(t *Table, rows []int) *study {
	s := &study{begun: time.Now()}
	s.oids, s.rows = refreshOIDs(t, rows)
	s.dice = rand.New(rand.NewPCG(uint64(len(s.oids)), uint64(s.begun.UnixNano())))
	return s
}

// look asks once and tells when to look again.
func (s *study) look(ctx context.Context, session Session) (next time.Time, err error) {
	if len(s.oids) == 0 {
		s.end(Refresh{Quiet: true})
		return time.Now(), nil
	}
	a, err := session.Get(ctx, append([]mibs.OID{mibs.SysUpTime.Instance(0)}, s.oids...))
	now := time.Now()
	next = now.Add(lookStep/2 + time.Duration(s.dice.Int64N(int64(lookStep))))
	switch {
	case err != nil:
		if s.failed++; s.failed > 10 {
			s.end(Refresh{Quiet: true})
			return next, err
		}
		return next, nil
	case a.Status != NoError || len(a.Vars) != len(s.oids)+1 || !a.Vars[0].Is(mibs.SysUpTime.Syntax):
		s.end(Refresh{Quiet: true})
		return next, errStudy
	}
	clock := ticks(a.Vars[0].Uint)
	if zero := a.At.Add(-clock); s.zero.IsZero() || zero.Before(s.zero) {
		s.zero = zero
	}
	s.take(clock, a.At, numbers(a.Vars[1:]))
	s.judge(now.Sub(s.begun))
	if s.moves >= movesWanted-1 && s.moves%2 == 0 && s.paused != s.moves {
		s.paused = s.moves
		next = now.Add(s.between() * 3 / 2) // a cache on demand begins anew with the next look
	}
	return next, nil
}

func ticks(n uint64) time.Duration { return time.Duration(n) * 10 * time.Millisecond }

// take notes one look at the agent's clock.
func (s *study) take(clock time.Duration, at time.Time, values []uint64) {
	from := clock
	if n := len(s.looks); n > 0 {
		from = s.looks[n-1].to
	}
	g := glance{from, clock, s.last != nil && !slices.Equal(values, s.last), s.others}
	s.others = false
	if s.last = values; g.moved {
		s.moves++
		s.shown = at
	}
	s.looks = append(s.looks, g)
}

// round takes a round of polling for a look, where one answer holds all rows.
func (s *study) round(got *reading) {
	if s == nil || len(s.rows) == 0 {
		return
	}
	defer func() { s.others = true }() // its later requests may have had a cache renewed
	var values []uint64
	first := &got.samples[s.rows[0]]
	for _, at := range s.rows {
		cur := &got.samples[at]
		if cur.Known == 0 || !cur.UptimeKnown || !cur.At.Equal(first.At) {
			return
		}
		for _, c := range [...]spate.Counter{spate.InOctets, spate.OutOctets} {
			if cur.Known.Has(c) {
				values = append(values, cur.Values[c])
			}
		}
	}
	if len(values) == len(s.oids) {
		s.take(ticks(uint64(first.Uptime)), first.At, values)
		s.judge(time.Since(s.begun))
	}
}

// date is when a cache was last renewed as far as the looks have seen it: what a
// round reads beside them may be as old. Without a cache it is zero, now. Before
// anything was seen to move it is not known.
func (s *study) date(now time.Time) (at time.Time, known bool) {
	switch {
	case s == nil || s.moves == len(s.looks)-1:
		return time.Time{}, true
	case s.shown.IsZero():
		return time.Time{}, now.Sub(s.begun) > longestBeat
	case now.Sub(s.shown) > longestBeat:
		return time.Time{}, true
	}
	return s.shown, true
}

// between is the mean time between moves.
func (s *study) between() time.Duration {
	first, last := time.Duration(-1), time.Duration(0)
	for _, g := range s.looks {
		if g.moved {
			if first < 0 {
				first = g.to
			}
			last = g.to
		}
	}
	return (last - first) / time.Duration(max(1, s.moves-1))
}

// judge ends the study when enough was seen.
func (s *study) judge(since time.Duration) {
	n := len(s.looks) - 1
	switch {
	case n >= 12 && s.moves*4 >= n*3:
		s.end(Refresh{Live: true})
	case s.moves < 2 && since > lookFor:
		s.end(Refresh{Quiet: true})
	case s.moves > movesWanted && n >= 15 && s.looks[n].moved || since > studyFor:
		r, clear := fitted(s.looks, s.not)
		if clear && r.Period > 0 || since > studyFor || s.moves > 6*movesWanted {
			s.end(r)
		}
	}
}

// drift is a random share of an interval by which a round is put off.
func (s *study) drift(interval time.Duration) time.Duration {
	return time.Duration(s.dice.Int64N(int64(min(interval/3, 300*time.Millisecond))))
}

func (s *study) end(r Refresh) { s.result, s.done = r, true }

// measureRefresh studies a device from beginning to end; progress is told how
// much of the time is over, 0 to 1.
func measureRefresh(ctx context.Context, session Session, t *Table, progress func(part float64)) (Refresh, error) {
	s := newStudy(t, all(len(t.Rows)))
	for !s.done {
		next, err := s.look(ctx, session)
		if err != nil {
			return Refresh{}, err
		}
		progress(min(1, time.Since(s.begun).Seconds()/(2*lookFor).Seconds()))
		select {
		case <-ctx.Done():
			return Refresh{}, context.Cause(ctx)
		case <-time.After(time.Until(next)):
		}
	}
	return s.result, nil
}

// refreshOIDs are the octet counters of the first rows that have both.
func refreshOIDs(t *Table, among []int) (oids []mibs.OID, rows []int) {
	for _, at := range among {
		row := t.Rows[at]
		var both []mibs.OID
		for _, s := range sources[:2] { // octets, in and out
			switch {
			case row.Port.Wide.Has(s.counter):
				both = append(both, s.wide.Instance(row.Index))
			case row.Port.Narrow.Has(s.counter):
				both = append(both, s.narrow.Instance(row.Index))
			}
		}
		if len(both) == 2 {
			oids, rows = append(oids, both...), append(rows, at)
		}
		if len(rows) == studyRows {
			break
		}
	}
	return oids, rows
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func numbers(vars []Var) []uint64 {
	out := make([]uint64, len(vars))
	for i := range vars {
		out[i] = vars[i].Uint
	}
	return out
}
