package spate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"spate"
)

func TestAnIncidentSaysNullForUnknownAndAnEmptyListForNone(t *testing.T) {
	in := spate.Incident{ID: "7", RateBps: 912e6, UsualBps: spate.Unknown(), Origin: &spate.Origin{Device: "sw-acc-1", RatePps: spate.Unknown()}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"rate_bps":912000000`, `"usual_bps":null`, `"ended_at":null`, `"origins":[]`, `"runner_up":[]`, `"path":[]`, `"victims":[]`,
		`"users":[]`, `"talkers":[]`, `"evidence":[]`, `"timeline":[]`, `"notified":[]`, `"acknowledged_by":null`, `"hosts":[]`, `"verdict":null`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s lacks %s", b, want)
		}
	}
	var back spate.Incident
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.UsualBps.Known() || back.RateBps != 912e6 || back.Origin == nil || back.Origin.RatePps.Known() {
		t.Errorf("read back as %+v", back)
	}
}

func TestCriticalIsWorseThanWarningThanInfoThanNothing(t *testing.T) {
	order := []spate.Severity{spate.Critical, spate.Warning, spate.Info, ""}
	for i := range len(order) - 1 {
		if !order[i].Worse(order[i+1]) || order[i+1].Worse(order[i]) {
			t.Errorf("%q is not worse than %q", order[i], order[i+1])
		}
	}
}
