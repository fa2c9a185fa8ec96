package poller_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"spate"
	"spate/mibs"
	"spate/poller/snmptest"
)

// ifRow is a row of a made device.
type ifRow struct {
	name  string
	kind  int64 // IANAifType
	mbps  uint32
	down  bool
	under []int // rows below it in ifStackTable
	agg   int   // dot3adAggPortAttachedAggID
}

const (
	ethernet = 6
	loopback = 24
	virtual  = 53
	l2vlan   = 135
	l3ipvlan = 136
	lag      = 161
)

// madeOf is a device with these rows, ifIndex 1 on, all counting 1 MB/s.
func madeOf(rows []ifRow) *snmptest.Walk {
	w := snmptest.NewWalk()
	w.Set(mibs.SysDescr.Instance(0), snmptest.Text("made"))
	w.Set(mibs.SysObjectID.Instance(0), snmptest.ObjectID(".0.0"))
	w.Set(mibs.SysName.Instance(0), snmptest.Text("sw"))
	w.Set(mibs.SysUpTime.Instance(0), snmptest.Uptime(0))
	for i, r := range rows {
		n := i + 1
		oper := int64(1)
		if r.down {
			oper = 2
		}
		w.Set(mibs.IfIndex.Instance(n), snmptest.Int(int64(n)))
		w.Set(mibs.IfDescr.Instance(n), snmptest.Text(r.name))
		w.Set(mibs.IfName.Instance(n), snmptest.Text(r.name))
		w.Set(mibs.IfType.Instance(n), snmptest.Int(r.kind))
		w.Set(mibs.IfHighSpeed.Instance(n), snmptest.Gauge(r.mbps))
		w.Set(mibs.IfAdminStatus.Instance(n), snmptest.Int(1))
		w.Set(mibs.IfOperStatus.Instance(n), snmptest.Int(oper))
		for _, o := range []mibs.Object{mibs.IfHCInOctets, mibs.IfHCOutOctets} {
			w.Set(o.Instance(n), snmptest.Growing(mibs.Counter64, 1000, 1e6))
		}
		for _, low := range r.under {
			w.Set(mibs.IfStackStatus.OID+mibs.OID(fmt.Sprintf(".%d.%d", n, low)), snmptest.Int(1))
		}
		if r.agg > 0 {
			w.Set(mibs.Dot3adAggPortAttachedAggID.Instance(n), snmptest.Int(int64(r.agg)))
		}
	}
	return w
}

func TestEachOctetIsCountedOnce(t *testing.T) {
	tests := []struct {
		name    string
		rows    []ifRow
		counted []string
		bundles map[string]string
		speeds  map[string]string
	}{
		{"a LAG by 802.1AX shows the speed of one member",
			[]ifRow{{name: "Gi1", kind: ethernet, mbps: 1000, agg: 3}, {name: "Gi2", kind: ethernet, mbps: 1000, agg: 3}, {name: "Po1", kind: lag, mbps: 1000}},
			[]string{"Po1"}, map[string]string{"Gi1": "Po1", "Gi2": "Po1", "Po1": ""}, map[string]string{"Po1": "2 Gb/s lag", "Gi1": "1 Gb/s ifHighSpeed"}},
		{"one member of three is down",
			[]ifRow{{name: "1", kind: ethernet, mbps: 1000, agg: 4}, {name: "2", kind: ethernet, mbps: 1000, agg: 4, down: true}, {name: "3", kind: ethernet, mbps: 1000, agg: 4}, {name: "Trk1", kind: lag}},
			[]string{"Trk1"}, map[string]string{"2": "Trk1"}, map[string]string{"Trk1": "2 Gb/s lag"}},
		{"Cisco's port-channel is propVirtual and stands in ifStackTable",
			[]ifRow{{name: "Te1/1", kind: ethernet, mbps: 10000}, {name: "Te1/2", kind: ethernet, mbps: 10000}, {name: "Po10", kind: virtual, mbps: 10000, under: []int{1, 2}}},
			[]string{"Po10"}, map[string]string{"Te1/1": "Po10"}, map[string]string{"Po10": "20 Gb/s lag"}},
		{"VLAN interfaces and sub-units double no total",
			[]ifRow{{name: "Gi0/1", kind: ethernet, mbps: 1000}, {name: "Gi0/1.100", kind: ethernet, mbps: 1000}, {name: "Vlan10", kind: virtual, mbps: 1000}, {name: "vlan.20", kind: l2vlan}, {name: "irb", kind: l3ipvlan}},
			[]string{"Gi0/1"}, map[string]string{"Gi0/1": ""}, map[string]string{"Gi0/1": "1 Gb/s ifHighSpeed", "Vlan10": "0 b/s unknown"}},
		{"a port with a dot in its name and no parent is itself",
			[]ifRow{{name: "port.1", kind: ethernet, mbps: 1000}, {name: "port.2", kind: ethernet, mbps: 1000}},
			[]string{"port.1", "port.2"}, nil, nil},
		{"a VLAN over all ports, as ProCurve stacks it",
			[]ifRow{{name: "1", kind: ethernet, mbps: 1000}, {name: "2", kind: ethernet, mbps: 1000}, {name: "DEFAULT_VLAN", kind: virtual, under: []int{1, 2}}},
			[]string{"1", "2"}, map[string]string{"1": ""}, nil},
		{"a stack that contains itself",
			[]ifRow{{name: "a", kind: ethernet, mbps: 1000, under: []int{1}}, {name: "b", kind: ethernet, mbps: 1000, agg: 2}, {name: "c", kind: lag, under: []int{3}}},
			[]string{"a", "b", "c"}, map[string]string{"a": "", "b": "", "c": ""}, nil},
		{"members that point at a row which is not there",
			[]ifRow{{name: "a", kind: ethernet, mbps: 1000, agg: 77}, {name: "b", kind: ethernet, mbps: 1000, under: []int{99}}},
			[]string{"a", "b"}, map[string]string{"a": "", "b": ""}, nil},
		{"a port that is attached to itself, as ProCurve says it",
			[]ifRow{{name: "23", kind: ethernet, mbps: 1000, agg: 1}}, []string{"23"}, map[string]string{"23": ""}, nil},
		{"a loopback is a port like others",
			[]ifRow{{name: "lo", kind: loopback, mbps: 10}}, []string{"lo"}, nil, map[string]string{"lo": "0 b/s unknown"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite()
				s.add("sw", snmptest.New(madeOf(tt.rows), snmptest.Config{}), nil)
				s.run(t, time.Minute)
				rounds := s.sink.of("sw")
				last := rounds[len(rounds)-1]
				var counted []string
				for _, r := range last.Readings {
					p := r.Port
					if !p.HighLayer {
						counted = append(counted, p.ID.Name)
					}
					if want, asked := tt.bundles[p.ID.Name]; asked && p.Bundle != want {
						t.Errorf("%s is a member of %q, want %q", p.ID.Name, p.Bundle, want)
					}
					if want, asked := tt.speeds[p.ID.Name]; asked && fmt.Sprint(p.Speed, " ", p.SpeedSource) != want {
						t.Errorf("%s has %v by %s, want %s", p.ID.Name, p.Speed, p.SpeedSource, want)
					}
				}
				if fmt.Sprint(counted) != fmt.Sprint(tt.counted) {
					t.Errorf("counted are %v, want %v", counted, tt.counted)
				}
			})
		})
	}
}

// A member that goes down takes its speed with it in the next round, and no
// reading is quarantined for what it carried until then.
func TestALAGKeepsPaceWithItsMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := []ifRow{{name: "Gi1", kind: ethernet, mbps: 10, agg: 3}, {name: "Gi2", kind: ethernet, mbps: 10, agg: 3}, {name: "Po1", kind: lag, mbps: 10}}
		w := madeOf(rows)
		for _, o := range []mibs.Object{mibs.IfHCInOctets, mibs.IfHCOutOctets} {
			w.Set(o.Instance(3), snmptest.Growing(mibs.Counter64, 0, 2e6)) // 16 Mb/s over 20
		}
		s := newSite()
		agent := snmptest.New(w, snmptest.Config{})
		s.add("sw", agent, nil)
		var changed time.Time
		s.run(t, 2*time.Minute, func() {
			changed = time.Now()
			agent.Do(func() { w.Set(mibs.IfOperStatus.Instance(2), snmptest.Int(2)) })
		})
		for _, r := range s.sink.of("sw") {
			po := r.Readings[2]
			if po.Gap != "" {
				t.Errorf("%v: gap %q", r.At, po.Gap)
			}
			want := spate.BitRate(20e6)
			if r.At.After(changed) {
				want = 10e6
			}
			if po.Port.Speed != want {
				t.Errorf("%v after the change: Po1 has %v, want %v", r.At.Sub(changed), po.Port.Speed, want)
			}
		}
	})
}

// A terabit on a gigabit port is told with its figures, and neither drawn nor lost.
func TestWhatIsAboveTheSpeedIsKeptToBeSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := madeOf([]ifRow{{name: "Gi1", kind: ethernet, mbps: 1000}})
		s := newSite()
		agent := snmptest.New(w, snmptest.Config{})
		s.add("sw", agent, nil)
		s.run(t, 3*time.Minute, func() {
			agent.Do(func() { w.Set(mibs.IfHCInOctets.Instance(1), snmptest.Growing(mibs.Counter64, 1e15, 1e6)) })
		})
		rounds := s.sink.of("sw")
		over := 0
		for _, r := range rounds {
			if r.Readings[0].Gap == spate.GapOverSpeed {
				over++
				if q := r.Readings[0].Quarantine; q == nil || q.Limit != 1e9 || q.Bps < 7e14 || q.Count != 1 {
					t.Errorf("quarantined %+v", q)
				}
			}
		}
		last := rounds[len(rounds)-1].Readings[0]
		if over != 1 || last.Gap != "" || last.Rate.Over == 0 || last.Quarantine == nil {
			t.Errorf("%d rounds over speed, and the last: gap %q, rate over %v, quarantine %v", over, last.Gap, last.Rate.Over, last.Quarantine)
		}
	})
}

// What real devices say of their bundles and VLANs, looked up by hand in the walks.
func TestBundlesAndVLANsOfRecordings(t *testing.T) {
	walks := recordings(t)
	tests := []struct {
		file    string
		bundles map[string]string // member to bundle
		hidden  []string
		counted []string
	}{
		{"arista-dcs-7150s-52-cl", map[string]string{"Ethernet47": "Port-Channel1", "Ethernet48": "Port-Channel1"}, []string{"Ethernet47"}, []string{"Port-Channel1", "Ethernet1"}},
		{"hpe-procurve-516733-b21", map[string]string{"23": ""}, []string{"DEFAULT_VLAN", "VLAN50"}, []string{"1", "23"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			walk := walks[tt.file]
			if walk == nil {
				t.Skipf("no recording %s", tt.file)
			}
			round, _ := inMemory(t, snmptest.New(walk, snmptest.Config{}), "2c")
			ports := map[string]*spate.Port{}
			for _, r := range round.Readings {
				ports[r.Port.ID.Name] = r.Port
			}
			for member, bundle := range tt.bundles {
				if p := ports[member]; p == nil || p.Bundle != bundle {
					t.Errorf("%s: %+v, want a member of %q", member, p, bundle)
				}
			}
			for _, name := range tt.hidden {
				if p := ports[name]; p == nil || !p.HighLayer {
					t.Errorf("%s is counted twice: %+v", name, p)
				}
			}
			for _, name := range tt.counted {
				if p := ports[name]; p == nil || p.HighLayer {
					t.Errorf("%s is not counted: %+v", name, p)
				}
			}
		})
	}
}
