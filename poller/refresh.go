package poller

import (
	"context"
	"slices"
	"time"

	"spate/mibs"
)

const (
	refreshStep  = 250 * time.Millisecond // between looks
	refreshWatch = 15 * time.Second       // the slowest common agents renew every 10 s
	refreshRows  = 24                     // rows watched: in octets and out octets of each
)

// A Refresh is how often a device renews the counters that it shows.
type Refresh struct {
	Period time.Duration // 0: not known, or too short to see
	Live   bool          // counters move at every look
	Quiet  bool          // nothing moved while we looked: nothing can be said
}

// measureRefresh watches octet counters of some rows four times a second, at
// most for 15 s. An agent with a cache moves all of them at once and then stands
// still: the time between moves is its period (net-snmp: 3 s; Cisco: about 10 s).
func measureRefresh(ctx context.Context, s Session, t *Table, progress func(part float64)) (Refresh, error) {
	oids := refreshOIDs(t)
	if len(oids) == 0 {
		return Refresh{Quiet: true}, nil
	}
	var moves []time.Time
	var last []uint64
	looks, moved := 0, 0
	begin := time.Now()
	tick := time.NewTicker(refreshStep)
	defer tick.Stop()
	for time.Since(begin) < refreshWatch && len(moves) < 6 && !(looks >= 12 && moved >= looks-1) {
		a, err := s.Get(ctx, oids)
		if err != nil {
			return Refresh{}, err
		}
		now := numbers(a)
		if last != nil {
			looks++
			if !slices.Equal(now, last) {
				moved++
				moves = append(moves, a.At)
			}
		}
		last = now
		progress(time.Since(begin).Seconds() / refreshWatch.Seconds())
		select {
		case <-ctx.Done():
			return Refresh{}, context.Cause(ctx)
		case <-tick.C:
		}
	}
	return judgeRefresh(moves, looks, moved), nil
}

// judgeRefresh takes the median time between moves.
func judgeRefresh(moves []time.Time, looks, moved int) Refresh {
	switch {
	case len(moves) < 2:
		return Refresh{Quiet: moved == 0}
	case moved*3 > looks*2:
		return Refresh{Live: true}
	}
	var between []time.Duration
	for i := range len(moves) - 1 {
		between = append(between, moves[i+1].Sub(moves[i]))
	}
	slices.Sort(between)
	return Refresh{Period: between[len(between)/2].Round(refreshStep)}
}

func refreshOIDs(t *Table) []mibs.OID {
	var oids []mibs.OID
	for _, row := range t.Rows {
		for _, s := range sources[:2] { // octets, in and out
			switch {
			case row.Port.Wide.Has(s.counter):
				oids = append(oids, s.wide.Instance(row.Index))
			case row.Port.Narrow.Has(s.counter):
				oids = append(oids, s.narrow.Instance(row.Index))
			}
		}
		if len(oids) >= 2*refreshRows {
			break
		}
	}
	return oids
}

func numbers(a *Answer) []uint64 {
	out := make([]uint64, len(a.Vars))
	for i := range a.Vars {
		out[i] = a.Vars[i].Uint
	}
	return out
}
