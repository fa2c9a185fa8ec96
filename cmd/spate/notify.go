package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"golang.org/x/sync/errgroup"

	"spate"
	"spate/alert"
	"spate/cmd/spate/config"
	"spate/incident"
	"spate/storage"
	"spate/web"
)

// notices tells people of incidents.
type notices struct {
	*alert.Notifier
	heart *alert.Heartbeat
	log   *slog.Logger
}

// eyes are the pictures of messages, once there is a server that draws them.
type eyes struct{ server atomic.Pointer[web.Server] }

var errNoPictures = errors.New("no pictures are drawn yet")

func (e *eyes) Picture(ctx context.Context, in *spate.Incident) ([]byte, error) {
	if s := e.server.Load(); s != nil {
		return s.IncidentPicture(ctx, in)
	}
	return nil, errNoPictures
}

func (e *eyes) Recent(ctx context.Context, in *spate.Incident) (alert.Recent, error) {
	s := e.server.Load()
	if s == nil {
		return alert.Recent{}, errNoPictures
	}
	rates, total, err := s.IncidentTraffic(ctx, in)
	return alert.Recent{Rates: rates, Total: total}, err
}

func newNotices(cfg *config.Config, state *storage.State, desk *incident.Desk, e *eyes, alive func() error, set *metrics.Set, log *slog.Logger) (*notices, error) {
	base := cfg.Server.BaseURL
	if base == "" {
		base = "http://" + reachable(cfg.Server.Listen)
		if cfg.Server.TLSCertFile != "" {
			base = "https://" + reachable(cfg.Server.Listen)
		}
	}
	n, err := alert.New(alert.Config{BaseURL: base, Zone: cfg.Server.Location, Graphs: e}, state.Alerts(), set, desk.Delivered, log)
	if err != nil {
		return nil, err
	}
	out := &notices{Notifier: n, heart: alert.NewHeartbeat(alive, log), log: log}
	return out, out.adopt(cfg)
}

// reachable is a listen address as a link has it: where Spate listens everywhere, the
// machine's name has to do.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, err = hostname(); err != nil {
			host = "localhost"
		}
	}
	return net.JoinHostPort(host, port)
}

// adopt takes over the targets of a config, and where the heartbeat goes.
func (n *notices) adopt(cfg *config.Config) error {
	n.heart.Set(cfg.Alert.HeartbeatURL, cfg.Alert.HeartbeatInterval)
	var targets []*alert.Target
	for i := range cfg.Notify {
		t, err := target(&cfg.Notify[i])
		if err != nil {
			return fmt.Errorf("notify %s: %w", cfg.Notify[i].Name, err)
		}
		targets = append(targets, t)
	}
	n.Set(targets)
	return nil
}

// target is one [[notify]] with its channel.
func target(c *config.Notify) (*alert.Target, error) {
	t := &alert.Target{Name: c.Name, Type: c.Type, Reminder: c.Reminder, Fallback: c.Fallback}
	for _, s := range c.Severities {
		t.Severities = append(t.Severities, spate.Severity(s))
	}
	for _, e := range c.Escalate {
		t.Escalate = append(t.Escalate, alert.Step(e))
	}
	for _, q := range c.Quiet {
		t.Quiet = append(t.Quiet, alert.Span(q))
	}
	out := alert.NewOutward(c.AllowNetworks, c.Roots, c.Token, c.WebhookURL, c.URL, c.Secret, c.RoutingKey)
	var err error
	switch c.Type {
	case "email":
		t.Channel, err = alert.NewMail(alert.MailConfig{SMTP: c.SMTP, TLS: c.TLS, Username: c.Username, Password: c.Password, From: c.From, To: c.To, Roots: c.Roots})
	case "slack":
		t.Channel = alert.NewSlack(alert.SlackConfig{Token: c.Token, Channel: c.Channel, APIURL: c.APIURL, WebhookURL: c.WebhookURL}, out)
	case "webhook":
		t.Channel = alert.NewWebhook(alert.WebhookConfig{URL: c.URL, Secret: c.Secret, Template: c.Template, ContentType: c.MediaType}, out)
	case "alertmanager":
		t.Channel = alert.NewAlertmanager(c.URL, out)
	case "pagerduty":
		t.Channel = alert.NewPagerDuty(c.URL, c.RoutingKey, out)
	default:
		err = fmt.Errorf("type %q is not known", c.Type)
	}
	return t, err
}

// resume tells again what was open when Spate ended, and the end of what was told.
func (n *notices) resume(w *watch) {
	for _, in := range w.desk.Open() {
		n.Told(in)
	}
	for _, id := range n.Unfinished() {
		if in, ok := w.Incident(id); ok {
			n.Told(in)
		}
	}
}

// run tells until ctx ends.
func (n *notices) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { n.heart.Run(ctx); return nil })
	group.Go(func() error { return n.Run(ctx) })
	return group.Wait()
}

// desk is the same in words of web.
type desk struct{ *notices }

// Notifiers implements web.Notices.
func (n desk) Notifiers() (out []web.Notifier) {
	for _, h := range n.Health(time.Now()) {
		out = append(out, web.Notifier(h))
	}
	return out
}

// Silence implements web.Notices.
func (n desk) Silence(s spate.Silence) (spate.Silence, error) {
	made, err := n.Notifier.Silence(time.Now(), s)
	if errors.Is(err, alert.ErrSilence) {
		err = web.Refusal(err.Error())
	}
	return made, err
}

// EndSilence implements web.Notices.
func (n desk) EndSilence(id string) error {
	err := n.Notifier.EndSilence(id)
	if errors.Is(err, alert.ErrNoSilence) {
		err = web.ErrNoSilence
	}
	return err
}

// TestNotifier implements web.Notices.
func (n desk) TestNotifier(ctx context.Context, name string) error {
	err := n.Test(ctx, name)
	if errors.Is(err, alert.ErrNoTarget) {
		err = web.ErrNoNotifier
	}
	return err
}

// hostname is this machine's name up to the first dot.
func hostname() (string, error) {
	name, err := os.Hostname()
	name, _, _ = strings.Cut(name, ".")
	return name, err
}
