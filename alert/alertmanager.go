package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"spate"
)

// An alert ends by itself when Spate has not told it again for so long; Prometheus
// uses four times its own interval too.
const alertLives = 4 * aliveEvery

// Alertmanager posts alerts as its API v2 takes them, and again while they last.
type Alertmanager struct {
	url spate.Secret
	out *Outward
}

// NewAlertmanager makes one; url is Alertmanager's own, without /api/v2.
func NewAlertmanager(url spate.Secret, out *Outward) *Alertmanager { return &Alertmanager{url, out} }

// Traits implements Channel.
func (*Alertmanager) Traits() Traits { return Traits{} }

// An amAlert is one of POST /api/v2/alerts. Its labels are its identity.
type amAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Send implements Channel. ref are the labels that were sent: an alert whose severity
// or origin changes is another one to Alertmanager, and the old one is ended.
func (a *Alertmanager) Send(ctx context.Context, m *Message) (string, error) {
	now := time.Now()
	alert := amOf(m, now)
	list := []amAlert{alert}
	if old := amLabels(m.Ref); old != nil {
		switch {
		case m.Event == Resolve:
			list[0].Labels = old
		case !same(old, alert.Labels):
			ended := alert
			ended.Labels, ended.EndsAt = old, now
			list = append(list, ended)
		}
	}
	ref, err := json.Marshal(list[0].Labels)
	if err != nil {
		return "", err
	}
	return string(ref), a.push(ctx, list)
}

// KeepAlive implements Keeper.
func (a *Alertmanager) KeepAlive(ctx context.Context, open []*Message) error {
	var list []amAlert
	for _, m := range open {
		alert := amOf(m, time.Now())
		if old := amLabels(m.Ref); old != nil {
			alert.Labels = old
		}
		list = append(list, alert)
	}
	return a.push(ctx, list)
}

func (a *Alertmanager) push(ctx context.Context, list []amAlert) error {
	b, err := json.Marshal(list)
	if err != nil {
		return &Failure{Err: err, Final: true}
	}
	r, err := a.out.post(ctx, a.url+"/api/v2/alerts", "application/json", nil, b)
	var f *Failure
	if errors.As(err, &f) {
		f.Unsure = false // twice the same alert is one
	}
	if err != nil {
		return err
	}
	return a.out.outcome(r, map[int]string{404: "url is Alertmanager's own address, without a path"})
}

func amOf(m *Message, now time.Time) amAlert {
	if m.Incident == nil {
		return amAlert{
			Labels:      map[string]string{"alertname": "spate_test", "severity": "info"},
			Annotations: map[string]string{"summary": m.lead()}, StartsAt: m.At, EndsAt: now.Add(time.Minute), GeneratorURL: m.Link,
		}
	}
	in := m.Incident
	alert := amAlert{
		Labels:      map[string]string{"alertname": "spate_" + string(in.Kind), "severity": string(in.Severity), "incident": in.ID},
		Annotations: map[string]string{"summary": plain(in.Summary)}, StartsAt: in.StartedAt, EndsAt: now.Add(alertLives), GeneratorURL: m.Link,
	}
	if o := in.Origin; o != nil {
		alert.Labels["device"], alert.Labels["ifName"] = plain(o.Device), plain(o.Port)
		if len(o.Hosts) == 1 {
			alert.Labels["host"] = plain(hostName(&o.Hosts[0]))
		}
	}
	for _, f := range m.facts() {
		alert.Annotations[label(f.Name)] = f.Text
	}
	if m.Event == Resolve {
		alert.EndsAt = now
	}
	return alert
}

// hostName is what a host is called.
func hostName(h *spate.HostNamed) string {
	for _, s := range [...]string{h.Name, h.IP} {
		if s != "" {
			return s
		}
	}
	return h.MAC
}

// label is a word as the name of an annotation.
func label(s string) string {
	out := []rune{}
	for _, r := range s {
		switch {
		case r >= 'A' && r <= 'Z':
			out = append(out, r+'a'-'A')
		case r >= 'a' && r <= 'z':
			out = append(out, r)
		default:
			out = append(out, '_')
		}
	}
	return string(out)
}

func amLabels(ref string) map[string]string {
	var out map[string]string
	if json.Unmarshal([]byte(ref), &out) != nil {
		return nil
	}
	return out
}

func same(a, b map[string]string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }
