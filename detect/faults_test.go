package detect_test

import (
	"errors"
	"testing"
	"time"

	"spate"
	"spate/detect"
)

func roleOf(r spate.Role) func(spate.PortID) spate.Role {
	return func(spate.PortID) spate.Role { return r }
}

// link is a round in which a port is up or not.
func link(at time.Time, oper spate.Status) *spate.Round {
	p := *gig
	p.Oper = oper
	return &spate.Round{Device: spate.Device{Name: "sw-1"}, At: at, Interval: time.Minute, Readings: []spate.Reading{{Port: &p}}}
}

func TestADeviceIsDownAfterThreeRounds(t *testing.T) {
	f := detect.NewFaults(nil)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	f.Accept(link(at, spate.StatusUp))
	silent := func(i int) *spate.Round {
		return &spate.Round{Device: spate.Device{Name: "sw-1"}, At: at.Add(time.Duration(i) * time.Minute), Err: errors.New("no answer")}
	}
	for i := 1; i <= 2; i++ {
		f.Accept(silent(i))
	}
	if got := f.Active(at, roleOf(spate.RoleAccess)); len(got) != 0 {
		t.Fatalf("down after two rounds: %+v", got)
	}
	if !f.Accept(silent(3)) {
		t.Error("the third round without an answer is no news")
	}
	got := f.Active(at, roleOf(spate.RoleAccess))
	if len(got) != 1 || got[0].Kind != spate.KindDeviceDown || !got[0].Since.Equal(at.Add(time.Minute)) {
		t.Fatalf("after three rounds: %+v", got)
	}
	if !f.Accept(link(at.Add(4*time.Minute), spate.StatusUp)) || len(f.Active(at, roleOf(spate.RoleAccess))) != 0 {
		t.Error("it answers again and is still down")
	}
}

func TestOnlyLinksThatLeadOnAreMissed(t *testing.T) {
	f := detect.NewFaults(nil)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	f.Accept(link(at, spate.StatusUp))
	f.Accept(link(at.Add(time.Minute), spate.StatusDown))
	if got := f.Active(at, roleOf(spate.RoleAccess)); len(got) != 0 {
		t.Errorf("a desktop that is shut down is told: %+v", got)
	}
	got := f.Active(at, roleOf(spate.RoleUplink))
	if len(got) != 1 || got[0].Kind != spate.KindLinkDown || got[0].Severity != spate.Warning {
		t.Errorf("a dead uplink: %+v", got)
	}
}

func TestALinkFlapsAfterSixChangesInTenMinutes(t *testing.T) {
	f := detect.NewFaults(nil)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	oper := []spate.Status{spate.StatusUp, spate.StatusDown}
	for i := range 7 {
		f.Accept(link(at.Add(time.Duration(i)*time.Minute), oper[i%2]))
	}
	now := at.Add(7 * time.Minute)
	if got := f.Active(now, roleOf(spate.RoleAccess)); len(got) != 1 || got[0].Kind != spate.KindFlap || got[0].Severity != spate.Info {
		t.Errorf("six changes: %+v", got)
	}
	if got := f.Active(now.Add(time.Hour), roleOf(spate.RoleAccess)); len(got) != 0 {
		t.Errorf("an hour later it flaps still: %+v", got)
	}
}

func TestALimitIsPassedForItsTime(t *testing.T) {
	f := detect.NewFaults([]detect.Limit{{Ports: [][2]string{{"sw-*", "*"}}, Metric: spate.InBps, Above: 500e6, For: 2 * time.Minute, Severity: spate.Critical}})
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	active := func() []spate.Fault { return f.Active(at, roleOf(spate.RoleAccess)) }
	for i, want := range []int{0, 1, 1} {
		at = at.Add(time.Minute)
		f.Accept(round(at, time.Minute, 600e6, 70e3))
		if got := active(); len(got) != want {
			t.Fatalf("after %d minutes above: %+v", i+1, got)
		}
	}
	gap := round(at.Add(time.Minute), time.Minute, 0, 0)
	gap.Readings[0].Gap = spate.GapRestart
	f.Accept(gap)
	if len(active()) != 1 {
		t.Error("a gap has ended it: what is not known is as it was")
	}
	f.Accept(round(at.Add(2*time.Minute), time.Minute, 400e6, 50e3))
	if got := active(); len(got) != 0 {
		t.Errorf("below the limit: %+v", got)
	}
}
