package poller_test

import (
	"context"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"spate"
	"spate/mibs"
	"spate/poller"
	"spate/poller/snmptest"
)

// Whatever a device does wrong, a round over its 48 ports takes at most two requests
// a port, the reading of its tables in between half of one more, and what can be
// read is.
func TestMadAgentsCostAFewRequestsAPort(t *testing.T) {
	const ports = 48
	wide := []mibs.OID{mibs.IfHCInOctets.OID, mibs.IfHCOutOctets.OID, mibs.IfHCInUcastPkts.OID, mibs.IfHCOutUcastPkts.OID,
		mibs.IfHCInMulticastPkts.OID, mibs.IfHCOutMulticastPkts.OID, mibs.IfHCInBroadcastPkts.OID, mibs.IfHCOutBroadcastPkts.OID}
	tests := []struct {
		name  string
		quirk snmptest.Quirk
		ports int // that have a rate in the end
	}{
		{"sound", snmptest.Quirk{}, ports},
		{"ifName has no end", snmptest.Endless(mibs.IfName.OID), ports},
		{"ifAlias has no end", snmptest.Endless(mibs.IfAlias.OID), ports},
		{"the last column of ifTable has no end", snmptest.Endless(mibs.IfTable), ports},
		{"ifDescr begins again at its end", snmptest.Looping(mibs.IfDescr.OID), ports},
		{"everything begins again at its end", snmptest.Looping(mibs.IfXTable), ports},
		{"GETNEXT gives what was asked", snmptest.Stuck(mibs.IfTable), 1},
		{"GETBULK in reverse", snmptest.Quirk{PDU: func(m snmptest.Moment, req, resp *snmptest.Message) {
			if req.Type == snmptest.GetBulk {
				snmptest.Backwards().PDU(m, req, resp)
			}
		}}, ports},
		{"every answer in reverse", snmptest.Backwards(), 0},
		{"GETBULK answered with genErr", snmptest.Quirk{PDU: func(m snmptest.Moment, req, resp *snmptest.Message) {
			if req.Type == snmptest.GetBulk {
				snmptest.Fail(snmptest.GenErr, 1).PDU(m, req, resp)
			}
		}}, ports},
		{"GETBULK not answered", snmptest.Quirk{PDU: func(_ snmptest.Moment, req, resp *snmptest.Message) {
			if req.Type == snmptest.GetBulk {
				resp.Type = 0
			}
		}}, ports},
		{"tooBig over 12 variables", snmptest.TooBigOver(12), ports},
		{"genErr always", snmptest.Fail(snmptest.GenErr, 1), 0},
		{"resourceUnavailable always", snmptest.Fail(snmptest.ResourceOut, 0), 0},
		{"half of the table gone while it is read", snmptest.Shrinking(4, ports/2), ports / 2},
		{"the table gone while it is read", snmptest.Shrinking(4, 0), 0},
		{"some rows without 64-bit octets", snmptest.Holes(mibs.IfHCInOctets.OID, 3, 4, 17), ports},
		{"no 64-bit counters", snmptest.Without(wide...), ports},
		{"no ifXTable", snmptest.Without(mibs.IfXTable), ports},
		{"no ifDescr", snmptest.Without(mibs.IfDescr.OID), ports},
		{"octets only", snmptest.Without(append(wide[2:], mibs.IfInUcastPkts.OID, mibs.IfOutUcastPkts.OID)...), ports},
		{"every answer says the same instance", sameNames(), 0},
		{"every answer twice", snmptest.Doubled(time.Millisecond), ports},
		{"every answer one too late", snmptest.OneBehind(), 0},
		{"success without variables", snmptest.EmptyVars(), 0},
		{"silent after the system group", snmptest.From(2, snmptest.Silent()), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite()
				agent := aSwitch("mad", ports)
				agent.Misbehave(tt.quirk)
				s.add("mad", agent, nil)
				s.add("sound", aSwitch("sound", 8), nil)
				first := 0
				s.run(t, 5*time.Minute, func() { first = len(s.sink.of("mad")) })
				rounds := s.sink.of("mad")
				if first == 0 || len(rounds) < 3 {
					t.Fatalf("%d rounds in five minutes", len(rounds))
				}
				last := rounds[len(rounds)-1]
				if got := rates([]*spate.Round{last}); got != tt.ports {
					t.Errorf("%d ports have rates, want %d: %v", got, tt.ports, last.Err)
				}
				perRound := float64(s.sent("mad")) / float64(len(rounds))
				if perRound > 2.5*ports {
					t.Errorf("%.0f requests a round for %d ports", perRound, ports)
				}
				t.Logf("%d rounds, %.1f requests each; rejected %v; %v", len(rounds), perRound, rejected(s.counts), last.Err)
				for _, r := range s.sink.of("sound") {
					if r.Err != nil || r.Late > 0 {
						t.Errorf("the sound device suffers: late %v, %v", r.Late, r.Err)
					}
				}
			})
		})
	}
}

// An agent whose small datagrams carry hardly a row, as RFC 3417 allows.
func TestAgentsWithSmallMessages(t *testing.T) {
	for _, size := range []int{484, 300} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite()
			walk := madeOf(manyRows(24))
			agent := snmptest.New(walk, snmptest.Config{MaxSize: size})
			s.add("small", agent, nil)
			s.run(t, 3*time.Minute)
			rounds := s.sink.of("small")
			last := rounds[len(rounds)-1]
			if n := rates([]*spate.Round{last}); n != 24 || last.Err != nil {
				t.Errorf("%d octets: %d rates of 24 ports, %v", size, n, last.Err)
			}
			if n := float64(s.sent("small")) / float64(len(rounds)); n > 2*24 {
				t.Errorf("%d octets: %.1f requests a round", size, n)
			}
		})
	}
}

func manyRows(n int) []ifRow {
	rows := make([]ifRow, n)
	for i := range rows {
		rows[i] = ifRow{name: "Gi1/0/" + string(rune('a'+i)), kind: ethernet, mbps: 1000}
	}
	return rows
}

// bottomless is a table in which every column has a next row.
type bottomless struct{ snmptest.View }

func (b bottomless) Next(n snmptest.Name, _ snmptest.Moment) (snmptest.Name, snmptest.Value, bool) {
	oid := n.OID()
	for _, o := range mibs.Objects() {
		if o.Scalar || !(oid == o.OID || o.OID.Contains(oid)) {
			continue
		}
		row, _ := o.OID.Index(oid)
		name, err := snmptest.NameOf(o.Instance(row + 1))
		value := snmptest.Value{Syntax: o.Syntax, Uint: 1}
		if o.Syntax == mibs.OctetString {
			value = snmptest.Text("bottomless")
		}
		return name, value, err == nil
	}
	return nil, snmptest.Value{}, false
}

// A device that makes up rows for ever costs a second of processor time at most,
// the agent's own included, and is cut off.
func TestABottomlessDeviceIsBounded(t *testing.T) {
	agent := snmptest.New(snmptest.NewWalk(), snmptest.Config{})
	agent.Misbehave(snmptest.Quirk{View: func(v snmptest.View) snmptest.View { return bottomless{v} }})
	counts := newSite().counts
	target := poller.Target{Device: spate.Device{Name: "sw", Address: "192.0.2.1"},
		Credentials: poller.Credentials{Name: "test", Version: poller.V2c, Community: "public"}}
	before := cpu(t)
	round, table, err := poller.Round(context.Background(), snmptest.NewConn(agent, snmptest.ConnConfig{}), target, poller.DefaultConfig(), counts)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	if table != nil {
		rows = len(table.Rows)
	}
	t.Logf("%v of processor time, %d requests, %d rows: %v", cpu(t)-before, agent.Requests(), rows, round.Err)
	if rows > 1<<12 || agent.Requests() > 6000 {
		t.Errorf("%d rows were believed after %d requests", rows, agent.Requests())
	}
}

func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
