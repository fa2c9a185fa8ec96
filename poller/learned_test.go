package poller_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"spate"
	"spate/mibs"
	"spate/poller"
	"spate/poller/snmptest"
)

// requestsPerRound is what the last minutes' rounds cost.
func requestsPerRound(agent *snmptest.Agent, f func() int) float64 {
	before := agent.Requests()
	rounds := f()
	return float64(agent.Requests()-before) / float64(rounds)
}

func TestLimitsAreRememberedOverARestartAndTriedAgainAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := aSwitch("sw", 24)
		agent.Misbehave(snmptest.TooBigOver(20))
		run := func(learned []byte, lasting time.Duration, meanwhile ...func()) (*site, []byte) {
			s := newSite()
			s.poller.Recall(func(string) []byte { return learned })
			s.add("sw", agent, nil)
			if lasting > time.Hour {
				s.targets[0].Interval = time.Minute
			}
			s.run(t, lasting, meanwhile...)
			rounds := s.sink.of("sw")
			return s, rounds[len(rounds)-1].Learned
		}
		first, learned := run(nil, 5*time.Minute)
		if n := first.counts.Fell(poller.FallbackSmaller); n == 0 || n > 10 {
			t.Errorf("counted %d times that answers had to be smaller", n)
		}
		if !strings.Contains(string(learned), `"rows"`) || !strings.Contains(string(learned), `"since"`) {
			t.Fatalf("learned %s from an agent that finds 20 variables too many", learned)
		}
		cost := func(learned []byte) float64 {
			return requestsPerRound(agent, func() int { s, _ := run(learned, time.Minute); return len(s.sink.of("sw")) })
		}
		if fresh, again := cost(nil), cost(learned); again > fresh-1 {
			t.Errorf("a round of the first minute costs %.1f requests, and %.1f with what was learned", fresh, again)
		}
		for _, broken := range []string{"{", `{"rows":-3}`, "null", `{"rows":"x"}`} {
			if _, now := run([]byte(broken), time.Minute); !strings.Contains(string(now), `"rows"`) {
				t.Errorf("%s is remembered: learned %s", broken, now)
			}
		}
		// The firmware was mended: within a day and a little the agent is asked for more.
		slow := cost(learned)
		_, last := run(learned, 26*time.Hour, func() { agent.Misbehave() })
		if last != nil {
			t.Errorf("after a day without trouble %s is still believed", last)
		}
		if quick := cost(last); quick > slow/2 {
			t.Errorf("a round costs %.1f requests, %.1f when the agent could do less", quick, slow)
		}
	})
}

// What a device does wrong stands in the log once, not in every round.
func TestTheLogTellsEachThingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := newSite()
		s.poller = poller.New(poller.DefaultConfig(), &s.network, &s.sink, s.counts, slog.New(slog.NewTextHandler(&log, nil)))
		agent := aSwitch("sw", 200)
		agent.Misbehave(snmptest.Holes(mibs.IfHCInMulticastPkts.OID, 3))
		s.add("sw", agent, nil)
		s.run(t, 30*time.Minute,
			func() { agent.Restart() },
			func() { agent.Misbehave(snmptest.Every(7, snmptest.RequestID(func(id int32) int32 { return id + 1 }))) })
		for _, want := range []string{`msg="no rate" device=sw why=restart ports=200 port=Gi1/0/1`, `msg="answer not believed" device=sw why=`} {
			if n := strings.Count(log.String(), want); n != 1 {
				t.Errorf("%q stands in the log %d times, want once:\n%.3000s", want, n, log.String())
			}
		}
		if n := strings.Count(log.String(), "\n"); n > 20 {
			t.Errorf("%d lines in half an hour:\n%.3000s", n, log.String())
		}
	})
}

// Each way in which a device wants to be read is found out once, not at every
// start, and given up again when a day later it is not needed any more.
func TestWaysOfReadingAreRemembered(t *testing.T) {
	v1Only := snmptest.Quirk{PDU: func(_ snmptest.Moment, req, resp *snmptest.Message) {
		if req.Version != snmptest.V1 {
			resp.Type = 0
		}
	}}
	noBulk := snmptest.Quirk{PDU: func(_ snmptest.Moment, req, resp *snmptest.Message) {
		if req.Type == snmptest.GetBulk {
			resp.Type = 0
		}
	}}
	tests := []struct {
		name  string
		quirk snmptest.Quirk
		why   poller.Fallback
		says  string
	}{
		{"silent to SNMPv2c", v1Only, poller.FallbackV1, `"v1":true`},
		{"silent to GETBULK", noBulk, poller.FallbackNext, `"walk_next":true`},
		{"tooBig over 8 variables", snmptest.TooBigOver(8), poller.FallbackSmaller, `"columns":`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				agent := aSwitch("sw", 8)
				agent.Misbehave(tt.quirk)
				run := func(learned []byte, lasting time.Duration, meanwhile ...func()) (*site, []*spate.Round) {
					s := newSite()
					s.poller.Recall(func(string) []byte { return learned })
					s.add("sw", agent, nil)
					if lasting > time.Hour {
						s.targets[0].Interval = 2 * time.Minute
					}
					s.run(t, lasting, meanwhile...)
					return s, s.sink.of("sw")
				}
				s, rounds := run(nil, 5*time.Minute)
				last := rounds[len(rounds)-1]
				if rates([]*spate.Round{last}) != 8 || s.counts.Fell(tt.why) == 0 || !strings.Contains(string(last.Learned), tt.says) {
					t.Fatalf("%d rates, counted %d, learned %s: %v", rates([]*spate.Round{last}), s.counts.Fell(tt.why), last.Learned, last.Err)
				}
				_, again := run(last.Learned, 5*time.Minute)
				if again[0].Err != nil || rates(again[1:2]) != 8 {
					t.Errorf("with what was learned the first rounds give %v, and %d rates", again[0].Err, rates(again[1:2]))
				}
				// It still holds after days, and costs a round a day at most.
				_, days := run(last.Learned, 50*time.Hour)
				lost := 0
				for _, r := range days[1:] {
					if rates([]*spate.Round{r}) < 8 {
						lost++
					}
				}
				if end := days[len(days)-1]; lost > 3 || rates([]*spate.Round{end}) != 8 || !strings.Contains(string(end.Learned), tt.says) {
					t.Errorf("%d rounds lost in two days, %d rates in the end, learned %s", lost, rates([]*spate.Round{end}), end.Learned)
				}
				// The firmware was mended.
				_, mended := run(last.Learned, 26*time.Hour, func() { agent.Misbehave() })
				if end := mended[len(mended)-1]; end.Learned != nil || rates([]*spate.Round{end}) != 8 {
					t.Errorf("a day after it was mended %s is believed, %d rates", end.Learned, rates([]*spate.Round{end}))
				}
			})
		})
	}
}
