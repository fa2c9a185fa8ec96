package poller

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"spate"
	"spate/mibs"
)

const (
	surveyEvery    = 5 * time.Minute
	surveyDeadline = 4 * time.Minute
	mostSurveys    = 16             // devices whose tables are read at once
	absentFor      = 24 * time.Hour // a table that a device does not have is asked for again
	// surveyPause between two requests leaves the agent as much time for others as
	// it took for the last one, and at most this.
	surveyPause = 50 * time.Millisecond
	surveyRush  = 150 * time.Millisecond // from one device to the next, after a start
	surveyRetry = 30 * time.Second       // after a device fell silent in mid-survey
)

// A TableSink takes what devices say is around them. Learn must not block for
// long: the next survey of the device waits for it.
type TableSink interface{ Learn(t *spate.Tables) }

// Survey has the tables around every device read, every five minutes and when
// asked to ([Poller.Resurvey]), and handed to sink. Counters come first: a survey
// sends one request at a time, and none while a round is due. It must be called
// before Run.
func (p *Poller) Survey(sink TableSink) { p.tables = sink }

// Resurvey has the tables of devices read at once, those of an incident for
// instance. Devices that are not polled are passed over.
func (p *Poller) Resurvey(names ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		if l := p.running[name]; l != nil && l.device.turn != nil {
			select {
			case l.device.turn.now <- struct{}{}:
			default:
			}
		}
	}
}

// A turn says whose turn it is to ask a device: one request is outstanding at a
// time, and rounds come first.
type turn struct {
	seat chan struct{} // held by a round as a whole, and by a survey for one request
	due  atomic.Int64  // of the next round, ns since 1970
	now  chan struct{}

	absent map[spate.TableKind]time.Time // tables the device does not have, and until when that is believed; the survey's own
}

func newTurn() *turn {
	return &turn{seat: make(chan struct{}, 1), now: make(chan struct{}, 1), absent: map[spate.TableKind]time.Time{}}
}

// take waits for the device; rounds and studies hold it so.
func (t *turn) take() func() {
	if t == nil {
		return func() {}
	}
	t.seat <- struct{}{}
	return func() { <-t.seat }
}

// plan says when the next round is due.
func (t *turn) plan(due time.Time) {
	if t != nil {
		t.due.Store(due.UnixNano())
	}
}

// wait is how long a survey must leave the device alone.
func (t *turn) wait(now time.Time) time.Duration {
	if until := time.Duration(t.due.Load() - now.UnixNano()); until > 0 && until < lookMargin {
		return until + time.Millisecond
	}
	return 0
}

// firstSurveys is the time over which so many devices are surveyed for the first
// time: soon where they are few, and where they are many without a rush.
func firstSurveys(devices int) time.Duration {
	return min(max(time.Duration(devices)*surveyRush, 10*time.Second), surveyEvery/2)
}

// surveys is the life of one device's surveys, beside its rounds: the first within
// a time, then every five minutes.
func (p *Poller) surveys(ctx context.Context, d *device, first time.Duration) {
	next := time.NewTimer(phase(d.target.Device.Name, first))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.turn.now:
		case <-next.C:
		}
		wait := surveyEvery
		switch tables, err := p.survey(ctx, d); {
		case ctx.Err() != nil:
			return
		case tables == nil:
			wait = 5 * time.Second // its ports are not known yet, or it is silent
		default:
			if err != nil {
				wait = surveyRetry
			}
			p.tables.Learn(tables)
		}
		next.Reset(wait)
	}
}

// survey reads the tables of one device; nil while nothing is known of it or it is
// silent.
func (p *Poller) survey(ctx context.Context, d *device) (*spate.Tables, error) {
	select {
	case p.surveying <- struct{}{}:
		defer func() { <-p.surveying }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, surveyDeadline, ErrBudget)
	defer cancel()
	release := d.turn.take()
	table, silent := d.table, d.misses > 0 || d.session == nil
	release()
	if table == nil || silent {
		return nil, nil
	}
	polite := &polite{d: d}
	s := &surveyor{
		walker: newWalker(polite, d.rejectQuietly, p.counts.fell), view: func(context string) { polite.view = context },
		device: d.target.Device.Name, vendor: table.System.Vendor, byRow: map[int]*spate.Port{}, base: map[int]int{}, skip: map[spate.TableKind]bool{},
		out: &spate.Tables{Device: d.target.Device.Name, SysName: table.System.Name},
	}
	now := time.Now()
	for kind, until := range d.turn.absent {
		s.skip[kind] = now.Before(until)
	}
	for i := range table.Rows {
		s.byRow[table.Rows[i].Index] = table.Rows[i].Port
	}
	err := s.survey(ctx)
	s.out.At, s.out.PDUs = time.Now(), polite.sent
	s.out.Took = s.out.At.Sub(now)
	for kind, read := range s.out.Read {
		if read.Absent && !s.skip[kind] && kind != spate.TableSpanning { // with it goes what others need
			d.turn.absent[kind] = now.Add(absentFor)
		}
	}
	p.counts.surveyed(s.out, err)
	return s.out, err
}

// rejectQuietly counts what a survey does not believe.
func (d *device) rejectQuietly(why Rejection) { d.counts.reject(why) }

// A polite session asks a device between its rounds, one request at a time.
type polite struct {
	d    *device
	view string
	last time.Duration // how long the last answer took
	sent int
}

// ask waits for the device to be free and sends one request.
func (s *polite) ask(ctx context.Context, send func(Session) (*Answer, error)) (*Answer, error) {
	pause := min(s.last, surveyPause)
	for {
		wait := max(pause, s.d.turn.wait(time.Now().Add(pause)))
		if wait > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil, context.Cause(ctx)
			case <-timer.C:
			}
		}
		if pause = 0; s.d.turn.wait(time.Now()) == 0 {
			break
		}
	}
	defer s.d.turn.take()()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	session := s.d.session
	if session == nil || s.d.misses > 0 {
		return nil, ErrNoAnswer
	}
	if c, ok := session.(*client); ok {
		c.view = s.view
		defer func() { c.view = "" }()
	} else if s.view != "" {
		return nil, ErrNoAnswer
	}
	s.sent++
	began := time.Now()
	a, err := send(session)
	s.last = time.Since(began)
	return a, err
}

// Get implements Session.
func (s *polite) Get(ctx context.Context, oids []mibs.OID) (*Answer, error) {
	return s.ask(ctx, func(to Session) (*Answer, error) { return to.Get(ctx, oids) })
}

// Next implements Session.
func (s *polite) Next(ctx context.Context, oids []mibs.OID) (*Answer, error) {
	return s.ask(ctx, func(to Session) (*Answer, error) { return to.Next(ctx, oids) })
}

// Bulk implements Session.
func (s *polite) Bulk(ctx context.Context, oids []mibs.OID, nonRepeaters, repetitions int) (*Answer, error) {
	return s.ask(ctx, func(to Session) (*Answer, error) { return to.Bulk(ctx, oids, nonRepeaters, repetitions) })
}

// Probe implements Session.
func (s *polite) Probe(ctx context.Context, oid mibs.OID) (*Answer, error) {
	return s.ask(ctx, func(to Session) (*Answer, error) { return to.Probe(ctx, oid) })
}

// HasBulk implements Session.
func (s *polite) HasBulk() bool {
	defer s.d.turn.take()()
	return s.d.session == nil || s.d.session.HasBulk() && !s.d.walkNext
}

// Close implements Session; the conversation is the rounds'.
func (s *polite) Close() error { return errors.ErrUnsupported }
