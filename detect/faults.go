package detect

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"spate"
)

const (
	downRounds = 3                // without an answer: the device is down
	silentFor  = 90 * time.Second // of a machine that pushes, since it was first said to be silent
	flapWindow = 10 * time.Minute // in which
	flapTimes  = 6                // changes of a link make it flap
	mostFlips  = 8
)

// A Limit is one [[threshold]] of the config.
type Limit struct {
	Ports    [][2]string // device pattern, ifName pattern
	Metric   spate.Metric
	Share    bool    // of the speed, in percent: Metric means nothing
	Above    float64 // per second, or percent
	For      time.Duration
	Severity spate.Severity
}

// Faults keeps what is plainly wrong: silent devices, links that went down or flap,
// limits that are passed. Methods may be called from many goroutines.
type Faults struct {
	mu      sync.Mutex
	limits  []Limit
	devices map[string]*faultyDevice
	last    time.Time
}

type faultyDevice struct {
	missed int
	since  time.Time // of the first round without an answer, or the last push
	ports  map[string]*faultyPort

	pushes bool      // see AcceptMachine
	heard  time.Time // its last push
	silent time.Time // the first round without one
}

type faultyPort struct {
	port  *spate.Port
	oper  spate.Status
	down  time.Time   // link is down since, after it was up; zero: it is not
	flips []time.Time // last changes
	over  []time.Time // per limit: passed since; zero: not
	rate  spate.Rate
}

// NewFaults makes one that has seen nothing.
func NewFaults(limits []Limit) *Faults {
	return &Faults{limits: limits, devices: map[string]*faultyDevice{}}
}

// SetLimits takes new ones over.
func (f *Faults) SetLimits(limits []Limit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limits = limits
	for _, d := range f.devices {
		for _, p := range d.ports {
			p.over = nil
		}
	}
}

// Recall notes links and devices that were told to be down before a restart, so
// that they are neither told again nor taken for mended before they are seen.
func (f *Faults) Recall(kind spate.IncidentKind, id spate.PortID, since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.device(id.Device)
	switch {
	case id.Name == "" && kind == spate.KindDeviceDown:
		d.missed, d.since = downRounds, since
	case id.Name != "" && kind == spate.KindLinkDown:
		d.ports[id.Name] = &faultyPort{oper: spate.StatusDown, down: since}
	}
}

// Retain forgets the devices that are polled no longer.
func (f *Faults) Retain(names map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.devices {
		if !names[name] {
			delete(f.devices, name)
		}
	}
}

func (f *Faults) device(name string) *faultyDevice {
	d := f.devices[name]
	if d == nil {
		d = &faultyDevice{ports: map[string]*faultyPort{}}
		f.devices[name] = d
	}
	return d
}

// Accept takes one round, and tells whether anything is or was wrong in it.
func (f *Faults) Accept(r *spate.Round) (news bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.device(r.Device.Name)
	if r.Err != nil {
		if d.missed == 0 {
			d.since = r.At
		}
		d.missed++
		return d.missed == downRounds
	}
	news = d.missed >= downRounds
	d.missed = 0
	here := len(r.Readings)
	for i := range r.Readings {
		rd := &r.Readings[i]
		if rd.Port == nil {
			continue
		}
		p := d.ports[rd.Port.ID.Name]
		if p == nil {
			p = &faultyPort{oper: rd.Port.Oper}
			d.ports[rd.Port.ID.Name] = p
		}
		news = p.state(rd.Port, r.At) || news
		news = p.measure(rd, f.limits) || news
	}
	if len(d.ports) > 2*here+16 { // ports that are gone
		clear(d.ports)
	}
	return news
}

// AcceptMachine takes one round of a machine that pushes. It may be silent for two minutes,
// as it is when it starts anew; its links are its switch's to tell, and go with containers.
func (f *Faults) AcceptMachine(r *spate.Round) (news bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.device(r.Device.Name)
	d.pushes = true
	if r.Err != nil {
		switch {
		case d.missed >= downRounds: // it is down
		case d.missed == 0:
			d.missed, d.silent, d.since = 1, r.At, r.At
			if !d.heard.IsZero() {
				d.since = d.heard
			}
		case r.At.Sub(d.silent) >= silentFor:
			d.missed, news = downRounds, true
		}
		return news
	}
	news = d.missed >= downRounds
	d.missed, d.heard = 0, r.At
	ports := make(map[string]*faultyPort, len(d.ports))
	for i := range r.Readings {
		rd := &r.Readings[i]
		if rd.Port == nil || !slices.ContainsFunc(f.limits, func(l Limit) bool { return l.matches(rd.Port.ID) }) {
			continue
		}
		p := d.ports[rd.Port.ID.Name]
		if p == nil {
			p = &faultyPort{}
		}
		p.port, ports[rd.Port.ID.Name] = rd.Port, p
		news = p.measure(rd, f.limits) || news
	}
	for name, p := range d.ports { // a user who sends no more, or an interface that is gone
		news = news || ports[name] == nil && slices.ContainsFunc(p.over, func(t time.Time) bool { return !t.IsZero() })
	}
	d.ports = ports
	return news
}

// Pushing says which devices are machines that push: what was recalled of them is told in
// the right words.
func (f *Faults) Pushing(names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range names {
		if d := f.devices[n]; d != nil {
			d.pushes = true
		}
	}
}

// state follows a link. A port that the operator has shut is no fault.
func (p *faultyPort) state(port *spate.Port, at time.Time) (news bool) {
	p.port = port
	up := port.Oper == spate.StatusUp
	switch {
	case port.Admin == spate.StatusDown || up:
		news, p.down = !p.down.IsZero(), time.Time{}
	case p.oper == spate.StatusUp:
		news, p.down = true, at
	}
	if (p.oper == spate.StatusUp) != up && port.Admin != spate.StatusDown && p.oper != "" {
		if p.flips = append(p.flips, at); len(p.flips) > mostFlips {
			p.flips = slices.Delete(p.flips, 0, 1)
		}
		news = true
	}
	p.oper = port.Oper
	return news
}

func (p *faultyPort) flapping(now time.Time) bool {
	return len(p.flips) >= flapTimes && now.Sub(p.flips[len(p.flips)-flapTimes]) <= flapWindow
}

// measure holds a port against the limits.
func (p *faultyPort) measure(rd *spate.Reading, limits []Limit) (news bool) {
	if rd.Gap != "" || rd.Rate.Over == 0 {
		return false // not known: as it was
	}
	p.rate = rd.Rate
	for i := range limits {
		l := &limits[i]
		if !l.matches(rd.Port.ID) {
			continue
		}
		if p.over == nil {
			p.over = make([]time.Time, len(limits))
		}
		passed := l.value(rd) > l.Above
		switch {
		case passed && p.over[i].IsZero():
			p.over[i] = rd.Rate.At.Add(-rd.Rate.Over)
		case !passed && !p.over[i].IsZero():
			p.over[i], news = time.Time{}, true
		}
		news = news || passed && rd.Rate.At.Sub(p.over[i]) >= l.For
	}
	return news
}

func (l *Limit) matches(id spate.PortID) bool {
	return slices.ContainsFunc(l.Ports, func(p [2]string) bool { return spate.MatchPort(p[0], id.Device) && spate.MatchPort(p[1], id.Name) })
}

func (l *Limit) value(rd *spate.Reading) float64 {
	if !l.Share {
		return rd.Rate.Values[l.Metric]
	}
	if rd.Port.Speed <= 0 {
		return 0
	}
	return float64(rd.Rate.Bits()/rd.Port.Speed) * 100
}

// Words is the limit as people read it: "above 9 Gb/s for 1 min".
func (l *Limit) Words() string {
	value := spate.FormatSI(l.Above, "/s")
	switch {
	case l.Share:
		value = fmt.Sprintf("%g %%", l.Above)
	case l.Metric.IsBits():
		value = spate.BitRate(l.Above).String()
	default:
		value = spate.PacketRate(l.Above).String()
	}
	if l.For > 0 {
		value += " for " + spate.FormatAge(l.For)
	}
	return "above " + value
}

// Active is all that is wrong at a moment. role tells what a port is for: only a
// link that leads on is missed by others than its owner.
func (f *Faults) Active(now time.Time, role func(spate.PortID) spate.Role) []spate.Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []spate.Fault
	for name, d := range f.devices {
		if d.missed >= downRounds {
			text := "does not answer"
			if d.pushes {
				text = "sends no readings"
			}
			out = append(out, spate.Fault{Kind: spate.KindDeviceDown, Port: spate.PortID{Device: name}, Since: d.since, Severity: spate.Warning, Text: text})
			continue // what its ports did is not known
		}
		for portName, p := range d.ports {
			out = p.faults(spate.PortID{Device: name, Name: portName}, now, f.limits, role, out)
		}
	}
	slices.SortFunc(out, func(a, b spate.Fault) int {
		return strings.Compare(a.Port.Device+"\x00"+a.Port.Name+"\x00"+string(a.Kind), b.Port.Device+"\x00"+b.Port.Name+"\x00"+string(b.Kind))
	})
	return out
}

func (p *faultyPort) faults(id spate.PortID, now time.Time, limits []Limit, role func(spate.PortID) spate.Role, out []spate.Fault) []spate.Fault {
	flaps := p.flapping(now)
	if flaps || !p.down.IsZero() {
		severity := spate.Severity("")
		switch role(id) {
		case spate.RoleUplink, spate.RoleExternal, spate.RoleLAG:
			severity = spate.Warning
		}
		switch {
		case flaps && severity == "":
			out = append(out, spate.Fault{Kind: spate.KindFlap, Port: id, Facts: p.port, Since: p.flips[0], Severity: spate.Info, Text: "goes up and down"})
		case flaps:
			out = append(out, spate.Fault{Kind: spate.KindFlap, Port: id, Facts: p.port, Since: p.flips[0], Severity: severity, Text: "goes up and down"})
		case severity != "":
			out = append(out, spate.Fault{Kind: spate.KindLinkDown, Port: id, Facts: p.port, Since: p.down, Severity: severity, Text: "is down"})
		}
	}
	for i, since := range p.over {
		if !since.IsZero() && i < len(limits) && p.rate.At.Sub(since) >= limits[i].For {
			l := &limits[i]
			out = append(out, spate.Fault{Kind: spate.KindThreshold, Port: id, Facts: p.port, Since: since, Severity: l.Severity, Rate: p.rate,
				Text: "carries " + spate.BitRate(p.rate.Bits()).String() + ", " + l.Words()})
		}
	}
	return out
}
