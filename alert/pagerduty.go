package alert

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"spate"
)

const (
	pdSummary = 1024 // characters that Events API v2 takes
	pdSource  = 255
)

// PagerDuty sends events of the Events API v2.
type PagerDuty struct {
	url, key spate.Secret
	out      *Outward
}

// NewPagerDuty makes one; key is the integration's routing key.
func NewPagerDuty(url, key spate.Secret, out *Outward) *PagerDuty { return &PagerDuty{url, key, out} }

// Traits implements Channel.
func (*PagerDuty) Traits() Traits { return Traits{Acks: true} }

type pdEvent struct {
	RoutingKey  string     `json:"routing_key"`
	EventAction string     `json:"event_action"`
	DedupKey    string     `json:"dedup_key"`
	Client      string     `json:"client,omitempty"`
	ClientURL   string     `json:"client_url,omitempty"`
	Payload     *pdPayload `json:"payload,omitempty"`
	Links       []pdLink   `json:"links,omitempty"`
}

type pdPayload struct {
	Summary       string            `json:"summary"`
	Source        string            `json:"source"`
	Severity      string            `json:"severity"` // critical, error, warning, info
	Timestamp     time.Time         `json:"timestamp"`
	Component     string            `json:"component,omitempty"`
	Class         string            `json:"class,omitempty"`
	CustomDetails map[string]string `json:"custom_details,omitempty"`
}

type pdLink struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// Send implements Channel. All events of an incident have its ID as key, so that
// PagerDuty makes one of them.
func (p *PagerDuty) Send(ctx context.Context, m *Message) (string, error) {
	e := p.event(m)
	if err := p.push(ctx, e); err != nil || m.Event != Test {
		return "", err
	}
	return "", p.push(ctx, pdEvent{RoutingKey: e.RoutingKey, EventAction: "resolve", DedupKey: e.DedupKey})
}

func (p *PagerDuty) event(m *Message) pdEvent {
	e := pdEvent{RoutingKey: p.key.Reveal(), EventAction: "trigger", DedupKey: m.Key, Client: "Spate", ClientURL: m.Link}
	if m.Incident == nil {
		e.Payload = &pdPayload{Summary: cut(m.lead(), pdSummary), Source: "spate", Severity: "info", Timestamp: m.At}
		return e
	}
	in := m.Incident
	e.DedupKey = "spate-" + in.ID
	switch m.Event {
	case Resolve:
		e.EventAction = "resolve"
		return e
	case Ack:
		e.EventAction = "acknowledge"
		return e
	}
	e.Payload = &pdPayload{Summary: cut(plain(in.Summary), pdSummary), Source: "spate", Severity: string(in.Severity), Timestamp: in.StartedAt, Class: string(in.Kind), CustomDetails: map[string]string{}}
	if o := in.Origin; o != nil {
		e.Payload.Source = cut(plain(o.Device), pdSource)
		e.Payload.Component = cut(plain(o.Port), pdSource)
	}
	for _, f := range m.facts() {
		e.Payload.CustomDetails[label(f.Name)] = f.Text
	}
	e.Links = []pdLink{{m.Link, "The incident in Spate"}}
	return e
}

func (p *PagerDuty) push(ctx context.Context, e pdEvent) error {
	b, err := json.Marshal(e)
	if err != nil {
		return &Failure{Err: err, Final: true}
	}
	r, err := p.out.post(ctx, p.url, "application/json", nil, b)
	var f *Failure
	if errors.As(err, &f) {
		f.Unsure = false // the key makes one of two
	}
	if err != nil {
		return err
	}
	return p.out.outcome(r, map[int]string{400: "check routing_key_file"})
}
