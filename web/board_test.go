package web_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"spate"
)

func TestDeviceGoesDownAfterThreeRoundsWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dev("sw-1"))
		state := func() any { return r.answer(t, "/api/v1/devices/sw-1")["state"] }
		if got := state(); got != "unknown" {
			t.Errorf("before the first round: %v, want unknown", got)
		}
		r.board.Accept(context.Background(), round("sw-1", time.Now(), 4))
		for i, want := range []string{"up", "up", "down"} {
			nothing := silent("sw-1", time.Now())
			if i > 0 { // the poller names the known ports of a device that is silent
				nothing.Readings = round("sw-1", time.Now(), 4).Readings
				for j := range nothing.Readings {
					nothing.Readings[j].Rate, nothing.Readings[j].Gap = spate.Rate{}, spate.GapSilent
				}
			}
			r.board.Accept(context.Background(), nothing)
			if got := state(); got != want {
				t.Errorf("after %d silent rounds: %v, want %s", i+1, got, want)
			}
		}
		d := r.answer(t, "/api/v1/devices/sw-1")
		if d["error"] != silent("sw-1", time.Now()).Err.Error() {
			t.Errorf("error is %v", d["error"])
		}
		if d["ports"] != 4.0 || d["ports_up"] != nil || d["uptime_s"] != nil {
			t.Errorf("a silent device keeps its ports and has no state of them: %v", d)
		}
		r.board.Accept(context.Background(), round("sw-1", time.Now(), 4))
		if got := state(); got != "up" {
			t.Errorf("after an answer: %v, want up", got)
		}
		if e := r.answer(t, "/api/v1/devices/sw-1")["error"]; e != nil {
			t.Errorf("error after an answer: %v, want null", e)
		}
	})
}

func TestRateIsNullWithoutOneThatMayBeShown(t *testing.T) {
	tests := []struct {
		name   string
		change func(*spate.Reading)
		wait   time.Duration
		null   bool
	}{
		{name: "a fresh rate is told", change: func(*spate.Reading) {}},
		{name: "before the second poll", change: func(r *spate.Reading) { r.Rate = spate.Rate{} }, null: true},
		{name: "while a gap is set", change: func(r *spate.Reading) { r.Gap = spate.GapOverSpeed }, null: true},
		{name: "three intervals after the last poll it is still told", change: func(*spate.Reading) {}, wait: 30 * time.Second},
		{name: "more than three intervals after the last poll", change: func(*spate.Reading) {}, wait: 31 * time.Second, null: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, dev("sw-1"))
				round := round("sw-1", time.Now(), 1)
				tt.change(&round.Readings[0])
				r.board.Accept(context.Background(), round)
				time.Sleep(tt.wait)
				p := r.answer(t, "/api/v1/ports")["ports"].([]any)[0].(map[string]any)
				if got := p["rate"] == nil; got != tt.null {
					t.Errorf("rate %v, want null: %v", p["rate"], tt.null)
				}
			})
		})
	}
}

func TestDownPortThatAnswersHasRatesOfZero(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	rd := round("sw-1", time.Now(), 1)
	rd.Readings[0].Port.Oper = spate.StatusDown
	for m := range rd.Readings[0].Rate.Values {
		rd.Readings[0].Rate.Values[m] = math.NaN()
	}
	r.board.Accept(context.Background(), rd)
	p := r.answer(t, "/api/v1/ports")["ports"].([]any)[0].(map[string]any)
	for m := range spate.NumMetrics {
		if got := p["rate"].(map[string]any)[m.String()]; got != 0.0 {
			t.Errorf("%s is %v, want 0", m, got)
		}
	}
}

func TestUnknownMetricIsNullNeverZero(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	rd := round("sw-1", time.Now(), 1)
	rd.Readings[0].Rate.Values[spate.InMcastPps] = math.NaN()
	r.board.Accept(context.Background(), rd)
	got := r.answer(t, "/api/v1/ports")["ports"].([]any)[0].(map[string]any)["rate"].(map[string]any)
	if v, there := got["in_mcast_pps"]; v != nil || !there {
		t.Errorf("in_mcast_pps is %v (there: %v), want null", v, there)
	}
}

func TestSeededPortsOfSilentDeviceAreListed(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	r.board.Seed("sw-1", []*spate.Port{port("sw-1", "Gi1/0/2", 2), port("sw-1", "Gi1/0/1", 1)})
	ports := r.answer(t, "/api/v1/ports?device=sw-1")["ports"].([]any)
	if len(ports) != 2 || ports[0].(map[string]any)["port"] != "Gi1/0/1" {
		t.Fatalf("ports %v, want both in the order of ifIndex", ports)
	}
	if rate := ports[0].(map[string]any)["rate"]; rate != nil {
		t.Errorf("rate of a seeded port: %v, want null", rate)
	}
	r.board.Accept(context.Background(), round("sw-1", time.Now(), 3))
	r.board.Seed("sw-1", nil)
	if n := len(r.answer(t, "/api/v1/ports")["ports"].([]any)); n != 3 {
		t.Errorf("a late seed replaced the device's own answer: %d ports, want 3", n)
	}
}

func TestReloadForgetsRemovedDevicesAndKeepsTheOthers(t *testing.T) {
	r := newRig(t, dev("sw-1"), dev("sw-2"))
	r.board.Accept(context.Background(), round("sw-1", time.Now(), 1))
	r.board.Accept(context.Background(), round("sw-2", time.Now(), 1))
	r.board.Configure([]spate.Device{dev("sw-2"), dev("sw-3")})
	r.board.Accept(context.Background(), round("sw-1", time.Now(), 1)) // a round that was under way
	var names []string
	for _, d := range r.answer(t, "/api/v1/devices")["devices"].([]any) {
		d := d.(map[string]any)
		names = append(names, fmt.Sprint(d["name"], " ", d["state"]))
	}
	if got, want := fmt.Sprint(names), "[sw-2 up sw-3 unknown]"; got != want {
		t.Errorf("devices %s, want %s", got, want)
	}
	if resp := r.get(t, "/api/v1/devices/sw-1"); resp.StatusCode != 404 {
		t.Errorf("removed device: %d, want 404", resp.StatusCode)
	}
}

func TestAcceptNeverWaitsForReadersOfEvents(t *testing.T) {
	r := newRig(t, dev("sw-1")) // Run is not running: nobody takes the changes
	for range 10_000 {
		r.board.Accept(context.Background(), round("sw-1", time.Now(), 1))
	}
	if r.board.Dropped() == 0 {
		t.Error("10,000 rounds without a reader: none dropped, want some counted")
	}
}
