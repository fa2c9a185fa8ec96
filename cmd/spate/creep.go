package main

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"spate"
)

const (
	creepWeek   = 7 * 24 * time.Hour
	creepBack   = 28 * 24 * time.Hour // from week to week
	creepBy     = 1.5                 // times as much as before is a line
	creepLines  = 100
	creepRest   = 9 // times as long as a question to the store took, the store is left alone
	creepAfter  = 10 * time.Minute
	creepKnown  = 0.5 // of a week's hours must be known
	creepFloor  = 2e6 // bits per second: less growth is nothing
	creepPlaces = 24 * 7
)

// creep is the weekly report of what has grown too slowly for any alarm.
type creep struct {
	site *site
	last atomic.Pointer[spate.Creeps]
}

// run makes the report some minutes after the start, and every Monday morning.
func (c *creep) run(ctx context.Context) {
	next := time.Now().Add(creepAfter)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(next)):
		}
		if r := c.report(ctx, time.Now()); r != nil {
			c.last.Store(r)
			c.site.log.Info("weekly report: ports that have grown slowly", "ports", len(r.List), "of", r.Ports)
		}
		next = monday(time.Now().In(c.site.config.Load().Server.Location))
	}
}

// monday is the next Monday, six in the morning.
func monday(now time.Time) time.Time {
	days := (8 - int(now.Weekday())) % 7
	at := time.Date(now.Year(), now.Month(), now.Day()+days, 6, 0, 0, 0, now.Location())
	if !at.After(now) {
		at = at.AddDate(0, 0, 7)
	}
	return at
}

// report compares the last seven days of each port with the same days four weeks
// before. It takes its time; nil where ctx ends.
func (c *creep) report(ctx context.Context, now time.Time) *spate.Creeps {
	out := &spate.Creeps{At: now.UTC()}
	percent := c.site.config.Load().Detect.FloorPercent
	to := now.Truncate(time.Hour)
	for _, ports := range c.site.inventory.portsOf("") {
		for _, p := range ports {
			began := time.Now()
			before, known := c.week(ctx, p.ID, to.Add(-creepBack))
			if known {
				out.Ports++
				if after, known := c.week(ctx, p.ID, to); known {
					out.Take(p.ID, before, after, max(creepFloor, percent/100*float64(p.Speed)), creepBy)
				}
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(creepRest * time.Since(began)):
			}
		}
	}
	slices.SortFunc(out.List, func(a, b spate.Creep) int {
		return cmp.Or(cmp.Compare(b.Now-b.Before, a.Now-a.Before), cmp.Compare(a.Port.Device, b.Port.Device), cmp.Compare(a.Port.Name, b.Port.Name))
	})
	out.List = out.List[:min(len(out.List), creepLines)]
	return out
}

// week is what a port carried in seven days, in and out, on average.
func (c *creep) week(ctx context.Context, id spate.PortID, to time.Time) (mean [2]float64, known bool) {
	f, err := c.site.store.Query(ctx, spate.Query{Ports: []spate.PortID{id}, Metrics: []spate.Metric{spate.InBps, spate.OutBps}, From: to.Add(-creepWeek), To: to, Width: creepPlaces})
	if err != nil {
		return mean, false
	}
	for dir := range mean {
		sum, n := 0.0, 0
		for _, v := range f.Series[dir].Avg {
			if !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
		if float64(n) < creepKnown*float64(f.Len()) || n == 0 {
			return mean, false
		}
		mean[dir] = sum / float64(n)
	}
	return mean, true
}
