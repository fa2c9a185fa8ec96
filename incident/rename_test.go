package incident_test

import (
	"testing"
	"time"

	"spate"
)

// The flood of a device that is renamed goes on as the same incident, whose words stay.
func TestAFloodOfARenamedDeviceGoesOn(t *testing.T) {
	o := newOffice()
	for range 3 {
		o.look(o.flood("Gi1/0/2", 0.9))
	}
	open := o.desk.Open()
	if len(open) != 1 {
		t.Fatalf("%d incidents are open", len(open))
	}
	before := open[0]
	told := len(o.told)
	r := o.book.records[before.ID]
	if r, ok := r.Renamed("sw-1", "sw-acc-1"); ok { // as the state does
		r.Incident.Timeline = append(r.Incident.Timeline, spate.Moment{At: o.at, Text: "renamed"})
		o.book.records[before.ID] = r
	}
	o.desk.Rename("sw-1", "sw-acc-1")
	after := o.desk.Open()
	if len(after) != 1 || after[0].ID != before.ID || after[0].Origin.Device != "sw-acc-1" || after[0].Path[0].Device != "sw-acc-1" || after[0].Summary != before.Summary || before.Origin.Device != "sw-1" {
		t.Fatalf("after: %+v", after)
	}
	if last := after[0].Timeline[len(after[0].Timeline)-1]; last.Text != "renamed" {
		t.Errorf("the timeline ends with %q", last.Text)
	}
	f := o.flood("Gi1/0/2", 0.9)
	f.Origins[0].Port.ID.Device = "sw-acc-1"
	o.look(f)
	if n := len(o.desk.Open()); n != 1 || len(o.told) > told+1 {
		t.Errorf("%d incidents, told %d times more", n, len(o.told)-told)
	}
	o.at = o.at.Add(20 * time.Minute)
	o.look()
	if in, ok := o.desk.Get(before.ID); !ok || in.State != spate.IncidentClosed || o.book.records[before.ID].Incident.Origin.Device != "sw-acc-1" {
		t.Errorf("in the end: %+v", in)
	}
	o.desk.Rename("sw-acc-1", "sw-b")
	if in, _ := o.desk.Get(before.ID); in.State != spate.IncidentClosed {
		t.Errorf("closed: %+v", in)
	}
}
