package web

import (
	"context"
	"math"
	"sync"
	"time"

	"spate"
	"spate/graph"
)

const (
	sparkAge     = 2 * time.Minute // a sparkline is drawn anew so often
	sparkRetry   = 20 * time.Second
	sparkRange   = day
	sparkPoints  = 144 // one each 10 minutes
	sparkWorkers = 4
	sparkKept    = 4096 // sparklines in memory, about 2 kB each
	sparkWidth   = 240
	sparkHeight  = 48
)

// A spark is the last day of a port as two SVG paths, and in words.
type spark struct {
	In, Out string
	Label   string
	made    time.Time
	version int64 // rises with each drawing
	failed  bool
}

// sparks draws sparklines from the store, a few at once, and keeps them for a
// while.
type sparks struct {
	mu   sync.Mutex
	kept map[spate.PortID]*spark
}

func newSparks() *sparks { return &sparks{kept: map[spate.PortID]*spark{}} }

func (k *sparks) get(id spate.PortID) *spark {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept[id]
}

func (k *sparks) put(id spate.PortID, s *spark) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept) >= sparkKept {
		k.sweep(s.made)
	}
	k.kept[id] = s
}

// sweep makes room: what is old goes, and if all is young, anything.
func (k *sparks) sweep(now time.Time) {
	for id, s := range k.kept {
		if now.Sub(s.made) > sparkAge || len(k.kept) >= sparkKept {
			delete(k.kept, id)
		}
	}
}

func (s *spark) old(now time.Time) bool {
	if s == nil {
		return true
	}
	age := sparkAge
	if s.failed {
		age = sparkRetry
	}
	return now.Sub(s.made) >= age
}

// fillSparks draws those of the ports that are old, as far as patience goes;
// what is not done now keeps its old drawing, or none.
func (s *Server) fillSparks(ctx context.Context, ids []spate.PortID, patience time.Duration) {
	now := time.Now()
	var due []spate.PortID
	for _, id := range ids {
		if s.sparks.get(id).old(now) {
			due = append(due, id)
		}
	}
	if len(due) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	next := make(chan spate.PortID)
	var workers sync.WaitGroup
	for range min(sparkWorkers, len(due)) {
		workers.Go(func() {
			for id := range next {
				s.drawSpark(ctx, id)
			}
		})
	}
feed:
	for _, id := range due {
		select {
		case next <- id:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	workers.Wait()
}

func (s *Server) drawSpark(ctx context.Context, id spate.PortID) {
	now := time.Now()
	q := spate.Query{Metrics: []spate.Metric{spate.InBps, spate.OutBps}, From: now.Add(-sparkRange), To: now, Width: sparkPoints}
	f, err := s.frame(ctx, selection{ports: []spate.PortID{id}, known: true}, q)
	switch {
	case ctx.Err() != nil:
		return // out of patience: no fault of the port's
	case err != nil:
		s.log.Warn("sparkline not drawn", "device", id.Device, "port", id.Name, "err", err)
		s.sparks.put(id, &spark{made: now, failed: true})
		return
	case len(f.Series) < 2:
		return
	}
	in, out := f.Series[0], f.Series[1]
	made := &spark{made: now, version: now.UnixMilli(), Label: sparkLabel(in.Stats.Max, out.Stats.Max)}
	made.In, made.Out = graph.Spark(in.Avg, out.Avg, sparkWidth, sparkHeight)
	s.sparks.put(id, made)
}

func sparkLabel(in, out float64) string {
	if math.IsNaN(in) && math.IsNaN(out) {
		return "no history of the last 24 hours"
	}
	return "last 24 hours: at most " + formatBits(in) + " in, " + formatBits(out) + " out"
}
