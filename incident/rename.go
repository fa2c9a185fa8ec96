package incident

import (
	"maps"
	"slices"

	"spate"
)

// Rename gives the incidents that are open, and the last closed ones, to a device's new
// name, after the records were.
func (d *Desk) Rename(from, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.cases {
		if r, ok := (Record{Incident: &m.record}).Renamed(from, to); ok {
			m.record, m.unsaved = *r.Incident, m.id != ""
			if kept, ok := d.keep.Incident(m.id); ok && m.id != "" {
				m.record.Timeline = kept.Incident.Timeline
			}
		}
		m.ports, m.score, m.members = renamed(m.ports, from, to), renamed(m.score, from, to), renamed(m.members, from, to)
	}
	for i, in := range d.past {
		if r, ok := (Record{Incident: in}).Renamed(from, to); ok {
			if kept, ok := d.keep.Incident(in.ID); ok {
				r.Incident.Timeline = kept.Incident.Timeline
			}
			d.past[i] = r.Incident
		}
	}
}

func renamed[V any](ports map[spate.PortID]V, from, to string) map[spate.PortID]V {
	if !slices.ContainsFunc(slices.Collect(maps.Keys(ports)), func(id spate.PortID) bool { return id.Device == from }) {
		return ports
	}
	out := make(map[spate.PortID]V, len(ports))
	for id, v := range ports {
		if id.Device == from {
			id.Device = to
		}
		out[id] = v
	}
	return out
}
