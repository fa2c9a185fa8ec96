package alert_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"spate"
	"spate/alert"
)

func wantEvents(t *testing.T, c *channel, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), c.events()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestAFloodIsToldOnceAtItsBeginningAndOnceAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		o := newOffice(t, newShelf(), people("noc", noc))
		o.start(t)
		in := flood("1")
		for range 120 { // the desk tells again whenever a figure changes
			o.Told(in)
			time.Sleep(time.Second)
			in = changed(in, func(in *spate.Incident) { in.RateBps += 1e6 })
		}
		wantEvents(t, noc, "open 1")
		o.Told(closed(in, time.Now()))
		time.Sleep(time.Minute)
		wantEvents(t, noc, "open 1", "resolve 1")
		got := noc.all()
		if got[1].root != got[0].key || got[1].ref != "ref-"+got[0].key || got[0].root != "" {
			t.Errorf("not one thread: %+v", got)
		}
		if d := o.deliveries("1"); len(d) != 2 || !d[0].OK || d[0].Name != "noc" {
			t.Errorf("its log is %+v", d)
		}
		o.Told(closed(in, time.Now())) // a verdict in the morning
		time.Sleep(time.Minute)
		wantEvents(t, noc, "open 1", "resolve 1")
	})
}

func TestUpdatesAreOfWhatMatters(t *testing.T) {
	tests := []struct {
		name   string
		after  time.Duration
		change func(*spate.Incident)
		want   string // why; empty: nobody is told
	}{
		{"severity rises", 10 * time.Second, func(in *spate.Incident) { in.Severity = spate.Critical }, "now critical"},
		{"rate rises by half within a minute", 30 * time.Second, func(in *spate.Incident) { in.RateBps = 2e9 }, ""},
		{"rate rises by half", 6 * time.Minute, func(in *spate.Incident) { in.RateBps = 2e9 }, "risen from 912 Mb/s to 2 Gb/s"},
		{"rate falls to a quarter", 6 * time.Minute, func(in *spate.Incident) { in.RateBps = 228e6 }, "fallen from 912 Mb/s to 228 Mb/s"},
		{"rate falls a little", 6 * time.Minute, func(in *spate.Incident) { in.RateBps = 500e6 }, ""},
		{"the excess stops", 6 * time.Minute, func(in *spate.Incident) { end := time.Now(); in.EndedAt = &end }, "the excess has stopped"},
		{"another origin", 2 * time.Minute, func(in *spate.Incident) {
			o := *in.Origin
			o.Port = "Gi1/0/9"
			in.Origin = &o
		}, "the origin is now sw-acc-1 Gi1/0/9, not sw-acc-1 Gi1/0/2"},
		{"a user is named", 2 * time.Minute, func(in *spate.Incident) {
			in.Users = spate.List[spate.UserShare]{{UID: 1042, User: "custshop", Host: "web-17", Share: 0.97, TxBps: 885e6}}
		}, "user custshop sends 97 % of it"},
		{"a user is named at once", 10 * time.Second, func(in *spate.Incident) {
			in.Users = spate.List[spate.UserShare]{{UID: 1042, User: "custshop", Host: "web-17", Share: 0.97, TxBps: 885e6}}
		}, "user custshop sends 97 % of it"},
		{"users who explain nothing", 6 * time.Minute, func(in *spate.Incident) {
			in.Users = spate.List[spate.UserShare]{{UID: 1042, User: "custshop", Host: "web-17", Share: 0.3, TxBps: 3e8}}
		}, ""},
		{"a victim more", 6 * time.Minute, func(in *spate.Incident) {
			in.Victims = append(slices.Clone(in.Victims), spate.Place{Device: "x"})
		}, ""},
		{"acknowledged", 6 * time.Minute, func(in *spate.Incident) { by := "ann"; in.AcknowledgedBy = &by }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				noc := &channel{}
				o := newOffice(t, newShelf(), people("noc", noc))
				o.start(t)
				in := changed(flood("1"), func(in *spate.Incident) { in.Severity = spate.Warning })
				o.Told(in)
				time.Sleep(tt.after)
				o.Told(changed(in, tt.change))
				time.Sleep(4 * time.Minute)
				got := noc.all()
				switch {
				case tt.want == "" && len(got) != 1:
					t.Errorf("told: %+v", got[1:])
				case tt.want != "" && (len(got) != 2 || got[1].why != tt.want || got[1].event != alert.Update):
					t.Errorf("told %+v, want one update: %s", got[1:], tt.want)
				}
			})
		})
	}
}

func TestAnOriginThatFlickersIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		o := newOffice(t, newShelf(), people("noc", noc))
		o.start(t)
		in := flood("1")
		other := *in.Origin
		other.Port = "Gi1/0/9"
		for i := range 40 {
			o.Told(changed(in, func(in *spate.Incident) {
				if i%2 == 1 {
					in.Origin = &other
				}
			}))
			time.Sleep(20 * time.Second)
		}
		wantEvents(t, noc, "open 1")
	})
}

func TestNeverMoreThanThreeMessagesInTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		target := people("noc", noc)
		target.Severities = append(target.Severities, spate.Info)
		target.Reminder = time.Minute
		o := newOffice(t, newShelf(), target)
		o.start(t)
		in := changed(flood("1"), func(in *spate.Incident) { in.Severity = spate.Info })
		for i, s := range []spate.Severity{spate.Info, spate.Warning, spate.Critical} {
			o.Told(changed(in, func(in *spate.Incident) { in.Severity, in.RateBps = s, spate.Figure(1e9*(i+1)) }))
			time.Sleep(20 * time.Second)
		}
		last := changed(in, func(in *spate.Incident) { in.Severity = spate.Critical })
		o.Told(closed(last, time.Now()))
		time.Sleep(time.Hour)
		got := noc.all()
		for i := 3; i < len(got); i++ {
			if got[i].at.Sub(got[i-3].at) < 10*time.Minute {
				t.Errorf("four messages within %v: %v", got[i].at.Sub(got[i-3].at), noc.events())
			}
		}
		if end := got[len(got)-1]; end.event != alert.Resolve {
			t.Errorf("the end was never told: %v", noc.events())
		}
	})
}

func TestRemindersStopWhenSomebodyLooksAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		target := people("noc", noc)
		target.Reminder = time.Hour
		o := newOffice(t, newShelf(), target)
		o.start(t)
		in := flood("1")
		o.Told(in)
		time.Sleep(2*time.Hour + time.Minute)
		wantEvents(t, noc, "open 1", "reminder 1", "reminder 1")
		by := "ann"
		in = changed(in, func(in *spate.Incident) { in.AcknowledgedBy = &by })
		o.Told(in)
		time.Sleep(5 * time.Hour)
		wantEvents(t, noc, "open 1", "reminder 1", "reminder 1")
	})
}

func TestAReminderAfterADayAsksForAVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		target := people("noc", noc)
		target.Reminder = 25 * time.Hour
		o := newOffice(t, newShelf(), target)
		o.start(t)
		o.Told(flood("1"))
		time.Sleep(26 * time.Hour)
		if got := noc.all(); len(got) != 2 || !strings.Contains(got[1].why, "is it an attack, or is it expected?") {
			t.Errorf("told %+v", got)
		}
	})
}

func TestEscalationTellsTheNextOneUnlessSomebodyAnswers(t *testing.T) {
	for _, answered := range []bool{false, true} {
		t.Run(fmt.Sprint("answered ", answered), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				noc, boss, owner := &channel{}, &channel{}, &channel{}
				target, chief, last := people("noc", noc), people("boss", boss), people("owner", owner)
				target.Escalate = []alert.Step{{After: 15 * time.Minute, To: "boss"}, {After: time.Hour, To: "owner"}}
				chief.Severities, last.Severities = nil, nil
				s := newShelf()
				o := newOffice(t, s, target, chief, last)
				o.start(t)
				in := flood("1")
				o.Told(in)
				time.Sleep(10 * time.Minute)
				if answered {
					by := "ann"
					in = changed(in, func(in *spate.Incident) { in.AcknowledgedBy = &by })
					o.Told(in)
				}
				o.stop() // a restart does not wind the clock back
				o = newOffice(t, s, target, chief, last)
				o.Told(in)
				o.start(t)
				time.Sleep(6 * time.Minute)
				if answered {
					wantEvents(t, boss)
					return
				}
				wantEvents(t, boss, "escalate 1")
				time.Sleep(time.Hour)
				wantEvents(t, owner, "escalate 1")
				o.Told(closed(in, time.Now()))
				time.Sleep(time.Minute)
				wantEvents(t, boss, "escalate 1", "resolve 1")
				wantEvents(t, noc, "open 1", "resolve 1")
			})
		})
	}
}

func TestASilenceStopsMessagesAndClocksButNotTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc, boss := &channel{}, &channel{}
		target, chief := people("noc", noc), people("boss", boss)
		target.Reminder, target.Escalate, chief.Severities = time.Hour, []alert.Step{{After: 30 * time.Minute, To: "boss"}}, nil
		o := newOffice(t, newShelf(), target, chief)
		o.start(t)
		before, during := flood("1"), flood("2")
		o.Told(before)
		time.Sleep(10 * time.Minute)
		_, err := o.Silence(time.Now(), spate.Silence{Match: spate.SilenceMatch{Device: "sw-*"}, Until: time.Now().Add(4 * time.Hour), By: "ann", Reason: "new line cards"})
		if err != nil {
			t.Fatal(err)
		}
		o.Told(during)
		time.Sleep(2 * time.Hour)
		wantEvents(t, noc, "open 1")
		wantEvents(t, boss)
		o.Told(closed(before, time.Now()))
		time.Sleep(time.Minute)
		wantEvents(t, noc, "open 1", "resolve 1")
		time.Sleep(2 * time.Hour) // the silence is over, the second flood is not
		wantEvents(t, noc, "open 1", "resolve 1", "open 2")
		wantEvents(t, boss)
	})
}

func TestWhatCameAndWentInASilenceIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		o := newOffice(t, newShelf(), people("noc", noc))
		o.start(t)
		s, err := o.Silence(time.Now(), spate.Silence{Match: spate.SilenceMatch{Kind: spate.KindFlood}, Until: time.Now().Add(time.Hour), By: "ann", Reason: "test"})
		if err != nil {
			t.Fatal(err)
		}
		in := flood("1")
		o.Told(in)
		time.Sleep(10 * time.Minute)
		o.Told(closed(in, time.Now()))
		time.Sleep(2 * time.Minute)
		if err := o.EndSilence(s.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		wantEvents(t, noc)
		if err := o.EndSilence(s.ID); !errors.Is(err, alert.ErrNoSilence) {
			t.Errorf("ended twice: %v", err)
		}
	})
}

func TestSilencesThatMakeNoSenseAreRefused(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	good := spate.Silence{Match: spate.SilenceMatch{Device: "sw-1"}, From: now, Until: now.Add(time.Hour), By: "ann", Reason: "work"}
	tests := map[string]func(*spate.Silence){
		"":                     func(*spate.Silence) {},
		"by is missing":        func(s *spate.Silence) { s.By = " \x00" },
		"reason is missing":    func(s *spate.Silence) { s.Reason = "" },
		"until is missing":     func(s *spate.Silence) { s.Until = time.Time{} },
		"until is in the past": func(s *spate.Silence) { s.Until = now.Add(-time.Second) },
		"from is not before":   func(s *spate.Silence) { s.From = s.Until },
		"more than a year":     func(s *spate.Silence) { s.Until = now.AddDate(2, 0, 0) },
		"match is empty":       func(s *spate.Silence) { s.Match = spate.SilenceMatch{} },
		"match.severity":       func(s *spate.Silence) { s.Match.Severity = "bad" },
		"match.kind":           func(s *spate.Silence) { s.Match.Kind = "earthquake" },
		"is no pattern":        func(s *spate.Silence) { s.Match.Port = "[" },
	}
	for want, change := range tests {
		s := good
		change(&s)
		err := alert.CheckSilence(&s, now)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, alert.ErrSilence)) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestQuietHoursHoldMessagesUntilTheMorning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time begins at midnight UTC, 1 January 2000
		noc := &channel{}
		target := people("noc", noc)
		target.Quiet = []alert.Span{{From: 22 * time.Hour, To: 6 * time.Hour}}
		o := newOffice(t, newShelf(), target)
		o.start(t)
		for i := range 2 {
			in := flood(fmt.Sprint(i + 1))
			o.Told(in)
			time.Sleep(time.Hour)
			if i == 0 {
				o.Told(closed(in, time.Now()))
			}
		}
		wantEvents(t, noc)
		time.Sleep(4*time.Hour + time.Minute)
		wantEvents(t, noc, "resolve 1", "open 2")
		if at := noc.all()[0].at.UTC(); at.Hour() != 6 || at.Minute() != 0 {
			t.Errorf("told at %v", at)
		}
	})
}

func TestDevicesBehindADeadUplinkAreOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		o := newOffice(t, newShelf(), people("noc", noc))
		o.start(t)
		leaf := changed(flood("1"), func(in *spate.Incident) { in.Kind, in.Severity = spate.KindDeviceDown, spate.Warning })
		uplink := changed(flood("2"), func(in *spate.Incident) { in.Kind, in.Severity = spate.KindLinkDown, spate.Warning })
		o.Told(leaf)
		time.Sleep(5 * time.Second)
		o.Told(uplink)
		o.Told(closed(leaf, time.Now())) // it belongs to the uplink
		time.Sleep(time.Minute)
		wantEvents(t, noc, "open 2")
	})
}

// An hour in which nobody can be reached, with twelve floods that come and go.
func TestAfterAnHourOfSilenceEachIncidentIsToldOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc, hook := &channel{err: errors.New("connection refused")}, &channel{err: errors.New("connection refused")}
		machine := &alert.Target{Name: "hook", Type: "webhook", Channel: hook, Severities: []spate.Severity{spate.Critical}}
		o := newOffice(t, newShelf(), people("noc", noc), machine)
		o.start(t)
		var all []string
		for i := range 12 {
			in := flood(fmt.Sprintf("%02d", i))
			all = append(all, in.ID)
			o.Told(in)
			time.Sleep(4 * time.Minute)
			if i%2 == 0 {
				o.Told(closed(in, time.Now()))
			}
			time.Sleep(time.Minute)
		}
		wantEvents(t, noc)
		noc.fail(nil)
		hook.fail(nil)
		time.Sleep(30 * time.Minute)
		wantEvents(t, noc, "digest "+strings.Join(all, " "))
		var want []string
		for i, id := range all {
			want = append(want, "open "+id)
			if i%2 == 0 {
				want = append(want, "resolve "+id)
			}
		}
		wantEvents(t, hook, want...)
		for _, id := range all {
			ok := 0
			for _, d := range o.deliveries(id) {
				if d.OK && d.Name == "noc" {
					ok++
				}
			}
			if ok != 1 {
				t.Errorf("%s: delivered %d times to noc", id, ok)
			}
		}
		if d := o.deliveries("00"); len(d) > 6 {
			t.Errorf("its log has %d lines of one outage", len(d))
		}
	})
}

func TestAFloodOfIncidentsBecomesDigests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		o := newOffice(t, newShelf(), people("noc", noc))
		o.start(t)
		told := map[string]int{}
		for i := range 200 {
			o.Told(flood(fmt.Sprintf("%03d", i)))
			time.Sleep(3 * time.Second)
		}
		time.Sleep(20 * time.Minute)
		for _, s := range noc.all() {
			for _, id := range s.ids {
				told[id]++
			}
		}
		for i := range 200 {
			if id := fmt.Sprintf("%03d", i); told[id] != 1 {
				t.Errorf("%s was told %d times", id, told[id])
			}
		}
		if n := len(noc.all()); n > 24 {
			t.Errorf("%d messages in half an hour", n)
		}
	})
}

func TestWhereATargetCannotBeReachedAnotherIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc, second := &channel{err: errors.New("no route to host")}, &channel{}
		target, other := people("noc", noc), people("modem", second)
		target.Fallback, other.Severities = "modem", nil
		o := newOffice(t, newShelf(), target, other)
		o.start(t)
		in := flood("1")
		o.Told(in)
		time.Sleep(3 * time.Minute)
		wantEvents(t, second, "escalate 1")
		if why := second.all()[0].why; why != "noc cannot be reached" {
			t.Errorf("why: %q", why)
		}
		noc.fail(nil)
		time.Sleep(10 * time.Minute)
		wantEvents(t, noc, "open 1")
		o.Told(closed(in, time.Now()))
		time.Sleep(time.Minute)
		wantEvents(t, noc, "open 1", "resolve 1")
		wantEvents(t, second, "escalate 1", "resolve 1")
	})
}

func TestPatienceThatATargetAsksForIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{err: &alert.Failure{Err: errors.New("429"), After: 7 * time.Minute}}
		o := newOffice(t, newShelf(), people("noc", noc))
		o.start(t)
		began := time.Now()
		o.Told(flood("1"))
		time.Sleep(time.Second)
		noc.fail(nil)
		time.Sleep(10 * time.Minute)
		if got := noc.all(); len(got) != 1 || got[0].at.Sub(began) < 7*time.Minute || got[0].at.Sub(began) > 8*time.Minute {
			t.Errorf("sent %+v, want once after seven minutes", got)
		}
	})
}

func TestWhatMayHaveArrivedIsSentTwiceAtMostAndUnderOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{err: &alert.Failure{Err: errors.New("no answer in time"), Unsure: true}, took: true}
		o := newOffice(t, newShelf(), people("noc", noc))
		o.start(t)
		o.Told(flood("1"))
		time.Sleep(time.Hour)
		got := noc.all()
		if len(got) != 2 || got[0].key != got[1].key {
			t.Errorf("sent %+v, want twice under one key", got)
		}
	})
}

func TestWhatIsRefusedForGoodDoesNotHoldUpTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &channel{err: &alert.Failure{Err: errors.New("it answers 400"), Final: true}}
		o := newOffice(t, newShelf(), &alert.Target{Name: "hook", Type: "webhook", Channel: hook, Severities: []spate.Severity{spate.Critical}})
		o.start(t)
		o.Told(flood("1"))
		time.Sleep(5 * time.Minute)
		hook.fail(nil)
		o.Told(flood("2"))
		time.Sleep(time.Minute)
		wantEvents(t, hook, "open 2")
		if d := o.deliveries("1"); len(d) != 2 || d[1].OK || !strings.Contains(d[1].Error, "given up after 3 tries") {
			t.Errorf("its log is %+v", d)
		}
	})
}

func TestARestartLosesNothingAndTellsNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		s, target := newShelf(), people("noc", noc)
		o := newOffice(t, s, target)
		o.start(t)
		first, second := flood("1"), flood("2")
		o.Told(first)
		time.Sleep(time.Minute)
		o.stop()
		o = newOffice(t, s, target)
		if got := o.Unfinished(); !slices.Equal(got, []string{"1"}) {
			t.Errorf("unfinished are %v", got)
		}
		o.Told(first)
		o.Told(second) // opened, and Spate was killed before it was decided
		o.start(t)
		time.Sleep(time.Minute)
		wantEvents(t, noc, "open 1", "open 2")
		o.stop()
		o = newOffice(t, s, target) // the first one was closed in the meantime
		o.Told(closed(first, time.Now()))
		o.start(t)
		time.Sleep(time.Minute)
		wantEvents(t, noc, "open 1", "open 2", "resolve 1")
	})
}

func TestAFullDiskKeepsNobodyFromBeingTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		s := newShelf()
		o := newOffice(t, s, people("noc", noc))
		s.full = true
		o.start(t)
		in := flood("1")
		o.Told(in)
		time.Sleep(time.Minute)
		o.Told(closed(in, time.Now()))
		time.Sleep(time.Minute)
		wantEvents(t, noc, "open 1", "resolve 1")
		if !strings.Contains(o.log.String(), "outbox not written") {
			t.Errorf("nothing is said of it: %s", o.log)
		}
	})
}

func TestDamagedRecordsAreLeftOut(t *testing.T) {
	s := newShelf()
	s.records["row/noc/00000000000000000001"] = []byte("{")
	s.records["thread/noc/1"] = []byte("null")
	s.records["silence/1"] = []byte(`{"id":""}`)
	o := newOffice(t, s, people("noc", &channel{}))
	if !strings.Contains(o.log.String(), "records=3") {
		t.Errorf("log: %s", o.log)
	}
}

func TestOnlyTheSeveritiesAskedForAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noc := &channel{}
		o := newOffice(t, newShelf(), people("noc", noc))
		o.start(t)
		in := changed(flood("1"), func(in *spate.Incident) { in.Severity = spate.Info })
		o.Told(in)
		time.Sleep(time.Minute)
		wantEvents(t, noc)
		o.Told(changed(in, func(in *spate.Incident) { in.Severity = spate.Warning }))
		time.Sleep(time.Minute)
		wantEvents(t, noc, "open 1")
	})
}
