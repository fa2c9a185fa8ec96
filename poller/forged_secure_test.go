package poller_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"spate"
	"spate/mibs"
	"spate/poller"
	"spate/poller/snmptest"
)

var engineID = []byte("\x80\x00\x1f\x88\x04switch-1")

func engine() snmptest.Engine {
	return snmptest.Engine{ID: engineID, Boots: 7, Users: []snmptest.User{
		{Name: "spate", Auth: "SHA256", AuthPassword: "auth-pass-12", Priv: "AES", PrivPassword: "priv-pass-12"},
		{Name: "guest", Auth: "SHA256", AuthPassword: "auth-pass-12", Priv: "AES", PrivPassword: "priv-pass-12"},
	}}
}

func secureCredentials() poller.Credentials {
	return poller.Credentials{Name: "core", Version: poller.V3, User: "spate", AuthProtocol: "SHA256", AuthPassword: "auth-pass-12", PrivProtocol: "AES", PrivPassword: "priv-pass-12"}
}

// secureSwitch is a switch of eight ports that speaks SNMPv3.
func secureSwitch() *snmptest.Agent {
	a := aSwitch("sw", 8)
	a.Reengine(engine(), 0)
	return a
}

// secured puts a switch with SNMPv3 into a site of its own.
func secured(agent *snmptest.Agent) *site {
	s := newSite()
	s.add("sw", agent, nil)
	s.targets[0].Credentials = secureCredentials()
	return s
}

// inPlace changes what an SNMPv3 answer says of itself; it is signed afterwards,
// by somebody who has the keys.
func inPlace(f func(s *snmptest.Secure)) snmptest.Quirk {
	return snmptest.Quirk{Secure: func(_ snmptest.Moment, _, s *snmptest.Secure) { f(s) }}
}

// replay keeps the first answer it sees to itself, and sends it for ever after.
func replay() snmptest.Quirk {
	var first []byte
	return snmptest.Quirk{Wire: func(_ snmptest.Moment, _ []byte, answers []snmptest.Answer) []snmptest.Answer {
		if first == nil && len(answers) > 0 {
			first = bytes.Clone(answers[0].Data)
			return nil
		}
		return []snmptest.Answer{{Data: first}}
	}}
}

// sameNames gives every variable the name of the first.
func sameNames() snmptest.Quirk {
	return snmptest.Quirk{PDU: func(_ snmptest.Moment, _, resp *snmptest.Message) {
		for i := range resp.Vars {
			resp.Vars[i].Name = resp.Vars[0].Name
		}
	}}
}

// plainReport answers with an unauthenticated report in the place of a response.
func plainReport(oid mibs.OID) []snmptest.Quirk {
	return []snmptest.Quirk{
		snmptest.As(snmptest.Report),
		{PDU: func(_ snmptest.Moment, _, resp *snmptest.Message) {
			if name, err := snmptest.NameOf(oid); err == nil {
				resp.Vars = append(resp.Vars[:0], snmptest.Var{Name: name, Value: snmptest.C32(1)})
			}
		}},
		inPlace(func(s *snmptest.Secure) { s.Flags = 0 }),
	}
}

// What is not the answer to what was asked changes no number, also where the
// attacker is a device that has the same password, or has recorded old answers.
func TestForgedSecureAnswersGiveNoRate(t *testing.T) {
	old := func(boots, seconds int32) snmptest.Quirk {
		return inPlace(func(s *snmptest.Secure) { s.Boots, s.Time = s.Boots-boots, s.Time-seconds })
	}
	tests := []struct {
		name   string
		quirks []snmptest.Quirk
		why    poller.Rejection
	}{
		{"request-id 0", []snmptest.Quirk{snmptest.RequestID(func(int32) int32 { return 0 })}, poller.RejectID},
		{"another request-id", []snmptest.Quirk{snmptest.RequestID(func(id int32) int32 { return id ^ 1<<20 })}, poller.RejectID},
		{"another msgID", []snmptest.Quirk{inPlace(func(s *snmptest.Secure) { s.MsgID++ })}, poller.RejectID},
		{"msgID 0", []snmptest.Quirk{inPlace(func(s *snmptest.Secure) { s.MsgID = 0 })}, poller.RejectID},
		{"an answer that was recorded", []snmptest.Quirk{replay()}, poller.RejectID},
		{"the answer to the request before", []snmptest.Quirk{snmptest.OneBehind()}, poller.RejectID},
		{"of another engine with the same password", []snmptest.Quirk{inPlace(func(s *snmptest.Secure) { s.Engine = []byte("\x80\x00\x1f\x88\x04switch-2") })}, poller.RejectEngine},
		{"without an engine id", []snmptest.Quirk{inPlace(func(s *snmptest.Secure) { s.Engine = nil })}, poller.RejectEngine},
		{"of another user of the same engine", []snmptest.Quirk{inPlace(func(s *snmptest.Secure) { s.User = []byte("guest") })}, poller.RejectEngine},
		{"three minutes old", []snmptest.Quirk{old(0, 180)}, poller.RejectWindow},
		{"from before the last boot", []snmptest.Quirk{old(1, -3600)}, poller.RejectWindow},
		{"boots that have run out", []snmptest.Quirk{inPlace(func(s *snmptest.Secure) { s.Boots = 1<<31 - 1 })}, poller.RejectWindow},
		{"not encrypted", []snmptest.Quirk{inPlace(func(s *snmptest.Secure) { s.Flags &^= snmptest.FlagPriv })}, poller.RejectLevel},
		{"not authenticated", []snmptest.Quirk{inPlace(func(s *snmptest.Secure) { s.Flags = 0 })}, poller.RejectLevel},
		{"another security model", []snmptest.Quirk{inPlace(func(s *snmptest.Secure) { s.Model = 2 })}, poller.RejectLevel},
		{"values in an unauthenticated report", plainReport(mibs.IfHCInOctets.OID.Row(1)), poller.RejectLevel},
		{"an unauthenticated report of the time window", plainReport(mibs.UsmStatsNotInTimeWindows), poller.RejectLevel},
		{"an unauthenticated report of wrong digests", plainReport(mibs.UsmStatsWrongDigests), poller.RejectReport},
		{"one octet changed", []snmptest.Quirk{snmptest.Garbage(func(b []byte) []byte { b[len(b)-9] ^= 4; return b })}, poller.RejectDigest},
		{"SNMPv2c with the community public", []snmptest.Quirk{{Wire: func(_ snmptest.Moment, _ []byte, _ []snmptest.Answer) []snmptest.Answer {
			m := snmptest.Message{Version: snmptest.V2c, Community: []byte("public"), Type: snmptest.Response, RequestID: 1}
			return []snmptest.Answer{{Data: m.Append(nil)}}
		}}}, poller.RejectVersion},
		{"a GetRequest as answer", []snmptest.Quirk{snmptest.As(snmptest.Get)}, poller.RejectType},
		{"success without a variable", []snmptest.Quirk{snmptest.EmptyVars()}, poller.RejectEmpty},
		{"other variables than asked", []snmptest.Quirk{snmptest.OtherNames()}, poller.RejectOID},
		{"one variable many times", []snmptest.Quirk{sameNames()}, poller.RejectOID},
		{"half of the datagram", []snmptest.Quirk{snmptest.Garbage(func(b []byte) []byte { return b[:len(b)/2] })}, poller.RejectGarbage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				agent := secureSwitch()
				s := secured(agent)
				var begin, end time.Time
				s.run(t, 9*time.Minute,
					func() { agent.Misbehave(tt.quirks...); begin = time.Now() },
					func() { agent.Misbehave(); end = time.Now() })
				var during, after []*spate.Round
				for _, r := range s.sink.of("sw") {
					switch {
					case r.At.After(begin) && !r.At.After(end):
						during = append(during, r)
					case r.At.After(end.Add(40 * time.Second)):
						after = append(after, r)
					}
				}
				if n := rates(during); n != 0 || len(during) < 5 {
					t.Errorf("%d rates from forged answers in %d rounds", n, len(during))
				}
				if s.counts.Rejected(tt.why) == 0 {
					t.Errorf("nothing was counted as %q, but %v", tt.why, rejected(s.counts))
				}
				for _, r := range after {
					if r.Err != nil || rates([]*spate.Round{r}) != 8 {
						t.Errorf("long after it all was over: %v, %d rates", r.Err, rates([]*spate.Round{r}))
					}
				}
			})
		})
	}
}

// rejected is what was counted.
func rejected(c *poller.Counts) map[poller.Rejection]uint64 {
	out := map[poller.Rejection]uint64{}
	for _, why := range poller.Rejections() {
		if n := c.Rejected(why); n > 0 {
			out[why] = n
		}
	}
	return out
}

// What happens to an engine in its life costs a round or two, and no number is wrong.
func TestSecureEnginesThatChange(t *testing.T) {
	tests := []struct {
		name string
		do   func(a *snmptest.Agent)
		gap  spate.Gap // of the first rate that is missing; empty: none is
		lost int       // rounds without rates at most
	}{
		{"agent restarted", func(a *snmptest.Agent) { a.Restart() }, spate.GapRestart, 1},
		{"boots forgotten, as after an upgrade", func(a *snmptest.Agent) { e := engine(); e.Boots = 1; a.Reengine(e, 0) }, spate.GapRestart, 2},
		{"engine clock an hour ahead", func(a *snmptest.Agent) { a.Reengine(engine(), time.Hour) }, "", 1},
		{"engine clock put back a minute", func(a *snmptest.Agent) { a.Reengine(engine(), -time.Minute) }, "", 0},
		{"another engine id, as after a supervisor was replaced", func(a *snmptest.Agent) {
			e := engine()
			e.ID, e.Boots = []byte("\x80\x00\x1f\x88\x04switch-9"), 3
			a.Reengine(e, 0)
			a.Restart()
		}, spate.GapRestart, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				agent := secureSwitch()
				s := secured(agent)
				var at time.Time
				s.run(t, 10*time.Minute, func() { at = time.Now(); tt.do(agent) })
				lost, gap := 0, spate.Gap("")
				for _, r := range s.sink.of("sw") {
					if !r.At.After(at) {
						continue
					}
					if n := rates([]*spate.Round{r}); n != 8 {
						lost++
						if len(r.Readings) > 0 && r.Err == nil {
							gap = r.Readings[0].Gap
						}
					}
					for _, reading := range r.Readings {
						if reading.Rate.Over > 0 && float64(reading.Rate.Bits()) > float64(reading.Port.Speed)*1.01 {
							t.Errorf("%s: %v", reading.Port.ID, reading.Rate.Bits())
						}
					}
				}
				if lost > tt.lost || gap != tt.gap {
					t.Errorf("%d rounds without rates, gap %q; want at most %d, and %q; rejected %v", lost, gap, tt.lost, tt.gap, rejected(s.counts))
				}
			})
		})
	}
}

// A device that is polled seldom is not asked twice because its engine's clock has
// moved on meanwhile.
func TestSlowPollsAreInTheEnginesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := secureSwitch()
		late := 0
		agent.Misbehave(inPlace(func(s *snmptest.Secure) {
			if s.Flags == snmptest.FlagAuth { // a report of the time window
				late++
			}
		}))
		s := secured(agent)
		s.targets[0].Interval = 10 * time.Minute
		s.run(t, 4*time.Hour)
		if rounds := len(s.sink.of("sw")); late > 1 || rounds < 23 {
			t.Errorf("%d requests out of the engine's time in %d rounds", late, rounds)
		}
	})
}
