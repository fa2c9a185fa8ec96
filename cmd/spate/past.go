package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"spate"
	"spate/cmd/spate/config"
	"spate/detect"
	"spate/incident"
	"spate/suspect"
)

const (
	pastStep     = 5 * time.Minute
	pastLearning = 14 * 24 * time.Hour // of history before the time that is asked about
	pastPiece    = 7 * 24 * time.Hour  // is read at once
	pastValues   = 64e6                // at most so many values at once: 256 MB
	mostPastPort = 20_000
	mostPastMark = 1000 // are listed
)

var errPastBusy = errors.New("another backtest is running: wait until it is done")

// pastMetrics are what the baselines are of, and what tells storms.
var pastMetrics = []spate.Metric{spate.InBps, spate.OutBps, spate.InPps, spate.OutPps, spate.InBcastPps, spate.OutBcastPps}

// past runs what is stored through a detector, a tracer and a desk of its own, as
// if it were happening, with the topology as it is now.
type past struct {
	site *site
	busy sync.Mutex
}

// run tests a time gone by; device limits it to one device, "" is all. progress is
// told how far it is, 0 to 1.
func (p *past) run(ctx context.Context, from, to time.Time, device string, progress func(part float64)) (*spate.Backtest, error) {
	if !p.busy.TryLock() {
		return nil, errPastBusy
	}
	defer p.busy.Unlock()
	ports := p.site.inventory.portsOf(device)
	count := 0
	for _, list := range ports {
		count += len(list)
	}
	switch {
	case count == 0:
		return nil, fmt.Errorf("no port is known of %q: see `spate top` for those that are", device)
	case count > mostPastPort:
		return nil, fmt.Errorf("%d ports are more than a backtest takes (%d): name a device", count, mostPastPort)
	}
	cfg := p.site.config.Load()
	out := &spate.Backtest{From: from.UTC(), To: to.UTC(), Learned: from.Add(-pastLearning).Truncate(pastStep).UTC(), Ports: count}
	records := incident.Memory{}
	replay := newReplay(p.site, cfg, records, out)
	piece := min(pastPiece, max(time.Hour, time.Duration(pastValues/float64(count*len(pastMetrics)))*pastStep).Truncate(time.Hour))
	for at := out.Learned; at.Before(to); at = at.Add(piece) {
		end := at.Add(piece)
		if end.After(to) {
			end = to.Truncate(pastStep)
		}
		rates, err := p.read(ctx, ports, at, end)
		if err != nil {
			return nil, err
		}
		replay.piece(ports, rates, at, end)
		progress(float64(end.Sub(out.Learned)) / float64(to.Sub(out.Learned)))
	}
	replay.finish()
	for _, r := range records {
		if !r.Incident.DetectedAt.Before(from) {
			out.Incidents = append(out.Incidents, r.Incident)
		}
	}
	slices.SortFunc(out.Incidents, func(a, b *spate.Incident) int { return a.DetectedAt.Compare(b.DetectedAt) })
	return out, nil
}

// portRates are a port's values by metric, in steps of five minutes.
type portRates [][]float32

func (p *past) read(ctx context.Context, ports map[string][]*spate.Port, from, to time.Time) (map[spate.PortID]portRates, error) {
	steps := int(to.Sub(from) / pastStep)
	out := map[spate.PortID]portRates{}
	if steps == 0 {
		return out, nil
	}
	for _, list := range ports {
		for _, port := range list {
			f, err := p.site.store.Query(ctx, spate.Query{Ports: []spate.PortID{port.ID}, Metrics: pastMetrics, From: from, To: to, Width: min(steps, 4096)})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", port.ID, err)
			}
			out[port.ID] = spreadOut(f, from, steps)
		}
	}
	return out, nil
}

// spreadOut gives each step of five minutes the value of the frame's step that it
// lies in: old history is known by the hour only.
func spreadOut(f *spate.Frame, from time.Time, steps int) portRates {
	out := make(portRates, len(f.Series))
	for m := range f.Series {
		out[m] = make([]float32, steps)
		for i := range out[m] {
			k := int(from.Add(time.Duration(i)*pastStep).Sub(f.From) / f.Step)
			if k < 0 || k >= len(f.Series[m].Avg) {
				out[m][i] = float32(math.NaN())
				continue
			}
			out[m][i] = float32(f.Series[m].Avg[k])
		}
	}
	return out
}

// replay is the watch of a backtest.
type replay struct {
	out       *spate.Backtest
	baselines *detect.Watch
	suspects  *suspect.Network
	desk      *incident.Desk
	around    surroundings
	open      map[spate.PortID]*spate.PastMark
}

func newReplay(s *site, cfg *config.Config, keep incident.Keeper, out *spate.Backtest) *replay {
	r := &replay{
		out: out, baselines: detect.New(detect.Config{FloorPercent: cfg.Detect.FloorPercent, Zone: cfg.Server.Location}),
		suspects: suspect.NewNetwork(), open: map[spate.PortID]*spate.PastMark{},
		desk: incident.New(incident.Config{PagePercent: cfg.Detect.PagePercent, CloseAfter: max(cfg.Detect.CloseAfter, 3*pastStep), Zone: cfg.Server.Location}, keep, nil, s.log),
	}
	r.around = surroundings{s.network.View(), r.suspects, nil}
	return r
}

// piece runs a stretch of time through.
func (r *replay) piece(ports map[string][]*spate.Port, rates map[spate.PortID]portRates, from, to time.Time) {
	names := slices.Sorted(maps.Keys(ports))
	for i := range int(to.Sub(from) / pastStep) {
		at := from.Add(time.Duration(i+1) * pastStep)
		for _, name := range names {
			round := &spate.Round{Device: spate.Device{Name: name}, At: at, Interval: pastStep}
			for _, p := range ports[name] {
				if rd, known := pastReading(p, rates[p.ID], i, at); known {
					round.Readings = append(round.Readings, rd)
				}
			}
			if len(round.Readings) > 0 {
				r.take(round)
			}
		}
		r.look(at)
	}
}

func pastReading(p *spate.Port, rates portRates, i int, at time.Time) (rd spate.Reading, known bool) {
	rd = spate.Reading{Port: p, Rate: spate.Rate{At: at, Over: pastStep}}
	for m := range rd.Rate.Values {
		rd.Rate.Values[m] = math.NaN()
	}
	for k, m := range pastMetrics {
		if k < len(rates) && i < len(rates[k]) {
			rd.Rate.Values[m] = float64(rates[k][i])
			known = known || !math.IsNaN(rd.Rate.Values[m])
		}
	}
	return rd, known
}

func (r *replay) take(round *spate.Round) {
	excesses := r.baselines.Judge(round)
	r.suspects.Accept(round.Device.Name, round.At, excesses, nil)
	for i := range excesses {
		e := &excesses[i]
		id := e.Port.ID
		mark := r.open[id]
		switch {
		case e.Mark != nil && mark == nil:
			r.open[id] = &spate.PastMark{Port: id, Since: e.Mark.Since, Until: round.At.UTC(), Text: e.Mark.Text}
		case e.Mark != nil:
			mark.Until = round.At.UTC()
		case mark != nil:
			r.shut(mark)
			delete(r.open, id)
		}
	}
}

func (r *replay) shut(m *spate.PastMark) {
	if m.Until.Before(r.out.From) {
		return
	}
	if len(r.out.Marks) == mostPastMark {
		r.out.MoreMarks++
		return
	}
	r.out.Marks = append(r.out.Marks, *m)
}

func (r *replay) look(at time.Time) {
	r.desk.Floods(at, r.suspects.Findings(r.around.View), r.around)
	all, paged := r.desk.Touched()
	r.baselines.Freeze(all)
	r.baselines.Page(paged)
}

func (r *replay) finish() {
	for _, m := range r.open {
		r.shut(m)
	}
	slices.SortFunc(r.out.Marks, func(a, b spate.PastMark) int { return a.Since.Compare(b.Since) })
}
