package alert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"golang.org/x/sync/errgroup"

	"spate"
)

const (
	tickEvery  = time.Second
	threadKept = 7 * 24 * time.Hour // after its end
	rowKept    = 3 * 24 * time.Hour // what could not be sent for so long is given up
	pruneEvery = time.Hour
)

// Config of room alert, but for its targets.
type Config struct {
	BaseURL string // of the links, without a slash at the end
	Zone    *time.Location
	Graphs  Graphs // nil: no pictures
}

// A Notifier tells people of incidents. Methods may be called from many goroutines.
type Notifier struct {
	cfg    Config
	shelf  Shelf
	logged func(id string, d spate.Delivery) // the incident's own log; nil: none is kept
	log    *slog.Logger
	set    *metrics.Set

	mu        sync.Mutex
	targets   map[string]*Target
	order     []string // of the config
	known     map[string]*spate.Incident
	threads   map[string]*thread
	rows      map[string][]*row // by target, oldest first
	last      map[string]spate.Delivery
	tokens    map[string]*allowance
	quiet     []*spate.Silence
	seq       uint64
	unwritten bool
	pruned    time.Time
	waked     chan struct{} // something was told, or changed
	moved     map[string]chan struct{}
}

// New takes up what the last run left behind. logged is called for each delivery and
// each new failure, without a lock held.
func New(cfg Config, shelf Shelf, set *metrics.Set, logged func(id string, d spate.Delivery), log *slog.Logger) (*Notifier, error) {
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	n := &Notifier{
		cfg: cfg, shelf: shelf, logged: logged, log: log, set: set, targets: map[string]*Target{}, known: map[string]*spate.Incident{}, threads: map[string]*thread{},
		rows: map[string][]*row{}, last: map[string]spate.Delivery{}, tokens: map[string]*allowance{}, waked: make(chan struct{}, 1), moved: map[string]chan struct{}{},
	}
	if err := n.load(); err != nil {
		return nil, err
	}
	set.NewGauge("spate_notify_queued", func() float64 { return float64(n.Queued()) })
	return n, nil
}

// Set replaces the targets. What waits is tried at once: the config may have been
// what was wrong.
func (n *Notifier) Set(targets []*Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.targets, n.order = map[string]*Target{}, nil
	for _, t := range targets {
		n.targets[t.Name] = t
		n.order = append(n.order, t.Name)
		if n.moved[t.Name] == nil {
			n.moved[t.Name] = make(chan struct{}, 1)
		}
		for _, r := range n.rows[t.Name] {
			r.next = time.Time{}
		}
		poke(n.moved[t.Name])
	}
	poke(n.waked)
}

// Told takes an incident as it is now: of one that was opened, has changed or is
// closed. It only notes it.
func (n *Notifier) Told(in *spate.Incident) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[in.ID] = in
	poke(n.waked)
}

// Unfinished are the incidents of which a target waits to be told the end. After a
// start the caller tells of them, and of all that are open.
func (n *Notifier) Unfinished() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	seen := map[string]bool{}
	var out []string
	for _, th := range n.threads {
		if !th.Closed && !seen[th.Incident] {
			seen[th.Incident] = true
			out = append(out, th.Incident)
		}
	}
	slices.Sort(out)
	return out
}

// Run decides and sends until ctx ends.
func (n *Notifier) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	running := map[string]bool{}
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		for _, name := range n.names() {
			if !running[name] {
				running[name] = true
				group.Go(func() error { n.serve(ctx, name); return nil })
			}
		}
		n.Decide(time.Now())
		select {
		case <-ctx.Done():
			return errors.Join(group.Wait(), context.Cause(ctx))
		case <-tick.C:
		case <-n.waked:
		}
	}
}

func (n *Notifier) names() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.order)
}

// Decide writes what is due to the outbox.
func (n *Notifier) Decide(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var c changes
	poked := map[string]bool{}
	for _, id := range n.ids() {
		in := n.known[id]
		silenced := slices.ContainsFunc(n.quiet, func(s *spate.Silence) bool { return silences(s, in, now) })
		open := false
		for _, name := range n.order {
			if n.decide(now, n.targets[name], in, silenced, &c) {
				poked[name] = true
			}
			th := n.threads[threadKey(name, id)]
			open = open || th != nil && !th.Closed
		}
		if in.State == spate.IncidentClosed && !open {
			delete(n.known, id)
		}
	}
	if now.Sub(n.pruned) >= pruneEvery {
		n.pruned = now
		n.prune(now, &c)
	}
	n.write(&c)
	for name := range poked {
		poke(n.moved[name])
	}
}

// ids are the incidents in the order in which they were opened.
func (n *Notifier) ids() []string {
	out := make([]string, 0, len(n.known))
	for id := range n.known {
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(n.known[a].DetectedAt.Compare(n.known[b].DetectedAt), strings.Compare(a, b))
	})
	return out
}

// decide does so for one target and tells whether a message was written.
func (n *Notifier) decide(now time.Time, t *Target, in *spate.Incident, silenced bool, c *changes) bool {
	th := n.threads[threadKey(t.Name, in.ID)]
	if th == nil {
		switch {
		case in.State == spate.IncidentClosed, !t.wants(in.Severity), silenced:
			return false
		case (in.Kind == spate.KindDeviceDown || in.Kind == spate.KindLinkDown) && now.Sub(in.DetectedAt) < foldTime:
			return false
		}
		n.open(now, t.Name, in, Open, "", c)
		return true
	}
	written := n.escalate(now, th, t, in, silenced, c)
	event, why := th.due(now, in, t, t.Channel.Traits().Acks, silenced)
	if event == "" || event != Resolve && n.waiting(t.Name, in.ID) {
		return written // the message that waits is of how things are when it is sent
	}
	th.told(now, in, event)
	n.add(&row{Target: t.Name, Event: event, Incident: in, Why: why, At: now}, c)
	c.keep(th.key(), th)
	return true
}

// escalate tells the next one when nobody has answered for so long.
func (n *Notifier) escalate(now time.Time, th *thread, t *Target, in *spate.Incident, silenced bool, c *changes) bool {
	written := false
	for th.Steps < len(t.Escalate) && !silenced && in.State == spate.IncidentOpen && in.AcknowledgedBy == nil && in.EndedAt == nil {
		step := t.Escalate[th.Steps]
		if th.waited(now) < step.After {
			break
		}
		th.Steps++
		c.keep(th.key(), th)
		if n.targets[step.To] != nil && n.threads[threadKey(step.To, in.ID)] == nil {
			why := fmt.Sprintf("%s was told %s ago, and nobody has acknowledged it", t.Name, spate.FormatAge(now.Sub(th.Opened)))
			n.open(now, step.To, in, Escalate, why, c)
			poke(n.moved[step.To])
			written = true
		}
	}
	return written
}

// open begins a thread.
func (n *Notifier) open(now time.Time, target string, in *spate.Incident, event Event, because string, c *changes) {
	th := &thread{Target: target, Incident: in.ID, Opened: now, Because: because, Subject: subject(in), at: now}
	r := &row{Target: target, Event: event, First: true, Incident: in, Why: because, At: now}
	th.told(now, in, event)
	n.threads[th.key()] = th
	n.add(r, c)
	th.Root = r.Key
	c.keep(th.key(), th)
}

// add puts a message into the outbox.
func (n *Notifier) add(r *row, c *changes) {
	n.seq++
	r.Seq = n.seq
	r.Key = fmt.Sprintf("%s.%s.%d", r.Incident.ID, r.Event, r.Seq)
	n.rows[r.Target] = append(n.rows[r.Target], r)
	c.keep(r.key(), r)
}

// waiting tells whether a message of an incident is still to be sent.
func (n *Notifier) waiting(target, incident string) bool {
	return slices.ContainsFunc(n.rows[target], func(r *row) bool { return r.about(incident) })
}

func (r *row) about(incident string) bool {
	return r.Incident != nil && r.Incident.ID == incident || slices.ContainsFunc(r.Digest, func(in *spate.Incident) bool { return in.ID == incident })
}

// prune forgets threads that ended long ago, silences too, and messages for targets
// that are no more.
func (n *Notifier) prune(now time.Time, c *changes) {
	for key, th := range n.threads {
		if th.Closed && now.Sub(th.Last) > threadKept || n.targets[th.Target] == nil && now.Sub(th.Last) > threadKept {
			delete(n.threads, key)
			c.drop(key)
		}
	}
	for name, rows := range n.rows {
		n.rows[name] = slices.DeleteFunc(rows, func(r *row) bool {
			old := n.targets[name] == nil && now.Sub(r.At) > rowKept
			if old {
				c.drop(r.key())
			}
			return old
		})
	}
	n.quiet = slices.DeleteFunc(n.quiet, func(s *spate.Silence) bool {
		old := now.Sub(s.Until) > silenceKept
		if old {
			c.drop(silencePrefix + s.ID)
		}
		return old
	})
}

// Queued is how many messages wait.
func (n *Notifier) Queued() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	total := 0
	for _, name := range n.order {
		total += len(n.rows[name])
	}
	return total
}

// A Health is how a target fares.
type Health struct {
	Name, Type string
	Queued     int
	Oldest     time.Time       // of what waits; zero: nothing does
	Last       *spate.Delivery // nil: nothing was sent since the start
	QuietUntil time.Time       // zero: it is not quiet now
}

// Health of all targets, in the order of the config.
func (n *Notifier) Health(now time.Time) []Health {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []Health
	for _, name := range n.order {
		h := Health{Name: name, Type: n.targets[name].Type, Queued: len(n.rows[name])}
		if h.Queued > 0 {
			h.Oldest = n.rows[name][0].At
		}
		if d, ok := n.last[name]; ok {
			h.Last = &d
		}
		h.QuietUntil, _ = n.targets[name].quiet(now, n.cfg.Zone)
		out = append(out, h)
	}
	return out
}

// ErrNoTarget is what Test gives for a name that is none.
var ErrNoTarget = errors.New("there is no such [[notify]]")

// Test sends a message that says it is a test, at once and once.
func (n *Notifier) Test(ctx context.Context, name string) error {
	n.mu.Lock()
	t := n.targets[name]
	n.mu.Unlock()
	if t == nil {
		return ErrNoTarget
	}
	now := time.Now()
	m := &Message{Key: fmt.Sprintf("test.%d", now.UnixNano()), Event: Test, First: true, At: now, Link: n.cfg.BaseURL + "/alerts", Zone: n.cfg.Zone}
	ctx, cancel := context.WithTimeout(ctx, sendPatience)
	defer cancel()
	_, err := t.Channel.Send(ctx, m)
	n.mu.Lock()
	n.last[name] = delivery(name, now, err)
	n.mu.Unlock()
	n.count(name, err == nil)
	return err
}

func (n *Notifier) count(name string, ok bool) {
	n.set.GetOrCreateCounter(fmt.Sprintf(`spate_notify_total{name=%q,ok="%t"}`, name, ok)).Inc()
}

func delivery(name string, at time.Time, err error) spate.Delivery {
	d := spate.Delivery{Name: name, At: at.UTC(), OK: err == nil}
	if err != nil {
		d.Error = spate.CleanTo(err.Error(), 500)
	}
	return d
}

// Silences are all that are kept, the newest last.
func (n *Notifier) Silences() []spate.Silence {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := []spate.Silence{}
	for _, s := range n.quiet {
		out = append(out, *s)
	}
	return out
}

// Silence begins one; errors are ErrSilence with a sentence, or of the disk.
func (n *Notifier) Silence(now time.Time, s spate.Silence) (spate.Silence, error) {
	if s.From.IsZero() {
		s.From = now
	}
	s.From, s.Until = s.From.UTC().Truncate(time.Second), s.Until.UTC().Truncate(time.Second)
	if err := CheckSilence(&s, now); err != nil {
		return s, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.quiet) >= mostSilences {
		return s, silenceError(fmt.Sprintf("there are %d silences: end some first", mostSilences))
	}
	base := now.UTC().Format("20060102-150405")
	s.ID = base
	for i := 2; slices.ContainsFunc(n.quiet, func(o *spate.Silence) bool { return o.ID == s.ID }); i++ {
		s.ID = fmt.Sprintf("%s-%d", base, i)
	}
	var c changes
	c.keep(silencePrefix+s.ID, s)
	if err := n.shelf.Change(c.put); err != nil {
		return s, err
	}
	n.quiet = append(n.quiet, &s)
	poke(n.waked)
	return s, nil
}

// EndSilence forgets one.
func (n *Notifier) EndSilence(id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := slices.IndexFunc(n.quiet, func(s *spate.Silence) bool { return s.ID == id })
	if at < 0 {
		return ErrNoSilence
	}
	if err := n.shelf.Change(nil, silencePrefix+id); err != nil {
		return err
	}
	n.quiet = slices.Delete(n.quiet, at, at+1)
	poke(n.waked)
	return nil
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
