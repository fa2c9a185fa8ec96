package poller_test

import (
	"context"
	"testing"

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
