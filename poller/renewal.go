package poller

import (
	"time"

	"spate"
)

const (
	slowestCache = 15 * time.Second // no counters stand longer for a cache's sake
	restudyQuiet = 10 * time.Minute
	restudyWrong = 30 * time.Second // after what was known has failed, doubled each time
	longStood    = 5 * time.Minute
	liveInARow   = 3 // rounds that all bring something new: no cache is slower than they
	oddWeighs    = 4
	mostDoubts   = 3 * oddWeighs
)

// renewal dates a device's samples by when the agent renewed the counters in
// them, not by when it was asked: else a poll in every second of a cache that is
// renewed every ten shows nine silences and one tenfold spike, and one at the
// cache's own pace shows now none, now two of its steps.
type renewal struct {
	refresh Refresh
	known   bool      // the study has ended
	since   time.Time // when
	zero    time.Time // when the agent's clock stood at zero, by ours
	odd     bool      // something in this round does not go with what is known
	passed  bool      // in this round a renewal should have been seen
	doubts  int       // grows with rounds that did not go with what is known, and falls with the others
	study   *study
	not     refuted
	again   time.Time // earliest next study
	wrongs  int       // studies in a row whose result did not stand for long
	quiet   int       // studies in a row that showed nothing

	renewed  time.Time // when a cache on demand was last renewed
	seenAt   time.Time // last answer with something new in it
	dated    time.Time // answer that zero was last compared with
	movedAt  time.Time // last round in which a counter of the device moved
	skip     int       // rounds with something new that are not to be trusted yet
	inARow   int       // rounds up to now that brought something new
	anchored bool      // the last samples kept were taken as the counters moved
}

// follows tells whether samples are dated by a timer's beat.
func (n *renewal) follows() bool { return n.known && n.refresh.Period > 0 && !n.refresh.OnDemand }

// period is what is shown of the device: 0 not known.
func (n *renewal) period() time.Duration {
	if !n.known {
		return 0
	}
	return n.refresh.Period
}

// longest is how long the counters may stand still for the cache's sake.
func (n *renewal) longest() time.Duration {
	if !n.known {
		return quickPoll / heartbeat * 2 // a fast poll of a cache that is not known yet
	}
	return n.refresh.Period
}

// forget begins anew, after a restart or when what was known no longer fits.
func (n *renewal) forget() { *n = renewal{again: n.again} }

// refute begins anew with another kind: the device is not what it was taken for.
// When neither kind has stood, both are possible again: its cache may have changed.
// It is studied again after a while only: at fast polls nothing is known of it during a
// study, and the timers of a device that a flood keeps busy are late again and again.
// Without a result rates go from move to move.
func (n *renewal) refute(now time.Time) {
	not, wrongs := n.not, n.wrongs
	if now.Sub(n.since) > longStood {
		*n = renewal{again: n.again} // it was right for long: the cache has changed
		return
	}
	if n.refresh.OnDemand {
		not.demand = true
	} else {
		not.timer = true
	}
	if not.timer && not.demand {
		not = refuted{}
	}
	*n = renewal{again: now.Add(restudyWrong << min(wrongs, 5)), not: not, wrongs: wrongs + 1}
}

// learn takes the result of a study.
func (n *renewal) learn(now time.Time) {
	n.refresh, n.known, n.zero, n.since = n.study.result, true, n.study.zero, now
	n.study, n.doubts, n.anchored, n.skip = nil, 0, false, 1
	if n.refresh.Period > 0 || n.refresh.Live {
		n.quiet = 0
		return
	}
	// Others wait for their turn: one that shows nothing is looked at more and more rarely.
	n.known, n.again = false, now.Add(restudyQuiet<<min(n.quiet, 5))
	n.quiet++
}

// beats is which renewal a sample shows, and whether it may as well show the one
// before or after: it was taken just when the timer went.
func (n *renewal) beats(s *spate.Sample) (k int64, near int64) {
	clock, r := ticks(uint64(s.Uptime)), &n.refresh
	since := clock - r.phase
	k = int64(since / r.Period)
	if since < 0 {
		k--
	}
	switch into := since - time.Duration(k)*r.Period; {
	case into < r.blur:
		near = -1
	case into > r.Period-r.blur:
		near = 1
	}
	return k, near
}

// stamp dates a sample by the renewal that it shows. moved tells whether the
// counters read with it are other ones than at the renewal of prev. It is clear
// unless the timer went just as the sample was taken and even that does not
// tell; then the sample is better left: the next one covers its time.
func (n *renewal) stamp(s *spate.Sample, prev *spate.Sample, hasPrev, moved bool) (clear bool) {
	n.compare(s)
	k, near := n.beats(s)
	if near != 0 {
		if !hasPrev {
			return false
		}
		last := int64((ticks(uint64(prev.Uptime)) - n.refresh.phase + n.refresh.Period/2) / n.refresh.Period)
		switch {
		case !moved && (last == k || last == k+near):
			k = last
		case moved && last == min(k, k+near):
			k = last + 1
		default:
			return false
		}
	}
	clock := n.refresh.phase + time.Duration(k)*n.refresh.Period
	// By its age, so that a step of our wall clock since zero was taken is not in it.
	s.At, s.Trip = s.At.Add(-s.At.Sub(n.zero.Add(clock))), 0
	s.Uptime = uint32(clock / (10 * time.Millisecond))
	return true
}

// demanded dates a sample of a cache on demand by the answer in which its renewal
// was first seen: rows of later answers show that one too.
func (n *renewal) demanded(s *spate.Sample, moved bool) {
	switch since := s.At.Sub(n.renewed); {
	case !moved || since == 0:
	case since >= n.refresh.Period-50*time.Millisecond:
		n.renewed = s.At
	case since > time.Second && s.At != n.seenAt && n.seenAt.After(n.renewed) && s.At.Sub(n.seenAt) > time.Second/2:
		n.odd = true // too soon, and not for rows of the answers just after the renewal
	}
	if moved {
		n.seenAt = s.At
	}
	age := s.At.Sub(n.renewed)
	if n.renewed.IsZero() || age < 0 || age > n.refresh.Period {
		return
	}
	s.At = n.renewed
	s.Uptime -= uint32(age / (10 * time.Millisecond))
}

// compare keeps the two clocks together: the least delay seen counts, and is
// forgotten slowly, for clocks drift. Small steps keep the rates steady.
func (n *renewal) compare(s *spate.Sample) {
	at := s.At.Add(-ticks(uint64(s.Uptime)))
	switch {
	case n.zero.IsZero() || at.Sub(n.zero).Abs() > time.Minute:
		n.zero = at
	case s.At.Equal(n.dated):
		return // another row of the same answer
	case at.Before(n.zero):
		n.zero = n.zero.Add(-min(n.zero.Sub(at), time.Millisecond))
	default:
		n.zero = n.zero.Add(min(at.Sub(n.zero)/2000, 200*time.Microsecond))
	}
	n.dated = s.At
}

// wait is how long a round should be put off so that the timer does not go while
// the device is being read.
func (n *renewal) wait(now time.Time, interval time.Duration) time.Duration {
	if n.study != nil && interval < quickPoll {
		return n.study.drift(interval) // else rounds at the cache's own pace look like its timer
	}
	if !n.follows() || n.zero.IsZero() {
		return 0
	}
	r := &n.refresh
	guard := min(r.Period/5, interval/4, time.Second)
	into := (now.Sub(n.zero) - r.phase) % r.Period
	switch {
	case into > r.Period-guard:
		return r.Period - into + r.blur + guard/4
	case into < r.blur:
		return r.blur - into + guard/4
	}
	return 0
}

// holds tells whether a round that brought nothing new is to be left out: the
// cache stands still. Rates then go from move to move.
func (n *renewal) holds(now time.Time, interval time.Duration, moved bool) bool {
	if moved || !n.coarse(interval) {
		return false
	}
	longest := slowestCache // also of what is not known yet
	if n.known {
		longest = n.refresh.Period + interval + interval/2
	}
	return !n.movedAt.IsZero() && now.Sub(n.movedAt) < longest
}

// coarse tells whether rates can only go from move to move: a device that is
// polled faster than it renews its counters, or may be.
func (n *renewal) coarse(interval time.Duration) bool {
	if n.follows() {
		return false
	}
	if n.known {
		return n.refresh.OnDemand && n.refresh.Period > interval
	}
	return interval < quickPoll && n.inARow < liveInARow
}

// quickPoll is an interval at which the common caches of about ten seconds show.
const quickPoll = 10 * time.Second

// after ends a round. What goes against what is known for several rounds is
// forgotten, and the device is studied again.
func (n *renewal) after(now time.Time, moved bool) {
	if moved || n.movedAt.IsZero() {
		if n.skip == 0 {
			n.anchored = n.anchored || moved
		} else {
			n.skip-- // a look of the study, not this round, may have had the cache renewed
		}
		n.movedAt = now
	}
	if n.inARow++; !moved {
		n.inARow = 0
	}
	if !moved && n.passed {
		n.odd = true // its time has come and nothing is new: the period is longer, or the device idle
	}
	switch {
	case n.odd:
		n.doubts += oddWeighs
	case n.doubts > 0:
		n.doubts--
	}
}

// doubtful tells whether what is known has been wrong for too long.
func (n *renewal) doubtful() bool { return n.known && n.doubts >= mostDoubts }
