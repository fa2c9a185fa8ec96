package storage

import (
	"context"
	"errors"
	"math"
	"time"

	"spate"
)

// A writer is the one goroutine that turns rounds into rows.
type writer struct {
	e        *store
	step     int64
	rows     *rows
	levels   [numLevels]levelWriter
	port     *port                      // whose rates are being spread
	emit     func(at int64, v *values)  // finished, made once so that no rate allocates
	bucket   func(level int, b *bucket) // over, of the port whose labels are about
	about    []byte                     // labels of the port whose buckets are being finished
	tidied   int64                      // when buckets were last looked through, ms of the data
	swept    int64                      // when ports were last looked through, ms of the data
	from, to int64                      // what the raw tier takes: within the retention and not far ahead, ms
	now      int64                      // wall clock, ms, a second old at most
	budgeted int64                      // when the budget was last looked at, ms
	old      int64                      // before it slots are for the coarse tiers alone
	oldest   int64                      // what any tier takes
	refuse   int64                      // oldest slot not written because the disk was full, ms; 0 none
	broken   string                     // why the engine could not be opened again, as last told

	settled   bool  // the engines were closed and opened to read only: the disk is full
	replaying bool  // the rounds are those of the journal
	unwritten bool  // rounds came that are too old for the journal
	synced    int64 // when the disk was last told to keep the journal, ms
}

func newWriter(e *store) *writer {
	w := &writer{e: e, step: e.cfg.Step.Milliseconds(), rows: newRows()}
	for l := range w.levels {
		w.levels[l].rows = newRows()
	}
	w.emit, w.bucket = w.finished, w.over
	w.window()
	return w
}

// run takes rounds until stop is closed, and then what is still in the queue.
func (w *writer) run(stop <-chan struct{}) {
	tick, quick := time.NewTicker(time.Second), time.NewTicker(journalFlush)
	defer tick.Stop()
	defer quick.Stop()
	for {
		select {
		case <-w.e.hurry:
			w.takeWaiting()
		case done := <-w.e.flushes:
			w.drain()
			w.look()
			w.push()
			for k := range w.e.keepers() {
				k.flush()
			}
			if w.unwritten {
				w.checkpoint()
			}
			close(done)
		case job := <-w.e.histories:
			w.history(job)
		case job := <-w.e.partings:
			w.part(job)
		case ask := <-w.e.moments:
			ask <- w.moment()
		case <-quick.C:
			w.takeWaiting()
			w.e.journal.flush()
			if w.e.space.near {
				w.look()
				quick.Reset(spaceNear)
			} else {
				quick.Reset(journalFlush)
			}
		case <-tick.C:
			w.look()
			w.push()
			w.tickJournal()
		case <-stop:
			w.drain()
			w.look()
			w.finishAll()
			w.push()
			return
		}
	}
}

// takeWaiting takes the rounds that wait now. It is done four times a second, or when
// many wait: to wake for each costs more than what is to be done for it.
func (w *writer) takeWaiting() {
	for range len(w.e.queue) {
		w.take(<-w.e.queue)
	}
}

func (w *writer) drain() {
	for {
		select {
		case r := <-w.e.queue:
			w.take(r)
		default:
			return
		}
	}
}

// take spreads the rates of one round. Readings with a gap, or none yet, leave
// their slots unknown.
func (w *writer) take(r *spate.Round) {
	if r.Backlog {
		select {
		case <-w.e.fills:
		default: // it came by Accept
		}
	}
	w.note(r)
	ps := w.e.ports
	ps.mu.Lock()
	for i := range r.Readings {
		rd := &r.Readings[i]
		if rd.Gap == "" && rd.Rate.Over > 0 && rd.Port != nil {
			w.spread(ps.get(rd.Port.ID), &rd.Rate)
		}
	}
	if !r.Backlog {
		w.tend(r.At.UnixMilli())
	}
	ps.mu.Unlock()
	if w.rows.full() {
		w.push()
	}
}

// tend looks after ports that say nothing more. Called with the lock held.
func (w *writer) tend(at int64) {
	if at-w.tidied > tidyEvery || at < w.tidied {
		w.tidy(at)
	}
	if at-w.swept > w.e.cfg.Forget.Milliseconds()/4 || at < w.swept {
		w.sweep(at)
	}
}

func (w *writer) spread(p *port, r *spate.Rate) {
	w.port = p
	switch p.slots.add(w.step, r, w.emit) {
	case late:
		w.e.counts.late.Inc()
		return
	case unsound:
		w.e.counts.unsound.Inc()
		return
	case rewound:
		p.ring.clear()
	}
	p.latest = *r
}

// finished is a slot of w.port that is complete.
func (w *writer) finished(at int64, v *values) {
	raw := at >= w.from
	if at > w.to || !raw && (at >= w.old || w.oldest > at) {
		w.e.counts.outside.Inc()
		return
	}
	w.about = w.port.labels
	w.port.sums.add(at, w.step, v, w.bucket)
	for l := range w.levels {
		w.e.ages[1+l].note(max(at, w.levels[l].from))
	}
	w.e.pace.slot(at, w.now, v)
	if !raw {
		return // the coarse tiers keep it
	}
	w.e.ages[0].note(at)
	if w.step == w.e.cfg.Step.Milliseconds() { // else of a journal of another step
		w.port.ring.set(at/w.step, v)
	}
	w.rows.add(w.port.labels, at, v)
	if w.rows.full() {
		w.push() // a slow device fills many slots at once
	}
}

// window sets which slots are taken: not of the time of another step, where
// they would be read wrongly, nor what the engine drops without a word.
func (w *writer) window() {
	at := now()
	w.now = at
	w.old = at - w.e.ages[0].keep.Load()
	w.from = w.old
	if !w.replaying {
		w.from = max(w.e.folder.since(), w.old)
	}
	w.to = at + ahead - clockBack
	w.oldest = w.from
	for l, k := range w.e.coarse {
		w.levels[l].from = at - w.e.ages[1+l].keep.Load()
		if k != nil {
			w.oldest = min(w.oldest, w.levels[l].from)
		}
	}
}

// sweep lets go of ports that had no rate for long: their open slot is written
// if enough of it is known. Called with the lock held.
func (w *writer) sweep(now int64) {
	w.swept = now
	oldest := now - w.e.cfg.Forget.Milliseconds()
	for id, p := range w.e.ports.byID {
		if p.slots.end < oldest {
			w.port = p
			p.slots.close(w.step, w.emit)
			delete(w.e.ports.byID, id)
		}
	}
	w.forget(oldest)
}

// finishAll writes what is known of the slots that are still open.
func (w *writer) finishAll() {
	w.e.ports.mu.Lock()
	defer w.e.ports.mu.Unlock()
	for _, p := range w.e.ports.byID {
		w.port = p
		p.slots.close(w.step, w.emit)
	}
}

// push gives the batch to the engine, or to nobody while the disk is full.
func (w *writer) push() {
	if w.holds() {
		return
	}
	w.e.journal.flush()
	n := len(w.rows.list)
	some := w.pushCoarse() || n > 0
	if n > 0 {
		w.pushRaw()
	}
	if some && w.e.raw.keeps() {
		w.e.journal.safe()
	}
}

func (w *writer) pushRaw() {
	if w.closed() {
		w.refused()
	} else {
		w.e.raw.add(w.rows.list)
		w.e.counts.rows.Add(len(w.rows.list))
	}
	w.rows.empty()
}

// closed tells whether nothing may be written now.
func (w *writer) closed() bool { return w.e.space.full() || w.e.readOnly() }

func (w *writer) refused() {
	if at := w.rows.oldest(); w.refuse == 0 || at < w.refuse {
		w.refuse = at
	}
	w.e.counts.refused.Add(len(w.rows.list))
}

// look asks for the free space. When it has just run out, what the engine holds
// in memory is brought to disk while the reserve lasts: later it would end the
// process. When there is room again, what the ring still has of the time without
// is written after all.
func (w *writer) look() {
	w.window()
	w.e.pace.tick(w.now)
	w.budget(w.now)
	w.e.space.look()
	full := w.e.space.full()
	switch {
	case full && (!w.settled || !w.e.isOpen()):
		w.e.journal.pause()
		w.settle(true)
	case !full && w.settled:
		w.settle(false)
		w.resume()
		w.checkpoint()
	case !full && w.refuse != 0:
		w.resume() // the engine itself had stopped for a moment
		w.checkpoint()
	}
}

// settle closes the engines, so that all is on disk while there is room, and
// opens them again: frozen, to read only. A merge that is begun with room enough
// would end the process when somebody else takes the room meanwhile. Readers are
// shut out for the second it takes.
func (w *writer) settle(frozen bool) {
	w.e.reading.Lock()
	defer w.e.reading.Unlock()
	w.settled = frozen
	var err error
	for k := range w.e.keepers() {
		err = errors.Join(err, k.rest())
	}
	if w.e.freeze != nil {
		w.e.freeze(frozen)
	}
	for k := range w.e.keepers() {
		err = errors.Join(err, k.wake())
	}
	if err != nil && w.broken != err.Error() {
		w.broken = err.Error()
		w.e.space.log.Error("the store is closed until its disk has room", "err", err)
	}
}

func (w *writer) resume() {
	from := w.refuse
	w.refuse = 0
	w.e.ports.mu.RLock()
	defer w.e.ports.mu.RUnlock()
	for _, p := range w.e.ports.byID {
		w.catchUp(p, from/w.step)
	}
	w.release()
}

func (w *writer) catchUp(p *port, first int64) {
	for n := max(first, p.ring.oldest()); n <= p.ring.newest; n++ {
		var v values
		for m := range v {
			x, ok := p.ring.get(spate.Metric(m), n)
			if v[m] = x; !ok {
				v[m] = math.NaN()
			}
		}
		w.rows.add(p.labels, n*w.step, &v)
		if w.rows.full() {
			w.push()
		}
	}
}

// Accept hands a round over and does not wait: when the queue is full the round
// is dropped and counted. It is what the poller calls; ctx is not needed.
func (e *store) Accept(_ context.Context, r *spate.Round) {
	select {
	case <-e.stop:
		e.drop()
		return
	default:
	}
	select {
	case e.queue <- r:
		e.wake()
	default:
		e.drop()
	}
}

// wake has the writer come before its time where many rounds wait. A backlog alone fills
// half the queue.
func (e *store) wake() {
	if len(e.queue) < cap(e.queue)/4 {
		return
	}
	select {
	case e.hurry <- struct{}{}:
	default:
	}
}

func (e *store) drop() {
	e.dropped.Add(1)
	e.counts.dropped.Inc()
}

// Write hands a round over and waits for room in the queue, for back-fill and
// imports, which would rather be slow than lose anything. Rounds of one device
// must come in the order of time, here as in Accept. Rounds of a backlog fill half the
// queue at most: the other half is for those that are not kept anywhere else.
func (e *store) Write(ctx context.Context, r *spate.Round) error {
	if r.Backlog {
		select {
		case e.fills <- struct{}{}:
		case <-e.stop:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	select {
	case <-e.stop:
		return ErrClosed
	default:
	}
	select {
	case e.queue <- r:
		e.wake()
		return nil
	case <-e.stop:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Flush waits until all rounds handed over so far are written and can be found.
// Slots that no rate has ended yet stay open.
func (e *store) Flush(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case e.flushes <- done:
	case <-e.stop:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
