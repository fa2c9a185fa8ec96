package incident

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"spate"
)

// Config of room incident.
type Config struct {
	PagePercent float64        // excess in percent of the origin's port that is worth a page by itself
	CloseAfter  time.Duration  // calm until an incident is closed
	Zone        *time.Location // of the sentences
}

// DefaultConfig is what the config file says where it is silent.
func DefaultConfig() Config {
	return Config{PagePercent: 20, CloseAfter: 15 * time.Minute, Zone: time.Local}
}

const (
	forgetAfter   = 3 * time.Minute // a candidate that is seen no more
	overAfter     = 90 * time.Second
	remindAfter   = 24 * time.Hour
	closedKept    = 200
	onsetPolls    = 5 // after them the estimate of the onset stays
	mostMoments   = 200
	worseBy       = 1.5 // times the rate told last is worth a line
	mostOrigins   = 64
	together      = 5 * time.Second // apart two floods of one will begin at most
	echoShare     = 0.8             // of its marks are known
	staysBy       = 2.0             // times as often another origin must be named to be named first
	mostVictims   = 20
	mostFaultCase = 500 // open at once; more are one word in the log
)

// Around is what the desk asks of the network. *topology.View is most of it.
type Around interface {
	HostsAt(id spate.PortID) []spate.Host
	Role(id spate.PortID) spate.Role
	Neighbour(id spate.PortID) (spate.Link, bool)
	Answers(device string) bool    // in its last rounds
	Beside(device string) []string // devices at the other end of its links
}

// A Record is an incident as it is kept.
type Record = spate.IncidentRecord

// A Keeper writes records; the newest of an ID counts.
type Keeper interface {
	SaveIncident(Record) error
	// Incident is what was kept under an ID; false: nothing.
	Incident(id string) (Record, bool)
}

// A Desk has all incidents that are open. Methods may be called from many goroutines.
type Desk struct {
	cfg  Config
	keep Keeper
	log  *slog.Logger
	told func(*spate.Incident)             // after each change worth telling; nil: nobody listens
	asks func(*spate.Origin) spate.Senders // who sends on the machines behind it

	mu    sync.Mutex
	cases []*matter
	past  []*spate.Incident // closed a short while ago, newest first
	news  []*spate.Incident // to be told once nothing is locked
}

// New makes a desk without incidents. told is called after each change, without a
// lock held, with an incident that nobody changes any more.
func New(cfg Config, keep Keeper, told func(*spate.Incident), log *slog.Logger) *Desk {
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	return &Desk{cfg: cfg, keep: keep, told: told, log: log, asks: func(*spate.Origin) spate.Senders { return spate.Senders{} }}
}

// Ask sets whom to ask which users send on the machines behind an origin. It is to be
// called before anything is found.
func (d *Desk) Ask(senders func(*spate.Origin) spate.Senders) { d.asks = senders }

// Restore takes up incidents that were open when Spate ended, and the last closed
// ones, newest first. A flood that still runs is the same incident then.
func (d *Desk) Restore(records []Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range records {
		in := *r.Incident
		if in.State == spate.IncidentClosed {
			d.past = append(d.past, &in)
			continue
		}
		m := &matter{id: in.ID, record: in, ports: map[spate.PortID]bool{}, score: map[spate.PortID]float64{}, paged: r.Paged, polls: 2, members: map[spate.PortID]bool{}}
		for _, id := range r.Ports {
			m.ports[id] = true
		}
		for _, o := range in.Origins {
			m.score[o.ID()] = o.Confidence
		}
		switch in.Kind {
		case spate.KindDeviceDown, spate.KindLinkDown, spate.KindFlap, spate.KindThreshold:
			m.fault, m.members = true, m.ports
		}
		m.seen = in.DetectedAt
		if n := len(in.Timeline); n > 0 {
			m.seen = in.Timeline[n-1].At
		}
		m.toldBps = float64(in.RateBps)
		d.cases = append(d.cases, m)
	}
}

// Revive gives incidents that were open before a restart time to be found again:
// nothing was looked at while Spate was down.
func (d *Desk) Revive(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.cases {
		m.seen = later(m.seen, at)
	}
}

// Floods takes what is found now. It opens, updates, merges and closes.
func (d *Desk) Floods(at time.Time, found []spate.Finding, around Around) {
	d.mu.Lock()
	taken := map[*matter]bool{}
	for i := range found {
		f := &found[i]
		if len(f.Origins) == 0 {
			continue
		}
		m := d.match(f)
		if m == nil && d.echo(f) {
			continue
		}
		if taken[m] {
			m.also(f)
			continue
		}
		if m == nil {
			m = &matter{around: around, ports: map[spate.PortID]bool{}, score: map[spate.PortID]float64{}}
			m.record.StartedAt = f.Onset
			d.cases = append(d.cases, m)
		}
		taken[m] = true
		m.take(at, f, around, d.cfg)
	}
	d.join(taken)
	for _, m := range d.cases {
		if taken[m] {
			d.weigh(at, m)
		}
	}
	d.close(at, around)
	d.finish()
}

// close ends what has been calm for long enough. A flood whose origin does not
// answer is not over: unreachable is not silent.
func (d *Desk) close(at time.Time, around Around) {
	d.cases = slices.DeleteFunc(d.cases, func(m *matter) bool {
		if m.fault {
			return false
		}
		calm := at.Sub(m.seen)
		if m.id == "" {
			return calm > forgetAfter
		}
		d.remind(at, m)
		if o := m.record.Origin; o != nil && around != nil && !around.Answers(o.Device) && calm < 24*time.Hour {
			return false
		}
		if calm > overAfter && m.record.EndedAt == nil {
			end := m.seen.UTC()
			m.record.EndedAt = &end
			m.recall()
			m.moment(at, "the excess has stopped")
			m.dirty = true
		}
		if calm < d.cfg.CloseAfter {
			return false
		}
		d.shut(at, m)
		return true
	})
}

// shut closes an incident.
func (d *Desk) shut(at time.Time, m *matter) {
	m.record.State = spate.IncidentClosed
	if m.record.EndedAt == nil {
		end := m.seen.UTC()
		m.record.EndedAt = &end
		m.recall()
	}
	m.moment(at, "closed")
	m.dirty = true
	d.save(m)
}

// remind asks for a verdict on what has lasted a day.
func (d *Desk) remind(at time.Time, m *matter) {
	since := later(m.record.DetectedAt, m.asked)
	if m.record.Verdict != nil || at.Sub(since) < remindAfter {
		return
	}
	m.asked = at
	m.moment(at, "still under way: is it an attack, or is it expected? a verdict decides what is learned")
	m.dirty = true
}

// finish writes what has changed, and tells of it once nothing is locked. It
// unlocks the desk.
func (d *Desk) finish() {
	for _, m := range d.cases {
		if m.id != "" && (m.dirty || m.unsaved) {
			d.save(m)
		}
	}
	news := d.news
	d.news = nil
	d.mu.Unlock()
	if d.told == nil {
		return
	}
	for _, in := range news {
		d.told(in)
	}
}

// save writes a case; what cannot be written stays open here and is tried again.
func (d *Desk) save(m *matter) {
	in := m.record
	r := Record{Incident: &in, Paged: m.paged}
	for id := range m.ports {
		r.Ports = append(r.Ports, id)
	}
	err := d.keep.SaveIncident(r)
	if err != nil && !m.unsaved {
		d.log.Error("incident not written: it is told all the same", "incident", m.id, "err", err)
	}
	if m.unsaved = err != nil; m.dirty {
		d.news = append(d.news, &in)
	}
	m.dirty = false
	if in.State == spate.IncidentClosed {
		d.past = slices.Insert(d.past, 0, &in)
		d.past = d.past[:min(len(d.past), closedKept)]
	}
}

// name gives an incident its ID: the second in which it was opened.
func (d *Desk) name(at time.Time) string {
	base := at.UTC().Format("20060102-150405")
	for i := 1; ; i++ {
		id := base
		if i > 1 {
			id = fmt.Sprintf("%s-%d", base, i)
		}
		if _, taken := d.keep.Incident(id); !taken && !slices.ContainsFunc(d.cases, func(m *matter) bool { return m.id == id }) {
			return id
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
