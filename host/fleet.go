package host

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"spate"
)

const (
	hotInterval  = time.Second // of machines behind a port that is in an incident
	silentRounds = 3
	mostMachines = 20000
	ahead        = time.Minute // a snapshot's time may be so far in the future
	oldest       = 7 * 24 * time.Hour
)

// A FleetSink takes the rounds of machines that push. What they kept while the server was
// away, hours of a thousand machines maybe, comes by Backlog, which waits for room: what
// it has taken is not lost any more.
type FleetSink interface {
	Sink
	Backlog(ctx context.Context, r *spate.Round) error
}

// A Fleet is all machines that push: it takes their reports, makes rounds of them as
// if they had been polled, and knows what each user sends now and usually.
type Fleet struct {
	interval time.Duration
	sink     FleetSink
	admit    func(host string) (spate.Device, error)
	log      *slog.Logger
	now      func() time.Time

	mu       sync.Mutex
	machines map[string]*machine
	hot      map[string]bool   // names of machines, see SetHot
	at       map[string]string // MAC, IP or device name to the machine's name
}

// NewFleet makes a Fleet without machines. Rounds go to sink; admit gives the device as
// which a machine appears, or why it may not.
func NewFleet(interval time.Duration, sink FleetSink, admit func(host string) (spate.Device, error), log *slog.Logger) *Fleet {
	return &Fleet{interval: interval, sink: sink, admit: admit, log: log, now: time.Now, machines: map[string]*machine{}, hot: map[string]bool{}, at: map[string]string{}}
}

// Take reads the report of one machine. name is the one its token stands for; where it
// is empty, tokens are not in use and the report's own counts.
func (f *Fleet) Take(ctx context.Context, name string, body io.Reader) (Answer, error) {
	now := f.now()
	var m *machine
	var lost error // no round came further than this
	answer := Answer{IntervalS: f.interval.Seconds()}
	defer func() {
		if m != nil {
			m.taking.Unlock()
		}
	}()
	err := ReadReport(body, func(h *Header) error {
		if name == "" {
			name = h.Host
		}
		var err error
		if m, err = f.machine(name); err != nil {
			return err
		}
		m.taking.Lock()
		m.mu.Lock()
		defer m.mu.Unlock()
		answer.Note = m.greet(h, now, f.log)
		return nil
	}, func(s *Snapshot) {
		if lost != nil {
			return
		}
		m.mu.Lock()
		round := m.take(s, now)
		m.mu.Unlock()
		if round == nil {
			answer.Old++
			return
		}
		answer.Taken++
		if !round.Backlog {
			f.sink.Accept(ctx, round)
			return
		}
		// To the end, whether the agent waits for the answer or not: it is known now, and
		// would not be taken again.
		lost = f.sink.Backlog(context.WithoutCancel(ctx), round)
	})
	if m == nil {
		return answer, err
	}
	m.mu.Lock()
	places := m.places
	m.places = nil
	m.mu.Unlock()
	if err == nil {
		err = lost
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range places {
		f.at[p] = m.name
	}
	if f.hot[m.name] {
		answer.IntervalS, answer.Destinations = hotInterval.Seconds(), true
	}
	return answer, err
}

func (f *Fleet) machine(name string) (*machine, error) {
	if !spate.ValidDevice(name) {
		return nil, fmt.Errorf("%w: %q is no name of a machine, wanted letters, digits, and . _ - between them: set agent.host", errReport, name)
	}
	f.mu.Lock()
	m, n := f.machines[name], len(f.machines)
	f.mu.Unlock()
	if m != nil {
		return m, nil
	}
	if n >= mostMachines {
		return nil, fmt.Errorf("%w: %d machines push already", errReport, n)
	}
	device, err := f.admit(name) // which may ask this fleet
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.machines[name]; m != nil {
		return m, nil // two first pushes at once
	}
	m = newMachine(name, device)
	f.machines[name] = m
	f.at["name:"+name] = name
	return m, nil
}

// SetHot says which machines are behind a port that is in an incident: they push each
// second, and say where their users send to.
func (f *Fleet) SetHot(names []string) {
	hot := map[string]bool{}
	for _, n := range names {
		hot[n] = true
	}
	f.mu.Lock()
	f.hot = hot
	machines := make([]*machine, 0, len(f.machines))
	for _, m := range f.machines {
		machines = append(machines, m)
	}
	f.mu.Unlock()
	for _, m := range machines {
		m.mu.Lock()
		m.frozen = hot[m.name] // what is sent now is not what is usual
		m.mu.Unlock()
	}
}

// Behind are the machines that one of the places names: "name:web-17", a MAC as
// aa:bb:cc:dd:ee:ff, or an IP address.
func (f *Fleet) Behind(places []string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, p := range places {
		if name, ok := f.at[p]; ok && p != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Run says of machines that do not push any more that they are silent, until ctx ends.
func (f *Fleet) Run(ctx context.Context) {
	every := time.NewTicker(f.interval)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		for _, m := range f.all() {
			if round := m.silence(f.now(), f.interval); round != nil {
				f.sink.Accept(ctx, round)
			}
		}
	}
}

func (f *Fleet) all() []*machine {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]*machine, 0, len(f.machines))
	for _, m := range f.machines {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *machine) int { return cmp.Compare(a.name, b.name) })
	return out
}

// Retain forgets machines that are no devices any more.
func (f *Fleet) Retain(keep func(host string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.machines {
		if keep(name) {
			continue
		}
		delete(f.machines, name)
		for place, n := range f.at {
			if n == name {
				delete(f.at, place)
			}
		}
	}
}

// A Machine is what is known of one that pushes.
type Machine struct {
	Name     string
	Device   string // as which it appears
	Backend  string // how its users are counted; empty: they are not
	Why      string // why not in a better way
	Doubt    string // what the figures miss
	Release  string
	SeenAt   time.Time
	Interval time.Duration
	Silent   bool
	Error    string
	OutBps   float64 // of its interfaces to the outside, NaN unknown
	Users    []UserRate
	Flows    []FlowRate
}

// A UserRate is what a user sends, per second, with Ethernet's headers as an interface
// counts them. UIDs below 0 are no users: Others and Unattributed.
type UserRate struct {
	UID      int64
	Name     string
	Port     string // under which the rates are stored
	At       time.Time
	Bps, Pps float64
	UsualBps float64 // NaN: not known yet
	Today    float64 // octets since the machine's agent began, or the server did
}

// UIDs of what is no user.
const (
	Others       = -1
	Unattributed = -2
)

// A FlowRate is what a user sends to one place.
type FlowRate struct {
	UID      uint32
	User     string
	Src, Dst string
	Protocol string
	Port     int
	Bps, Pps float64
}

// Machines are all that push, by name.
func (f *Fleet) Machines() []Machine {
	var out []Machine
	for _, m := range f.all() {
		out = append(out, m.view(f.now(), f.interval))
	}
	return out
}

// Machine is one of them by its name, or by that of the device as which it appears.
func (f *Fleet) Machine(name string) (Machine, bool) {
	if m := f.called(name); m != nil {
		return m.view(f.now(), f.interval), true
	}
	return Machine{}, false
}

// Places are the MACs and addresses of a machine, as Machine finds it, in no order.
func (f *Fleet) Places(name string) []string {
	m := f.called(name)
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.where))
}

func (f *Fleet) called(name string) *machine {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.machines[name]; m != nil {
		return m
	}
	for _, m := range f.machines {
		if m.device.Name == name {
			return m
		}
	}
	return nil
}
