package detect_test

import (
	"errors"
	"math"
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

// pushed is a round of a machine that pushes: a user and an interface that is down.
func pushed(at time.Time, bps float64) *spate.Round {
	user := spate.Reading{Port: &spate.Port{ID: spate.PortID{Device: "web-17", Name: "user 1042"}, Oper: spate.StatusUp}}
	user.Rate.At, user.Rate.Over = at, 10*time.Second
	for m := range user.Rate.Values {
		user.Rate.Values[m] = math.NaN()
	}
	user.Rate.Values[spate.OutBps] = bps
	wire := spate.Reading{Port: &spate.Port{ID: spate.PortID{Device: "web-17", Name: "eth1"}, Admin: spate.StatusUp, Oper: spate.StatusDown}}
	return &spate.Round{Device: spate.Device{Name: "web-17"}, At: at, Interval: 10 * time.Second, Readings: []spate.Reading{user, wire}}
}

func TestAMachineThatPushesMayStartAnewInTwoMinutes(t *testing.T) {
	f := detect.NewFaults(nil)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	silent := func(after time.Duration) *spate.Round {
		return &spate.Round{Device: spate.Device{Name: "web-17"}, At: at.Add(after), Interval: 10 * time.Second, Err: errors.New("no push")}
	}
	if f.AcceptMachine(silent(0)) {
		t.Error("one that has never pushed is news at once")
	}
	f.AcceptMachine(pushed(at, 1e6))
	for after := 30 * time.Second; after < 2*time.Minute; after += 10 * time.Second {
		if f.AcceptMachine(silent(after)) || len(f.Active(at, roleOf(spate.RoleUplink))) > 0 {
			t.Fatalf("down after %v", after)
		}
	}
	if !f.AcceptMachine(silent(2 * time.Minute)) {
		t.Error("two minutes of silence are no news")
	}
	if f.AcceptMachine(silent(130 * time.Second)) {
		t.Error("more silence is news again")
	}
	got := f.Active(at, roleOf(spate.RoleUplink))
	if len(got) != 1 || got[0].Kind != spate.KindDeviceDown || !got[0].Since.Equal(at) || got[0].Text != "sends no readings" {
		t.Fatalf("after two minutes: %+v", got)
	}
	// The link that went down meanwhile is its switch's to tell.
	if !f.AcceptMachine(pushed(at.Add(3*time.Minute), 1e6)) {
		t.Error("its return is no news")
	}
	if got := f.Active(at, roleOf(spate.RoleUplink)); len(got) > 0 {
		t.Errorf("it pushes again: %+v", got)
	}

	// What was told before a restart stays so, in the same words.
	f = detect.NewFaults(nil)
	f.Recall(spate.KindDeviceDown, spate.PortID{Device: "web-17"}, at)
	f.Pushing([]string{"web-17", "web-18"})
	if got := f.Active(at, roleOf(spate.RoleUplink)); len(got) != 1 || got[0].Text != "sends no readings" {
		t.Errorf("recalled: %+v", got)
	}
}

func TestALimitHoldsForTheUsersOfAMachine(t *testing.T) {
	f := detect.NewFaults([]detect.Limit{{Ports: [][2]string{{"web-*", "user *"}}, Metric: spate.OutBps, Above: 100e6, Severity: spate.Critical}})
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	active := func() []spate.Fault { return f.Active(at, roleOf(spate.RoleAccess)) }
	if f.AcceptMachine(pushed(at, 90e6)); len(active()) > 0 {
		t.Errorf("below the limit: %+v", active())
	}
	if !f.AcceptMachine(pushed(at.Add(10*time.Second), 200e6)) || len(active()) != 1 || active()[0].Port.Name != "user 1042" || active()[0].Facts == nil {
		t.Errorf("above the limit: %+v", active())
	}
	gone := pushed(at.Add(20*time.Second), 0)
	gone.Readings = gone.Readings[1:] // he sends no more
	if !f.AcceptMachine(gone) || len(active()) > 0 {
		t.Errorf("a user who is gone is above his limit: %+v", active())
	}
}
