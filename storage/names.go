package storage

import (
	"context"
	"math"
	"time"

	"spate"
)

// A device that is renamed keeps its rows under the name they were written with: they
// are too many to be copied, and in a VictoriaMetrics elsewhere they are not ours to
// change. Reading asks under all names a device has had, each for its time, and puts
// the slots together.

// A stretch of time, in ms, in which a name was a device's.
type stretch struct {
	name        string
	from, until int64
}

// names are the stretches of devices by their name of today, which comes first. Devices
// that are not there have had one name ever, and nobody else has had it.
type names map[string][]stretch

// SetNames says which names devices had before. Rows that are there are found by them
// from now on.
func (e *store) SetNames(all spate.Names) {
	n := names{}
	for _, f := range all {
		n.add(f.Device, all)
		n.add(f.Name, all)
	}
	e.names.Store(&n)
}

func (n names) add(device string, all spate.Names) {
	if n[device] != nil {
		return
	}
	list := []stretch{{device, begin(all.Since(device)), math.MaxInt64}}
	for _, f := range all.Of(device) {
		s := stretch{f.Name, begin(f.From), math.MaxInt64}
		if !f.Until.IsZero() {
			s.until = f.Until.UnixMilli()
		}
		list = append(list, s)
	}
	n[device] = list
}

// begin is a time in ms, and before all rows where it is zero.
func begin(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixMilli()
}

// A source is where rows of a port are stored, and of which times.
type source struct {
	port        spate.PortID
	from, until int64 // ms
}

func (s *source) has(at int64) bool { return at >= s.from && at < s.until }

// whole tells whether all rows there are the port's.
func (s *source) whole() bool { return s.from == math.MinInt64 && s.until == math.MaxInt64 }

// sources are those of a port, the one of its name of today first.
func (e *store) sources(id spate.PortID) []source {
	if n := e.names.Load(); n != nil {
		if list := (*n)[id.Device]; list != nil {
			out := make([]source, len(list))
			for i, s := range list {
				out[i] = source{spate.PortID{Device: s.name, Name: id.Name}, s.from, s.until}
			}
			return out
		}
	}
	return []source{{id, math.MinInt64, math.MaxInt64}}
}

// A partJob is a Part for the writer.
type partJob struct {
	device string
	at     int64
	done   chan time.Time
}

// Part ends what is open of a device, which goes on under another name, and gives the time
// near at in which it ended: rows before are the device's, and rows that come under its old
// name from then on another's. The slot that is open is lost.
func (e *store) Part(ctx context.Context, device string, at time.Time) (time.Time, error) {
	job := partJob{device, at.UnixMilli(), make(chan time.Time, 1)}
	select {
	case e.partings <- job:
	case <-e.stop:
		return time.Time{}, ErrClosed
	case <-ctx.Done():
		return time.Time{}, context.Cause(ctx)
	}
	select {
	case at := <-job.done:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, context.Cause(ctx)
	}
}

func (w *writer) part(job partJob) {
	w.drain()
	w.e.ports.mu.Lock()
	end := floor(job.at, w.step)
	for id, p := range w.e.ports.byID {
		if id.Device == job.device {
			end = max(end, p.slots.at)
			p.slots = slots{}
		}
	}
	for id, a := range w.e.ports.sums {
		if id.Device == job.device {
			w.about = labelsOf(id)
			a.finish(w.bucket)
		}
	}
	w.e.ports.mu.Unlock()
	w.push()
	w.checkpoint()
	job.done <- time.UnixMilli(end).UTC()
}
