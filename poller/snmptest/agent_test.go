package snmptest_test

import (
	"strings"
	"testing"
	"time"

	"spate/mibs"
	"spate/poller/snmptest"
)

// smallWalk has two columns of which the first has three rows and the second
// lacks row 2, a Counter64 between them, and nothing behind.
func smallWalk() *snmptest.Walk {
	w := snmptest.NewWalk()
	w.Set(".1.3.1.1.0", snmptest.Text("scalar"))
	for _, row := range []int{1, 2, 300} {
		w.Set(mibs.OID(".1.3.2.1").Row(row), snmptest.Int(int64(row)))
	}
	w.Set(".1.3.2.2.1", snmptest.C64(1<<63))
	w.Set(".1.3.2.2.300", snmptest.C64(5))
	w.Set(".1.3.2.3.1", snmptest.Gauge(7))
	return w
}

func ask(t *testing.T, a *snmptest.Agent, m snmptest.Message) *snmptest.Message {
	t.Helper()
	b := a.Respond(m.Append(nil), nil)
	if b == nil {
		return nil
	}
	got, err := snmptest.Decode(b)
	if err != nil {
		t.Fatalf("the answer % x does not decode: %v", b, err)
	}
	return &got
}

func request(version int32, pdu byte, oids ...mibs.OID) snmptest.Message {
	m := snmptest.Message{Version: version, Community: []byte("public"), Type: pdu, RequestID: 4711}
	for _, o := range oids {
		n, err := snmptest.NameOf(o)
		if err != nil {
			panic(err)
		}
		m.Vars = append(m.Vars, snmptest.Var{Name: n, Value: snmptest.Null()})
	}
	return m
}

func bulk(once, repetitions int32, oids ...mibs.OID) snmptest.Message {
	m := request(snmptest.V2c, snmptest.GetBulk, oids...)
	m.Status, m.Index = once, repetitions
	return m
}

// summary writes an answer as "status/index oid=value ...".
func summary(m *snmptest.Message) string {
	if m == nil {
		return "silence"
	}
	var b strings.Builder
	b.WriteString(string(rune('0'+m.Status)) + "/" + string(rune('0'+m.Index)))
	for _, v := range m.Vars {
		b.WriteString(" " + string(v.Name.OID()) + "=")
		switch v.Value.Syntax {
		case snmptest.NoSuchObject:
			b.WriteString("noSuchObject")
		case snmptest.NoSuchInstance:
			b.WriteString("noSuchInstance")
		case snmptest.EndOfMibView:
			b.WriteString("end")
		case snmptest.NullSyntax:
			b.WriteString("null")
		case mibs.OctetString:
			b.Write(v.Value.Bytes)
		default:
			b.WriteString(v.Value.Syntax.String())
		}
	}
	return b.String()
}

func TestAnswersFollowTheRFCs(t *testing.T) {
	const v1, v2c = snmptest.V1, snmptest.V2c
	otherCommunity := request(v2c, snmptest.Get, ".1.3.1.1.0")
	otherCommunity.Community = []byte("Public")
	tests := []struct {
		name string
		ask  snmptest.Message
		want string
	}{
		{"v2c GET tells missing objects from missing instances", request(v2c, snmptest.Get, ".1.3.1.1.0", ".1.3.2.1.3", ".1.3.9.1", ".1.3.2.1"),
			"0/0 .1.3.1.1.0=scalar .1.3.2.1.3=noSuchInstance .1.3.9.1=noSuchObject .1.3.2.1=noSuchInstance"},
		{"v1 GET of a missing instance names it by index and returns the request", request(v1, snmptest.Get, ".1.3.1.1.0", ".1.3.2.1.3"),
			"2/2 .1.3.1.1.0=null .1.3.2.1.3=null"},
		{"v1 GET of a Counter64 is noSuchName", request(v1, snmptest.Get, ".1.3.2.2.1"), "2/1 .1.3.2.2.1=null"},
		{"v1 GETNEXT steps over Counter64", request(v1, snmptest.GetNext, ".1.3.2.1.300"), "0/0 .1.3.2.3.1=Gauge32"},
		{"v1 GETNEXT at the end is noSuchName", request(v1, snmptest.GetNext, ".1.3.1.1", ".1.3.2.3.1"), "2/2 .1.3.1.1=null .1.3.2.3.1=null"},
		{"v2c GETNEXT at the end keeps the asked name", request(v2c, snmptest.GetNext, ".1.3.1.1", ".1.3.2.3.1"), "0/0 .1.3.1.1.0=scalar .1.3.2.3.1=end"},
		{"row 300 comes after row 2 though its octets differ in length", request(v2c, snmptest.GetNext, ".1.3.2.1.2"), "0/0 .1.3.2.1.300=Integer32"},
		{"GETBULK with one non-repeater and a short column", bulk(1, 2, ".1.3.1", ".1.3.2.1.2", ".1.3.2.3"),
			"0/0 .1.3.1.1.0=scalar .1.3.2.1.300=Integer32 .1.3.2.3.1=Gauge32 .1.3.2.2.1=Counter64 .1.3.2.3.1=end"},
		{"GETBULK stops behind the first row that is at the end throughout", bulk(0, 50, ".1.3.2.3"), "0/0 .1.3.2.3.1=Gauge32 .1.3.2.3.1=end"},
		{"GETBULK with 0 repetitions answers the non-repeaters", bulk(1, 0, ".1.3.1", ".1.3.2"), "0/0 .1.3.1.1.0=scalar"},
		{"GETBULK with negative numbers is one with zeros", bulk(-5, -1, ".1.3.1"), "0/0"},
		{"GETBULK with more non-repeaters than variables", bulk(9, 9, ".1.3.1"), "0/0 .1.3.1.1.0=scalar"},
		{"GETBULK does not exist in v1", request(v1, snmptest.GetBulk, ".1.3"), "silence"},
		{"SET is refused", request(v2c, snmptest.Set, ".1.3.1.1.0"), "\x41/1 .1.3.1.1.0=null"},
		{"a response is not answered", request(v2c, snmptest.Response, ".1.3.1.1.0"), "silence"},
		{"a wrong community is met with silence", otherCommunity, "silence"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(t, snmptest.New(smallWalk(), snmptest.Config{}), tt.ask)
			if s := summary(got); s != tt.want {
				t.Errorf("got  %s\nwant %s", s, tt.want)
			}
			if got != nil && (got.RequestID != 4711 || got.Version != tt.ask.Version || got.Type != snmptest.Response) {
				t.Errorf("answered with id %d, version %d, PDU %#x", got.RequestID, got.Version, got.Type)
			}
		})
	}
}

func TestAnswersKeepToTheLargestMessage(t *testing.T) {
	w := snmptest.NewWalk()
	for row := range 100 {
		w.Set(mibs.IfDescr.OID.Row(row+1), snmptest.Text(strings.Repeat("x", 40)))
	}
	agent := snmptest.New(w, snmptest.Config{MaxSize: 484})
	row := mibs.IfDescr.OID.Row
	var many []mibs.OID
	for i := range 20 {
		many = append(many, row(i+1))
	}
	for _, version := range []int32{snmptest.V1, snmptest.V2c} {
		got := ask(t, agent, request(version, snmptest.Get, many...))
		want := 0
		if version == snmptest.V1 {
			want = 20
		}
		if got.Status != snmptest.TooBig || got.Index != 0 || len(got.Vars) != want {
			t.Errorf("version %d: a GET that does not fit: status %d, index %d, %d variables, want tooBig, 0, %d", version, got.Status, got.Index, len(got.Vars), want)
		}
	}
	m := bulk(0, 50, mibs.IfDescr.OID)
	b := agent.Respond(m.Append(nil), nil)
	got, err := snmptest.Decode(b)
	if err != nil || got.Status != snmptest.NoError {
		t.Fatalf("GETBULK: %v, status %d", err, got.Status)
	}
	if n := len(got.Vars); len(b) > 484 || n == 0 || len(b)+58 < 484 {
		t.Errorf("GETBULK gave %d variables in %d octets, want as many as 484 hold", n, len(b))
	}
}

func TestV1OnlyAgentDoesNotHearV2c(t *testing.T) {
	agent := snmptest.New(smallWalk(), snmptest.Config{V1Only: true})
	if got := ask(t, agent, request(snmptest.V2c, snmptest.Get, ".1.3.1.1.0")); got != nil {
		t.Errorf("v2c: %s, want silence", summary(got))
	}
	if got := ask(t, agent, request(snmptest.V1, snmptest.Get, ".1.3.1.1.0")); summary(got) != "0/0 .1.3.1.1.0=scalar" {
		t.Errorf("v1: %s", summary(got))
	}
}

func TestValuesGrowWithTimeAndBeginAnewAtARestart(t *testing.T) {
	now := time.Unix(1e9, 0)
	w := snmptest.NewWalk()
	w.Set(mibs.SysUpTime.Instance(0), snmptest.Uptime(0))
	w.Set(mibs.IfInOctets.Instance(1), snmptest.Growing(mibs.Counter32, 1<<32-100, 50))
	agent := snmptest.New(w, snmptest.Config{Clock: func() time.Time { return now }})
	read := func() (uptime, octets uint64) {
		got := ask(t, agent, request(snmptest.V2c, snmptest.Get, mibs.SysUpTime.Instance(0), mibs.IfInOctets.Instance(1)))
		return got.Vars[0].Value.Uint, got.Vars[1].Value.Uint
	}
	now = now.Add(3 * time.Second)
	if uptime, octets := read(); uptime != 300 || octets != 50 {
		t.Errorf("after 3 s: uptime %d, octets %d, want 300 and 50: the counter has wrapped", uptime, octets)
	}
	agent.Restart()
	now = now.Add(time.Second)
	if uptime, octets := read(); uptime != 100 || octets != 1<<32-50 {
		t.Errorf("1 s after the restart: uptime %d, octets %d", uptime, octets)
	}
}
