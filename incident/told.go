package incident

import (
	"slices"

	"spate"
)

const mostDeliveries = 100

// Delivered notes in an incident's log that somebody was told of it, or could not
// be. It is no change that is told in turn.
func (d *Desk) Delivered(id string, x spate.Delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.cases {
		if m.id == id && id != "" {
			m.record.Notified = logged(m.record.Notified, x)
			m.unsaved = true // written with the next look
			return
		}
	}
	r, ok := d.keep.Incident(id)
	if !ok {
		return
	}
	in := *r.Incident
	in.Notified = logged(in.Notified, x)
	r.Incident = &in
	if err := d.keep.SaveIncident(r); err != nil {
		d.log.Error("delivery not noted", "incident", id, "err", err)
	}
	if at := slices.IndexFunc(d.past, func(p *spate.Incident) bool { return p.ID == id }); at >= 0 {
		d.past[at] = &in
	}
}

// logged adds to a log that others may be reading.
func logged(log spate.List[spate.Delivery], x spate.Delivery) spate.List[spate.Delivery] {
	out := append(slices.Clone(log), x)
	if len(out) > mostDeliveries {
		out = slices.Delete(out, 1, 1+len(out)-mostDeliveries) // the first one and the newest stay
	}
	return out
}
