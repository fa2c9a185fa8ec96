package poller_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"spate"
	"spate/mibs"
	"spate/poller/snmptest"
)

// Whatever rows are called, each is a port of its own with a clean name.
func TestNamesFromHell(t *testing.T) {
	names := []string{
		"Gi1/0/1", "Gi1/0/1", "", "", "  ", "\x00\x01", "\xff\xfe\xfd", "<script>alert(1)</script>", "\x1b[31mred", "a\r\nSet-Cookie: x=1",
		strings.Repeat("x", 60_000), strings.Repeat("x", 60_001), "if9", "Gi1/0/1#2", "‮evil", "=cmd|' /C calc'!A0",
	}
	synctest.Test(t, func(t *testing.T) {
		rows := make([]ifRow, len(names))
		for i, n := range names {
			rows[i] = ifRow{name: n, kind: ethernet, mbps: 1000}
		}
		s := newSite()
		s.add("sw", snmptest.New(madeOf(rows), snmptest.Config{}), nil)
		s.run(t, 3*time.Minute)
		rounds := s.sink.of("sw")
		last := rounds[len(rounds)-1]
		if last.Err != nil || len(last.Readings) != len(names) {
			t.Fatalf("%d ports of %d rows: %v", len(last.Readings), len(names), last.Err)
		}
		seen := map[string]int{}
		for i, r := range last.Readings {
			n := r.Port.ID.Name
			if other, taken := seen[n]; taken || n == "" {
				t.Errorf("row %d is called %q, as row %d is", i+1, n, other+1)
			}
			seen[n] = i
			if !utf8.ValidString(n) || utf8.RuneCountInString(n) > 270 || strings.ContainsAny(n, "\x00\x1b\r\n‮") {
				t.Errorf("row %d has the name %.80q", i+1, n)
			}
			if r.Gap != "" || r.Rate.Over == 0 {
				t.Errorf("%.40q: no rate, gap %q", n, r.Gap)
			}
		}
	})
}

// An operator who edits a description sees it within minutes, and loses nothing.
func TestAnEditedAliasKeepsTheSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := madeOf([]ifRow{{name: "Gi1", kind: ethernet, mbps: 1000}})
		agent := snmptest.New(w, snmptest.Config{})
		s := newSite()
		s.add("sw", agent, nil)
		var edited time.Time
		s.run(t, 20*time.Minute, func() {
			edited = time.Now()
			agent.Do(func() { w.Set(mibs.IfAlias.Instance(1), snmptest.Text("customer 17")) })
		})
		for i, r := range s.sink.of("sw") {
			reading := r.Readings[0]
			if i > 0 && reading.Rate.Over == 0 || reading.Port.ID != (spate.PortID{Device: "sw", Name: "Gi1"}) {
				t.Errorf("%v: %s, gap %q", r.At, reading.Port.ID, reading.Gap)
			}
			if late := r.At.Sub(edited); late > 7*time.Minute && reading.Port.Alias != "customer 17" {
				t.Errorf("%v after the edit the alias is %q", late, reading.Port.Alias)
			}
		}
	})
}
