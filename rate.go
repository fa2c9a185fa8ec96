package spate

import (
	"math"
	"time"
)

// A Rate is what a port did between two samples, per second.
type Rate struct {
	At     time.Time     // end of the time it covers
	Over   time.Duration // length of it; 0 is no rate
	Values [NumMetrics]float64
}

// InBits is what the port received; NaN when unknown.
func (r *Rate) InBits() BitRate { return BitRate(r.Values[InBps]) }

// OutBits is what the port sent; NaN when unknown.
func (r *Rate) OutBits() BitRate { return BitRate(r.Values[OutBps]) }

// Bits is the larger of both directions; NaN when neither is known.
func (r *Rate) Bits() BitRate { return BitRate(larger(r.Values[InBps], r.Values[OutBps])) }

// Packets is the larger of both directions; NaN when neither is known.
func (r *Rate) Packets() PacketRate { return PacketRate(larger(r.Values[InPps], r.Values[OutPps])) }

func larger(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}

// Bounds are what Between may believe of one port.
type Bounds struct {
	Limit     BitRate       // no true reading passes it; Port.Limit
	SpeedLies bool          // Limit is a guess: a 32-bit counter is judged by 1 Gb/s
	Heartbeat time.Duration // samples further apart give no rate; 0: no limit
	Refresh   time.Duration // the device renews its counters this often; 0: not known
}

const (
	minApart      = 50 * time.Millisecond // closer samples say more of the network than of the port
	shortTrip     = 20 * time.Millisecond // below it our clock is better than the agent's 10 ms ticks
	tick          = 10 * time.Millisecond // of sysUpTime
	speedMargin   = 1.05                  // preambles, clock error, rounding of ifHighSpeed
	unknownAge    = 10 * time.Second      // the slowest refresh of counters that is common (Cisco IOS)
	smallestFrame = 20                    // octets; nothing shorter than an IPv4 header travels
	oldSpeed      = BitRate(1e9)          // the fastest port of the age that knew 32-bit counters only
)

// Between is the rate between two samples of one port, or the reason why there
// is none. It is the only place that subtracts counters, in uint64.
//
// A counter that went down is a wrap only where it has 32 bits, the agent has
// not restarted and the wrapped difference fits the wire; a Counter64 does not
// wrap in practice (RFC 2863, section 3.1.6: 100 years at 1 Gb/s). Single
// counters other than octets that cannot be told become NaN and leave the rest. A
// little step back counts as 0, and the caller keeps the higher value with Hold.
func Between(prev, cur *Sample, b Bounds) (Rate, Gap) {
	apart := cur.At.Sub(prev.At)
	if apart < minApart {
		return Rate{}, GapOrder
	}
	if gap := uptimeGap(prev, cur, apart); gap != "" {
		return Rate{}, gap
	}
	if cur.Discontinuity != prev.Discontinuity {
		return Rate{}, GapDiscontinuity
	}
	if b.Heartbeat > 0 && apart > b.Heartbeat {
		return Rate{}, GapMissed
	}
	over := elapsed(prev, cur, apart)
	d := differences{prev: prev, cur: cur, limit: b.Limit, most: b.most(over), narrow: b.narrow(over)}
	rate := Rate{At: cur.At, Over: over}
	if gap := d.fill(&rate); gap != "" {
		return Rate{}, gap
	}
	return rate, ""
}

// Claimed is what the octet counters of two samples say when nothing forbids it,
// the larger of both directions in bits per second; NaN where they were not read
// twice. It is for telling people of readings that Between has refused.
func Claimed(prev, cur *Sample) float64 {
	d := differences{prev: prev, cur: cur}
	most, seconds := math.NaN(), cur.At.Sub(prev.At).Seconds()
	for _, c := range [...]Counter{InOctets, OutOctets} {
		if n, _, known := d.step(c); known && seconds > 0 {
			most = larger(most, float64(n)*8/seconds)
		}
	}
	return most
}

// most is how many octets the wire can have carried between two readings that
// are over apart: a cached counter may show one refresh more than the time
// between the readings.
func (b Bounds) most(over time.Duration) float64 {
	age := b.Refresh
	if age == 0 {
		age = min(over, unknownAge)
	}
	return float64(b.Limit) / 8 * (over + age).Seconds() * speedMargin
}

// narrow is the same for what a 32-bit octet counter must not have passed twice.
func (b Bounds) narrow(over time.Duration) float64 {
	limit := b.Limit
	if b.SpeedLies {
		limit = min(limit, oldSpeed)
	}
	return float64(limit) / 8 * over.Seconds()
}

// uptimeGap finds a restart of the agent between the samples, and samples that
// come in the wrong order. sysUpTime rolls over after 497 days: that is no restart.
func uptimeGap(prev, cur *Sample, apart time.Duration) Gap {
	if prev.Boots != 0 && cur.Boots != 0 && prev.Boots != cur.Boots {
		return GapRestart
	}
	if !prev.UptimeKnown || !cur.UptimeKnown || prev.Uptime == cur.Uptime {
		return "" // an agent whose clock stands still says nothing by it
	}
	forward := ticks(cur.Uptime - prev.Uptime) // modulo 2^32: right across the rollover
	slack := prev.Trip + cur.Trip + time.Second + apart/20
	if abs(forward-apart) <= slack {
		return ""
	}
	if cur.Uptime < prev.Uptime && ticks(prev.Uptime-cur.Uptime) <= prev.Trip+cur.Trip+time.Second {
		return GapOrder
	}
	if ticks(cur.Uptime) < apart+slack || cur.Uptime < prev.Uptime {
		return GapRestart
	}
	return "" // a clock that runs fast or slow; ours decides
}

func ticks(n uint32) time.Duration { return time.Duration(n) * tick }

func abs(d time.Duration) time.Duration { return max(d, -d) }

// elapsed is the time between the readings: ours where the round trips were
// short, else the agent's own clock, which no queue on the way delays, if it
// agrees with ours within the round trips.
func elapsed(prev, cur *Sample, apart time.Duration) time.Duration {
	if prev.Trip < shortTrip && cur.Trip < shortTrip || !prev.UptimeKnown || !cur.UptimeKnown {
		return apart
	}
	own := ticks(cur.Uptime - prev.Uptime)
	if own < minApart || abs(own-apart) > prev.Trip+cur.Trip+2*tick {
		return apart
	}
	return own
}

// differences are the steps of one port's counters between two samples.
type differences struct {
	prev, cur *Sample
	limit     BitRate
	most      float64 // octets the wire can have carried
	narrow    float64 // octets it can carry in the time between the samples
}

// fill works out every metric of r, or the gap that forbids all of them.
func (d differences) fill(r *Rate) Gap {
	for m := range r.Values {
		r.Values[m] = math.NaN()
	}
	per := 1 / r.Over.Seconds()
	for _, dir := range [...]struct {
		octets Counter
		bits   Metric
	}{{InOctets, InBps}, {OutOctets, OutBps}} {
		n, gap := d.octets(dir.octets)
		if gap != "" {
			return gap
		}
		r.Values[dir.bits] = n * 8 * per
	}
	for m, c := range packetMetrics {
		if c == NumCounters {
			continue
		}
		n := d.packets(c)
		if n > d.most/smallestFrame {
			return GapOverSpeed
		}
		r.Values[m] = n * per
	}
	r.Values[InPps] = sumKnown(r.Values[InUcastPps], r.Values[InMcastPps], r.Values[InBcastPps], d.packets(InNUcastPkts)*per)
	r.Values[OutPps] = sumKnown(r.Values[OutUcastPps], r.Values[OutMcastPps], r.Values[OutBcastPps], d.packets(OutNUcastPkts)*per)
	return ""
}

// packetMetrics says which counter each metric comes from; NumCounters: from none alone.
var packetMetrics = [NumMetrics]Counter{
	InBps: NumCounters, OutBps: NumCounters, InPps: NumCounters, OutPps: NumCounters,
	InUcastPps: InUcastPkts, OutUcastPps: OutUcastPkts,
	InMcastPps: InMcastPkts, OutMcastPps: OutMcastPkts,
	InBcastPps: InBcastPkts, OutBcastPps: OutBcastPkts,
	InErrorsPs: InErrors, OutErrorsPs: OutErrors,
	InDiscardsPs: InDiscards, OutDiscardsPs: OutDiscards,
}

// octets is the step of an octet counter, NaN where it was not read twice.
func (d differences) octets(c Counter) (float64, Gap) {
	n, down, known := d.step(c)
	wide := d.cur.Wide.Has(c)
	switch {
	case !known:
		return math.NaN(), ""
	case wide && down:
		return 0, GapDiscontinuity
	case !wide && d.narrow >= 1<<32:
		return 0, GapNotMeasurable
	case !wide && down && (!d.prev.UptimeKnown || !d.cur.UptimeKnown || float64(n) > d.narrow*speedMargin):
		return 0, GapWrapUnsure
	case float64(n) > d.most:
		return 0, GapOverSpeed
	}
	return float64(n), ""
}

// packets is the step of any other counter; NaN where it is not known, or went
// down and cannot have wrapped.
func (d differences) packets(c Counter) float64 {
	n, down, known := d.step(c)
	if !known {
		return math.NaN()
	}
	if down && (d.cur.Wide.Has(c) || float64(n) > d.narrow/smallestFrame) {
		return math.NaN()
	}
	return float64(n)
}

// step is cur - prev in the counter's width, and whether the value went down.
// A counter read from another column than before is not known.
func (d differences) step(c Counter) (n uint64, down, known bool) {
	if !d.prev.Known.Has(c) || !d.cur.Known.Has(c) || d.prev.Wide.Has(c) != d.cur.Wide.Has(c) {
		return 0, false, false
	}
	if steppedBack(d.prev, d.cur, c, d.limit) {
		return 0, false, true
	}
	a, b := d.prev.Values[c], d.cur.Values[c]
	if d.cur.Wide.Has(c) {
		return b - a, b < a, true
	}
	return uint64(uint32(b) - uint32(a)), b < a, true
}

// sumKnown adds what is known of all packets; unknown without the unicasts.
// mcast and bcast are exact, nucast stands for both where ifXTable is absent.
func sumKnown(ucast, mcast, bcast, nucast float64) float64 {
	sum := ucast
	if math.IsNaN(mcast) && math.IsNaN(bcast) && !math.IsNaN(nucast) {
		return sum + nucast
	}
	for _, v := range [...]float64{mcast, bcast} {
		if !math.IsNaN(v) {
			sum += v
		}
	}
	return sum
}
