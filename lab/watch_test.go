package lab_test

import (
	"bytes"
	"log/slog"
	"slices"
	"testing"
	"time"

	"spate"
	"spate/detect"
	"spate/incident"
	"spate/lab/fabric"
	"spate/suspect"
	"spate/topology"
)

// kept are the incidents of a run.
type kept struct{ incident.Memory }

func nothingKept() kept { return kept{incident.Memory{}} }

// all are the records, oldest first.
func (k kept) all() []spate.IncidentRecord {
	var out []spate.IncidentRecord
	for _, r := range k.Memory {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b spate.IncidentRecord) int { return a.Incident.DetectedAt.Compare(b.Incident.DetectedAt) })
	return out
}

// around is the network as a desk asks for it.
type around struct {
	*topology.View
	suspects *suspect.Network
}

func (a around) Answers(device string) bool { return a.suspects.Answers(device) }

// watchman is Spate without a poller, a store and pages: rounds go in, incidents
// come out.
type watchman struct {
	base     *detect.Watch
	suspects *suspect.Network
	desk     *incident.Desk
	view     *topology.View
	records  kept
	marked   bool
	looked   time.Time
	frozen   bool
	marks    int // port-rounds
	told     []*spate.Incident
}

func newWatchman(base *detect.Watch, view *topology.View, records kept) *watchman {
	w := &watchman{base: base, suspects: suspect.NewNetwork(), view: view, records: records}
	w.desk = incident.New(incident.Config{PagePercent: 20, CloseAfter: 15 * time.Minute, Zone: time.UTC}, records, func(in *spate.Incident) { w.told = append(w.told, in) }, slog.New(slog.DiscardHandler))
	return w
}

// accept takes a round, and looks about the network every ten seconds.
func (w *watchman) accept(r *spate.Round) {
	excesses := w.base.Judge(r)
	for i := range excesses {
		if excesses[i].AnyMark() {
			w.marked = true
			w.marks++
		}
	}
	w.suspects.Accept(r.Device.Name, r.At, excesses, r.Err)
	if r.At.Sub(w.looked) < 10*time.Second {
		return
	}
	w.looked = r.At
	var found []spate.Finding
	if w.marked || w.frozen {
		found = w.suspects.Findings(w.view)
	}
	w.marked = false
	w.desk.Floods(r.At, found, around{w.view, w.suspects})
	all, paged := w.desk.Touched()
	if len(all) > 0 || w.frozen {
		w.base.Freeze(all)
		w.base.Page(paged)
	}
	w.frozen = len(all) > 0
}

// pages are the incidents that would have woken somebody.
func (w *watchman) pages() []*spate.Incident {
	var out []*spate.Incident
	for _, r := range w.records.all() {
		if r.Paged {
			out = append(out, r.Incident)
		}
	}
	return out
}

// again is the baseline as a restart finds it.
func again(t *testing.T, base *detect.Watch) *detect.Watch {
	t.Helper()
	var file bytes.Buffer
	if err := base.Save(&file); err != nil {
		t.Fatal(err)
	}
	out := detect.New(detect.Config{FloorPercent: 2, Zone: time.UTC})
	if err := out.Load(&file); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestQuietHoursWakeNobody lets a network live for eight hours with all that may be
// taken for a flood: nightly jobs, planned backups, crowds of visitors, restarts,
// renumbered ports and flapping links.
func TestQuietHoursWakeNobody(t *testing.T) {
	w := watchOver(flooded(), 77)
	n, dice := w.net, w.dice
	watch := newWatchman(w.base, w.view, nothingKept())
	n.Run(n.Now().Truncate(24*time.Hour).Add(22*time.Hour), rest, watch.accept) // the nightly jobs are among the eight hours
	if pages := watch.pages(); len(pages) > 0 {
		t.Errorf("before: %s", pages[0].Summary)
	}
	from := n.Now()
	var edge []*fabric.Port
	for _, h := range n.Hosts {
		if len(h.Port.Hosts) == 1 && h.Port.Device.Polled {
			edge = append(edge, h.Port)
		}
	}
	interval := 10 * time.Second
	if floodTrials == 1 {
		interval = time.Minute
	}
	var down *fabric.Port
	for minute := range 8 * 60 {
		if down != nil && minute%2 == 0 {
			down.Link(true)
			down = nil
		}
		switch minute % 48 {
		case 5:
			f := n.Draw(fabric.BackupJob, n.Now().Add(time.Second), dice)
			f.End = f.Start.Add(20 * time.Minute)
			n.Add(f)
		case 12:
			f := n.Draw(fabric.FlashCrowd, n.Now().Add(time.Second), dice)
			f.End, f.Ramp = f.Start.Add(25*time.Minute), 3*time.Minute
			n.Add(f)
		case 20:
			n.Devices[dice.IntN(len(n.Devices))].Restart(n.Now())
		case 28:
			n.Devices[dice.IntN(len(n.Devices))].Renumber(1000)
		case 33, 35, 37, 39:
			down = edge[dice.IntN(len(edge))]
			down.Link(false)
		}
		n.Run(n.Now().Add(time.Minute), interval, watch.accept)
	}
	for _, in := range watch.pages() {
		t.Errorf("%s would have woken somebody: %s %+v", in.StartedAt, in.Summary, in.Evidence)
	}
	infos := 0
	for _, r := range watch.records.all() {
		if !r.Paged {
			infos++
			t.Logf("noted: %s", r.Incident.Summary)
		}
	}
	t.Logf("%s to %s: %d port-rounds marked, %d incidents for the record, %d pages", from.Format("15:04"), n.Now().Format("15:04"), watch.marks, infos, len(watch.pages()))
}

// oneFlood runs a flood of a host to the outside and gives what came of it.
func oneFlood(w *watched, h *fabric.Host, lasts time.Duration) *fabric.Flood {
	return w.net.Add(fabric.Flood{Kind: fabric.ToOutside, Start: w.net.Now().Add(7 * time.Second), End: w.net.Now().Add(lasts), Bps: 500e6, Hosts: []*fabric.Host{h}})
}

func quietHost(n *fabric.Net) *fabric.Host {
	for _, h := range n.Hosts {
		if len(h.Port.Hosts) == 1 && h.Port.Device.Polled && !h.Busy {
			return h
		}
	}
	panic("no host is alone on its port")
}

// TestAFloodIsOneIncidentAcrossARestart ends the process in mid-flood and starts
// another from what was written.
func TestAFloodIsOneIncidentAcrossARestart(t *testing.T) {
	w := watchOver(fabric.Small5(3), 3)
	h := quietHost(w.net)
	records := nothingKept()
	first := newWatchman(w.base, w.view, records)
	w.run(20*time.Minute, 10*time.Second, first.accept)
	oneFlood(w, h, time.Hour)
	w.run(10*time.Minute, 10*time.Second, first.accept)
	if len(records.Memory) != 1 {
		t.Fatalf("%d incidents, want 1: %+v", len(records.Memory), records.all())
	}
	before := records.all()[0]
	if o := before.Incident.Origin; o == nil || o.ID() != h.Port.ID() || !before.Paged {
		t.Fatalf("the origin is %v, want %v", o, h.Port.ID())
	}

	w.run(2*time.Minute, 10*time.Second, func(*spate.Round) {}) // nobody looks
	second := newWatchman(again(t, w.base), w.view, records)
	second.desk.Restore(records.all())
	second.desk.Revive(w.net.Now())
	w.run(10*time.Minute, 10*time.Second, second.accept)
	if after := records.all(); len(after) != 1 || after[0].Incident.State != spate.IncidentOpen || after[0].Incident.ID != before.Incident.ID {
		t.Fatalf("after the restart there are %d incidents, the first %+v", len(after), after[0].Incident)
	}
	for _, in := range second.told {
		if in.ID != before.Incident.ID {
			t.Errorf("told again as %s", in.ID)
		}
	}
	w.run(90*time.Minute, 10*time.Second, second.accept)
	if after := records.all(); len(after) != 1 || after[0].Incident.State != spate.IncidentClosed || after[0].Incident.EndedAt == nil {
		t.Errorf("after its end: %d incidents, the first %s", len(after), after[0].Incident.State)
	}

	oneFlood(w, h, 10*time.Minute) // nothing of it was learned
	w.run(8*time.Minute, 10*time.Second, second.accept)
	if n := len(records.Memory); n != 2 {
		t.Errorf("the same flood again made %d incidents, want a second one", n)
	}
}

// TestWhatLastedThirtyHoursPagesAgainNextWeek: age alone teaches nothing.
func TestWhatLastedThirtyHoursPagesAgainNextWeek(t *testing.T) {
	w := watchOver(fabric.Small5(4), 4)
	h := quietHost(w.net)
	watch := newWatchman(w.base, w.view, nothingKept())
	oneFlood(w, h, 30*time.Hour)
	w.run(30*time.Hour, time.Minute, watch.accept)
	records := watch.records.all()
	if len(records) != 1 || records[0].Incident.State != spate.IncidentOpen {
		t.Fatalf("after 30 hours there are %d incidents, want 1 that is open", len(records))
	}
	if !slices.ContainsFunc(records[0].Incident.Timeline, func(m spate.Moment) bool { return bytes.Contains([]byte(m.Text), []byte("verdict")) }) {
		t.Error("nobody was asked for a verdict after a day")
	}
	w.run(7*24*time.Hour-30*time.Hour, time.Minute, watch.accept)
	oneFlood(w, h, time.Hour)
	w.run(10*time.Minute, time.Minute, watch.accept)
	if pages := watch.pages(); len(pages) != 2 {
		t.Errorf("a week later there are %d pages, want a second one", len(pages))
	}

	// What is called expected is learned.
	w.run(2*time.Hour, time.Minute, watch.accept)
	last := watch.records.all()[1]
	in, ports, err := watch.desk.Judge(w.net.Now(), last.Incident.ID, "expected", "test")
	if err != nil {
		t.Fatal(err)
	}
	w.base.Accept(ports)
	if in.Verdict == nil || in.Verdict.Verdict != "expected" {
		t.Errorf("verdict %+v", in.Verdict)
	}
	w.run(2*time.Hour, time.Minute, watch.accept)
	oneFlood(w, h, 20*time.Minute)
	w.run(30*time.Minute, time.Minute, watch.accept)
	if pages := watch.pages(); len(pages) != 2 {
		t.Errorf("what was called expected paged again: %s", pages[len(pages)-1].Summary)
	}
}
