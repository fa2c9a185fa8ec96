package alert

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"spate"
)

const (
	sendPatience  = 90 * time.Second
	firstPause    = 5 * time.Second // after a failure; it doubles
	longestPause  = 5 * time.Minute
	mostPatience  = time.Hour // that a target may ask for
	unsureMost    = 2         // tries that may both have arrived
	finalMost     = 3         // tries of what is refused for good
	fallbackTries = 3
	fallbackAfter = 2 * time.Minute
	digestFrom    = 4 // incidents that wait for people are one message
	aliveEvery    = time.Minute
	atOnce        = 10 // messages to people; then one a minute, and a digest
)

// An allowance is how many messages a target may still get at once.
type allowance struct {
	left float64
	at   time.Time
}

func (a *allowance) take(now time.Time) (wait time.Duration) {
	a.left = min(atOnce, a.left+now.Sub(a.at).Minutes())
	a.at = now
	if a.left < 1 {
		return time.Duration((1-a.left)*float64(time.Minute)) + 1
	}
	a.left--
	return 0
}

// serve sends what waits for one target, in order, until ctx ends.
func (n *Notifier) serve(ctx context.Context, name string) {
	n.mu.Lock()
	moved := n.moved[name]
	n.mu.Unlock()
	var alive time.Time
	for {
		wait := n.step(ctx, name)
		if k := n.keeper(name); k != nil {
			if now := time.Now(); now.Sub(alive) >= aliveEvery {
				alive = now
				n.keepAlive(ctx, name, k)
			}
			wait = min(wait, aliveEvery-time.Since(alive))
		}
		timer := time.NewTimer(max(wait, time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-moved:
			timer.Stop()
		}
	}
}

// step sends one message if one may be sent, and says how long to wait.
func (n *Notifier) step(ctx context.Context, name string) time.Duration {
	t, r, m, wait := n.next(name, time.Now())
	if r == nil || ctx.Err() != nil {
		return wait
	}
	sending, cancel := context.WithTimeout(ctx, sendPatience)
	ref, err := t.Channel.Send(sending, m)
	cancel()
	if ctx.Err() != nil && err != nil {
		return 0 // Spate ends: it is tried again by the next run, under the same key
	}
	n.settle(name, r, m, ref, err)
	return 0
}

// next is the message to send now; a nil row means to wait.
func (n *Notifier) next(name string, now time.Time) (*Target, *row, *Message, time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.targets[name]
	if t == nil || len(n.rows[name]) == 0 {
		return t, nil, nil, time.Hour
	}
	if until, quiet := t.quiet(now, n.cfg.Zone); quiet {
		return t, nil, nil, until.Sub(now)
	}
	if wait := n.rows[name][0].next.Sub(now); wait > 0 {
		return t, nil, nil, wait
	}
	people := t.Channel.Traits().People
	if people {
		a := n.tokens[name]
		if a == nil {
			a = &allowance{left: atOnce, at: now}
			n.tokens[name] = a
		}
		if wait := a.take(now); wait > 0 {
			return t, nil, nil, wait
		}
	}
	n.gather(name, people)
	r := n.rows[name][0]
	r.Tries++
	var c changes
	c.keep(r.key(), r)
	n.write(&c) // a run that dies now leaves word that this may have arrived
	return t, r, n.message(t, r), 0
}

// gather makes fewer messages of those that wait: one for each incident, and one for
// all where many wait. What may have arrived already stays as it is.
func (n *Notifier) gather(name string, people bool) {
	rows := n.rows[name]
	if len(rows) < 2 || rows[0].Unsure > 0 {
		return
	}
	var c changes
	rows = merge(rows, people, &c)
	if first := rows[0]; people && first.Event == Digest {
		n.digest(first, rows[1:], &c)
		rows = rows[:1]
	} else if people && len(rows) >= digestFrom {
		d := &row{Target: name, Event: Digest, First: true, At: first.At, Seq: first.Seq, Key: fmt.Sprintf("digest.%d-%d", first.Seq, rows[len(rows)-1].Seq)}
		n.digest(d, rows, &c)
		rows = []*row{d}
	}
	n.rows[name] = rows
	n.write(&c)
}

// merge leaves one message of each incident: the oldest, with how things are now.
func merge(rows []*row, people bool, c *changes) (out []*row) {
	first := map[string]*row{}
	for _, r := range rows {
		for _, id := range r.incidents() {
			if first[id] == nil {
				first[id] = r
			}
		}
		if r.Incident == nil || first[r.Incident.ID] == r {
			out = append(out, r)
			continue
		}
		was := first[r.Incident.ID]
		switch {
		case was.Incident == nil:
			at := slices.IndexFunc(was.Digest, func(in *spate.Incident) bool { return in.ID == r.Incident.ID })
			was.Digest[at] = r.Incident
		case r.Event == Resolve && was.Event != Resolve && !people:
			out = append(out, r) // a machine wants to see it come and go
			continue
		default:
			was.Incident = r.Incident
			if r.Event == Resolve {
				was.Event, was.Why = Resolve, ""
			}
		}
		c.drop(r.key())
		c.keep(was.key(), was)
	}
	return out
}

// digest puts messages into d, whose key their threads begin with then.
func (n *Notifier) digest(d *row, rows []*row, c *changes) {
	for _, r := range rows {
		if r.Incident == nil {
			d.Digest = append(d.Digest, r.Digest...)
		} else {
			d.Digest = append(d.Digest, r.Incident)
		}
		for _, id := range r.incidents() {
			if th := n.threads[threadKey(d.Target, id)]; th != nil && th.Root == r.Key {
				th.Root = d.Key
				c.keep(th.key(), th)
			}
		}
		if r.key() != d.key() {
			c.drop(r.key())
		}
	}
	c.keep(d.key(), d)
}

// message is a row as a channel sends it, of how things are now.
func (n *Notifier) message(t *Target, r *row) *Message {
	m := &Message{Key: r.Key, Event: r.Event, First: r.First, Incident: r.Incident, Why: r.Why, At: r.At, Link: n.cfg.BaseURL + "/alerts", Zone: n.cfg.Zone, Graphs: n.cfg.Graphs}
	for _, in := range r.Digest {
		m.Digest = append(m.Digest, n.newest(in))
	}
	if r.Incident == nil {
		return m
	}
	m.Incident = n.newest(r.Incident)
	if r.Event != Resolve && m.Incident.State == spate.IncidentClosed {
		m.Incident = r.Incident // its end is a message of its own
	}
	m.Link = n.cfg.BaseURL + "/incidents/" + r.Incident.ID
	if th := n.threads[threadKey(t.Name, r.Incident.ID)]; th != nil {
		m.Subject, m.Ref = th.Subject, th.Ref
		if th.Root != r.Key {
			m.Root = th.Root
		}
	}
	return m
}

func (n *Notifier) newest(in *spate.Incident) *spate.Incident {
	if now := n.known[in.ID]; now != nil {
		return now
	}
	return in
}

// settle notes what became of a message.
func (n *Notifier) settle(name string, r *row, m *Message, ref string, err error) {
	now := time.Now()
	var f *Failure
	if !errors.As(err, &f) {
		f = &Failure{Err: err}
	}
	n.mu.Lock()
	var c changes
	gone := err == nil
	news := err == nil || r.Error != err.Error()
	switch {
	case err == nil:
		n.arrived(r, m, ref, &c)
	case n.unsure(r, f):
		err = fmt.Errorf("it may have arrived, twice at most, and is not sent again: %w", err)
		n.arrived(r, m, ref, &c)
		gone, news = true, true
	case f.Final && r.Tries >= finalMost, now.Sub(r.At) > rowKept:
		err = fmt.Errorf("given up after %d tries: %w", r.Tries, err)
		gone, news = true, true
	default:
		r.Error = err.Error()
		r.next = now.Add(pause(r.Tries, f.After))
		c.keep(r.key(), r)
	}
	if err != nil {
		n.fall(now, name, r, gone, &c)
	}
	if gone {
		n.rows[name] = slices.DeleteFunc(n.rows[name], func(o *row) bool { return o == r })
		c.drop(r.key())
		delete(c.put, r.key())
	}
	n.write(&c)
	n.last[name] = delivery(name, now, err)
	d := n.last[name]
	n.mu.Unlock()

	n.count(name, err == nil)
	if err != nil && news {
		n.log.Warn("message not delivered", "name", name, "key", r.Key, "tries", r.Tries, "err", err)
	}
	if n.logged == nil || !news {
		return
	}
	for _, id := range r.incidents() {
		n.logged(id, d)
	}
}

// unsure counts tries that may have arrived, and tells whether there were enough.
func (n *Notifier) unsure(r *row, f *Failure) bool {
	if f.Unsure {
		r.Unsure++
	}
	return r.Unsure >= unsureMost
}

func (r *row) incidents() (out []string) {
	if r.Incident != nil {
		out = append(out, r.Incident.ID)
	}
	for _, in := range r.Digest {
		out = append(out, in.ID)
	}
	return out
}

// arrived notes in the threads what was sent.
func (n *Notifier) arrived(r *row, m *Message, ref string, c *changes) {
	for i, id := range r.incidents() {
		th := n.threads[threadKey(r.Target, id)]
		if th == nil {
			continue
		}
		in := m.Incident
		if r.Incident == nil {
			in = m.Digest[i]
			th.Closed = th.Closed || in.State == spate.IncidentClosed // the digest says that it is over
		}
		if th.Root == r.Key {
			th.Subject = m.subject()
		}
		if ref != "" && (th.Root == r.Key || th.Ref == "" || r.Incident != nil) {
			th.Ref = ref
		}
		th.Severity, th.Origin, th.User, th.Rate, th.Ended = in.Severity, origin(in), user(in), bits(in), in.EndedAt != nil
		c.keep(th.key(), th)
	}
}

// fall tells another target in place of one that cannot be reached.
func (n *Notifier) fall(now time.Time, name string, r *row, given bool, c *changes) {
	t := n.targets[name]
	if t == nil || n.targets[t.Fallback] == nil || !given && r.Tries < fallbackTries && now.Sub(r.At) < fallbackAfter {
		return
	}
	why := fmt.Sprintf("%s cannot be reached", name)
	list := r.Digest
	if r.Incident != nil {
		list = []*spate.Incident{r.Incident}
	}
	for _, in := range list {
		th := n.threads[threadKey(name, in.ID)]
		if th == nil || th.Fallback {
			continue
		}
		th.Fallback = true
		c.keep(th.key(), th)
		if n.threads[threadKey(t.Fallback, in.ID)] == nil {
			event := Escalate
			if r.Event == Resolve {
				event = Resolve
			}
			n.open(now, t.Fallback, n.newest(in), event, why, c)
			poke(n.moved[t.Fallback])
		}
	}
}

// pause before the next try: it doubles, with a fifth of chance, so that many targets
// of one server do not come back at one moment.
func pause(tries int, asked time.Duration) time.Duration {
	if asked > 0 {
		return min(asked, mostPatience)
	}
	p := min(firstPause<<min(tries-1, 10), longestPause)
	return time.Duration(float64(p) * (0.8 + 0.4*rand.Float64()))
}

func (n *Notifier) keeper(name string) Keeper {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t := n.targets[name]; t != nil {
		if k, ok := t.Channel.(Keeper); ok {
			return k
		}
	}
	return nil
}

// keepAlive tells again what is open and was told.
func (n *Notifier) keepAlive(ctx context.Context, name string, k Keeper) {
	n.mu.Lock()
	t := n.targets[name]
	var open []*Message
	for _, id := range n.ids() {
		th := n.threads[threadKey(name, id)]
		if th == nil || th.Closed || th.Ref == "" || n.known[id].State == spate.IncidentClosed {
			continue
		}
		open = append(open, n.message(t, &row{Event: Update, Incident: n.known[id], At: time.Now()}))
	}
	n.mu.Unlock()
	if len(open) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sendPatience)
	defer cancel()
	if err := k.KeepAlive(ctx, open); err != nil && ctx.Err() == nil {
		n.log.Warn("alerts not kept alive", "name", name, "err", err)
		n.count(name, false)
	}
}
