package incident

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"spate"
)

// Errors of what people ask for.
var (
	ErrUnknown = errors.New("there is no such incident")
	ErrVerdict = errors.New(`the verdict must be "attack" or "expected"`)
)

const (
	longestBy   = 64
	longestNote = 500
)

// Open are the incidents under way, the worst and newest first.
func (d *Desk) Open() []*spate.Incident {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []*spate.Incident
	for _, m := range d.cases {
		if m.id != "" {
			in := m.record
			out = append(out, &in)
		}
	}
	slices.SortFunc(out, func(a, b *spate.Incident) int {
		switch {
		case a.Severity.Worse(b.Severity):
			return -1
		case b.Severity.Worse(a.Severity):
			return 1
		}
		return cmp.Or(b.DetectedAt.Compare(a.DetectedAt), cmp.Compare(b.ID, a.ID))
	})
	return out
}

// Get is an incident that is open or was closed a short while ago.
func (d *Desk) Get(id string) (*spate.Incident, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.cases {
		if m.id == id && id != "" {
			in := m.record
			return &in, true
		}
	}
	for _, in := range d.past {
		if in.ID == id {
			copied := *in
			return &copied, true
		}
	}
	return nil, false
}

// Ack notes who looks after an open incident.
func (d *Desk) Ack(at time.Time, id, by, note string) (*spate.Incident, error) {
	by, note = bounded(spate.Clean(by), longestBy), bounded(spate.Clean(note), longestNote)
	return d.change(id, func(m *matter) error {
		m.record.AcknowledgedBy = &by
		text := "acknowledged by " + by
		if note != "" {
			text += ": " + note
		}
		m.moment(at, text)
		return nil
	})
}

// Judge notes a person's verdict, and gives the ports that it is about. The caller
// has the baselines learn or forget.
func (d *Desk) Judge(at time.Time, id, verdict, by string) (*spate.Incident, []spate.PortID, error) {
	if verdict != "attack" && verdict != "expected" {
		return nil, nil, ErrVerdict
	}
	by = bounded(spate.Clean(by), longestBy)
	var ports []spate.PortID
	if in, ports, ok := d.judgePast(at, id, verdict, by); ok {
		return in, ports, nil
	}
	in, err := d.change(id, func(m *matter) error {
		m.record.Verdict = &spate.Verdict{Verdict: verdict, By: by, At: at.UTC()}
		m.moment(at, fmt.Sprintf("called %s by %s", verdict, by))
		for port := range m.ports {
			ports = append(ports, port)
		}
		return nil
	})
	return in, ports, err
}

// judgePast does so for an incident that is closed: people often know in the morning.
func (d *Desk) judgePast(at time.Time, id, verdict, by string) (*spate.Incident, []spate.PortID, bool) {
	r, ok := d.keep.Incident(id)
	if !ok || r.Incident.State != spate.IncidentClosed {
		return nil, nil, false
	}
	d.mu.Lock()
	m := &matter{id: id, record: *r.Incident, paged: r.Paged, ports: map[spate.PortID]bool{}, dirty: true}
	for _, port := range r.Ports {
		m.ports[port] = true
	}
	m.record.Verdict = &spate.Verdict{Verdict: verdict, By: by, At: at.UTC()}
	m.moment(at, fmt.Sprintf("called %s by %s", verdict, by))
	d.past = slices.DeleteFunc(d.past, func(in *spate.Incident) bool { return in.ID == id })
	d.save(m)
	in := m.record
	d.finish()
	return &in, r.Ports, true
}

func (d *Desk) change(id string, do func(*matter) error) (*spate.Incident, error) {
	d.mu.Lock()
	at := slices.IndexFunc(d.cases, func(m *matter) bool { return m.id == id && id != "" })
	if at < 0 {
		d.mu.Unlock()
		return nil, ErrUnknown
	}
	m := d.cases[at]
	err := do(m)
	m.dirty = err == nil
	in := m.record
	d.finish()
	return &in, err
}

// Touched are the ports of all floods under way, candidates too: they learn nothing
// and are read more often. paged are those of incidents that were told to people.
func (d *Desk) Touched() (all, paged []spate.PortID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.cases {
		if m.fault || m.record.EndedAt != nil {
			continue
		}
		for id := range m.ports {
			all = append(all, id)
			if m.paged {
				paged = append(paged, id)
			}
		}
	}
	return all, paged
}

// A Suspected is a port that may be the origin of a flood under way.
type Suspected struct {
	Suspect  spate.Suspect
	Hosts    []spate.HostNamed
	Users    []spate.UserShare
	Incident string // empty: not told to anybody yet
	Summary  string
	Since    time.Time
}

// Suspects are the origins of all floods under way: of incidents before others, and
// the most certain first.
func (d *Desk) Suspects(at time.Time) []Suspected {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Suspected
	for _, m := range d.cases {
		if m.fault || len(m.best.Origins) == 0 || m.record.EndedAt != nil {
			continue
		}
		copied := *m
		if m.id == "" {
			d.fill(at, &copied)
		}
		for i := range copied.best.Origins {
			s := &copied.best.Origins[i]
			o := copied.record.Origins[i]
			out = append(out, Suspected{*s, o.Hosts, copied.record.Users, m.id, copied.record.Summary, o.Since})
		}
	}
	slices.SortStableFunc(out, func(a, b Suspected) int {
		return cmp.Or(cmp.Compare(min(len(b.Incident), 1), min(len(a.Incident), 1)), cmp.Compare(b.Suspect.Confidence, a.Suspect.Confidence), cmp.Compare(b.Suspect.OverBps, a.Suspect.OverBps))
	})
	return out
}

func bounded(s string, runes int) string {
	if r := []rune(s); len(r) > runes {
		return string(r[:runes])
	}
	return s
}
