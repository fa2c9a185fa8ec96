package alert

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spate"
)

var update = flag.Bool("update", false, "write the golden files anew; then look at the difference")

// example is a message whose every part is there.
func example(event Event) *Message {
	at := time.Date(2026, 3, 3, 14, 2, 31, 0, time.UTC)
	o := spate.Origin{Device: "sw-acc-1", Port: "Gi1/0/2", Confidence: 0.98, RateBps: 912e6, RatePps: 120e3, Factor: 38, Hosts: spate.List[spate.HostNamed]{{Name: "web-17", IP: "10.2.0.17"}}}
	by := "ann"
	in := &spate.Incident{
		ID: "20260303-140231", State: spate.IncidentOpen, Severity: spate.Critical, Kind: spate.KindFlood, StartedAt: at.Add(-21 * time.Second), DetectedAt: at,
		Summary: "web-17 (10.2.0.17) on sw-acc-1 Gi1/0/2 is sending 912 Mb/s, 38x its usual 24 Mb/s for Tue 14:00, since 14:02:10; leaves by bdr-1 xe-0/0/1",
		Origin:  &o, Origins: spate.List[spate.Origin]{o, {Device: "sw-acc-9", Port: "1/7"}}, RunnerUp: spate.List[spate.Origin]{{Device: "sw-acc-2", Port: "Gi1/0/9", Confidence: 0.12}},
		RateBps: 912e6, RatePps: 120e3, UsualBps: 24e6, Factor: 38,
		Path:     spate.List[spate.Hop]{{Device: "sw-acc-1", Port: "Gi1/0/2", Direction: "in"}, {Device: "sw-acc-1", Port: "Te1/1", Direction: "out"}, {Device: "bdr-1", Port: "xe-0/0/1", Direction: "out"}},
		Victims:  spate.List[spate.Place]{{Device: "bdr-1", Port: "xe-0/0/1"}},
		Users:    spate.List[spate.UserShare]{{UID: 1042, User: "custshop", Share: 0.97}},
		Evidence: spate.List[spate.Evidence]{{Kind: "one_way", Text: "hardly a packet comes back"}, {Kind: "origin", Text: "3 of 3 traces of unusual traffic end at sw-acc-1 Gi1/0/2"}},
	}
	m := &Message{Key: "20260303-140231." + string(event) + ".1", Event: event, First: true, Incident: in, At: at, Link: "https://spate.example.net/incidents/" + in.ID, Zone: time.UTC}
	if event == Resolve {
		end := at.Add(28 * time.Minute)
		in.State, in.EndedAt, in.AcknowledgedBy = spate.IncidentClosed, &end, &by
		m.First, m.Root, m.Subject, m.At = false, "20260303-140231.open.1", subject(in), end.Add(15*time.Minute)
	}
	return m
}

func TestGolden(t *testing.T) {
	digest := &Message{Key: "digest.1-4", Event: Digest, First: true, At: example(Open).At, Link: "https://spate.example.net/alerts", Zone: time.UTC, Digest: []*spate.Incident{example(Open).Incident, example(Resolve).Incident}}
	for name, m := range map[string]*Message{"open": example(Open), "resolve": example(Resolve), "digest": digest} {
		total := ""
		if name == "resolve" {
			total = "187 GB came in by sw-acc-1 Gi1/0/2 meanwhile"
		}
		var page bytes.Buffer
		if err := mailForm.Execute(&page, m.page(total, name != "digest")); err != nil {
			t.Fatal(err)
		}
		slack, err := json.MarshalIndent(m.slackPost(t.Context()), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		for file, got := range map[string]string{name + ".txt": m.subject() + "\n\n" + m.text(total), name + ".html": page.String(), name + ".slack.json": string(slack) + "\n"} {
			path := filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		}
	}
}
