package poller_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/mibs"
	"spate/poller"
	"spate/poller/snmptest"
)

// recordings are the files of $SPATE_RECORDINGS; without them the test is skipped.
func recordings(t *testing.T) map[string]*snmptest.Walk {
	t.Helper()
	dir := os.Getenv("SPATE_RECORDINGS")
	if dir == "" {
		t.Skip("SPATE_RECORDINGS names no folder of SNMP recordings")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.snmprec.bz2"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", dir, err)
	}
	out := map[string]*snmptest.Walk{}
	for _, f := range files {
		walk, err := snmptest.LoadRecording(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".snmprec.bz2")] = walk
	}
	return out
}

// inMemory does one round against an agent without sockets.
func inMemory(t *testing.T, agent *snmptest.Agent, version string) (*spate.Round, *poller.Table) {
	t.Helper()
	target := poller.Target{Device: spate.Device{Name: "sw", Address: "192.0.2.1"},
		Credentials: poller.Credentials{Name: "test", Version: version, Community: "public"}}
	round, table, err := poller.Round(context.Background(), snmptest.NewConn(agent, snmptest.ConnConfig{}), target,
		poller.DefaultConfig(), poller.NewCounts(metrics.NewSet()))
	if err != nil {
		t.Fatal(err)
	}
	return round, table
}

// rowsOf are the rows of a column in a recording.
func rowsOf(walk *snmptest.Walk, column mibs.Object) map[int]snmptest.Value {
	out := map[int]snmptest.Value{}
	base, err := snmptest.NameOf(column.OID)
	if err != nil {
		panic(err)
	}
	for name, value := range walk.All() {
		if !name.Under(base) {
			continue
		}
		if index, ok := column.OID.Index(name.OID()); ok {
			out[index] = value
		}
	}
	return out
}

func TestEveryRowOfEveryRecordingIsAPort(t *testing.T) {
	for name, walk := range recordings(t) {
		for _, version := range []string{poller.V1, poller.V2c} {
			t.Run(name+" v"+version, func(t *testing.T) {
				round, table := inMemory(t, snmptest.New(walk, snmptest.Config{}), version)
				if round.Err != nil {
					t.Fatal(round.Err)
				}
				checkRows(t, walk, round, table, version)
				for _, note := range table.Notes {
					t.Log(note)
				}
			})
		}
	}
}

func checkRows(t *testing.T, walk *snmptest.Walk, round *spate.Round, table *poller.Table, version string) {
	t.Helper()
	want := rowsOf(walk, mibs.IfIndex)
	seen, names := map[int]bool{}, map[string]bool{}
	for _, r := range round.Readings {
		if names[r.Port.ID.Name] || r.Port.ID.Name == "" {
			t.Errorf("name %q stands for two rows, or for none", r.Port.ID.Name)
		}
		seen[r.Port.IfIndex], names[r.Port.ID.Name] = true, true
	}
	for index := range want {
		if !seen[index] {
			t.Errorf("ifTable row %d is no port", index)
		}
	}
	if len(seen) != len(want) || len(table.Rows) != len(want) {
		t.Errorf("%d ports from %d ifTable rows", len(seen), len(want))
	}
	wide := map[string]map[int]snmptest.Value{}
	for _, o := range []mibs.Object{mibs.IfHCInOctets, mibs.IfHCOutOctets, mibs.IfHCInUcastPkts, mibs.IfHCInBroadcastPkts} {
		wide[o.Name] = rowsOf(walk, o)
	}
	narrow := map[spate.Counter]map[int]snmptest.Value{
		spate.InOctets: rowsOf(walk, mibs.IfInOctets), spate.OutOctets: rowsOf(walk, mibs.IfOutOctets),
		spate.InUcastPkts: rowsOf(walk, mibs.IfInUcastPkts), spate.InBcastPkts: rowsOf(walk, mibs.IfInBroadcastPkts),
	}
	for _, r := range round.Readings {
		p := r.Port
		for c, column := range map[spate.Counter]string{spate.InOctets: "ifHCInOctets", spate.OutOctets: "ifHCOutOctets",
			spate.InUcastPkts: "ifHCInUcastPkts", spate.InBcastPkts: "ifHCInBroadcastPkts"} {
			value, has := wide[column][p.IfIndex]
			if twin, ok := narrow[c][p.IfIndex]; ok && value.Uint == 0 && twin.Uint != 0 {
				has = false // the 64-bit column is there and does not count
			}
			if has = has && version != poller.V1; p.Wide.Has(c) != has {
				t.Errorf("%s: %s is there: %v, read: %v", p.ID, column, has, p.Wide.Has(c))
			}
		}
		if _, has := narrow[spate.InOctets][p.IfIndex]; has && !p.Wide.Has(spate.InOctets) && !p.Narrow.Has(spate.InOctets) {
			t.Errorf("%s: has ifInOctets, and no octets are read", p.ID)
		}
		if r.Gap != "" {
			t.Errorf("%s: first round gives gap %q", p.ID, r.Gap)
		}
	}
}
