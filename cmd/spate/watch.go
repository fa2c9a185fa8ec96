package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/cmd/spate/config"
	"spate/detect"
	"spate/incident"
	"spate/storage"
	"spate/suspect"
	"spate/topology"
	"spate/web"
)

const (
	lookEvery      = time.Second // at floods under way, and at what has become quiet
	lookPause      = 150 * time.Millisecond
	snapshotEvery  = 10 * time.Minute
	orientation    = 40 * time.Second // after a start, for few devices
	hurryFor       = 20 * time.Second // burst polling goes on so long after the last look that wanted it
	mostHurried    = 64               // devices
	incidentsKept  = 2 * 365 * 24 * time.Hour
	restoredClosed = 200
	silentTooLong  = 5 * time.Minute
)

// watch looks for floods: it takes rounds, and has marks, findings and incidents
// made of them.
type watch struct {
	baselines *detect.Watch
	faults    *detect.Faults
	suspects  *suspect.Network
	desk      *incident.Desk
	state     *storage.State
	network   *network
	trouble   *trouble
	hurry     func(until time.Time, devices ...string)
	resurvey  func(devices ...string)
	follow    func(open []*spate.Incident) // told of what is open, after each look
	beside    func(machine string, v *topology.View) []string
	shown     atomic.Pointer[func(*spate.Incident)] // to those who look at pages
	told      atomic.Pointer[func(*spate.Incident)] // to the notifier
	devices   atomic.Int64
	heard     atomic.Int64 // ns since 1970: the last round, answered or not
	path      string       // of the snapshot; empty: none is kept
	saving    sync.Mutex   // one snapshot at a time, and no new names in it
	log       *slog.Logger

	news    chan struct{}
	looks   *metrics.Histogram
	asked   map[string]bool // devices whose tables were asked for, in this flood
	frozen  int
	pruned  time.Time
	began   time.Time   // of the first look
	waiting atomic.Bool // a mark has been seen since the last look
}

func newWatch(cfg *config.Config, own *trouble, state *storage.State, net *network, set *metrics.Set, log *slog.Logger) (*watch, error) {
	w := &watch{
		baselines: detect.New(detect.Config{FloorPercent: cfg.Detect.FloorPercent, Zone: cfg.Server.Location}),
		faults:    detect.NewFaults(limits(cfg)), suspects: suspect.NewNetwork(), trouble: own, state: state, network: net, log: log,
		path: filepath.Join(cfg.Storage.Path, snapshotFile), news: make(chan struct{}, 1), asked: map[string]bool{},
		looks: set.NewHistogram("spate_origin_seconds"),
	}
	w.desk = incident.New(incident.Config{PagePercent: cfg.Detect.PagePercent, CloseAfter: cfg.Detect.CloseAfter, Zone: cfg.Server.Location}, state, w.tell, log)
	if err := w.restore(); err != nil {
		return nil, err
	}
	set.NewGauge("spate_incidents_open", func() float64 { return float64(len(w.desk.Open())) })
	return w, w.load()
}

// restore takes up the incidents of the last run.
func (w *watch) restore() error {
	var records []spate.IncidentRecord
	closed := 0
	now := time.Now()
	err := w.state.Incidents(time.Unix(0, 0), now.Add(time.Hour), "", func(r spate.IncidentRecord) bool {
		if r.Incident.State == spate.IncidentClosed {
			if closed++; closed > restoredClosed {
				return r.Incident.DetectedAt.After(now.Add(-31 * 24 * time.Hour))
			}
		}
		records = append(records, r)
		return true
	})
	if err != nil {
		return err
	}
	w.desk.Restore(records)
	w.desk.Revive(now)
	for _, r := range records {
		if r.Incident.State == spate.IncidentOpen && r.Incident.Kind != spate.KindOther {
			for _, id := range r.Ports {
				kind := r.Incident.Kind
				if id.Name == "" {
					kind = spate.KindDeviceDown
				}
				w.faults.Recall(kind, id, r.Incident.StartedAt)
			}
		}
	}
	return nil
}

// alive tells whether rounds come in, for the heartbeat.
func (w *watch) alive() error {
	if n := w.devices.Load(); n > 0 && time.Since(time.Unix(0, w.heard.Load())) > silentTooLong {
		return fmt.Errorf("no round of %d devices has come in for %v: is the poller stuck?", n, silentTooLong)
	}
	return nil
}

// Accept takes a round before anybody else: it fills in what the detector says of
// each port.
func (w *watch) Accept(_ context.Context, r *spate.Round) {
	w.heard.Store(time.Now().UnixNano())
	excesses, marked := w.judge(r)
	w.suspects.Accept(r.Device.Name, r.At, excesses, r.Err)
	if wrong := w.faults.Accept(r); marked || wrong {
		w.wake()
	}
}

// AcceptMachine takes the round of a machine that pushes. edge is its interfaces where no
// switch port is known for it, else nil: then it is an edge of the network by itself, and
// what it sends is what comes in there.
func (w *watch) AcceptMachine(r, edge *spate.Round) {
	w.heard.Store(time.Now().UnixNano())
	news := w.faults.AcceptMachine(r)
	if edge != nil {
		excesses, marked := w.judge(edge)
		turned := make([]spate.Excess, len(excesses))
		for i := range excesses {
			turned[i] = excesses[i].Turned()
		}
		w.suspects.Accept(r.Device.Name, r.At, turned, r.Err)
		news = news || marked
	}
	if news {
		w.wake()
	}
}

// judge has the readings say what the detector says of their ports.
func (w *watch) judge(r *spate.Round) (excesses []spate.Excess, marked bool) {
	excesses = w.baselines.Judge(r)
	for i, k := 0, 0; i < len(r.Readings) && k < len(excesses); i++ {
		if excesses[k].Port == r.Readings[i].Port {
			r.Readings[i].Excess = &excesses[k]
			marked = marked || excesses[k].AnyMark()
			k++
		}
	}
	return excesses, marked
}

// wake has run look now.
func (w *watch) wake() {
	w.waiting.Store(true)
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// run looks until ctx ends: at once when something is unusual, else every second.
func (w *watch) run(ctx context.Context) {
	every := time.NewTicker(lookEvery)
	snapshot := time.NewTicker(snapshotEvery)
	defer every.Stop()
	defer snapshot.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-snapshot.C:
			if err := w.save(); err != nil {
				w.log.Error("baselines are not written: a restart would set them back", "err", err)
			}
			continue
		case <-w.news:
		case <-every.C:
		}
		began := time.Now()
		w.look(began)
		took := time.Since(began)
		w.looks.Update(took.Seconds())
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(lookPause, 10*took)): // a tenth of a core at most
		}
	}
}

// look finds floods and faults as they are now.
func (w *watch) look(now time.Time) {
	around := surroundings{w.network.View(), w.suspects, w.beside}
	var found []spate.Finding
	if !w.oriented(now, around.View) {
		return // without links every port would look like the edge
	}
	if w.waiting.Swap(false) || w.frozen > 0 {
		found = w.suspects.Findings(around.View)
	}
	w.desk.Floods(now, found, around)
	w.desk.Faults(now, w.trouble.faults(w.faults.Active(now, around.Role)), around, int(w.devices.Load()))
	all, paged := w.desk.Touched()
	if len(all) > 0 || w.frozen > 0 {
		w.baselines.Freeze(all)
		w.baselines.Page(paged)
		w.rush(now, all)
	}
	w.frozen = len(all)
	if w.follow != nil {
		w.follow(w.desk.Open())
	}
	if now.Sub(w.pruned) > 24*time.Hour {
		w.pruned = now
		if err := w.state.PruneIncidents(now.Add(-incidentsKept)); err != nil {
			w.log.Error("old incidents are not forgotten", "err", err)
		}
	}
}

// oriented tells whether the links are known, or have had time enough to be.
func (w *watch) oriented(now time.Time, v *topology.View) bool {
	if w.began.IsZero() {
		w.began = now
	}
	patience := orientation + time.Duration(w.devices.Load())*300*time.Millisecond
	return v.Settled || now.Sub(w.began) > min(patience, 4*time.Minute)
}

// rush has the devices of floods under way read more often, and their tables read
// once at the beginning.
func (w *watch) rush(now time.Time, ports []spate.PortID) {
	names := map[string]bool{}
	for _, id := range ports {
		if len(names) < mostHurried {
			names[id.Device] = true
		}
	}
	var list, fresh []string
	for name := range names {
		list = append(list, name)
		if !w.asked[name] {
			fresh = append(fresh, name)
		}
	}
	w.asked = names
	if w.hurry != nil {
		w.hurry(now.Add(hurryFor), list...)
	}
	if w.resurvey != nil && len(fresh) > 0 {
		w.resurvey(fresh...)
	}
}

// surroundings is the network as the desk asks for it.
type surroundings struct {
	*topology.View
	suspects *suspect.Network
	machines func(machine string, v *topology.View) []string // what one that pushes is beside; nil: none is known
}

// Beside implements incident.Around: a machine that pushes has no links, and is beside its
// switch.
func (s surroundings) Beside(device string) []string {
	list := s.View.Beside(device)
	if len(list) == 0 && s.machines != nil {
		return s.machines(device, s.View)
	}
	return list
}

// Answers tells whether a device has answered its last round.
func (s surroundings) Answers(device string) bool { return s.suspects.Answers(device) }

func (w *watch) tell(in *spate.Incident) {
	w.log.Info("incident", "id", in.ID, "state", in.State, "severity", in.Severity, "kind", in.Kind, "summary", in.Summary)
	for _, to := range []*atomic.Pointer[func(*spate.Incident)]{&w.shown, &w.told} {
		if tell := to.Load(); tell != nil {
			(*tell)(in)
		}
	}
}

// adopt takes over what can change while running. What is usual of a device that was
// removed is kept as long as the device is remembered: it may come back, or get another
// name.
func (w *watch) adopt(cfg *config.Config, devices []spate.Device, remembered map[string]bool) {
	names := map[string]bool{}
	for _, d := range devices {
		names[d.Name] = true
	}
	w.devices.Store(int64(len(names)))
	var pushing []string
	for _, d := range devices {
		if d.Address == agentAddress {
			pushing = append(pushing, d.Name)
		}
	}
	w.faults.Pushing(pushing)
	w.faults.SetLimits(limits(cfg))
	w.faults.Retain(names)
	w.suspects.Retain(names)
	maps.Copy(names, remembered)
	w.baselines.Retain(names)
}

// Open implements web.Incidents.
func (w *watch) Open() []*spate.Incident { return w.desk.Open() }

// Incident implements web.Incidents.
func (w *watch) Incident(id string) (*spate.Incident, bool) {
	if in, ok := w.desk.Get(id); ok {
		return in, true
	}
	r, ok := w.state.Incident(id)
	return r.Incident, ok
}

// Between implements web.Incidents. What is open comes from the desk, which knows
// more than was written.
func (w *watch) Between(from, to time.Time, before string, yield func(*spate.Incident) bool) error {
	return w.state.Incidents(from, to, before, func(r spate.IncidentRecord) bool {
		if in, ok := w.desk.Get(r.Incident.ID); ok {
			return yield(in)
		}
		return yield(r.Incident)
	})
}

// Suspects implements web.Incidents.
func (w *watch) Suspects() []web.Suspect {
	var out []web.Suspect
	for _, s := range w.desk.Suspects(time.Now()) {
		x := &s.Suspect
		out = append(out, web.Suspect{Port: x.Port.ID, Hosts: s.Hosts, Users: s.Users, RateBps: x.RateBps, RatePps: x.RatePps, Factor: x.Factor,
			Confidence: x.Confidence, Since: s.Since, Incident: s.Incident, Summary: s.Summary})
	}
	return out
}

// Ack implements web.Incidents.
func (w *watch) Ack(id, by, note string) (*spate.Incident, error) {
	in, err := w.desk.Ack(time.Now(), id, by, note)
	if errors.Is(err, incident.ErrUnknown) {
		err = web.ErrNoIncident
	}
	return in, err
}

// Verdict implements web.Incidents: what is expected is learned, an attack is
// forgotten.
func (w *watch) Verdict(id, verdict, by string) (*spate.Incident, error) {
	in, ports, err := w.desk.Judge(time.Now(), id, verdict, by)
	switch {
	case errors.Is(err, incident.ErrUnknown):
		return nil, web.ErrNoIncident
	case err != nil:
		return nil, err
	case verdict == "expected":
		w.baselines.Accept(ports)
	default:
		w.baselines.Reject(ports)
	}
	return in, nil
}

// limits are the [[threshold]] entries.
func limits(cfg *config.Config) []detect.Limit {
	var out []detect.Limit
	for _, t := range cfg.Thresholds {
		l := detect.Limit{Above: t.Above, For: t.For, Severity: spate.Severity(t.Severity), Share: t.Metric == config.Utilisation}
		if m, ok := spate.ParseMetric(t.Metric); ok {
			l.Metric = m
		}
		for _, g := range t.Ports {
			l.Ports = append(l.Ports, [2]string{g.Device, g.Port})
		}
		out = append(out, l)
	}
	return out
}
