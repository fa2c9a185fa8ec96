package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/alert"
)

// shelf is a disk that lives as long as a test.
type shelf struct {
	mu      sync.Mutex
	records map[string][]byte
	full    bool
}

func newShelf() *shelf { return &shelf{records: map[string][]byte{}} }

func (s *shelf) Change(put map[string][]byte, remove ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		return errors.New("no space left on device")
	}
	for _, key := range remove {
		delete(s.records, key)
	}
	maps.Copy(s.records, put)
	return nil
}

func (s *shelf) Each(prefix string, yield func(string, []byte) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(s.records)) {
		if strings.HasPrefix(key, prefix) && !yield(key, s.records[key]) {
			return nil
		}
	}
	return nil
}

// sent is one message as a channel got it.
type sent struct {
	at      time.Time
	key     string
	event   alert.Event
	ids     []string
	why     string
	root    string
	ref     string
	summary string
}

// channel notes what it is sent.
type channel struct {
	mu     sync.Mutex
	traits alert.Traits
	err    error // of each try while it is set
	took   bool  // it keeps what it answers with an error
	got    []sent
	tries  int
}

func (c *channel) Traits() alert.Traits { return c.traits }

func (c *channel) Send(_ context.Context, m *alert.Message) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries++
	if c.err != nil && !c.took {
		return "", c.err
	}
	s := sent{at: time.Now(), key: m.Key, event: m.Event, why: m.Why, root: m.Root, ref: m.Ref}
	if m.Incident != nil {
		s.ids, s.summary = []string{m.Incident.ID}, m.Incident.Summary
	}
	for _, in := range m.Digest {
		s.ids = append(s.ids, in.ID)
	}
	c.got = append(c.got, s)
	return "ref-" + m.Key, c.err
}

func (c *channel) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *channel) all() []sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

// events are the messages in short: "open 1", "digest 1 2 3".
func (c *channel) events() []string {
	out := []string{}
	for _, s := range c.all() {
		out = append(out, string(s.event)+" "+strings.Join(s.ids, " "))
	}
	return out
}

// office is a notifier with what is around it, in a bubble of time.
type office struct {
	*alert.Notifier
	shelf *shelf
	log   *strings.Builder
	told  map[string][]spate.Delivery
	mu    sync.Mutex
	stop  func()
}

func (o *office) deliveries(id string) []spate.Delivery {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.told[id])
}

func newOffice(t *testing.T, s *shelf, targets ...*alert.Target) *office {
	t.Helper()
	o := &office{shelf: s, log: &strings.Builder{}, told: map[string][]spate.Delivery{}}
	var err error
	o.Notifier, err = alert.New(alert.Config{BaseURL: "http://spate.example.net", Zone: time.UTC}, s, metrics.NewSet(), func(id string, d spate.Delivery) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.told[id] = append(o.told[id], d)
	}, slog.New(slog.NewTextHandler(o.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	o.Set(targets)
	return o
}

// start runs it until the end of the test, or stop.
func (o *office) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = o.Run(ctx) }()
	o.stop = func() { cancel(); <-done }
	t.Cleanup(func() { o.stop() })
}

func people(name string, c *channel) *alert.Target {
	c.traits.People = true
	return &alert.Target{Name: name, Type: "email", Channel: c, Severities: []spate.Severity{spate.Critical, spate.Warning}}
}

// flood is an incident that has just been opened.
func flood(id string) *spate.Incident {
	now := time.Now()
	o := spate.Origin{Device: "sw-acc-" + id, Port: "Gi1/0/2", Confidence: 0.98, RateBps: 912e6, RatePps: 120e3, Factor: 38, Since: now.Add(-20 * time.Second),
		Hosts: spate.List[spate.HostNamed]{{MAC: "02:00:00:00:00:17", IP: "10.2.0.17", Name: "web-17"}}}
	return &spate.Incident{
		ID: id, State: spate.IncidentOpen, Severity: spate.Critical, Kind: spate.KindFlood, StartedAt: now.Add(-20 * time.Second), DetectedAt: now,
		Summary: fmt.Sprintf("web-17 (10.2.0.17) on sw-acc-%s Gi1/0/2 is sending 912 Mb/s, 38x its usual 24 Mb/s for Tue 14:00, since 14:02:10; leaves by bdr-1 xe-0/0/1", id),
		Origin:  &o, Origins: spate.List[spate.Origin]{o}, RateBps: 912e6, RatePps: 120e3, UsualBps: 24e6, UsualPps: 3e3, Factor: 38,
		Path:     spate.List[spate.Hop]{{Device: "sw-acc-" + id, Port: "Gi1/0/2", Direction: "in", ExcessBps: 888e6, ExcessPps: 117e3}, {Device: "bdr-1", Port: "xe-0/0/1", Direction: "out", ExcessBps: 880e6, ExcessPps: 116e3}},
		Victims:  spate.List[spate.Place]{{Device: "bdr-1", Port: "xe-0/0/1"}},
		Evidence: spate.List[spate.Evidence]{{Kind: "one_way", Text: "nobody answers what it sends"}},
	}
}

// changed is the incident with something else about it.
func changed(in *spate.Incident, change func(*spate.Incident)) *spate.Incident {
	next := *in
	change(&next)
	return &next
}

func closed(in *spate.Incident, at time.Time) *spate.Incident {
	return changed(in, func(in *spate.Incident) {
		in.State = spate.IncidentClosed
		if in.EndedAt == nil {
			end := at
			in.EndedAt = &end
		}
	})
}
