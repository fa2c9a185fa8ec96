package detect_test

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"spate"
	"spate/detect"
)

var gig = &spate.Port{ID: spate.PortID{Device: "sw-1", Name: "Gi1/0/1"}, IfIndex: 1, Speed: 1e9, SpeedSource: spate.SpeedFromIfHighSpeed, Oper: spate.StatusUp, Admin: spate.StatusUp}

// round is one poll of one port: bits and packets per second in, half of it out.
func round(at time.Time, interval time.Duration, bps, pps float64) *spate.Round {
	rd := spate.Reading{Port: gig, Rate: spate.Rate{At: at, Over: interval}}
	for m := range rd.Rate.Values {
		rd.Rate.Values[m] = 0
	}
	rd.Rate.Values[spate.InBps], rd.Rate.Values[spate.OutBps] = bps, bps/2
	rd.Rate.Values[spate.InPps], rd.Rate.Values[spate.OutPps] = pps, pps/2
	return &spate.Round{Device: spate.Device{Name: "sw-1"}, At: at, Interval: interval, Readings: []spate.Reading{rd}}
}

// week lets a port carry 20 to 40 Mb/s for some days, every five minutes.
func week(w *detect.Watch, from time.Time, days int) time.Time {
	for i := range days * 288 {
		from = from.Add(5 * time.Minute)
		bps := 30e6 + 10e6*math.Sin(float64(i)/40)
		w.Judge(round(from, 5*time.Minute, bps, bps/8/800))
	}
	return from
}

func newWatch() (*detect.Watch, time.Time) {
	w := detect.New(detect.Config{FloorPercent: 2, Zone: time.UTC})
	return w, week(w, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 9)
}

func TestAPortIsMarkedInTheOperatorsUnits(t *testing.T) {
	w, at := newWatch()
	at = at.Add(5 * time.Minute)
	e := w.Judge(round(at, 5*time.Minute, 900e6, 120e3))[0]
	if !e.Marked[spate.InBps] || e.Mark == nil {
		t.Fatalf("900 Mb/s on a port of 30 are not marked: %+v", e)
	}
	if f, of := e.Factor(); f < 20 || f > 50 || of != spate.InBps && of != spate.OutBps && of != spate.InPps && of != spate.OutPps {
		t.Errorf("factor %v of %v", f, of)
	}
	if !bytes.Contains([]byte(e.Mark.Text), []byte("900 Mb/s in")) && !bytes.Contains([]byte(e.Mark.Text), []byte("450 Mb/s out")) {
		t.Errorf("the mark says %q", e.Mark.Text)
	}
	if since := e.Mark.Since; since.After(at) || at.Sub(since) > 6*time.Minute {
		t.Errorf("the mark is since %v at %v", since, at)
	}
}

func TestWhatIsNotKnownIsNotSilence(t *testing.T) {
	w, at := newWatch()
	r := round(at.Add(5*time.Minute), 5*time.Minute, 0, 0)
	r.Err, r.Readings = errors.New("no answer"), nil
	if got := w.Judge(r); got != nil {
		t.Errorf("a round without an answer gives %+v", got)
	}
	r = round(at.Add(10*time.Minute), 5*time.Minute, 0, 0)
	r.Readings[0].Gap = spate.GapRestart
	if e := w.Judge(r)[0]; e.AnyMark() || e.Mark != nil || !math.IsNaN(e.Rate[spate.InBps]) {
		t.Errorf("a gap is judged: %+v", e)
	}
	// A link that is up and carries nothing is marked after a quarter of an hour.
	var last spate.Excess
	for i := range 5 {
		last = w.Judge(round(at.Add(time.Duration(15+5*i)*time.Minute), 5*time.Minute, 0, 0))[0]
	}
	if last.Mark != nil {
		t.Errorf("a port of 30 Mb/s is under four floors and is not missed, but marked %q", last.Mark.Text)
	}
}

func TestSilenceOfABusyPortIsMarkedAndTheEndOfAJobIsNot(t *testing.T) {
	w := detect.New(detect.Config{FloorPercent: 2, Zone: time.UTC})
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	carry := func(at time.Time) float64 {
		if h, m := at.Hour(), at.Minute(); h >= 8 && h < 20 || h == 2 && m < 30 {
			return 400e6
		}
		return 1e6
	}
	for range 9 * 288 {
		at = at.Add(5 * time.Minute)
		e := w.Judge(round(at, 5*time.Minute, carry(at), 40e3))[0]
		if at.Day() > 9 && e.Mark != nil {
			t.Fatalf("%v: an ordinary day is marked %q", at, e.Mark.Text)
		}
	}
	at = time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC)
	var last spate.Excess
	for range 5 {
		at = at.Add(5 * time.Minute)
		last = w.Judge(round(at, 5*time.Minute, 0, 0))[0]
	}
	if last.Mark == nil || !bytes.Contains([]byte(last.Mark.Text), []byte("silent")) {
		t.Errorf("a busy port is silent at noon and the mark is %+v", last.Mark)
	}
}

func TestSmallAndUnansweredPacketsAreMarkedWithinTheRecord(t *testing.T) {
	w, at := newWatch()
	// The record holds 900 Mb/s of a nightly job, 75 kp/s of large frames, answered.
	for range 12 {
		at = at.Add(5 * time.Minute)
		w.Judge(round(at, 5*time.Minute, 900e6, 75e3))
	}
	at = week(w, at, 2)
	small := w.Judge(round(at.Add(5*time.Minute), 5*time.Minute, 60e6, 110e3))[0]
	if !small.Marked[spate.InPps] || small.Mark == nil {
		t.Errorf("110 kp/s of 68 octets are not marked: %+v", small.Marked)
	}
}

func TestBurstWindowsTeachOnlyTogether(t *testing.T) {
	w, at := newWatch()
	var before, after bytes.Buffer
	if err := w.Save(&before); err != nil {
		t.Fatal(err)
	}
	for i := range 200 { // of one second each: less than 4/5 of an interval
		r := round(at.Add(time.Duration(i+1)*time.Second), 5*time.Minute, 30e6, 5e3)
		r.Burst = true
		r.Readings[0].Rate.Over = time.Second
		if e := w.Judge(r)[0]; math.IsNaN(e.Usual[spate.InBps]) || e.Marked[spate.InBps] {
			t.Fatalf("a second like all others is %+v", e)
		}
	}
	if err := w.Save(&after); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before.Bytes(), after.Bytes()) {
		t.Error("short windows have taught something before they made a usual one")
	}
}

func TestFrozenPortsLearnNothingAndAcceptedOnesDo(t *testing.T) {
	w, at := newWatch()
	ids := []spate.PortID{gig.ID}
	w.Freeze(ids)
	for range 48 {
		at = at.Add(5 * time.Minute)
		w.Judge(round(at, 5*time.Minute, 600e6, 80e3))
		w.Page(ids)
	}
	w.Freeze(nil)
	at = week(w, at, 3)
	at = at.Add(5 * time.Minute)
	if e := w.Judge(round(at, 5*time.Minute, 600e6, 80e3))[0]; !e.Marked[spate.InBps] {
		t.Error("what was paged is usual three days later, and nobody has said so")
	}
	w.Accept(ids)
	at = week(w, at, 1)
	if e := w.Judge(round(at.Add(5*time.Minute), 5*time.Minute, 600e6, 80e3))[0]; e.Marked[spate.InBps] {
		t.Error("what was called expected is marked again a day later")
	}
}

func TestDaylightSavingTeachesNoFalseAlarm(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here: ", err)
	}
	w := detect.New(detect.Config{FloorPercent: 2, Zone: zone})
	at := time.Date(2026, 3, 9, 0, 0, 0, 0, zone)
	for at.Before(time.Date(2026, 4, 6, 0, 0, 0, 0, zone)) { // the clocks change on 29 March
		at = at.Add(5 * time.Minute)
		bps := 5e6
		if h := at.In(zone).Hour(); h >= 8 && h < 18 {
			bps = 300e6
		}
		e := w.Judge(round(at, 5*time.Minute, bps, bps/8/800))[0]
		if e.AnyMark() && at.After(time.Date(2026, 3, 17, 0, 0, 0, 0, zone)) {
			t.Fatalf("%v: %q", at.In(zone), e.Mark.Text)
		}
	}
}

func TestASnapshotIsWholeOrRefused(t *testing.T) {
	w, at := newWatch()
	var file bytes.Buffer
	if err := w.Save(&file); err != nil {
		t.Fatal(err)
	}
	again := detect.New(detect.Config{FloorPercent: 2, Zone: time.UTC})
	if err := again.Load(bytes.NewReader(file.Bytes())); err != nil {
		t.Fatal(err)
	}
	r := func() *spate.Round { return round(at.Add(5*time.Minute), 5*time.Minute, 500e6, 70e3) }
	a, b := w.Judge(r())[0], again.Judge(r())[0]
	if a.Usual != b.Usual || a.Marked != b.Marked || !a.Marked[spate.InBps] {
		t.Errorf("before %+v, after %+v", a, b)
	}
	for _, cut := range []int{0, 5, file.Len() / 2, file.Len() - 1} {
		if err := detect.New(detect.Config{}).Load(bytes.NewReader(file.Bytes()[:cut])); !errors.Is(err, detect.ErrSnapshot) {
			t.Errorf("the first %d octets are read: %v", cut, err)
		}
	}
	bad := bytes.Clone(file.Bytes())
	bad[len(bad)/2] ^= 0x40
	if err := detect.New(detect.Config{}).Load(bytes.NewReader(bad)); !errors.Is(err, detect.ErrSnapshot) {
		t.Errorf("a flipped bit is read: %v", err)
	}
}

func FuzzSnapshot(f *testing.F) {
	w := detect.New(detect.Config{FloorPercent: 2, Zone: time.UTC})
	week(w, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 1)
	var file bytes.Buffer
	if err := w.Save(&file); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add([]byte("spate baseline 2\n\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := detect.New(detect.Config{FloorPercent: 2, Zone: time.UTC})
		if err := w.Load(bytes.NewReader(b)); err != nil && !errors.Is(err, detect.ErrSnapshot) {
			t.Errorf("refused without its name: %v", err)
		}
		w.Judge(round(time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), time.Minute, 1e6, 1e3)) // whatever was read bears a round
	})
}

func TestAClockThatIsSetBackStopsNothing(t *testing.T) {
	for _, back := range []time.Duration{time.Hour, 40 * 24 * time.Hour} {
		w, at := newWatch()
		at = at.Add(-back)
		for range 6 {
			at = at.Add(5 * time.Minute)
			if e := w.Judge(round(at, 5*time.Minute, 30e6, 5e3))[0]; e.AnyMark() {
				t.Fatalf("%v back: an ordinary rate is marked %q", back, e.Mark.Text)
			}
		}
		if e := w.Judge(round(at.Add(5*time.Minute), 5*time.Minute, 900e6, 120e3))[0]; !e.Marked[spate.InBps] {
			t.Errorf("%v back: a flood is not marked", back)
		}
	}
}
