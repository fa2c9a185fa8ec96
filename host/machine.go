package host

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"spate"
)

const (
	usualOver    = time.Hour           // time constant of what a user usually sends
	usualAfter   = 10 * time.Minute    // of watching; before that nothing is usual
	quietUser    = 30 * 24 * time.Hour // a user who sends nothing leaves the list
	driftAllowed = 500 * time.Millisecond
	runsKnown    = 8
	// ethernet is what an interface counts of a packet besides layer 3, in octets.
	ethernet = 14
)

// machine is one that pushes. Its methods are called with mu held unless they say
// otherwise.
type machine struct {
	name   string
	device spate.Device

	taking sync.Mutex // a push: its rounds are handed on in order, which may take long

	mu       sync.Mutex
	header   Header
	base     time.Time // when the machine started, by our clock
	offset   time.Duration
	seen     time.Time // of the last push, by our clock
	last     time.Time // of the last snapshot
	lastBoot string
	lastUp   int64
	runs     []string // known ones, the newest last
	frozen   bool
	places   []string // to be found by, since the last push
	where    map[string]bool
	ips      []string

	samples  map[string]spate.Sample // of interfaces
	ports    map[string]*spate.Port
	users    map[int64]*userLog
	sorted   []*userLog // by the names of their ports; nil: to be sorted
	out      float64    // b/s of the interfaces to the outside
	flows    []FlowRate
	interval time.Duration
	problem  string
	system   spate.System
	quiet    bool // it was said to be silent
}

func newMachine(name string, device spate.Device) *machine {
	return &machine{name: name, device: device, samples: map[string]spate.Sample{}, ports: map[string]*spate.Port{}, users: map[int64]*userLog{}, where: map[string]bool{}, out: math.NaN()}
}

// greet takes what a push says of itself. The note is for the agent.
func (m *machine) greet(h *Header, now time.Time, log *slog.Logger) (note string) {
	if m.header.Backend != h.Backend || m.header.Run == "" {
		log.Info("agent", "device", m.device.Name, "counts", cmp.Or(h.Backend, "interfaces only"), "why", h.Why)
	}
	m.quiet = false
	up := time.Duration(h.Up) * time.Millisecond
	if m.header.Boot == h.Boot && h.Up <= m.header.Up {
		return "" // heard before: it says nothing of what time it is
	}
	if base := now.Add(-up); m.header.Boot != h.Boot || base.Sub(m.base).Abs() > driftAllowed {
		m.base = base
	}
	m.offset = now.Sub(time.UnixMilli(h.At))
	m.header, m.seen = *h, now
	m.system = spate.System{Name: h.Host, Descr: h.System, Uptime: up}
	if at := slices.Index(m.runs, h.Run); at >= 0 && at < len(m.runs)-1 {
		return "another agent pushes as " + m.name + " since this one began: give each machine a token of its own"
	}
	return ""
}

// take makes a round of a snapshot; nil: it was known, or is out of order.
func (m *machine) take(s *Snapshot, now time.Time) *spate.Round {
	at := time.UnixMilli(s.At).Add(m.offset)
	if s.Boot == m.header.Boot {
		at = m.base.Add(time.Duration(s.Up) * time.Millisecond)
	}
	if at.After(now) && at.Sub(now) < ahead {
		at = now
	}
	again := s.Boot == m.lastBoot && s.Up <= m.lastUp
	if again || !at.After(m.last) || at.After(now) || now.Sub(at) > oldest || !m.current(s.Run) {
		return nil
	}
	m.lastBoot, m.lastUp = s.Boot, s.Up
	m.last, m.interval, m.problem = at, time.Duration(s.IntervalS*float64(time.Second)), s.Error
	round := &spate.Round{Device: m.device, At: at, Interval: m.interval, System: m.system, Backlog: now.Sub(at) > 2*time.Minute}
	wires, out, packets := m.interfaces(s, at)
	round.Readings = append(m.accounts(s, at, out, packets, len(wires)), wires...)
	m.destinations(s, at)
	return round
}

// current tells whether a run is the newest, and notes new ones.
func (m *machine) current(run string) bool {
	if n := len(m.runs); n > 0 && m.runs[n-1] == run {
		return true
	}
	if slices.Contains(m.runs, run) {
		return false
	}
	m.runs = append(m.runs, run)
	m.runs = m.runs[max(0, len(m.runs)-runsKnown):]
	return true
}

func boots(s ...string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.Join(s, " ")))
	return h.Sum32() | 1
}

// interfaces makes the readings of the interfaces, by ifIndex, and gives what those to
// the outside have sent.
func (m *machine) interfaces(s *Snapshot, at time.Time) (wires []spate.Reading, out, packets float64) {
	slices.SortStableFunc(s.Interfaces, func(a, b Interface) int { return cmp.Compare(a.Index, b.Index) })
	wires = make([]spate.Reading, 0, len(s.Interfaces))
	physical := slices.ContainsFunc(s.Interfaces, func(f Interface) bool { return outward(&f) && f.Type != "propVirtual" && f.Type != "tunnel" })
	samples := make(map[string]spate.Sample, len(s.Interfaces))
	out, packets = math.NaN(), math.NaN()
	m.ips = m.ips[:0]
	for i := range s.Interfaces {
		f := &s.Interfaces[i]
		sample := spate.Sample{At: at, Boots: boots(s.Boot)}
		for _, n := range counterNames {
			if v, ok := f.Counters[n.name]; ok {
				sample.Set(n.c, v, true)
			}
		}
		samples[f.Name] = sample
		reading := spate.Reading{Port: m.port(f, &sample)}
		if old, ok := m.samples[f.Name]; ok {
			reading.Rate, reading.Gap = spate.Between(&old, &sample, spate.Bounds{Limit: reading.Port.Limit(), Heartbeat: heartbeat * max(m.interval, 10*time.Second)})
		}
		wires = append(wires, reading)
		if !outward(f) || physical && (f.Type == "propVirtual" || f.Type == "tunnel") {
			continue
		}
		m.locate(f)
		if reading.Rate.Over > 0 {
			out = orZero(out) + orZero(reading.Rate.Values[spate.OutBps])
			packets = orZero(packets) + orZero(reading.Rate.Values[spate.OutPps])
		}
	}
	m.samples, m.out = samples, out
	return wires, out, packets
}

func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// outward tells an interface that leads out of the machine.
func outward(f *Interface) bool {
	return !f.HighLayer && f.Type != "softwareLoopback" && f.Type != "bridge" && f.Oper == string(spate.StatusUp)
}

// locate notes where the machine is to be found.
func (m *machine) locate(f *Interface) {
	for _, p := range append([]string{f.MAC}, f.IPs...) {
		if p != "" && !m.where[p] && len(m.where) < 1024 {
			m.where[p] = true
			m.places = append(m.places, p)
		}
	}
	m.ips = append(m.ips, f.IPs...)
}

// port is an interface as a port; one that has not changed stays.
func (m *machine) port(f *Interface, sample *spate.Sample) *spate.Port {
	p := spate.Port{ID: spate.PortID{Device: m.device.Name, Name: f.Name}, IfIndex: f.Index, Alias: f.Alias, Descr: f.Name, Type: f.Type, MAC: f.MAC,
		Admin: spate.Status(f.Admin), Oper: spate.Status(f.Oper), SpeedSource: spate.SpeedUnknown, Wide: sample.Known, HighLayer: f.HighLayer}
	if p.Admin != spate.StatusUp {
		p.Admin = spate.StatusDown
	}
	if p.Oper != spate.StatusUp && p.Oper != spate.StatusUnknown {
		p.Oper = spate.StatusDown
	}
	if f.SpeedBps > 0 {
		p.Speed, p.SpeedSource = spate.BitRate(f.SpeedBps), spate.SpeedFromDriver
		if f.SpeedSet {
			p.SpeedSource = spate.SpeedFromConfig
		}
	}
	if old := m.ports[f.Name]; old != nil && *old == p {
		return old
	}
	m.ports[f.Name] = &p
	return &p
}

// destinations keeps where users send to, the greatest first.
func (m *machine) destinations(s *Snapshot, at time.Time) {
	m.flows = nil
	src := ""
	if len(m.ips) > 0 {
		src = m.ips[0]
	}
	for _, f := range s.Flows {
		name := strconv.FormatUint(uint64(f.UID), 10)
		if l := m.users[int64(f.UID)]; l != nil && l.name != "" {
			name = l.name
		}
		from := src
		for _, ip := range m.ips { // of the destination's family
			if a, err := netip.ParseAddr(ip); err == nil && a.Is4() == f.Dst.Is4() {
				from = ip
				break
			}
		}
		m.flows = append(m.flows, FlowRate{UID: f.UID, User: name, Src: from, Dst: f.Dst.String(), Protocol: protocol(f.Protocol), Port: int(f.Port),
			Bps: float64(f.Octets+ethernet*f.Packets) * 8 / s.IntervalS, Pps: float64(f.Packets) / s.IntervalS})
	}
}

func protocol(n uint8) string {
	switch n {
	case 1:
		return "icmp"
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 58:
		return "icmpv6"
	case 132:
		return "sctp"
	}
	return strconv.Itoa(int(n))
}

// silence makes a round that says why nothing came; nil: it came, or was said. It
// locks.
func (m *machine) silence(now time.Time, interval time.Duration) *spate.Round {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen.IsZero() || now.Sub(m.seen) < silentRounds*max(interval, m.interval) {
		return nil
	}
	m.flows = nil
	for _, l := range m.users {
		l.rate = spate.Rate{}
	}
	m.out = math.NaN()
	return &spate.Round{Device: m.device, At: now, Interval: interval, System: m.system,
		Err: fmt.Errorf("no push of spate agent for %s: does it run there? try: systemctl status spate-agent", now.Sub(m.seen).Round(time.Second))}
}

// view is what is known now. It locks.
func (m *machine) view(now time.Time, interval time.Duration) Machine {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := Machine{Name: m.name, Device: m.device.Name, Backend: m.header.Backend, Why: m.header.Why, Doubt: m.header.Doubt, Release: m.header.Release, SeenAt: m.seen,
		Interval: m.interval, Silent: !m.seen.IsZero() && now.Sub(m.seen) >= silentRounds*max(interval, m.interval), Error: m.problem, OutBps: m.out, Flows: slices.Clone(m.flows)}
	for uid, l := range m.users {
		u := UserRate{UID: uid, Name: l.name, Port: l.port.ID.Name, At: l.rate.At, Bps: math.NaN(), Pps: math.NaN(), UsualBps: math.NaN(), Today: l.total}
		if l.rate.Over > 0 {
			u.Bps, u.Pps = l.rate.Values[spate.OutBps], l.rate.Values[spate.OutPps]
		}
		if !l.since.IsZero() && m.last.Sub(l.since) >= usualAfter {
			u.UsualBps = l.usual
		}
		v.Users = append(v.Users, u)
	}
	slices.SortFunc(v.Users, func(a, b UserRate) int {
		return cmp.Or(cmp.Compare(orZero(b.Bps), orZero(a.Bps)), cmp.Compare(a.UID, b.UID))
	})
	return v
}
