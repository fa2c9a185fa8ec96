package snmptest_test

import (
	"bytes"
	"testing"
	"time"

	"spate/mibs"
	"spate/poller/snmptest"
)

// ifAgent has rows 1..5 of ifIndex and ifInOctets, a growing counter.
func ifAgent(clock func() time.Time) *snmptest.Agent {
	w := snmptest.NewWalk()
	w.Set(mibs.SysUpTime.Instance(0), snmptest.Uptime(0))
	for row := 1; row <= 5; row++ {
		w.Set(mibs.IfIndex.Instance(row), snmptest.Int(int64(row)))
		w.Set(mibs.IfInOctets.Instance(row), snmptest.Growing(mibs.Counter32, uint64(1000*row), 10))
	}
	return snmptest.New(w, snmptest.Config{Clock: clock})
}

// walk reads a column by GETNEXT, at most 20 rows.
func walk(t *testing.T, a *snmptest.Agent, column mibs.OID) (rows []int) {
	t.Helper()
	at := column
	for range 20 {
		got := ask(t, a, request(snmptest.V2c, snmptest.GetNext, at))
		if got == nil || len(got.Vars) != 1 {
			return rows
		}
		at = got.Vars[0].Name.OID()
		row, ok := column.Index(at)
		if !ok || got.Vars[0].Value.Syntax == snmptest.EndOfMibView {
			return rows
		}
		rows = append(rows, row)
	}
	return rows
}

func TestQuirksBendTheTable(t *testing.T) {
	column := mibs.IfIndex.OID
	tests := []struct {
		name  string
		quirk snmptest.Quirk
		want  []int
	}{
		{"a sound agent", snmptest.Quirk{}, []int{1, 2, 3, 4, 5}},
		{"holes", snmptest.Holes(column, 2, 5), []int{1, 3, 4}},
		{"a column that is not there", snmptest.Without(column), nil},
		{"a table that shrinks at the third request", snmptest.Shrinking(3, 1), []int{1, 2}},
		{"a table without end", snmptest.Endless(column), []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}},
		{"a walk that goes round", snmptest.Looping(column), []int{1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5}},
		{"a walk that does not move", snmptest.From(3, snmptest.Stuck(column)), []int{1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}},
		{"rows renumbered", snmptest.Renumber(func(i int) int { return 100 - i }), []int{95, 96, 97, 98, 99}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agent := ifAgent(nil)
			agent.Misbehave(tt.quirk)
			got := walk(t, agent, column)
			if len(got) != len(tt.want) {
				t.Fatalf("rows %v, want %v", got, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Fatalf("rows %v, want %v", got, tt.want)
				}
			}
			agent.Misbehave()
			if got := walk(t, agent, column); len(got) != 5 {
				t.Errorf("sound again: rows %v", got)
			}
		})
	}
}

func TestRenumberedRowsKeepTheirValues(t *testing.T) {
	now := time.Unix(0, 0)
	agent := ifAgent(func() time.Time { return now })
	agent.Misbehave(snmptest.Renumber(func(i int) int { return 100 - i }))
	now = now.Add(time.Second)
	got := ask(t, agent, request(snmptest.V2c, snmptest.Get, mibs.IfIndex.Instance(98), mibs.IfInOctets.Instance(98), mibs.IfInOctets.Instance(2)))
	if i, n, old := got.Vars[0].Value, got.Vars[1].Value, got.Vars[2].Value; i.Uint != 98 || n.Uint != 2010 || old.Syntax != snmptest.NoSuchInstance {
		t.Errorf("ifIndex %+v, octets %+v, old row %+v; want 98, 2010, noSuchInstance", i, n, old)
	}
}

func TestRefreshingStandsStillBetweenRefreshes(t *testing.T) {
	now := time.Unix(0, 0)
	agent := ifAgent(func() time.Time { return now })
	agent.Misbehave(snmptest.Refreshing(3 * time.Second))
	for s, want := range []uint64{1000, 1000, 1000, 1030, 1030, 1030, 1060} {
		for _, pdu := range []byte{snmptest.Get, snmptest.GetNext} {
			row := 1
			if pdu == snmptest.GetNext {
				row = 0
			}
			got := ask(t, agent, request(snmptest.V2c, pdu, mibs.IfInOctets.Instance(row), mibs.SysUpTime.Instance(0)))
			if got.Vars[0].Value.Uint != want {
				t.Errorf("after %d s PDU %#x gave %d, want %d", s, pdu, got.Vars[0].Value.Uint, want)
			}
			if up := got.Vars[1].Value.Uint; pdu == snmptest.Get && up != uint64(100*s) {
				t.Errorf("after %d s sysUpTime is %d: it is not cached", s, up)
			}
		}
		now = now.Add(time.Second)
	}
}

func TestQuirksBendTheAnswer(t *testing.T) {
	asked := request(snmptest.V2c, snmptest.Get, mibs.IfIndex.Instance(1), mibs.IfIndex.Instance(2))
	differs := func(f func(m *snmptest.Message) bool) func(*snmptest.Message) bool {
		return func(m *snmptest.Message) bool { return m != nil && f(m) }
	}
	tests := []struct {
		name  string
		quirk snmptest.Quirk
		bent  func(*snmptest.Message) bool
	}{
		{"tooBig over 1 variable", snmptest.TooBigOver(1), differs(func(m *snmptest.Message) bool { return m.Status == snmptest.TooBig && len(m.Vars) == 0 })},
		{"one variable at most", snmptest.MaxVars(1), differs(func(m *snmptest.Message) bool { return m.Status == 0 && len(m.Vars) == 1 })},
		{"genErr", snmptest.Fail(snmptest.GenErr, 2), differs(func(m *snmptest.Message) bool { return m.Status == 5 && m.Index == 2 && len(m.Vars) == 2 })},
		{"request-id 0", snmptest.RequestID(func(int32) int32 { return 0 }), differs(func(m *snmptest.Message) bool { return m.RequestID == 0 })},
		{"another version", snmptest.Version(snmptest.V1), differs(func(m *snmptest.Message) bool { return m.Version == snmptest.V1 })},
		{"another community", snmptest.Community("secret"), differs(func(m *snmptest.Message) bool { return string(m.Community) == "secret" })},
		{"a GetRequest as answer", snmptest.As(snmptest.Get), differs(func(m *snmptest.Message) bool { return m.Type == snmptest.Get })},
		{"no variables", snmptest.EmptyVars(), differs(func(m *snmptest.Message) bool { return m.Status == 0 && len(m.Vars) == 0 })},
		{"other instances", snmptest.OtherNames(), differs(func(m *snmptest.Message) bool {
			return m.Vars[0].Name.OID() == mibs.IfIndex.Instance(2) && m.Vars[0].Value.Uint == 1
		})},
		{"backwards", snmptest.Backwards(), differs(func(m *snmptest.Message) bool { return m.Vars[0].Value.Uint == 2 })},
		{"another type", snmptest.Rewrite(func(_ mibs.OID, v snmptest.Value) snmptest.Value { return snmptest.Gauge(uint32(v.Uint)) }),
			differs(func(m *snmptest.Message) bool { return m.Vars[1].Value.Syntax == mibs.Gauge32 })},
		{"silence", snmptest.Silent(), func(m *snmptest.Message) bool { return m == nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agent := ifAgent(nil)
			agent.Misbehave(snmptest.Once(2, tt.quirk))
			for n := 1; n <= 3; n++ {
				if got := ask(t, agent, asked); tt.bent(got) != (n == 2) {
					t.Errorf("request %d: %s, want it bent at the second only", n, summary(got))
				}
			}
		})
	}
}

func TestQuirksBendTheWire(t *testing.T) {
	m := request(snmptest.V2c, snmptest.Get, mibs.IfIndex.Instance(1))
	wire := m.Append(nil)
	sound := ifAgent(nil).Answers(wire)[0].Data
	answers := func(q snmptest.Quirk) []snmptest.Answer {
		agent := ifAgent(nil)
		agent.Misbehave(q)
		return agent.Answers(wire)
	}
	if got := answers(snmptest.Doubled(time.Second)); len(got) != 2 || got[1].Delay != time.Second || !bytes.Equal(got[0].Data, got[1].Data) {
		t.Errorf("doubled: %+v", got)
	}
	if got := answers(snmptest.Slow(func(n int) time.Duration { return time.Duration(n) * time.Hour })); len(got) != 1 || got[0].Delay != time.Hour {
		t.Errorf("slow: %+v", got)
	}
	if got := answers(snmptest.Cut(9)); len(got) != 1 || !bytes.Equal(got[0].Data, sound[:9]) {
		t.Errorf("cut: %+v", got)
	}
	if got := answers(snmptest.Flip(1)); len(got) != 1 || len(got[0].Data) != len(sound) || different(got[0].Data, sound) != 1 {
		t.Errorf("flip: %+v, want one octet changed", got)
	}
	agent := ifAgent(nil)
	agent.Misbehave(snmptest.OneBehind())
	if got := agent.Answers(wire); len(got) != 0 {
		t.Errorf("one behind, first request: %+v", got)
	}
	m.RequestID++
	if got := agent.Answers(m.Append(nil)); len(got) != 1 || !bytes.Equal(got[0].Data, sound) {
		t.Errorf("one behind, second request: %+v, want the answer to the first", got)
	}
}

func different(a, b []byte) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
