package detect_test

import (
	"testing"
	"time"

	"spate"
	"spate/detect"
)

// What was usual under the old name is usual under the new one, also where that has been
// polled for a while.
func TestWhatIsUsualGoesToTheNewName(t *testing.T) {
	for name, began := range map[string]bool{"at once": false, "after some polls": true} {
		t.Run(name, func(t *testing.T) {
			w, at := newWatch()
			next := func(bps float64) *spate.Round {
				at = at.Add(5 * time.Minute)
				r := round(at, 5*time.Minute, bps, bps/8/800)
				r.Device.Name = "sw-acc-1"
				return r
			}
			if began {
				w.Judge(next(30e6))
			}
			w.Rename("sw-1", "sw-acc-1")
			usual := w.Usual(spate.PortID{Device: "sw-acc-1", Name: gig.ID.Name}, spate.InBps, []time.Time{at})
			if !(usual[0] > 15e6 && usual[0] < 50e6) {
				t.Errorf("usual are %v b/s, want about 30 Mb/s", usual[0])
			}
			if e := w.Judge(next(900e6))[0]; e.Mark == nil {
				t.Errorf("900 Mb/s on a port of 30 are not marked: %+v", e)
			}
			if old := w.Usual(gig.ID, spate.InBps, []time.Time{at}); old[0] == old[0] {
				t.Errorf("the old name has %v b/s left", old[0])
			}
		})
	}
	detect.New(detect.Config{}).Rename("nobody", "x")
}
