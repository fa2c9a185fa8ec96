package incident

import (
	"cmp"
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
	staysBy       = 1.3             // times as often another origin must be named to be named first
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
	told func(*spate.Incident) // after each change worth telling; nil: nobody listens

	mu    sync.Mutex
	cases []*matter
	past  []*spate.Incident // closed a short while ago, newest first
	news  []*spate.Incident // to be told once nothing is locked
}

// matter is one flood or fault under way.
type matter struct {
	id      string // empty: a candidate, not an incident yet
	record  spate.Incident
	around  Around // as it was when it began
	ports   map[spate.PortID]bool
	score   map[spate.PortID]float64 // of each port ever named as origin
	best    spate.Finding
	fault   bool
	members map[spate.PortID]bool // faults that are folded into it
	paged   bool
	polls   int       // different windows that spoke for it
	newest  time.Time // end of the newest window
	seen    time.Time // last time it was found
	toldBps float64   // rate told last
	asked   time.Time // when a verdict was asked for
	dirty   bool      // the change is to be written and told
	unsaved bool      // it could not be written
}

// New makes a desk without incidents. told is called after each change, without a
// lock held, with an incident that nobody changes any more.
func New(cfg Config, keep Keeper, told func(*spate.Incident), log *slog.Logger) *Desk {
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	return &Desk{cfg: cfg, keep: keep, told: told, log: log}
}

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

// match is the case that a finding belongs to: the one that has its origin, else
// one that shares the victim or an uplink.
func (d *Desk) match(f *spate.Finding) *matter {
	for _, m := range d.cases {
		if !m.fault && m.score[f.Origins[0].Port.ID] > 0 {
			return m
		}
	}
	var best *matter
	for _, m := range d.cases {
		if m.fault || copied(m.best.Kind) != copied(f.Kind) || !m.near(f) {
			continue // what is copied to a whole VLAN passes ports of other floods too
		}
		if best == nil || best.id == "" && m.id != "" {
			best = m
		}
	}
	return best
}

// echo tells a finding that only repeats what is told: its marks are ports of an open
// incident, and the port it names has none of its own.
func (d *Desk) echo(f *spate.Finding) bool {
	if len(f.Seeds) == 0 || slices.Contains(f.Seeds, f.Origins[0].Port.ID) {
		return false
	}
	for _, m := range d.cases {
		if m.fault || m.id == "" || f.Onset.Before(m.record.StartedAt.Add(-together)) {
			continue
		}
		known := 0
		for _, id := range f.Seeds {
			if m.ports[id] {
				known++
			}
		}
		if float64(known) >= echoShare*float64(len(f.Seeds)) {
			return true
		}
	}
	return false
}

// join puts what is not told yet to what began at the same moment, or is on the same
// way, before it becomes an incident of its own: several machines that send together.
func (d *Desk) join(taken map[*matter]bool) {
	gone := map[*matter]bool{}
	for i, b := range d.cases {
		if b.fault || b.id != "" || !taken[b] || len(b.best.Origins) == 0 {
			continue
		}
		for j, a := range d.cases {
			if a == b || a.fault || gone[a] || a.id == "" && j > i || a.record.EndedAt != nil || len(a.best.Origins) == 0 || copied(a.best.Kind) != copied(b.best.Kind) {
				continue
			}
			if b.record.StartedAt.Sub(a.record.StartedAt).Abs() <= together || a.near(&b.best) {
				a.also(&b.best)
				gone[b] = true
				break
			}
		}
	}
	d.cases = slices.DeleteFunc(d.cases, func(m *matter) bool { return gone[m] })
}

// copied tells a flood that goes to many ports at once.
func copied(k spate.IncidentKind) bool {
	return k == spate.KindBroadcastStorm || k == spate.KindUnicastFlood || k == spate.KindLoop
}

// near tells whether a finding shares the first victim or a port on the way with
// what the case has seen last.
func (m *matter) near(f *spate.Finding) bool {
	on := map[spate.PortID]bool{}
	for i, h := range m.best.Path {
		if i > 0 {
			on[spate.PortID{Device: h.Device, Name: h.Port}] = true
		}
	}
	for _, id := range m.best.Victims {
		on[id] = true
	}
	for i, h := range f.Path {
		if i > 0 && on[spate.PortID{Device: h.Device, Name: h.Port}] {
			return true
		}
	}
	return slices.ContainsFunc(f.Victims, func(id spate.PortID) bool { return on[id] })
}

// take adds a finding to a case.
func (m *matter) take(at time.Time, f *spate.Finding, around Around, cfg Config) {
	if m.around == nil {
		m.around = around
	}
	if f.At.After(m.newest) {
		m.newest = f.At
		m.polls++
	}
	m.seen = at
	if len(m.best.Origins) == 0 && m.id == "" || m.polls <= onsetPolls && f.Onset.Before(m.record.StartedAt) {
		m.record.StartedAt = f.Onset
	}
	for id := range m.score {
		m.score[id] *= 0.8
	}
	for _, o := range f.Origins {
		if len(m.score) < mostOrigins || m.score[o.Port.ID] > 0 {
			m.score[o.Port.ID] += o.Confidence
		}
	}
	for _, id := range f.Ports() {
		m.ports[id] = true
	}
	m.best = m.merge(f)
}

// also adds a second finding of one look: what it names is an origin too where it
// is sure and of the first's size, else a runner-up.
func (m *matter) also(f *spate.Finding) {
	for _, id := range f.Ports() {
		m.ports[id] = true
	}
	first := &m.best.Origins[0]
	for _, o := range f.Origins {
		named := func(s spate.Suspect) bool { return s.Port.ID == o.Port.ID }
		switch {
		case slices.ContainsFunc(m.best.Origins, named) || slices.ContainsFunc(m.best.RunnerUp, named):
		case o.Confidence >= sure && o.OverBps >= first.OverBps/3 && o.OverPps >= first.OverPps/3 && len(m.best.Origins) < mostOrigins:
			m.best.Origins = append(m.best.Origins, o)
			m.score[o.Port.ID] += o.Confidence
		default:
			m.best.RunnerUp = append(m.best.RunnerUp, o)
		}
	}
}

// merge keeps the origin that most looks have named in front, so that one odd look
// does not change the name on the wall: another must be named clearly more often.
func (m *matter) merge(f *spate.Finding) spate.Finding {
	out := *f
	out.Origins = slices.Clone(f.Origins)
	for _, o := range m.best.Origins {
		known := slices.ContainsFunc(out.Origins, func(x spate.Suspect) bool { return x.Port.ID == o.Port.ID })
		if !known && f.Onset.Sub(o.Onset) < time.Hour && m.score[o.Port.ID] > 0.3 && m.best.At.Add(time.Minute).After(f.At) {
			out.Origins = append(out.Origins, o)
		}
	}
	var front spate.PortID
	if len(m.best.Origins) > 0 {
		front = m.best.Origins[0].Port.ID
	}
	rank := func(s *spate.Suspect) float64 {
		if s.Port.ID == front {
			return m.score[front] * staysBy
		}
		return m.score[s.Port.ID]
	}
	slices.SortStableFunc(out.Origins, func(a, b spate.Suspect) int { return cmp.Compare(rank(&b), rank(&a)) })
	if first := out.Origins[0].Port.ID; first != f.Origins[0].Port.ID && len(m.best.Origins) > 0 && m.best.Origins[0].Port.ID == first {
		out.Kind, out.Path, out.Victims, out.Impact, out.Evidence = m.best.Kind, m.best.Path, m.best.Victims, m.best.Impact, m.best.Evidence
	}
	return out
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

func (m *matter) moment(at time.Time, text string) {
	if len(m.record.Timeline) >= mostMoments { // the beginning and the newest are kept
		m.record.Timeline = append(m.record.Timeline[:mostMoments/2], m.record.Timeline[mostMoments/2+1:]...)
	}
	m.record.Timeline = append(slices.Clone(m.record.Timeline), spate.Moment{At: at.UTC(), Text: text})
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
