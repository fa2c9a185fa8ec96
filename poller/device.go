package poller

import (
	"context"
	"errors"
	"hash/fnv"
	"net/netip"
	"slices"
	"time"

	"spate"
	"spate/mibs"
)

const (
	deadAfter    = 3               // silent rounds, then one packet an interval asks whether it is back
	factsEvery   = 5 * time.Minute // names, aliases, speeds
	heartbeat    = 6               // intervals that a difference may be spread over
	maxStretch   = 32              // times the interval of a device that is too slow for it
	shrinkAfter  = 20              // easy rounds in a row before a stretched interval is halved
	findDeadline = 60 * time.Second
)

// device is one polled box between rounds. Only its own loop touches it.
type device struct {
	target   Target
	cfg      Config
	interval time.Duration
	session  Session
	address  netip.AddrPort
	counts   *Counts
	packets  func() uint64

	voice *voice
	turn  *turn // nil: the tables around it are not read

	walkVars  int // taught by walks, see learned
	walkNext  bool
	v1        bool // silent to SNMPv2c
	learnedAt time.Time
	kept      []byte
	keptAs    learned

	table    *Table
	plan     []request
	limits   limits
	ports    []portState // by position in table.Rows
	round    int
	misses   int
	settled  bool // the names were read just now
	doubt    bool // the names must be read before the next delta
	factsDue time.Time

	findFails int // how often in a row the tables could not be read
	findAgain time.Time
	findErr   error

	uptime   uint32
	uptimeOK bool

	renewal renewal   // how the device renews its counters
	lookAt  time.Time // when it is looked at next, while that is being studied
	shown   time.Time // what the device shows in this round was renewed then; zero: just now
	watched bool      // it takes part in the bound on studies
	idle    bool      // no counter of it has moved since the last round

	burst burst // read more often for a while

	narrow  time.Duration // the longest interval that misses no wrap of a 32-bit counter; 0: any
	stretch int           // the interval is multiplied by it
	easy    int
}

// portState is what a port carries from round to round.
type portState struct {
	prev    spate.Sample
	hasPrev bool
	port    *spate.Port
	refused *spate.Quarantine
	short   spate.CounterSet // 64-bit columns that were seen to wrap at 2^32
}

func newDevice(t Target, cfg Config, counts *Counts) *device {
	interval := t.Interval
	if interval == 0 {
		interval = cfg.Interval
	}
	return &device{target: t, cfg: cfg, interval: interval, counts: counts, stretch: 1, voice: &voice{}, burst: newBurst()}
}

// every is the time between rounds: stretched for a device that needs longer,
// shorter for one whose fast ports have 32-bit counters only.
func (d *device) every() time.Duration {
	if d.stretch > 1 || d.narrow == 0 {
		return d.interval * time.Duration(d.stretch)
	}
	return min(d.interval, d.narrow)
}

// narrowInterval is how often the table's 32-bit octet counters must be read to
// miss no wrap, in whole seconds; 0 when no port asks for it. A port that would
// need more than one reading a second is left to be told "not measurable".
func narrowInterval(t *Table) time.Duration {
	least := time.Duration(0)
	for _, row := range t.Rows {
		p := row.Port
		if !row.Wanted || p.Speed <= 0 || !(p.Narrow.Has(spate.InOctets) || p.Narrow.Has(spate.OutOctets)) {
			continue
		}
		wrap := time.Duration((1 << 32) * 8 / float64(p.Speed) * 0.9 * float64(time.Second)).Truncate(time.Second)
		if wrap >= time.Second && (least == 0 || wrap < least) {
			least = wrap
		}
	}
	return least
}

// phase is the device's slot within an interval: a hash of its name, so that
// devices are spread evenly and keep their slots over restarts.
func phase(name string, interval time.Duration) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(name))
	return time.Duration(h.Sum64() % uint64(interval))
}

// pass does one round and reports it.
func (d *device) pass(ctx context.Context) *spate.Round {
	start, sent := time.Now(), d.packets()
	every := d.every()
	readings, err := d.try(ctx, start)
	if err != nil && ctx.Err() == nil {
		d.misses++
		err = explain(d.target, err, time.Since(start), d.packets()-sent)
	} else if err == nil {
		d.misses = 0
	}
	took := time.Since(start)
	r := &spate.Round{Device: d.target.Device, At: time.Now(), Took: took, Interval: every, Refresh: d.renewal.period(), Readings: readings, Err: err, PDUs: int(d.packets() - sent)}
	if d.table != nil {
		r.System = d.table.System
		r.System.Uptime = time.Duration(d.uptime) * 10 * time.Millisecond
	}
	d.round++
	d.counts.round(r)
	d.voice.gaps(r)
	r.Learned = d.remember(r.At)
	return r
}

func (d *device) try(ctx context.Context, start time.Time) ([]spate.Reading, error) {
	asked := d.older(ctx)
	dead := d.misses >= deadAfter
	if dead && asked {
		return d.silent(), ErrNoAnswer
	}
	if dead {
		if _, err := d.session.Probe(ctx, mibs.SysUpTime.Instance(0)); err != nil {
			return d.silent(), err
		}
	}
	if err := d.tables(ctx, start); err != nil {
		return d.silent(), err
	}
	limit, cancel := context.WithTimeoutCause(ctx, d.every()*8/10, ErrBudget)
	defer cancel()
	got, err := d.read(limit)
	if errors.Is(err, errDoubt) {
		d.doubt = true
		if err := d.tables(ctx, start); err != nil {
			return d.silent(), err
		}
		d.settled = true // whatever is still odd is so by the names just read
		got, err = d.read(limit)
		d.settled = false
	}
	if dead && errors.Is(err, ErrNoAnswer) && d.plan[0].bulk && !got.led { // it has just answered a GET
		before := d.limits
		d.limits.noBulk = true
		d.instructed(before)
		d.plan = plan(d.table, d.limits, d.session.HasBulk())
	}
	d.fit(limit, got, time.Since(start))
	if err != nil {
		return d.silent(), err
	}
	return d.readings(got), nil
}

// reject counts an answer that was not believed and tells of it.
func (d *device) reject(why Rejection) {
	d.counts.reject(why)
	d.voice.rejected(why)
}

// tables reads the device's tables when it is time, or when there are none that
// can be trusted. A device whose tables cannot be read is asked for them less and
// less often, so that a mad one costs little; with the old ones it is polled on.
func (d *device) tables(ctx context.Context, now time.Time) error {
	must := d.table == nil || d.doubt
	switch {
	case !must && now.Before(d.factsDue):
		return nil
	case must && now.Before(d.findAgain):
		return d.findErr
	}
	err := d.find(ctx, now)
	if err == nil {
		d.findFails = 0
		return nil
	}
	if !errors.Is(err, ErrWalk) && !errors.Is(err, ErrBudget) {
		return err
	}
	d.findAgain = now.Add(min(d.every()<<min(d.findFails, 8), factsEvery) - d.every()/2)
	d.findFails++
	d.findErr = err
	if must {
		return err
	}
	d.voice.noted([]string{err.Error()})
	d.factsDue = d.findAgain
	return nil
}

// patience is how often a table that went backwards is read again before it is
// taken as it is.
const patience = 3

// find reads the device's tables, all of them or what may have changed.
func (d *device) find(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeoutCause(ctx, findDeadline, ErrBudget)
	defer cancel()
	d.retry(ctx, now)
	w := newWalker(d.session, d.reject, d.counts.fell)
	if d.walkVars > 0 {
		w.vars = min(w.vars, d.walkVars)
	}
	w.single = w.single || d.walkNext
	f := &finder{walker: w, target: d.target, reject: d.reject, suspect: d.standing(), strict: d.findFails < patience}
	t, err := f.find(ctx, d.table)
	if err != nil {
		return err
	}
	d.taught(w)
	d.voice.noted(t.Notes)
	d.adopt(t)
	d.doubt = false
	d.factsDue = now.Add(factsEvery + phase(d.target.Device.Name, factsEvery)/4)
	return nil
}

// standing are the 64-bit counters that stood at 0 in the last samples of ports
// that counted otherwise.
func (d *device) standing() map[int]spate.CounterSet {
	out := map[int]spate.CounterSet{}
	for i := range d.ports {
		s := &d.ports[i].prev
		var zero spate.CounterSet
		counts := false
		for c := range spate.NumCounters {
			if s.Wide.Has(c) && s.Values[c] == 0 {
				zero = zero.With(c)
			}
			counts = counts || s.Values[c] != 0
		}
		if counts && zero != 0 {
			out[d.table.Rows[i].Index] = zero
		}
	}
	return out
}

// adopt takes a new table over; ports keep their samples by name.
func (d *device) adopt(t *Table) {
	before := map[string]portState{}
	same := d.table == nil || sameLayout(d.table.Rows, t.Rows)
	if d.table != nil {
		for i, row := range d.table.Rows {
			before[row.Port.ID.Name] = d.ports[i]
		}
	}
	d.ports = make([]portState, len(t.Rows))
	for i, row := range t.Rows {
		d.ports[i] = before[row.Port.ID.Name]
		d.ports[i].port = row.Port
	}
	d.table = t
	if !same {
		d.limits.noBulk = d.walkNext // the rows are others now
	}
	d.plan = plan(t, d.limits, d.session.HasBulk())
	d.uptimeOK = false
	d.narrow = narrowInterval(t)
}

func sameLayout(a, b []Row) bool {
	return slices.EqualFunc(a, b, func(x, y Row) bool { return x.Index == y.Index && x.Port.ID == y.Port.ID })
}

// read sends the round's requests. Sessions that cannot answer so much at once
// teach the plan of the next round.
func (d *device) read(ctx context.Context) (*reading, error) {
	if len(d.plan) == 0 {
		return newReading(d.table, d.session, d.reject, &d.limits, d.round), nil
	}
	learned := d.limits
	r := newReading(d.table, d.session, d.reject, &d.limits, d.round)
	err := r.all(ctx, d.plan, d.trusted)
	if d.limits != learned {
		d.instructed(learned)
		d.plan = plan(d.table, d.limits, d.session.HasBulk())
	}
	if err != nil {
		return r, err
	}
	if !d.settled && (r.vanished || !d.stand(ctx, d.odd(r))) {
		return r, errDoubt
	}
	if r.uptimeKnown {
		d.uptime, d.uptimeOK = r.uptime, true
	}
	d.doubt = d.doubt || r.vanished
	return r, nil
}

// trusted tells whether the rows are still the ports they were, from the first
// answer of a round: the agent has not restarted, its table has not changed,
// and the row looked at has the name it had.
func (d *device) trusted(r *reading) bool {
	restarted := d.uptimeOK && r.uptimeKnown && r.uptime < d.uptime
	if restarted {
		d.renewal.forget() // its timers begin anew; the samples kept give a restart
	}
	return !restarted && !r.changed && !r.renamed
}

// fit stretches the interval of a device that cannot finish in it, and
// shortens it again when rounds have become easy.
func (d *device) fit(ctx context.Context, got *reading, took time.Duration) {
	late := ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrBudget) && got.led
	switch {
	case late && d.stretch < maxStretch:
		d.stretch, d.easy = d.stretch*2, 0
		d.counts.fell(FallbackSlow)
		d.voice.noted([]string{"it cannot finish within its interval: polled less often"})
	case d.stretch > 1 && took < d.every()/4:
		if d.easy++; d.easy >= shrinkAfter {
			d.stretch, d.easy = d.stretch/2, 0
		}
	default:
		d.easy = 0
	}
}
