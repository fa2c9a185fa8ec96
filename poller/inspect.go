package poller

import (
	"context"
	"time"

	"spate"
)

// An Inspection is everything that one look at a device shows.
type Inspection struct {
	Table    *Table
	Requests int // PDUs that one round will take
	Packets  uint64
	Took     time.Duration
	Refresh  Refresh
}

// Tables reads the tables around a device once, whether it is polled or not. The
// error is the sentence for an operator.
func (p *Poller) Tables(ctx context.Context, t Target) (*spate.Tables, error) {
	start := time.Now()
	d := newDevice(t, p.cfg, p.counts)
	d.turn = newTurn()
	defer p.close(d)
	if err := p.connect(ctx, d); err != nil {
		return nil, explain(t, err, time.Since(start), 0)
	}
	if err := d.find(ctx, start); err != nil {
		return nil, explain(t, err, time.Since(start), d.packets())
	}
	tables, err := p.survey(ctx, d)
	if err != nil {
		err = explain(t, err, time.Since(start), d.packets())
	}
	return tables, err
}

// Inspect reads a device's tables, plans a round and measures how often the
// device renews its counters. progress is told what is being done and how much
// of it is done, 0 to 1. The error is the sentence for an operator.
func (p *Poller) Inspect(ctx context.Context, t Target, progress func(what string, part float64)) (*Inspection, error) {
	start := time.Now()
	d := newDevice(t, p.cfg, p.counts)
	defer p.close(d)
	progress("reading tables", 0)
	if err := p.connect(ctx, d); err != nil {
		return nil, explain(t, err, time.Since(start), 0)
	}
	if err := d.find(ctx, start); err != nil {
		return nil, explain(t, err, time.Since(start), d.packets())
	}
	in := &Inspection{Table: d.table, Requests: len(d.plan), Packets: d.packets(), Took: time.Since(start)}
	refresh, err := measureRefresh(ctx, d.session, d.table, func(part float64) { progress("watching counters", part) })
	if err != nil {
		return nil, explain(t, err, time.Since(start), d.packets())
	}
	in.Refresh = refresh
	return in, nil
}
