package spate

import "testing"

func TestTheOtherEndOfTheWire(t *testing.T) {
	var e Excess
	for m := range NumMetrics {
		e.Rate[m] = float64(m + 1)
	}
	for m := range Metric(NumUsual) {
		e.Usual[m], e.Floor[m] = float64(100+m), float64(200+m)
	}
	e.Marked[OutBps] = true
	far := e.Turned()
	if far.Rate[InBps] != e.Rate[OutBps] || far.Rate[OutBps] != e.Rate[InBps] || far.Rate[InErrorsPs] != e.Rate[OutErrorsPs] {
		t.Errorf("rates %v of %v", far.Rate, e.Rate)
	}
	if far.Usual[InPps] != e.Usual[OutPps] || far.Floor[OutBps] != e.Floor[InBps] {
		t.Errorf("usual %v, floors %v", far.Usual, far.Floor)
	}
	if !far.Marked[InBps] || far.Marked[OutBps] {
		t.Errorf("marks %v", far.Marked)
	}
	if !far.Far || e.Far {
		t.Error("which end it is is not said")
	}
	if far.Turned() != e {
		t.Error("turned twice it is not what it was")
	}
}
