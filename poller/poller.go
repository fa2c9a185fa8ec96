package poller

import (
	"context"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"sync"
	"time"

	"spate"
)

// A Sink takes each device's rounds. Accept must not block: queues behind it
// are bounded, drop and count.
type Sink interface {
	Accept(ctx context.Context, r *spate.Round)
}

// maxRounds bounds how many devices are asked at once, and with it memory.
const maxRounds = 1024

// A Poller polls devices, each on its own schedule. One bad device never
// disturbs another: each has its own loop and its own errors.
type Poller struct {
	cfg       Config
	transport Transport
	resolver  Resolver
	sink      Sink
	counts    *Counts
	log       *slog.Logger
	library   library
	slots     chan struct{}
	studies   chan struct{} // devices whose renewals are being studied
	tables    TableSink     // nil: nobody wants to know what is around devices
	surveying chan struct{} // devices that are being surveyed

	recall func(device string) []byte // what an earlier run has learned; nil: nothing

	mu      sync.Mutex
	ctx     context.Context // of Run; nil before
	running map[string]*loop
	wanted  []Target
	loops   sync.WaitGroup
}

// loop is the goroutine of one device.
type loop struct {
	target Target
	device *device
	stop   context.CancelFunc
	done   chan struct{}
}

// New makes a Poller. counts may be shared with the transport, which counts
// datagrams nobody waits for.
func New(cfg Config, transport Transport, sink Sink, counts *Counts, log *slog.Logger) *Poller {
	return &Poller{
		cfg: cfg, transport: transport, resolver: net.DefaultResolver, sink: sink, counts: counts, log: log,
		slots: make(chan struct{}, maxRounds), studies: make(chan struct{}, maxStudies), surveying: make(chan struct{}, mostSurveys), running: map[string]*loop{},
	}
}

// Recall says where to ask for what an earlier run has learned of a device, the
// Learned of its last round. It must be called before Run.
func (p *Poller) Recall(of func(device string) []byte) { p.recall = of }

// Set says which devices to poll from now on. Devices that stay as they were
// keep their loops and lose no sample; changed ones begin anew.
func (p *Poller) Set(targets []Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = slices.Clone(targets)
	if p.ctx != nil {
		p.adjust()
	}
}

// Run polls until ctx ends, then waits for the rounds under way.
func (p *Poller) Run(ctx context.Context) error {
	p.mu.Lock()
	p.ctx = ctx
	p.adjust()
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.ctx = nil
	p.mu.Unlock()
	p.loops.Wait()
	return context.Cause(ctx)
}

// adjust starts and stops loops until they are what is wanted.
func (p *Poller) adjust() {
	keep := map[string]bool{}
	for _, t := range p.wanted {
		keep[t.Device.Name] = true
		if old := p.running[t.Device.Name]; old != nil {
			if reflect.DeepEqual(old.target, t) {
				continue
			}
			old.stop()
			<-old.done
		}
		p.start(t)
	}
	for name, l := range p.running {
		if !keep[name] {
			l.stop()
			delete(p.running, name)
		}
	}
}

func (p *Poller) start(t Target) {
	ctx, stop := context.WithCancel(p.ctx)
	l := &loop{target: t, device: newDevice(t, p.cfg, p.counts), stop: stop, done: make(chan struct{})}
	var surveys sync.WaitGroup
	if p.tables != nil {
		l.device.turn = newTurn()
		first := firstSurveys(len(p.wanted))
		surveys.Go(func() { p.surveys(ctx, l.device, first) })
	}
	p.running[t.Device.Name] = l
	p.loops.Add(1)
	go func() {
		defer p.loops.Done()
		defer close(l.done)
		p.poll(ctx, l.device)
		surveys.Wait()
		p.close(l.device)
	}()
}

// poll is the life of one device: a round in each of its slots. Slots do not
// drift, and a round that takes too long loses the slots it covers.
func (p *Poller) poll(ctx context.Context, d *device) {
	health := health{log: p.log.With("device", d.target.Device.Name)}
	d.voice.log = health.log
	if p.recall != nil {
		d.recall(p.recall(d.target.Device.Name), time.Now())
	}
	slot := firstSlot(time.Now(), d)
	for {
		due := slot.Add(d.renewal.wait(slot, d.every()))
		d.turn.plan(due)
		extra, ok := p.await(ctx, d, due)
		if !ok {
			return
		}
		if extra {
			due = time.Now()
		}
		round, ok := p.round(ctx, d, due)
		if !ok {
			return
		}
		if d.burst.took(round); extra {
			round.Burst = true
			p.concluded(d)
			health.note(round)
			p.sink.Accept(ctx, round)
			continue
		}
		p.concluded(d)
		health.note(round)
		p.sink.Accept(ctx, round)
		slot = nextSlot(slot, time.Now(), d.every())
	}
}

// maxStudies bounds how many devices are looked at five times a second at once.
const maxStudies = 32

// lookMargin is the time before a slot in which a device is left alone.
const lookMargin = 300 * time.Millisecond

// await waits for a device's slot, and meanwhile looks at how the device renews
// its counters while that is not known; ok is false when ctx has ended. In a burst
// it returns earlier, for an extra round.
func (p *Poller) await(ctx context.Context, d *device, due time.Time) (extra, ok bool) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		until := due
		if at, on := d.burst.next(due); on {
			timer.Reset(time.Until(at))
			select {
			case <-ctx.Done():
				return false, false
			case <-timer.C:
				return true, true
			}
		}
		looking := p.wantsLook(d) && d.lookAt.Before(due.Add(-lookMargin))
		if looking {
			until = d.lookAt
		}
		timer.Reset(time.Until(until))
		select {
		case <-ctx.Done():
			return false, false
		case <-d.burst.wake:
			continue
		case <-timer.C:
		}
		if !looking {
			return false, true
		}
		p.look(ctx, d, due)
	}
}

// wantsLook tells whether the device is being studied, or should be and may be:
// it answers, and not too many others are studied.
func (p *Poller) wantsLook(d *device) bool {
	n := &d.renewal
	if n.study == nil && d.watched {
		p.unwatch(d) // it was dropped by a restart
	}
	switch {
	case d.session == nil || d.misses > 0 || d.table == nil || len(d.plan) == 0:
		p.unwatch(d)
		return false
	case n.study != nil:
		return true
	case n.known || d.round < 1 || time.Now().Before(n.again):
		return false
	}
	select {
	case p.studies <- struct{}{}:
		d.watched = true
		n.study, d.lookAt = newStudy(d.table, d.plan[0].rows), time.Now()
		n.study.not = n.not
		return true
	default:
		n.again = time.Now().Add(time.Duration(1+d.round%7) * time.Second)
		return false
	}
}

// unwatch ends a study.
func (p *Poller) unwatch(d *device) {
	d.renewal.study = nil
	if d.watched {
		d.watched = false
		<-p.studies
	}
}

// look does one look of a study, and takes its result over.
func (p *Poller) look(ctx context.Context, d *device, due time.Time) {
	defer d.turn.take()()
	ctx, cancel := context.WithDeadlineCause(ctx, due.Add(-lookMargin/2), ErrBudget)
	defer cancel()
	next, err := d.renewal.study.look(ctx, d.session)
	d.lookAt = next
	if err != nil {
		d.renewal.study.end(Refresh{})
	}
	p.concluded(d)
}

// concluded takes the result of a study over when there is one.
func (p *Poller) concluded(d *device) {
	if d.renewal.study == nil || !d.renewal.study.done {
		return
	}
	d.renewal.learn(time.Now())
	d.restamp()
	p.unwatch(d)
}

// round waits for one of the slots for asking devices, and asks.
func (p *Poller) round(ctx context.Context, d *device, due time.Time) (*spate.Round, bool) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	defer func() { <-p.slots }()
	defer d.turn.take()()
	late := time.Since(due)
	p.counts.late(late)
	start := time.Now()
	if err := p.connect(ctx, d); err != nil {
		d.misses++
		r := &spate.Round{Device: d.target.Device, At: time.Now(), Interval: d.every(), Late: late, Readings: d.silent(),
			Err: explain(d.target, err, time.Since(start), 0)}
		p.counts.round(r)
		return r, ctx.Err() == nil
	}
	r := d.pass(ctx)
	r.Late = late
	return r, ctx.Err() == nil
}

// connect finds the device's address and opens its session. A name is looked up
// again while the device is silent: it may have moved.
func (p *Poller) connect(ctx context.Context, d *device) error {
	if d.session != nil && (d.misses == 0 || d.misses%deadAfter != 0) {
		return nil
	}
	address, err := resolve(ctx, p.resolver, d.target.Device.Address)
	if err != nil {
		if d.session != nil {
			return nil // the last address known is the best guess
		}
		return err
	}
	if d.session != nil {
		if address == d.address {
			return nil
		}
		p.close(d)
	}
	raw, err := p.transport.Dial(address)
	if err != nil {
		return err
	}
	c, err := p.library.dial(raw, d.target.Credentials, p.cfg, d.reject)
	if err != nil {
		raw.Close()
		return err
	}
	if d.v1 {
		c.cred.Version = V1
	}
	d.session, d.address, d.packets = c, address, c.guard.packets.Load
	return nil
}

func (p *Poller) close(d *device) {
	p.unwatch(d)
	if d.session != nil {
		_ = d.session.Close() // nothing is lost by it: requests have no state
		d.session = nil
	}
}

// firstSlot is the device's next slot after now: multiples of its interval
// since the epoch, shifted by its phase.
func firstSlot(now time.Time, d *device) time.Time {
	interval := d.every()
	shift := phase(d.target.Device.Name, interval)
	since := time.Duration(now.UnixNano()) - shift
	return now.Add(interval - since%interval)
}

// nextSlot is the first slot after now that is whole intervals after due.
func nextSlot(due, now time.Time, interval time.Duration) time.Time {
	next := due.Add(interval)
	if behind := now.Sub(next); behind >= 0 {
		next = next.Add((behind/interval + 1) * interval)
	}
	return next
}

// health tells the log when a device falls silent and when it answers again,
// not every round in between.
type health struct {
	log  *slog.Logger
	last string // the error told last, empty while it answers
	told bool
}

func (h *health) note(r *spate.Round) {
	switch {
	case r.Err != nil && h.last == "":
		h.log.Warn("device does not answer", "err", r.Err)
		h.last = r.Err.Error()
	case r.Err == nil && (h.last != "" || !h.told):
		h.log.Info("device answers", "ports", len(r.Readings), "took", r.Took)
		h.last, h.told = "", true
	}
}
