package spate

import "math/bits"

// A Counter is one of the interface counters of RFC 2863 that Spate reads.
type Counter uint8

// In is what the port received, Out what it sent, as the device sees it.
const (
	InOctets Counter = iota
	OutOctets
	InUcastPkts
	OutUcastPkts
	InMcastPkts
	OutMcastPkts
	InBcastPkts
	OutBcastPkts
	InErrors
	OutErrors
	InDiscards
	OutDiscards
	InNUcastPkts // multicast and broadcast together; read only where ifXTable is absent
	OutNUcastPkts
	NumCounters
)

var counterNames = [NumCounters]string{
	"InOctets", "OutOctets", "InUcastPkts", "OutUcastPkts", "InMulticastPkts", "OutMulticastPkts",
	"InBroadcastPkts", "OutBroadcastPkts", "InErrors", "OutErrors", "InDiscards", "OutDiscards",
	"InNUcastPkts", "OutNUcastPkts",
}

// String is the counter's name in IF-MIB without its "if" or "ifHC".
func (c Counter) String() string {
	if c >= NumCounters {
		return "unknown counter"
	}
	return counterNames[c]
}

// A CounterSet is a set of counters, one bit each.
type CounterSet uint16

// With is the set with c in it.
func (s CounterSet) With(c Counter) CounterSet { return s | 1<<c }

// Without is the set with c taken out.
func (s CounterSet) Without(c Counter) CounterSet { return s &^ (1 << c) }

// Has tells whether c is in the set.
func (s CounterSet) Has(c Counter) bool { return s&(1<<c) != 0 }

// Len is how many counters are in the set.
func (s CounterSet) Len() int { return bits.OnesCount16(uint16(s)) }

// A Metric is one kind of rate, a key of `rate` in the API and a series in the
// store.
type Metric uint8

// The metrics, in the order of the API. Bits and packets are per second; pps
// is unicast + multicast + broadcast.
const (
	InBps Metric = iota
	OutBps
	InPps
	OutPps
	InUcastPps
	OutUcastPps
	InMcastPps
	OutMcastPps
	InBcastPps
	OutBcastPps
	InErrorsPs
	OutErrorsPs
	InDiscardsPs
	OutDiscardsPs
	NumMetrics
)

var metricNames = [NumMetrics]string{
	"in_bps", "out_bps", "in_pps", "out_pps", "in_ucast_pps", "out_ucast_pps",
	"in_mcast_pps", "out_mcast_pps", "in_bcast_pps", "out_bcast_pps",
	"in_errors_ps", "out_errors_ps", "in_discards_ps", "out_discards_ps",
}

// String is the metric's name in the API, "in_bps".
func (m Metric) String() string {
	if m >= NumMetrics {
		return "unknown metric"
	}
	return metricNames[m]
}

// ParseMetric finds a metric by its API name.
func ParseMetric(name string) (Metric, bool) {
	for m, n := range metricNames {
		if n == name {
			return Metric(m), true
		}
	}
	return 0, false
}

// IsBits tells whether the metric is in bits per second.
func (m Metric) IsBits() bool { return m == InBps || m == OutBps }

// Quantum is the step to which stored values of the metric are rounded: 1 bit/s,
// 0.1 packets/s, 0.001 errors/s. Rounding is what makes a store of rates small;
// errors are kept finer because one broken frame in 30 s must not round to none.
func (m Metric) Quantum() float64 {
	switch {
	case m.IsBits():
		return 1
	case m >= InErrorsPs:
		return 0.001
	}
	return 0.1
}
