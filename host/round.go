package host

import (
	"strconv"
	"time"

	"spate"
)

// heartbeat is how many intervals may lie between two readings that still make
// a rate.
const heartbeat = 6

// memory is what is kept of a link from one round to the next.
type memory struct {
	name   string
	sample spate.Sample
	split  split
	port   *spate.Port
}

// round reads all links once.
func (r *Reader) round(due time.Time) *spate.Round {
	start := time.Now()
	links, err := r.source.Links()
	now := time.Now()
	out := &spate.Round{
		Device: r.device, At: now, Took: now.Sub(start), Interval: r.cfg.Interval,
		Late: max(start.Sub(due), 0), System: readSystem(r.root, r.device.Name), Err: err,
	}
	if err != nil {
		return out
	}
	kept := make(map[int]*memory, len(links))
	names := portNames(links)
	kinds := kindsByIndex(links)
	out.Readings = make([]spate.Reading, 0, len(links))
	for i := range links {
		l := &links[i]
		m := r.follow(l, now)
		m.setPort(r.port(l, names[i], kinds[l.Master]))
		kept[l.Index] = m
		out.Readings = append(out.Readings, r.reading(m, r.last[l.Index]))
	}
	r.last = kept
	return out
}

// follow makes the link's sample. A link of the same name with another ifIndex
// is another link, and so is one that was renamed: its history is its name's.
func (r *Reader) follow(l *Link, now time.Time) *memory {
	m := &memory{name: l.Name, split: newSplit(l)}
	if old := r.last[l.Index]; old != nil && old.name == l.Name {
		m.split, m.port = old.split, old.port
		m.split.advance(l)
	}
	m.sample = sampleOf(l, &m.split, now)
	return m
}

// setPort keeps the port of before where nothing has changed, as a Port that
// was handed on stays.
func (m *memory) setPort(p spate.Port) {
	if m.port == nil || *m.port != p {
		m.port = &p
	}
}

func (r *Reader) reading(m, old *memory) spate.Reading {
	reading := spate.Reading{Port: m.port}
	if old == nil || old.name != m.name {
		return reading
	}
	reading.Rate, reading.Gap = spate.Between(&old.sample, &m.sample, spate.Bounds{
		Limit: m.port.Limit(), Heartbeat: heartbeat * r.cfg.Interval,
	})
	return reading
}

// sampleOf takes the counters of a link. What the kernel does not count stays
// unknown: broadcasts, and multicasts sent. Discards are rx_dropped and
// rx_missed_errors together, as /proc/net/dev adds them: good frames thrown
// away for want of room.
func sampleOf(l *Link, packets *split, now time.Time) spate.Sample {
	s := spate.Sample{At: now}
	s.Set(spate.InOctets, l.RxBytes, true)
	s.Set(spate.OutOctets, l.TxBytes, true)
	s.Set(spate.InUcastPkts, packets.ucast, true)
	if packets.counts {
		s.Set(spate.InMcastPkts, packets.mcast, true)
	}
	s.Set(spate.OutUcastPkts, l.TxPackets, true)
	s.Set(spate.InErrors, l.RxErrors, true)
	s.Set(spate.OutErrors, l.TxErrors, true)
	s.Set(spate.InDiscards, l.RxDropped+l.RxMissed, true)
	s.Set(spate.OutDiscards, l.TxDropped, true)
	return s
}

// split divides the packets received into multicasts and the rest, as two
// counters whose sum grows by exactly what rx_packets grows, so that in_pps is
// the kernel's own rate. Plain subtraction would not do: many drivers take
// `multicast` from the card, which counts frames that never become rx_packets
// (include/uapi/linux/if_link.h, rtnl_link_stats64).
//
// The rest holds broadcasts too: the kernel does not tell them apart. A link
// that has never counted a multicast is taken to be of a driver that does not
// count them (lo, veth, tun), and they are unknown, not 0.
type split struct {
	rx, multicast uint64 // as last read
	ucast, mcast  uint64
	counts        bool
}

func newSplit(l *Link) split {
	s := split{rx: l.RxPackets, multicast: l.Multicast, counts: l.Multicast > 0}
	s.mcast = min(l.Multicast, l.RxPackets)
	s.ucast = l.RxPackets - s.mcast
	return s
}

func (s *split) advance(l *Link) {
	if l.RxPackets < s.rx {
		// The driver began anew. Both counters go down with it, and Between
		// sees that.
		*s = newSplit(l)
		return
	}
	received := l.RxPackets - s.rx
	var multicasts uint64
	if s.counts && l.Multicast > s.multicast {
		multicasts = min(l.Multicast-s.multicast, received)
	}
	s.rx, s.multicast = l.RxPackets, l.Multicast
	s.mcast += multicasts
	s.ucast += received - multicasts
	s.counts = s.counts || l.Multicast > 0
}

// portNames are the links' names as ports. Two names that differ only in what
// is not printed get their ifIndex behind them.
func portNames(links []Link) []string {
	names, uses := make([]string, len(links)), map[string]int{}
	for i := range links {
		names[i] = spate.Clean(links[i].Name)
		if names[i] == "" {
			names[i] = "if" + strconv.Itoa(links[i].Index)
		}
		uses[names[i]]++
	}
	for i, n := range names {
		if uses[n] > 1 {
			names[i] = n + "#" + strconv.Itoa(links[i].Index)
		}
	}
	return names
}
