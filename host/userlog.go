package host

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"spate"
)

// userLog is what is known of one user from snapshot to snapshot.
type userLog struct {
	uid    int64
	sample spate.Sample
	port   *spate.Port
	name   string
	rate   spate.Rate
	gap    spate.Gap
	usual  float64 // b/s
	since  time.Time
	active time.Time
	total  float64
}

// accounts makes the readings of users, by name: each is a port of its own, without a
// wire. There is room for some more.
func (m *machine) accounts(s *Snapshot, at time.Time, out, packets float64, more int) []spate.Reading {
	if s.Users == nil && s.Others.Name == "" {
		return make([]spate.Reading, 0, more)
	}
	sum, sumPackets := 0.0, 0.0
	start := boots(s.Boot, s.Run)
	add := func(uid int64, u *UserCount) {
		l := m.user(uid, u)
		l.count(u, at, m.interval, start)
		l.learn(at, m.frozen)
		sum += orZero(l.rate.Values[spate.OutBps])
		sumPackets += orZero(l.rate.Values[spate.OutPps])
	}
	for i := range s.Users {
		add(int64(s.Users[i].UID), &s.Users[i])
	}
	add(Others, &s.Others)
	if !math.IsNaN(out) {
		m.unattributed(at, m.interval, out-sum, packets-sumPackets)
	}
	m.dismiss(at)
	readings := make([]spate.Reading, 0, len(m.sorted)+more)
	for _, l := range m.sorted {
		if !l.sample.At.Equal(at) && l.uid != Unattributed {
			l.rate, l.gap = spate.Rate{}, "" // not named this time: what it sent before is not what it sends now
		}
		readings = append(readings, spate.Reading{Port: l.port, Rate: l.rate, Gap: l.gap})
	}
	return readings
}

// dismiss forgets users who have long sent nothing, and sorts the others by the names of
// their ports where somebody has come or gone.
func (m *machine) dismiss(at time.Time) {
	for _, l := range m.sorted {
		if l.uid >= 0 && at.Sub(l.active) > quietUser {
			delete(m.users, l.uid)
			m.sorted = nil
		}
	}
	if len(m.sorted) == len(m.users) {
		return
	}
	m.sorted = make([]*userLog, 0, len(m.users))
	for _, l := range m.users {
		m.sorted = append(m.sorted, l)
	}
	slices.SortFunc(m.sorted, func(a, b *userLog) int { return cmp.Compare(a.port.ID.Name, b.port.ID.Name) })
}

// userPort is the name under which a user's rates are stored: the account's, since
// people know it by that and a machine that is set up anew gives other numbers.
func userPort(uid int64, name string) string {
	switch {
	case uid == Others:
		return "users (other)"
	case uid == Unattributed:
		return "users (unattributed)"
	case name == "":
		return "user " + strconv.FormatInt(uid, 10)
	}
	return "user " + name
}

// IsUser tells a port that is a user of a machine, not an interface.
func IsUser(p *spate.Port) bool {
	return p.IfIndex == 0 && p.Type == "other" && IsUserPort(p.ID.Name)
}

// IsUserPort tells a name that userPort gives; interfaces elsewhere may have such a name
// too.
func IsUserPort(name string) bool {
	return strings.HasPrefix(name, "user ") || strings.HasPrefix(name, "users (")
}

func (m *machine) user(uid int64, u *UserCount) *userLog {
	l := m.users[uid]
	if l != nil && l.name == u.Name {
		return l
	}
	name := userPort(uid, u.Name)
	for other, o := range m.users { // two numbers of one name
		if other != uid && o.port.ID.Name == name {
			name += "#" + strconv.FormatInt(uid, 10)
			break
		}
	}
	port := &spate.Port{ID: spate.PortID{Device: m.device.Name, Name: name}, IfIndex: 0, Descr: name, Type: "other", Admin: spate.StatusUp, Oper: spate.StatusUp,
		SpeedSource: spate.SpeedUnknown, HighLayer: true, Wide: spate.CounterSet(0).With(spate.OutOctets).With(spate.OutUcastPkts)}
	if uid >= 0 {
		port.Alias = "uid " + strconv.FormatInt(uid, 10)
	}
	if l == nil {
		l = &userLog{uid: uid, usual: math.NaN()}
		m.users[uid] = l
	}
	l.name, l.port = u.Name, port
	m.sorted = nil
	return l
}

// count makes the user's rate of two readings. Octets are those of layer 3, and become
// those of the interface by Ethernet's header for each packet.
func (l *userLog) count(u *UserCount, at time.Time, interval time.Duration, start uint32) {
	cur := spate.Sample{At: at, Boots: start}
	cur.Set(spate.OutOctets, u.Octets+ethernet*u.Packets, true)
	cur.Set(spate.OutUcastPkts, u.Packets, true)
	prev := l.sample
	if u.From != nil {
		prev = spate.Sample{At: at.Add(-interval), Boots: cur.Boots}
		prev.Set(spate.OutOctets, u.From[0]+ethernet*u.From[1], true)
		prev.Set(spate.OutUcastPkts, u.From[1], true)
	}
	l.sample, l.rate, l.gap = cur, spate.Rate{}, ""
	if l.active.IsZero() {
		l.active = at
	}
	if prev.At.IsZero() {
		return
	}
	l.rate, l.gap = spate.Between(&prev, &cur, spate.Bounds{Limit: l.port.Limit(), Heartbeat: heartbeat * max(interval, 10*time.Second)})
	l.rate.Values[spate.OutUcastPps] = math.NaN() // it is OutPps: stored once
	if l.rate.Values[spate.OutBps] > 0 {
		l.active = at
		l.total += l.rate.Values[spate.OutBps] / 8 * l.rate.Over.Seconds()
	}
}

// learn moves what is usual. While the machine is in an incident nothing is learned.
func (l *userLog) learn(at time.Time, frozen bool) {
	bps := l.rate.Values[spate.OutBps]
	if l.rate.Over <= 0 || math.IsNaN(bps) || frozen {
		return
	}
	if l.since.IsZero() {
		l.since, l.usual = at, bps
		return
	}
	over := min(usualOver, max(at.Sub(l.since), l.rate.Over)) // a plain mean at first
	l.usual += (bps - l.usual) * min(1, l.rate.Over.Seconds()/over.Seconds())
}

// unattributed is what the interfaces send beyond the users: what is forwarded, what
// the kernel sends by itself, and what the way of counting misses.
func (m *machine) unattributed(at time.Time, interval time.Duration, bps, pps float64) {
	l := m.user(Unattributed, &UserCount{Name: "(unattributed)"})
	l.rate = spate.Rate{At: at, Over: max(interval, time.Millisecond)}
	for i := range l.rate.Values {
		l.rate.Values[i] = math.NaN()
	}
	l.rate.Values[spate.OutBps], l.rate.Values[spate.OutPps] = max(bps, 0), max(pps, 0)
	l.total += max(bps, 0) / 8 * interval.Seconds()
	l.learn(at, m.frozen)
}
