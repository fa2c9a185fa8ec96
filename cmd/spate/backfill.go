package main

import (
	"context"
	"math"
	"time"

	"spate"
	"spate/lab/fabric"
)

// shownMetrics are those that the pages draw.
var shownMetrics = []spate.Metric{spate.InBps, spate.OutBps, spate.InPps, spate.OutPps, spate.InUcastPps, spate.OutUcastPps, spate.InBcastPps, spate.OutBcastPps, spate.InMcastPps, spate.OutMcastPps}

// backfill runs a copy of the network through some days into the baselines and the
// store: in steps of five minutes, and the last two hours in full.
func (a *app) backfill(ctx context.Context, s *site, seed uint64, until time.Time, lasts time.Duration) error {
	until = until.Truncate(demoStep)
	shape := demoShape(seed, until.Add(-lasts))
	shape.Step = demoStep
	net := fabric.New(shape)
	past := history{}
	bar := a.progress("history")
	defer bar.done()
	coarse, fine := int((lasts-demoFine)/demoStep), int(demoFine/demoFineStep)
	for i := range coarse {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		net.Advance(net.Now().Add(demoStep))
		pollAll(net, demoStep, func(r *spate.Round) {
			s.watch.baselines.Judge(r)
			past.take(r)
		})
		bar.part("history", 0.5*float64(i)/float64(coarse))
	}
	for i := range fine {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		net.Advance(net.Now().Add(demoFineStep))
		pollAll(net, demoFineStep, func(r *spate.Round) {
			s.watch.baselines.Judge(r)
			s.store.Accept(ctx, r)
		})
		if i%16 == 0 { // the store takes what it is told, as fast as it is told
			if err := s.store.Flush(ctx); err != nil {
				return err
			}
		}
		bar.part("the last two hours", 0.5+0.2*float64(i)/float64(fine))
	}
	if err := s.store.Flush(ctx); err != nil {
		return err
	}
	return past.store(ctx, s.store, func(part float64) { bar.part("writing history", 0.7+0.3*part) })
}

func pollAll(net *fabric.Net, interval time.Duration, accept func(*spate.Round)) {
	for _, d := range net.Devices {
		if d.Polled {
			accept(net.Poll(d, interval))
		}
	}
}

// history is the rates of ports in buckets of five minutes.
type history map[spate.PortID]*[spate.NumMetrics][]spate.Bucket

func (h history) take(r *spate.Round) {
	for i := range r.Readings {
		rd := &r.Readings[i]
		if rd.Gap != "" || rd.Rate.Over == 0 {
			continue
		}
		metrics := h[rd.Port.ID]
		if metrics == nil {
			metrics = new([spate.NumMetrics][]spate.Bucket)
			h[rd.Port.ID] = metrics
		}
		at := rd.Rate.At.Add(-rd.Rate.Over)
		for _, m := range shownMetrics {
			if v := rd.Rate.Values[m]; !math.IsNaN(v) {
				metrics[m] = append(metrics[m], spate.Bucket{At: at, Avg: v, Max: v})
			}
		}
	}
}

// store writes it into the tiers of five minutes and of an hour.
func (h history) store(ctx context.Context, to store, told func(part float64)) error {
	done := 0
	for id, metrics := range h {
		for _, m := range shownMetrics {
			if len(metrics[m]) == 0 {
				continue
			}
			for _, x := range []spate.History{{Port: id, Tier: spate.TierFiveMinutes, Metric: m, Buckets: metrics[m]}, {Port: id, Tier: spate.TierHour, Metric: m, Buckets: hourly(metrics[m])}} {
				if _, err := to.Import(ctx, x); err != nil {
					return err
				}
			}
		}
		done++
		told(float64(done) / float64(len(h)))
	}
	return nil
}

// hourly joins buckets of five minutes to whole hours.
func hourly(fine []spate.Bucket) []spate.Bucket {
	var out []spate.Bucket
	for _, b := range fine {
		at := b.At.Truncate(time.Hour)
		if n := len(out); n == 0 || !out[n-1].At.Equal(at) {
			out = append(out, spate.Bucket{At: at})
		}
		last := &out[len(out)-1]
		last.Avg += b.Avg * demoStep.Hours()
		last.Max = max(last.Max, b.Max)
		last.Known += demoStep
	}
	for i := range out {
		b := &out[i]
		b.Avg *= float64(time.Hour) / float64(b.Known)
	}
	return out
}
