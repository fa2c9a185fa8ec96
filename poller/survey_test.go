package poller_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/mibs"
	"spate/poller"
	"spate/poller/snmptest"
)

// around surveys an agent without sockets.
func around(t *testing.T, agent *snmptest.Agent, version string) *spate.Tables {
	t.Helper()
	target := poller.Target{Device: spate.Device{Name: "sw", Address: "192.0.2.1"},
		Credentials: poller.Credentials{Name: "test", Version: version, Community: "public"}}
	tables, err := poller.Around(context.Background(), snmptest.NewConn(agent, snmptest.ConnConfig{}), target,
		poller.DefaultConfig(), poller.NewCounts(metrics.NewSet()))
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// plain is how many rows a column has in a recording.
func plain(t *testing.T, walk *snmptest.Walk, column mibs.Object) (n int) {
	t.Helper()
	base, err := snmptest.NameOf(column.OID)
	if err != nil {
		t.Fatal(err)
	}
	for name := range walk.All() {
		if name.Under(base) {
			n++
		}
	}
	return n
}

// Every row of the tables around a device that a plain walk of its recording has
// is read; what makes no sense is counted.
func TestTablesOfRecordingsAreReadWithoutLoss(t *testing.T) {
	total := map[spate.TableKind]int{}
	for name, walk := range recordings(t) {
		for _, version := range []string{poller.V1, poller.V2c} {
			tables := around(t, snmptest.New(walk, snmptest.Config{}), version)
			fdb := plain(t, walk, mibs.Dot1qTpFdbPort)
			if fdb == 0 {
				fdb = plain(t, walk, mibs.Dot1dTpFdbPort)
			}
			arp := plain(t, walk, mibs.IPNetToPhysicalPhysAddress) + plain(t, walk, mibs.IPNetToMediaPhysAddress)
			want := map[spate.TableKind]int{
				spate.TableLLDP: plain(t, walk, mibs.LldpRemChassisID), spate.TableCDP: plain(t, walk, mibs.CdpCacheDeviceID),
				spate.TableFDB: fdb, spate.TableSpanning: plain(t, walk, mibs.Dot1dStpPortState), spate.TableEntity: plain(t, walk, mibs.EntPhysicalDescr),
			}
			for kind, n := range want {
				read := tables.Read[kind]
				if read.Rows != n || !read.Whole {
					t.Errorf("%s v%s: %s has %d rows, whole %v, %s; a plain walk has %d", name, version, kind, read.Rows, read.Whole, read.Why, n)
				}
				if version == poller.V2c {
					total[kind] += n
				}
			}
			if read := tables.Read[spate.TableARP]; read.Rows > arp || arp > 0 && read.Rows == 0 || !read.Whole {
				t.Errorf("%s v%s: %d rows of ARP, whole %v, %s; plain walks of both tables have %d", name, version, read.Rows, read.Whole, read.Why, arp)
			}
			if version == poller.V2c {
				total[spate.TableARP] += tables.Read[spate.TableARP].Rows
				t.Logf("%s: fdb %d (%d stations, %d dropped), lldp %d (%d neighbours), cdp %d, arp %d (%d bindings, %d dropped), spanning %d (%d ports), entity %d (%d parts); %d requests",
					name, tables.Read[spate.TableFDB].Rows, len(tables.Stations), tables.Read[spate.TableFDB].Dropped, tables.Read[spate.TableLLDP].Rows, len(tables.Neighbours),
					tables.Read[spate.TableCDP].Rows, tables.Read[spate.TableARP].Rows, len(tables.Bindings), tables.Read[spate.TableARP].Dropped,
					tables.Read[spate.TableSpanning].Rows, len(tables.Spanning), tables.Read[spate.TableEntity].Rows, len(tables.Parts), tables.PDUs)
				for _, n := range tables.Neighbours {
					t.Logf("  %s %s: %s %q port %s %q %v", n.Source, n.Port, n.Chassis.Text, n.SysName, n.PortID, n.PortDescr, n.Addresses)
				}
			}
		}
	}
	t.Logf("in all: %v", total)
}

// agentWith is an agent with four ports and whatever else.
func agentWith(set func(w *snmptest.Walk), quirks ...snmptest.Quirk) *snmptest.Agent {
	w := snmptest.NewWalk()
	w.Set(mibs.SysUpTime.Instance(0), snmptest.Uptime(0))
	w.Set(mibs.SysName.Instance(0), snmptest.Text("sw"))
	w.Set(mibs.IfNumber.Instance(0), snmptest.Int(4))
	for i := 1; i <= 4; i++ {
		w.Set(mibs.IfIndex.Instance(i), snmptest.Int(int64(i)))
		w.Set(mibs.IfDescr.Instance(i), snmptest.Text("port"+string(rune('0'+i))))
		w.Set(mibs.IfType.Instance(i), snmptest.Int(6))
		w.Set(mibs.IfName.Instance(i), snmptest.Text("p"+string(rune('0'+i))))
		w.Set(mibs.IfHCInOctets.Instance(i), snmptest.Growing(mibs.Counter64, 1, 1000))
		w.Set(mibs.Dot1dBasePortIfIndex.OID.Row(10*i), snmptest.Int(int64(i))) // dot1dBasePort is no ifIndex
	}
	set(w)
	a := snmptest.New(w, snmptest.Config{})
	a.Misbehave(quirks...)
	return a
}

func fdbRow(o mibs.Object, n int) mibs.OID {
	return o.OID + mibs.OID(fmt.Sprintf(".2.0.%d.%d.%d.%d", n>>24&255, n>>16&255, n>>8&255, n&255))
}

func TestStationsAreReadByBasePortAndState(t *testing.T) {
	tables := around(t, agentWith(func(w *snmptest.Walk) {
		for n, row := range []struct{ port, status int64 }{{10, 3}, {20, 3}, {0, 4}, {30, 2}, {99, 3}, {40, 5}} {
			w.Set(fdbRow(mibs.Dot1dTpFdbPort, n+1), snmptest.Int(row.port))
			w.Set(fdbRow(mibs.Dot1dTpFdbStatus, n+1), snmptest.Int(row.status))
		}
	}), poller.V2c)
	got := map[byte]spate.Station{}
	for _, s := range tables.Stations {
		got[s.MAC[5]] = s
	}
	if len(got) != 4 || got[1].Port != "p1" || got[2].Port != "p2" || !got[3].Self || got[6].Port != "p4" {
		t.Errorf("stations %+v: want those of base ports 10, 20 and 40, and the bridge's own; not the invalid one nor that of a port nobody has", tables.Stations)
	}
	if r := tables.Read[spate.TableFDB]; r.Rows != 6 || r.Dropped != 1 || !r.Whole {
		t.Errorf("%+v", r)
	}
}

// A hundred thousand rows are read, more are cut and told.
func TestAHugeForwardingTableIsReadAndBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 140,000 rows")
	}
	tables := around(t, agentWith(func(w *snmptest.Walk) {
		for n := range 140_000 {
			w.Set(fdbRow(mibs.Dot1dTpFdbPort, n+1), snmptest.Int(10))
		}
	}), poller.V2c)
	r := tables.Read[spate.TableFDB]
	if len(tables.Stations) != 1<<17 || r.Rows != 1<<17 || !strings.Contains(r.Why, "more than 131072 rows") {
		t.Errorf("%d stations, %d rows, %q", len(tables.Stations), r.Rows, r.Why)
	}
}

// Tables that loop, names of 64 KB, markup, ids of no kind: bounded, made valid,
// and the other tables are read all the same.
func TestHostileTablesAreBounded(t *testing.T) {
	long := strings.Repeat("<b>\x1b[2J\u202e", 5000)
	tables := around(t, agentWith(func(w *snmptest.Walk) {
		for n := range 3000 {
			at := mibs.OID(fmt.Sprintf(".0.%d.%d", n%6+1, n))
			w.Set(mibs.LldpRemChassisIDSubtype.OID+at, snmptest.Int(int64(n%9)))
			w.Set(mibs.LldpRemChassisID.OID+at, snmptest.Text("\x00\xff\x00\xff\x00"+string(rune(n))))
			w.Set(mibs.LldpRemPortIDSubtype.OID+at, snmptest.Int(int64(n%9)))
			w.Set(mibs.LldpRemPortID.OID+at, snmptest.Text(long[:min(len(long), n%1000)]))
			w.Set(mibs.LldpRemSysName.OID+at, snmptest.Text(long[:900]))
		}
		w.Set(mibs.LldpRemManAddrIfSubtype.OID+".0.1.0.1.4.1.2.3", snmptest.Int(1)) // an address cut off
		w.Set(mibs.LldpRemManAddrIfSubtype.OID+".0.1.0.9.255.1", snmptest.Int(1))
		w.Set(mibs.Dot1qTpFdbPort.OID+".1.2.3", snmptest.Int(10)) // half a MAC
		w.Set(mibs.Dot1qTpFdbPort.OID+".1.0.0.0.0.0.300", snmptest.Int(10))
		w.Set(mibs.IPNetToMediaPhysAddress.OID+".1.10.0.0", snmptest.Text("abcdef"))
		w.Set(mibs.IPNetToMediaPhysAddress.OID+".1.10.0.0.1", snmptest.Text("abcdef"))
		w.Set(mibs.IPNetToPhysicalPhysAddress.OID+".1.2.16.1", snmptest.Text("abcdef"))
	}), poller.V2c)
	if r := tables.Read[spate.TableLLDP]; r.Rows != 3000 || len(tables.Neighbours) != 3000 {
		t.Errorf("%d neighbours, %+v", len(tables.Neighbours), r)
	}
	for _, n := range tables.Neighbours {
		for _, s := range []string{n.SysName, n.PortID, n.Chassis.Text, n.PortDescr} {
			if s != spate.Clean(s) {
				t.Fatalf("%q was not made clean", s)
			}
		}
	}
	if r := tables.Read[spate.TableFDB]; len(tables.Stations) != 0 || r.Dropped < 2 {
		t.Errorf("%d stations, %+v", len(tables.Stations), r)
	}
	if len(tables.Bindings) != 1 || tables.Bindings[0].IP.String() != "10.0.0.1" {
		t.Errorf("bindings %v", tables.Bindings)
	}
}

// A table that goes round and round ends there, is told as not whole, and the
// others are read.
func TestALoopingTableIsNotWhole(t *testing.T) {
	tables := around(t, agentWith(func(w *snmptest.Walk) {
		for n := range 500 {
			w.Set(fdbRow(mibs.Dot1dTpFdbPort, n+1), snmptest.Int(10))
		}
		w.Set(mibs.IPNetToMediaPhysAddress.OID+".1.10.0.0.1", snmptest.Text("abcdef"))
	}, snmptest.Looping(mibs.Dot1dTpFdbPort.OID)), poller.V2c)
	if r := tables.Read[spate.TableFDB]; r.Whole || r.Why == "" {
		t.Errorf("a looping table: %+v", r)
	}
	if len(tables.Bindings) != 1 {
		t.Errorf("the table behind it: %v", tables.Bindings)
	}
}

// tableSink keeps the tables that are handed over.
type tableSink struct{ got chan *spate.Tables }

func (s tableSink) Learn(t *spate.Tables) { s.got <- t }

// While a hundred thousand rows are read from one device, its rounds begin on time,
// and no second request is under way.
func TestRoundsAreOnTimeWhileAHugeTableIsRead(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100,000 rows")
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		const rows = 100_000
		agent := agentWith(func(w *snmptest.Walk) {
			for n := range rows {
				w.Set(fdbRow(mibs.Dot1dTpFdbPort, n+1), snmptest.Int(10))
			}
		})
		target := s.add("sw-1", agent, nil)
		target.Interval = time.Second
		sink := tableSink{make(chan *spate.Tables, 10)}
		s.poller.Survey(sink)
		s.poller.Set([]poller.Target{target})
		ctx, end := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = s.poller.Run(ctx) }()
		var tables *spate.Tables
		for tables == nil {
			tables = <-sink.got
		}
		end()
		<-done
		rounds := s.sink.of("sw-1")
		if len(tables.Stations) != rows || !tables.Read[spate.TableFDB].Whole {
			t.Fatalf("%d stations, %+v", len(tables.Stations), tables.Read[spate.TableFDB])
		}
		if n := int(tables.Took / time.Second); n < 10 || len(rounds) < n {
			t.Errorf("%d rounds while the tables were read for %v", len(rounds), tables.Took)
		}
		for _, r := range rounds {
			if r.Err != nil || r.Late > 20*time.Millisecond {
				t.Errorf("a round began %v late: %v", r.Late, r.Err)
			}
		}
		t.Logf("%d requests in %v beside %d rounds", tables.PDUs, tables.Took.Round(time.Second), len(rounds))
	})
}

// Tables of a device are read at once when asked for, and not of one that is silent.
func TestTablesAreReadAtOnceWhenAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		s.targets = nil
		up := s.add("sw-1", agentWith(func(*snmptest.Walk) {}), nil)
		down := s.add("sw-2", nil, nil)
		sink := tableSink{make(chan *spate.Tables, 10)}
		s.poller.Survey(sink)
		s.poller.Set([]poller.Target{up, down})
		ctx, end := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = s.poller.Run(ctx) }()
		<-sink.got
		asked := time.Now()
		s.poller.Resurvey("sw-1", "sw-2", "nobody")
		if got := <-sink.got; got.Device != "sw-1" || time.Since(asked) > 11*time.Second {
			t.Errorf("%s after %v", got.Device, time.Since(asked))
		}
		<-sink.got // the next by the clock
		if since := time.Since(asked); since < 4*time.Minute || since > 6*time.Minute {
			t.Errorf("the next by the clock came %v after", since)
		}
		end()
		<-done
	})
}

// A Cisco switch without a Q-BRIDGE table has a bridge for each VLAN under
// community@vlan, with port numbers of its own; 1002 is Token Ring's.
func TestCiscosBridgesAreAskedVLANByVLAN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		bridge := func(vlan string, base, ifIndex int) *snmptest.Agent {
			w := snmptest.NewWalk()
			w.Set(mibs.Dot1dBaseBridgeAddress.Instance(0), snmptest.Text("\x02\x00\x00\x00\x09\x09"))
			w.Set(mibs.Dot1dBasePortIfIndex.OID.Row(base), snmptest.Int(int64(ifIndex)))
			w.Set(fdbRow(mibs.Dot1dTpFdbPort, ifIndex), snmptest.Int(int64(base)))
			w.Set(fdbRow(mibs.Dot1dTpFdbStatus, ifIndex), snmptest.Int(3))
			return snmptest.New(w, snmptest.Config{Community: "public@" + vlan})
		}
		vlans := map[string]*snmptest.Agent{"public@10": bridge("10", 1, 2), "public@20": bridge("20", 1, 3)}
		agent := agentWith(func(w *snmptest.Walk) {
			w.Set(mibs.SysObjectID.Instance(0), snmptest.ObjectID(".1.3.6.1.4.1.9.1.1"))
			for _, vlan := range []string{"1", "10", "20", "1002"} {
				w.Set(mibs.VtpVlanState.OID+mibs.OID(".1."+vlan), snmptest.Int(1))
			}
		})
		asked := map[string]bool{}
		target := s.add("sw-1", agent, func(_ int, q, a []byte) []snmptest.Answer {
			for _, vlan := range []string{"1", "10", "20", "1002"} {
				if i := bytes.Index(q, []byte("public@"+vlan)); i >= 0 && q[i-1] == byte(len("public@"+vlan)) {
					asked[vlan] = true
					if vlan == "1" { // a bridge without ports
						return []snmptest.Answer{{Data: snmptest.New(snmptest.NewWalk(), snmptest.Config{Community: "public@1"}).Respond(q, nil)}}
					}
					return []snmptest.Answer{{Data: bytes.Clone(vlans["public@"+vlan].Respond(q, nil))}}
				}
			}
			if a == nil {
				return nil
			}
			return []snmptest.Answer{{Data: a}}
		})
		tables := surveyOnce(t, s, target)
		got := map[int]string{}
		for _, st := range tables.Stations {
			got[st.VLAN] = st.Port
		}
		if len(tables.Stations) != 2 || got[10] != "p2" || got[20] != "p3" || asked["1002"] {
			t.Errorf("stations %+v, asked for %v: want one in VLAN 10 on p2 and one in 20 on p3", tables.Stations, asked)
		}
	})
}

// One that is silent there is asked once and not for every VLAN.
func TestASwitchWithoutBridgesByVLANIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		silent := 0
		target := s.add("sw-1", agentWith(func(w *snmptest.Walk) {
			w.Set(mibs.SysObjectID.Instance(0), snmptest.ObjectID(".1.3.6.1.4.1.9.1.1"))
			for vlan := 1; vlan < 100; vlan++ {
				w.Set(mibs.VtpVlanState.OID+mibs.OID(fmt.Sprintf(".1.%d", vlan)), snmptest.Int(1))
			}
		}), func(_ int, q, a []byte) []snmptest.Answer {
			if bytes.Contains(q, []byte("public@")) {
				silent++
			}
			if a == nil {
				return nil
			}
			return []snmptest.Answer{{Data: a}}
		})
		tables := surveyOnce(t, s, target)
		if r := tables.Read[spate.TableFDB]; silent != 1 || !r.Whole {
			t.Errorf("%d requests for bridges by VLAN, %+v: want one, and the table whole without them", silent, r)
		}
	})
}

// surveyOnce runs a site until the tables of its device were read.
func surveyOnce(t *testing.T, s *site, target poller.Target) *spate.Tables {
	t.Helper()
	sink := tableSink{make(chan *spate.Tables, 10)}
	s.poller.Survey(sink)
	s.poller.Set([]poller.Target{target})
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.poller.Run(ctx) }()
	tables := <-sink.got
	end()
	<-done
	return tables
}
