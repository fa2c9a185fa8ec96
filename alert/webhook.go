package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"text/template"
	"time"

	"spate"
)

const largestHook = 256 << 10

// WebhookConfig is a [[notify]] of type webhook.
type WebhookConfig struct {
	URL         spate.Secret
	Secret      spate.Secret       // signs; empty: nothing is signed
	Template    *template.Template // of the body; nil: the incident's JSON
	ContentType string             // of a template
}

// Webhook posts each message as JSON.
type Webhook struct {
	cfg WebhookConfig
	out *Outward
}

// NewWebhook makes one.
func NewWebhook(cfg WebhookConfig, out *Outward) *Webhook {
	if cfg.Template == nil || cfg.ContentType == "" {
		cfg.ContentType = "application/json"
	}
	return &Webhook{cfg, out}
}

// ParseTemplate reads the template of a webhook's body. Its function json writes a
// value as JSON, which is how texts from the network are made safe in JSON.
func ParseTemplate(text string) (*template.Template, error) {
	return template.New("webhook").Option("missingkey=error").Funcs(template.FuncMap{
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
	}).Parse(text)
}

// A Hook is what a webhook is sent: the incident's fields as in the API, and why.
type Hook struct {
	*spate.Incident
	Event Event  `json:"event"`
	Key   string `json:"key"` // the same for each try: who has seen it may pass over it
	Text  string `json:"text"`
	URL   string `json:"url"`
}

// Traits implements Channel.
func (*Webhook) Traits() Traits { return Traits{Acks: true} }

// Send implements Channel.
func (w *Webhook) Send(ctx context.Context, m *Message) (string, error) {
	body, err := w.body(m)
	if err != nil {
		return "", &Failure{Err: err, Final: true}
	}
	header := http.Header{"X-Spate-Event": {string(m.Event)}, "Idempotency-Key": {m.Key}}
	if w.cfg.Secret != "" {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		header["X-Spate-Timestamp"] = []string{at}
		header["X-Spate-Signature"] = []string{"sha256=" + Sign(w.cfg.Secret, at, body)}
	}
	r, err := w.out.post(ctx, w.cfg.URL, w.cfg.ContentType, header, body)
	if err != nil {
		return "", err
	}
	return "", w.out.outcome(r, map[int]string{401: "check url and secret_file", 403: "check url and secret_file", 404: "check url"})
}

// Sign is the hexadecimal HMAC-SHA256 of "timestamp.body".
func Sign(secret spate.Secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func (w *Webhook) body(m *Message) ([]byte, error) {
	in := m.Incident
	if in == nil {
		in = &spate.Incident{Kind: spate.KindOther, Severity: spate.Info, State: spate.IncidentClosed, Summary: m.lead(), StartedAt: m.At.UTC(), DetectedAt: m.At.UTC(),
			RateBps: spate.Unknown(), RatePps: spate.Unknown(), UsualBps: spate.Unknown(), UsualPps: spate.Unknown(), Factor: spate.Unknown()}
	}
	h := Hook{Incident: in, Event: m.Event, Key: m.Key, Text: m.lead(), URL: m.Link}
	if w.cfg.Template == nil {
		return json.Marshal(h)
	}
	var b bytes.Buffer
	if err := w.cfg.Template.Execute(&b, h); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	if b.Len() > largestHook {
		return nil, fmt.Errorf("template: %d octets, wanted at most %d", b.Len(), largestHook)
	}
	return b.Bytes(), nil
}
