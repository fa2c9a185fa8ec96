package incident_test

import (
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/incident"
)

// book is a keeper in memory that can refuse.
type book struct {
	records map[string]incident.Record
	broken  bool
}

func (b *book) SaveIncident(r incident.Record) error {
	if b.broken {
		return errors.New("disk is full")
	}
	b.records[r.Incident.ID] = r
	return nil
}

func (b *book) Incident(id string) (incident.Record, bool) {
	r, ok := b.records[id]
	return r, ok
}

// street is a network of one host behind each port, where each device is beside those named.
type street struct {
	silent map[string]bool
	beside map[string][]string
}

func (s street) HostsAt(id spate.PortID) []spate.Host {
	return []spate.Host{{MAC: spate.MAC{2, 0, 0, 0, 0, 1}, Name: "web-" + id.Name}}
}
func (s street) Role(spate.PortID) spate.Role              { return spate.RoleAccess }
func (s street) Neighbour(spate.PortID) (spate.Link, bool) { return spate.Link{}, false }
func (s street) Answers(device string) bool                { return !s.silent[device] }
func (s street) Beside(device string) []string             { return s.beside[device] }

type office struct {
	desk *incident.Desk
	book *book
	told []*spate.Incident
	at   time.Time
	net  street
}

func newOffice() *office {
	o := &office{book: &book{records: map[string]incident.Record{}}, at: time.Date(2026, 3, 3, 14, 2, 10, 0, time.UTC), net: street{silent: map[string]bool{}}}
	o.desk = incident.New(incident.Config{PagePercent: 20, CloseAfter: 15 * time.Minute, Zone: time.UTC}, o.book, func(in *spate.Incident) { o.told = append(o.told, in) }, slog.New(slog.DiscardHandler))
	return o
}

// flood is a finding of 900 Mb/s from a port of sw-1.
func (o *office) flood(port string, confidence float64) spate.Finding {
	p := &spate.Port{ID: spate.PortID{Device: "sw-1", Name: port}, IfIndex: 7, Speed: 1e9}
	return spate.Finding{
		Kind: spate.KindFlood, Bits: true, Onset: o.at.Add(-10 * time.Second), At: o.at,
		Origins: []spate.Suspect{{Port: p, Confidence: confidence, OverBps: 880e6, OverPps: 110e3, RateBps: 912e6, RatePps: 120e3, UsualBps: 24e6, UsualPps: 3e3, FloorBps: 20e6, FloorPps: 30e3, Factor: 38, Onset: o.at.Add(-10 * time.Second)}},
		Path:    []spate.Hop{{Device: "sw-1", Port: port, Direction: "in"}, {Device: "sw-1", Port: "Te1", Direction: "out"}, {Device: "bdr", Port: "xe-0", Direction: "in"}, {Device: "bdr", Port: "xe-1", Direction: "out"}},
		Victims: []spate.PortID{{Device: "bdr", Name: "xe-1"}},
		Impact:  spate.Impact{PortShare: 0.9, UplinkShare: 0.09, OneWay: true},
	}
}

// look gives the desk what is found ten seconds later.
func (o *office) look(found ...spate.Finding) {
	o.at = o.at.Add(10 * time.Second)
	for i := range found {
		found[i].At = o.at
	}
	o.desk.Floods(o.at, found, o.net)
}

func TestAFloodIsToldOnceInASentence(t *testing.T) {
	o := newOffice()
	f := o.flood("Gi1/0/7", 0.97)
	o.look(f)
	if len(o.told) != 0 {
		t.Fatalf("one poll is told: %s", o.told[0].Summary)
	}
	o.look(f)
	if len(o.told) != 1 {
		t.Fatalf("%d tellings after two polls", len(o.told))
	}
	in := o.told[0]
	for _, want := range []string{"web-Gi1/0/7 on sw-1 Gi1/0/7 is sending 912 Mb/s", "38x its usual 24 Mb/s for Tue 14:00", "since 14:02:00", "leaves by bdr xe-1"} {
		if !strings.Contains(in.Summary, want) {
			t.Errorf("%q is not in: %s", want, in.Summary)
		}
	}
	if in.Severity != spate.Critical || in.State != spate.IncidentOpen || strings.Contains(in.Summary, "ikely") {
		t.Errorf("%s %s: %s", in.Severity, in.State, in.Summary)
	}
	for range 60 {
		o.look(f)
	}
	if len(o.told) != 1 || len(o.book.records) != 1 {
		t.Errorf("ten minutes of the same are %d tellings and %d records", len(o.told), len(o.book.records))
	}
	for range 6 * 16 {
		o.look()
	}
	last := o.told[len(o.told)-1]
	if last.State != spate.IncidentClosed || last.EndedAt == nil || last.ID != in.ID {
		t.Errorf("sixteen minutes later: %+v", last)
	}
	if o.look(f); len(o.desk.Open()) != 0 {
		t.Error("one poll after the end opens it again")
	}
}

// The last window of a flood holds a part of it; what is kept is what it was.
func TestTheRecordIsOfTheHeight(t *testing.T) {
	o := newOffice()
	f := o.flood("Gi1/0/7", 1)
	for range 6 {
		o.look(f)
	}
	last := o.flood("Gi1/0/7", 1)
	last.Onset = f.Onset
	last.Origins[0].RateBps, last.Origins[0].OverBps, last.Origins[0].Factor = 222e6, 198e6, 5
	o.look(last)
	if in := o.desk.Open()[0]; in.RateBps != 222e6 {
		t.Errorf("while it goes on the rate is %v, want that of now", in.RateBps)
	}
	for range 12 {
		o.look()
	}
	in := o.desk.Open()[0]
	if in.EndedAt == nil || in.RateBps != 912e6 || in.Factor != 38 || !strings.Contains(in.Summary, "912 Mb/s") || in.Origin.RateBps != 912e6 {
		t.Errorf("after the end: %v, factor %v, origin %v: %s", in.RateBps, in.Factor, in.Origin.RateBps, in.Summary)
	}

	o = newOffice() // one that goes on for long at a lower rate has this rate
	for range 6 {
		o.look(f)
	}
	for range 20 {
		o.look(last)
	}
	for range 12 {
		o.look()
	}
	if in := o.desk.Open()[0]; in.RateBps != 222e6 {
		t.Errorf("it sank to 222 Mb/s for minutes, and the record has %v", in.RateBps)
	}
}

// While a flood ends, what is left of it proves less: who did it stays on the wall until
// another does more, or the lower rate has settled.
func TestWhoDidItStaysWhileTheRateFalls(t *testing.T) {
	o := newOffice()
	users := spate.List[spate.UserShare]{{UID: 1042, User: "shop2", Host: "web-Gi1/0/7", Share: 0.98, TxBps: 880e6}, {UID: 1043, User: "shop3", Host: "web-Gi1/0/7", Share: 0.01, TxBps: 9e6}}
	o.desk.Ask(func(*spate.Origin) spate.Senders { return spate.Senders{Users: users} })
	f := o.flood("Gi1/0/7", 0.97)
	for range 6 {
		o.look(f)
	}
	last := o.flood("Gi1/0/7", 0.5)
	last.Onset = f.Onset
	last.Origins[0].RateBps, last.Origins[0].OverBps = 222e6, 198e6
	users = spate.List[spate.UserShare]{{UID: 1043, User: "shop3", Host: "web-Gi1/0/7", Share: 0.05, TxBps: 9e6}, {UID: 1042, User: "shop2", Host: "web-Gi1/0/7", Share: 0.02, TxBps: 2e6}}
	for range 6 {
		o.look(last)
		in := o.desk.Open()[0]
		if in.Origin.Confidence != 0.97 || strings.Contains(in.Summary, "ikely") || !strings.Contains(in.Summary, "user shop2 98 %") {
			t.Fatalf("%v sure: %s", in.Origin.Confidence, in.Summary)
		}
		if u := in.Users[0]; u.User != "shop2" || u.TxBps != 2e6 || in.RateBps != 222e6 {
			t.Fatalf("of %v, %+v: rates are those of now", in.RateBps, u)
		}
	}
	users = spate.List[spate.UserShare]{{UID: 1043, User: "shop3", Host: "web-Gi1/0/7", Share: 0.9, TxBps: 180e6}}
	o.look(last)
	if in := o.desk.Open()[0]; !strings.Contains(in.Summary, "user shop3 90 %") {
		t.Errorf("another explains what goes on: %s", in.Summary)
	}
	users = spate.List[spate.UserShare]{{UID: 1043, User: "shop3", Host: "web-Gi1/0/7", Share: 0.1, TxBps: 18e6}}
	for range 10 {
		o.look(last)
	}
	if in := o.desk.Open()[0]; in.Origin.Confidence != 0.5 || !strings.HasPrefix(in.Summary, "Likely") || strings.Contains(in.Summary, "user shop") {
		t.Errorf("of what goes on at a lower rate, %v sure: %s", in.Origin.Confidence, in.Summary)
	}
}

func TestBelowSevenTenthsItIsLikelyAndOnePollLater(t *testing.T) {
	o := newOffice()
	f := o.flood("Gi1/0/7", 0.5)
	f.RunnerUp = []spate.Suspect{{Port: &spate.Port{ID: spate.PortID{Device: "sw-2", Name: "Gi1/0/9"}}, Confidence: 0.3}}
	o.look(f)
	o.look(f)
	if len(o.told) != 0 {
		t.Fatal("two polls are enough for a doubtful origin")
	}
	o.look(f)
	if len(o.told) != 1 || !strings.HasPrefix(o.told[0].Summary, "Likely ") || !strings.Contains(o.told[0].Summary, "else sw-2 Gi1/0/9") {
		t.Errorf("told: %+v", o.told)
	}
}

func TestMarksTransfersAndCrowdsWakeNobody(t *testing.T) {
	for what, im := range map[string]spate.Impact{
		"a mark":                      {PortShare: 0.03},
		"a transfer":                  {PortShare: 0.9, UplinkShare: 0.3, TwoWay: true},
		"a transfer on a full uplink": {PortShare: 0.9, UplinkShare: 0.05, UplinkFull: 0.9, TwoWay: true},
	} {
		o := newOffice()
		f := o.flood("Gi1/0/7", 0.97)
		f.Impact = im
		for range 10 {
			o.look(f)
		}
		for _, r := range o.book.records {
			if r.Paged || r.Incident.Severity != spate.Info {
				t.Errorf("%s is worth %s", what, r.Incident.Severity)
			}
		}
	}
}

func TestOneFloodIsOneIncidentThoughTheNameWavers(t *testing.T) {
	o := newOffice()
	a, b := o.flood("Gi1/0/7", 0.9), o.flood("Gi1/0/9", 0.85)
	o.look(a)
	o.look(a)
	for range 20 {
		o.look(a, b) // both, in one look
	}
	for range 3 {
		o.look(b)
		o.look(a)
		o.look(a)
	}
	if len(o.book.records) != 1 {
		t.Fatalf("%d incidents", len(o.book.records))
	}
	in := o.desk.Open()[0]
	if in.Origin.Port != "Gi1/0/7" {
		t.Errorf("the origin is %s, though it was named most", in.Origin.Port)
	}
	changes := 0
	for _, m := range in.Timeline {
		if strings.HasPrefix(m.Text, "the origin is now") {
			changes++
		}
	}
	if changes > 0 {
		t.Errorf("the name has changed %d times", changes)
	}
	if !slices.ContainsFunc(in.Origins, func(x spate.Origin) bool { return x.Port == "Gi1/0/9" }) {
		t.Errorf("the second port that sends is not among the origins: %+v", in.Origins)
	}
}

func TestAnOriginThatDoesNotAnswerIsNotOver(t *testing.T) {
	o := newOffice()
	f := o.flood("Gi1/0/7", 0.97)
	o.look(f)
	o.look(f)
	o.net.silent["sw-1"] = true
	for range 6 * 60 {
		o.look()
	}
	if open := o.desk.Open(); len(open) != 1 || open[0].EndedAt != nil {
		t.Fatalf("an hour of silence has ended it: %+v", open)
	}
	o.net.silent["sw-1"] = false
	for range 6 * 16 {
		o.look()
	}
	if len(o.desk.Open()) != 0 {
		t.Error("it answers, is calm, and the incident is open")
	}
}

func TestWhatCannotBeWrittenIsToldAndWrittenLater(t *testing.T) {
	o := newOffice()
	o.book.broken = true
	f := o.flood("Gi1/0/7", 0.97)
	o.look(f)
	o.look(f)
	if len(o.told) != 1 {
		t.Fatal("a full disk keeps a flood from being told")
	}
	o.book.broken = false
	o.look(f)
	if len(o.book.records) != 1 {
		t.Error("it is not written once the disk has room")
	}
}

func TestPeopleAcknowledgeAndJudge(t *testing.T) {
	o := newOffice()
	f := o.flood("Gi1/0/7", 0.97)
	o.look(f)
	o.look(f)
	id := o.told[0].ID
	if _, err := o.desk.Ack(o.at, "nothing", "me", ""); !errors.Is(err, incident.ErrUnknown) {
		t.Errorf("an unknown incident is acknowledged: %v", err)
	}
	in, err := o.desk.Ack(o.at, id, "night shift", "on it")
	if err != nil || in.AcknowledgedBy == nil || *in.AcknowledgedBy != "night shift" {
		t.Fatalf("%+v, %v", in, err)
	}
	for range 6 * 16 {
		o.look()
	}
	in, ports, err := o.desk.Judge(o.at, id, "attack", "day shift")
	if err != nil || in.Verdict == nil || in.State != spate.IncidentClosed {
		t.Fatalf("a closed incident is not judged: %+v, %v", in, err)
	}
	if !slices.Contains(ports, spate.PortID{Device: "sw-1", Name: "Gi1/0/7"}) {
		t.Errorf("the origin is not among the ports to be told: %v", ports)
	}
}

func TestDevicesBehindADeadOneAreOneIncident(t *testing.T) {
	o := newOffice()
	o.net.beside = map[string][]string{"dist": {"core", "acc-1", "acc-2"}, "acc-1": {"dist"}, "acc-2": {"dist"}, "core": {"dist"}}
	fault := func(device string) spate.Fault {
		return spate.Fault{Kind: spate.KindDeviceDown, Port: spate.PortID{Device: device}, Since: o.at, Severity: spate.Warning, Text: "does not answer"}
	}
	o.desk.Faults(o.at, []spate.Fault{fault("acc-1"), fault("acc-2"), fault("dist")}, o.net, 40)
	open := o.desk.Open()
	if len(open) != 1 || open[0].Origin.Device != "dist" || !strings.Contains(open[0].Summary, "2 devices behind it do not answer either") {
		t.Fatalf("open are %+v", open)
	}
	for i := range 30 {
		o.desk.Faults(o.at.Add(time.Duration(i)*time.Second), []spate.Fault{fault("acc-1"), fault("acc-2"), fault("dist")}, o.net, 40)
	}
	if len(o.told) != 1 {
		t.Errorf("told %d times", len(o.told))
	}
	o.desk.Faults(o.at.Add(time.Minute), nil, o.net, 40)
	if len(o.desk.Open()) != 0 {
		t.Error("all answer, and it is open")
	}
}

// Servers that push are no devices with links: they are beside the switch they stand at,
// and are told later than it.
func TestServersBehindADarkSwitchAreTheSwitch(t *testing.T) {
	o := newOffice()
	o.net.beside = map[string][]string{"dist": {"acc-1"}, "acc-1": {"dist"}, "web-1": {"acc-1"}, "web-2": {"acc-1"}, "web-9": {"acc-9"}}
	fault := func(device, text string) spate.Fault {
		return spate.Fault{Kind: spate.KindDeviceDown, Port: spate.PortID{Device: device}, Since: o.at, Severity: spate.Warning, Text: text}
	}
	first := []spate.Fault{fault("acc-1", "does not answer")}
	o.desk.Faults(o.at, first, o.net, 40)
	later := append(first, fault("web-1", "sends no readings"), fault("web-2", "sends no readings"), fault("web-9", "sends no readings"))
	o.desk.Faults(o.at.Add(time.Minute), later, o.net, 40)
	open := o.desk.Open()
	if len(open) != 2 {
		t.Fatalf("open are %+v", open)
	}
	for _, in := range open {
		want := "acc-1 does not answer, since 14:02:10; 2 devices behind it do not answer either"
		if in.Origin.Device != "acc-1" {
			want = "web-9 sends no readings, since 14:02:10"
		}
		if in.Summary != want {
			t.Errorf("%q, want %q", in.Summary, want)
		}
	}
}

func TestAnIDIsTheSecondAndNeverTwice(t *testing.T) {
	o := newOffice()
	a, b := o.flood("Gi1/0/7", 0.97), o.flood("Gi1/0/9", 0.97)
	b.Path, b.Victims, b.Origins[0].Port.ID.Device = nil, nil, "sw-9"
	b.Onset = b.Onset.Add(-time.Minute)
	o.look(a, b)
	o.look(a, b)
	if len(o.told) != 2 || o.told[0].ID == o.told[1].ID || o.told[0].ID != o.at.Format("20060102-150405") {
		t.Errorf("told %+v", o.told)
	}
	if math.IsNaN(float64(o.told[0].RateBps)) {
		t.Error("a rate that is known is told as unknown")
	}
}

func TestAStormBesideAFloodIsAnother(t *testing.T) {
	o := newOffice()
	a, b := o.flood("Gi1/0/7", 0.97), o.flood("Gi1/0/9", 0.97)
	b.Kind, b.Impact = spate.KindBroadcastStorm, spate.Impact{Replicated: 19, Broadcast: true, PortShare: 0.3}
	o.look(a)
	for range 5 {
		o.look(b, a)
	}
	if len(o.desk.Open()) != 2 {
		t.Errorf("%d incidents, want the flood and the storm", len(o.desk.Open()))
	}
}

func TestMachinesThatBeginTogetherAreOneFlood(t *testing.T) {
	o := newOffice()
	a, b := o.flood("Gi1/0/7", 0.97), o.flood("Gi1/0/9", 0.95)
	b.Path, b.Victims, b.Origins[0].Port.ID.Device = nil, nil, "sw-9"
	for range 5 {
		o.look(a, b)
	}
	if len(o.book.records) != 1 || len(o.desk.Open()[0].Origins) != 2 {
		t.Fatalf("%d incidents, the first with %d origins: want one with two", len(o.book.records), len(o.desk.Open()[0].Origins))
	}
}

func TestTheEchoOfAStormIsNoFlood(t *testing.T) {
	o := newOffice()
	storm := o.flood("Gi1/0/7", 0.97)
	storm.Kind, storm.Seeds = spate.KindBroadcastStorm, []spate.PortID{{Device: "sw-1", Name: "Gi1/0/20"}, {Device: "sw-1", Name: "Gi1/0/21"}}
	o.look(storm)
	o.look(storm)
	echo := o.flood("Gi1/0/40", 0.9)
	echo.Path, echo.Victims, echo.Seeds, echo.Onset = nil, nil, storm.Seeds, o.at
	for range 5 {
		o.look(echo)
	}
	if len(o.book.records) != 1 {
		t.Errorf("%d incidents: a port without a mark is blamed for the marks of a storm", len(o.book.records))
	}
	echo.Seeds = append(slices.Clone(storm.Seeds), echo.Origins[0].Port.ID)
	for range 5 {
		o.look(echo)
	}
	if len(o.book.records) != 2 {
		t.Error("a port with a mark of its own is taken for an echo")
	}
}
