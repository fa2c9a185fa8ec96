package detect

import (
	"math"
	"time"

	"spate"
)

// Usual is what a metric of a port usually is at some times, by the hour of the week,
// as it is known now; NaN where it is not known.
func (w *Watch) Usual(id spate.PortID, m spate.Metric, at []time.Time) []float64 {
	out := make([]float64, len(at))
	for i := range out {
		out[i] = math.NaN()
	}
	w.mu.RLock()
	d := w.devices[id.Device]
	w.mu.RUnlock()
	if d == nil || int(m) >= int(spate.NumUsual) {
		return out
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.ports[id.Name]
	if p == nil {
		return out
	}
	l := Limits{Unit: unitBps}
	if !m.IsBits() {
		l.Unit = unitPps
	}
	hours := hoursOf(w.cfg.Zone)
	for i, t := range at {
		hour, _ := hours(t)
		if code, known := p.series[m].usualAt(hour, &l); known {
			out[i] = l.value(code)
		}
	}
	return out
}
