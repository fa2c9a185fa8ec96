package promql

import (
	"slices"

	"spate"
)

// A kind says what a series is made of.
type kind uint8

const (
	counter kind = iota // the integral of a stored rate
	gauge               // a stored rate
	fact                // what the port is today
	state               // what it is today, and not what it was
)

// A metric is one name that can be asked for.
type metric struct {
	name string
	kind kind
	of   spate.Metric          // of counter and gauge
	now  func(p *Port) float64 // of fact and state; NaN: not known
	unit string
	help string
}

// statusNumber is ifAdminStatus or ifOperStatus as RFC 2863 numbers it.
func statusNumber(s spate.Status) float64 {
	for n := range uint64(8) {
		if n > 0 && spate.StatusOf(n) == s {
			return float64(n)
		}
	}
	return 4 // unknown
}

// metrics are all names, sorted. Those of IF-MIB are as snmp_exporter has them.
func metrics() []metric {
	list := []metric{
		{name: "ifHCInOctets", of: spate.InBps, help: "Octets received"},
		{name: "ifHCOutOctets", of: spate.OutBps, help: "Octets sent"},
		{name: "ifHCInUcastPkts", of: spate.InUcastPps, help: "Unicast packets received"},
		{name: "ifHCOutUcastPkts", of: spate.OutUcastPps, help: "Unicast packets sent"},
		{name: "ifHCInMulticastPkts", of: spate.InMcastPps, help: "Multicast packets received"},
		{name: "ifHCOutMulticastPkts", of: spate.OutMcastPps, help: "Multicast packets sent"},
		{name: "ifHCInBroadcastPkts", of: spate.InBcastPps, help: "Broadcast packets received"},
		{name: "ifHCOutBroadcastPkts", of: spate.OutBcastPps, help: "Broadcast packets sent"},
		{name: "ifInErrors", of: spate.InErrorsPs, help: "Packets received with an error"},
		{name: "ifOutErrors", of: spate.OutErrorsPs, help: "Packets not sent for an error"},
		{name: "ifInDiscards", of: spate.InDiscardsPs, help: "Packets received and thrown away"},
		{name: "ifOutDiscards", of: spate.OutDiscardsPs, help: "Packets not sent but thrown away"},
		{name: "ifHighSpeed", kind: fact, now: func(p *Port) float64 { return megabits(p.Speed) }, help: "Speed of the port today, in Mb/s"},
		{name: "ifAdminStatus", kind: state, now: func(p *Port) float64 { return statusNumber(p.Admin) }, help: "1 up, 2 down, 3 testing; of the last poll only"},
		{name: "ifOperStatus", kind: state, now: func(p *Port) float64 { return statusNumber(p.Oper) }, help: "1 up, 2 down, 3 testing, 4 unknown, 5 dormant, 6 notPresent, 7 lowerLayerDown; of the last poll only"},
	}
	for m := range spate.NumMetrics {
		list = append(list, metric{name: "spate_" + m.String(), kind: gauge, of: m, help: "What is stored of it, per second"})
	}
	slices.SortFunc(list, func(a, b metric) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return list
}

// promType is the type that Prometheus' metadata has for it.
func (m *metric) promType() string {
	if m.kind == counter {
		return "counter"
	}
	return "gauge"
}

// per is what a second of rate 1 adds to the counter.
func (m *metric) per() float64 {
	if m.of.IsBits() {
		return 1.0 / 8
	}
	return 1
}
