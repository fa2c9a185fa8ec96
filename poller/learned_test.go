package poller_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
