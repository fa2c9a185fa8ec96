package storage

import (
	"fmt"
	"strings"
	"time"
)

// A RemoteStatus is how a store in VictoriaMetrics does beyond this machine.
type RemoteStatus struct {
	Waiting     int64     // rows in the queue
	Bytes       int64     // of the queue
	Oldest      time.Time // when its oldest rows came in; zero: it is empty
	LastSuccess time.Time // when VictoriaMetrics last took rows; zero: not since the start
	Lost        int64     // rows dropped since the start: too old, too many, or refused for good
	Error       string    // why rows wait, in sentences; empty: they do not
}

// Status tells how the store does. It is cheap enough for every request, and
// does not ask VictoriaMetrics: Bytes and Oldest are not known, and zero.
func (r *Remote) Status() Status {
	s := r.store.Status()
	s.Backend, s.Remote, s.Oldest = "victoriametrics", &RemoteStatus{}, time.Time{}
	var said []string
	for _, t := range r.tiers {
		said = t.report(s.Remote, said)
	}
	s.Remote.Error = strings.Join(said, "; ")
	return s
}

// report adds a tier to the status, and what it has to say to the sentences.
func (t *remoteTier) report(s *RemoteStatus, said []string) []string {
	w := t.spool.waiting()
	s.Waiting += w.rows
	s.Bytes += w.octets
	s.Lost += w.lost
	if at := time.UnixMilli(w.oldest).UTC(); w.oldest > 0 && (s.Oldest.IsZero() || at.Before(s.Oldest)) {
		s.Oldest = at
	}
	good, trouble := t.sender.state()
	if good.After(s.LastSuccess) {
		s.LastSuccess = good.UTC()
	}
	for _, text := range []string{trouble, w.trouble} {
		if text != "" {
			said = append(said, fmt.Sprintf("%s: %s", t.name, text))
		}
	}
	return said
}

// register makes the gauges of the queue; the store forgets them when it closes.
func (r *Remote) register() {
	for _, t := range r.tiers {
		of := func(name string, f func(w waiting) int64) {
			r.counts.gauge(fmt.Sprintf("%s{tier=%q}", name, t.name), func() float64 { return float64(f(t.spool.waiting())) })
		}
		of("spate_store_queue_rows", func(w waiting) int64 { return w.rows })
		of("spate_store_queue_bytes", func(w waiting) int64 { return w.octets })
	}
}
