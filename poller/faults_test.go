package poller_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"spate"
	"spate/mibs"
	"spate/poller"
	"spate/poller/snmptest"
)

// polled runs a switch of eight ports through a fault that begins after the
// first minute, and gives the rounds from then on.
func polled(t *testing.T, quirks ...snmptest.Quirk) (*site, []*spate.Round) {
	t.Helper()
	s := newSite()
	agent := aSwitch("sw", 8)
	s.add("sw", agent, nil)
	var begin time.Time
	s.run(t, 4*time.Minute, func() { agent.Misbehave(quirks...); begin = time.Now() })
	var after []*spate.Round
	for _, r := range s.sink.of("sw") {
		if r.At.After(begin) {
			after = append(after, r)
		}
	}
	return s, after
}

// rates counts the readings that have one.
func rates(rounds []*spate.Round) int {
	n := 0
	for _, r := range rounds {
		for _, reading := range r.Readings {
			if reading.Rate.Over > 0 {
				n++
			}
		}
	}
	return n
}

// An answer that is not the answer to what was asked changes no number.
func TestForgedAnswersAreNotBelieved(t *testing.T) {
	tests := []struct {
		name  string
		quirk snmptest.Quirk
		why   poller.Rejection
	}{
		{"request-id 0", snmptest.RequestID(func(int32) int32 { return 0 }), poller.RejectID},
		{"another request-id", snmptest.RequestID(func(id int32) int32 { return id + 1 }), poller.RejectID},
		{"another community", snmptest.Community("private"), poller.RejectCommunity},
		{"SNMPv1 in answer to v2c", snmptest.Version(snmptest.V1), poller.RejectVersion},
		{"a GetRequest as answer", snmptest.As(snmptest.Get), poller.RejectType},
		{"other variables than asked", snmptest.OtherNames(), poller.RejectOID},
		{"success without a variable", snmptest.EmptyVars(), poller.RejectEmpty},
		{"garbage", snmptest.Garbage(func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, len(b)) }), poller.RejectGarbage},
		{"only half of the datagram", snmptest.Garbage(func(b []byte) []byte { return b[:len(b)/2] }), poller.RejectGarbage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, rounds := polled(t, tt.quirk)
				if n := rates(rounds); n != 0 {
					t.Errorf("%d rates from forged answers", n)
				}
				if s.counts.Rejected(tt.why) == 0 {
					t.Errorf("nothing was counted as %q", tt.why)
				}
				for _, r := range rounds {
					if r.Err == nil {
						t.Fatal("a round of forged answers was a success")
					}
				}
			})
		})
	}
}

// Devices that cannot do what others can still give all their rates.
func TestWeakAgentsAreReadAllTheSame(t *testing.T) {
	tests := []struct {
		name  string
		quirk snmptest.Quirk
	}{
		{"tooBig over 20 variables", snmptest.TooBigOver(20)},
		{"answers cut to 30 variables", snmptest.MaxVars(30)},
		{"every answer twice", snmptest.Doubled(40 * time.Millisecond)},
		{"every answer twice, the second one late", snmptest.Doubled(3 * time.Second)},
		{"one row without multicast counters", snmptest.Holes(mibs.IfHCInMulticastPkts.OID, 3)},
		{"slow", snmptest.Slow(func(int) time.Duration { return 700 * time.Millisecond })},
		{"every fifth answer lost", snmptest.Every(5, snmptest.Silent())},
		{"genErr in every third answer", snmptest.Every(3, snmptest.Fail(snmptest.GenErr, 1))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, rounds := polled(t, tt.quirk)
				if len(rounds) < 11 {
					t.Fatalf("%d rounds in two minutes", len(rounds))
				}
				for _, r := range rounds[len(rounds)-5:] {
					for _, reading := range r.Readings {
						if r.Err != nil || reading.Rate.Over == 0 {
							t.Errorf("%s: gap %q, err %v", reading.Port.ID, reading.Gap, r.Err)
						}
					}
				}
			})
		})
	}
}

func TestMadAgentsAreBounded(t *testing.T) {
	tests := []struct {
		name  string
		quirk snmptest.Quirk
	}{
		{"ifName has no end", snmptest.Endless(mibs.IfName.OID)},
		{"ifTable goes round", snmptest.Looping(mibs.IfDescr.OID)},
		{"GETNEXT gives what was asked", snmptest.Stuck(mibs.IfTable)},
		{"silence after the first request", snmptest.From(2, snmptest.Silent())},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite()
				agent := aSwitch("mad", 8)
				agent.Misbehave(tt.quirk)
				s.add("mad", agent, nil)
				s.add("sound", aSwitch("sound", 8), nil)
				s.run(t, 3*time.Minute)
				if n := len(s.sink.of("mad")); n == 0 {
					t.Error("the mad agent holds its round for minutes")
				}
				for _, r := range s.sink.of("sound") {
					if r.Err != nil || r.Late > 0 {
						t.Errorf("the sound device suffers: late %v, %v", r.Late, r.Err)
					}
				}
			})
		})
	}
}

func TestRenumberedRowsMixNoPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		config := snmptest.SwitchConfig{Name: "sw", Ports: 8, Seed: 7}
		agent := snmptest.Switch(config)
		s.add("sw", agent, nil)
		truth := map[string]snmptest.Profile{}
		s.run(t, 6*time.Minute,
			func() { agent.Misbehave(snmptest.Renumber(func(i int) int { return 9 - i })); agent.Restart() },
			func() { agent.Misbehave(); agent.Restart() })
		gaps := 0
		for _, r := range s.sink.of("sw") {
			for _, reading := range r.Readings {
				name := reading.Port.ID.Name
				if _, known := truth[name]; !known {
					truth[name] = snmptest.SwitchProfile(config, reading.Port.IfIndex-1)
				}
				if reading.Gap != "" {
					gaps++
				}
				if reading.Rate.Over == 0 {
					continue
				}
				p := truth[name]
				if want, got := mean(&p.In, &reading.Rate), float64(reading.Rate.InBits()); got > want*1.01+100 || got < want*0.99-100 {
					t.Errorf("%s at %v: %v, true %v", name, reading.Rate.At, reading.Rate.InBits(), spate.BitRate(want))
				}
			}
		}
		if len(truth) != 8 || gaps != 2*8 {
			t.Errorf("%d ports and %d gaps from two restarts of 8 ports, want one gap each", len(truth), gaps)
		}
	})
}

func TestErrorsNameTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		s.add("dead", nil, nil)
		s.run(t, time.Minute)
		r := s.sink.of("dead")[0]
		var told *poller.DeviceError
		if !errors.As(r.Err, &told) || told.Device != "dead" || !errors.Is(r.Err, poller.ErrNoAnswer) {
			t.Errorf("error is %#v", r.Err)
		}
		want := "dead: no answer in 4 s (2 requests): is UDP 161 open to 192.0.2.1, and is snmp.test.community right? agents stay silent to a wrong one; try: spate walk dead"
		if r.Err.Error() != want {
			t.Errorf("got  %s\nwant %s", r.Err, want)
		}
	})
}
