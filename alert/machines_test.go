package alert_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spate"
	"spate/alert"
	"spate/alert/alerttest"
)

// A listener keeps what is posted to it.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	bodies [][]byte
	header []http.Header
	status int
}

func listen(t *testing.T) *listener {
	l := &listener{status: http.StatusAccepted}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.bodies, l.header = append(l.bodies, b), append(l.header, r.Header)
		w.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) url() spate.Secret { return spate.Secret(l.URL) }

func TestAWebhookGetsTheIncidentSigned(t *testing.T) {
	l := listen(t)
	const secret = "hook-secret"
	c := alert.NewWebhook(alert.WebhookConfig{URL: l.url(), Secret: secret}, alert.NewOutward(nil, nil))
	in := flood("1")
	if _, err := c.Send(t.Context(), message(alert.Open, in)); err != nil {
		t.Fatal(err)
	}
	h, b := l.header[0], l.bodies[0]
	if got, want := h.Get("X-Spate-Signature"), "sha256="+alert.Sign(secret, h.Get("X-Spate-Timestamp"), b); got != want || h.Get("X-Spate-Timestamp") == "" {
		t.Errorf("signature %s, want %s", got, want)
	}
	if alert.Sign(secret, h.Get("X-Spate-Timestamp"), append(b, ' ')) == strings.TrimPrefix(h.Get("X-Spate-Signature"), "sha256=") {
		t.Error("another body has the same signature")
	}
	var hook struct {
		spate.Incident
		Event, Key, Text, URL string
	}
	if err := json.Unmarshal(b, &hook); err != nil {
		t.Fatal(err)
	}
	if hook.ID != "1" || hook.Summary != in.Summary || hook.Event != "open" || hook.Key != "1.open.1" || h.Get("Idempotency-Key") != hook.Key || hook.URL != "https://spate.example.net/incidents/1" {
		t.Errorf("hook %+v", hook)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	api, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(api, &want); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if _, there := fields[name]; !there {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestAWebhookWithATemplateOfOnesOwn(t *testing.T) {
	l := listen(t)
	form, err := alert.ParseTemplate(`{"content":{{json .Summary}},"rate":{{.RateBps | printf "%.0f"}}}`)
	if err != nil {
		t.Fatal(err)
	}
	c := alert.NewWebhook(alert.WebhookConfig{URL: l.url(), Template: form, ContentType: "application/vnd.chat+json"}, alert.NewOutward(nil, nil))
	in := changed(flood("1"), func(in *spate.Incident) { in.Summary = "a \"quoted\"\n\\ name" })
	if _, err := c.Send(t.Context(), message(alert.Open, in)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Content string
		Rate    float64
	}
	if err := json.Unmarshal(l.bodies[0], &got); err != nil || got.Content != in.Summary || got.Rate != 912e6 {
		t.Errorf("%s: %+v %v", l.bodies[0], got, err)
	}
	if l.header[0].Get("Content-Type") != "application/vnd.chat+json" {
		t.Errorf("type %s", l.header[0].Get("Content-Type"))
	}
	if _, err := alert.ParseTemplate("{{.Summary"); err == nil {
		t.Error("a template without an end was taken")
	}
}

// What PagerDuty documents of an event of its Events API v2.
func TestPagerDutyEvents(t *testing.T) {
	l := listen(t)
	c := alert.NewPagerDuty(l.url(), "0123456789abcdef0123456789abcdef", alert.NewOutward(nil, nil))
	in := changed(flood("1"), func(in *spate.Incident) { in.Summary = strings.Repeat("x", 3000) })
	by := "ann"
	for _, m := range []*alert.Message{message(alert.Open, in), message(alert.Ack, changed(in, func(in *spate.Incident) { in.AcknowledgedBy = &by })), message(alert.Resolve, closed(in, time.Now()))} {
		if _, err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	actions := []string{"trigger", "acknowledge", "resolve"}
	for i, b := range l.bodies {
		var e struct {
			RoutingKey  string `json:"routing_key"`
			EventAction string `json:"event_action"`
			DedupKey    string `json:"dedup_key"`
			Payload     *struct {
				Summary, Source, Severity, Timestamp, Component, Class string
				CustomDetails                                          map[string]string `json:"custom_details"`
			}
			Links []struct{ Href, Text string }
		}
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		if len(e.RoutingKey) != 32 || e.EventAction != actions[i] || e.DedupKey != "spate-1" {
			t.Errorf("event %d: %s", i, b)
		}
		if i > 0 {
			continue
		}
		p := e.Payload
		if _, err := time.Parse(time.RFC3339, p.Timestamp); err != nil || len([]rune(p.Summary)) > 1024 || p.Source != "sw-acc-1" || p.Severity != "critical" || p.Component != "Gi1/0/2" {
			t.Errorf("payload %+v", p)
		}
		if len(e.Links) != 1 || e.Links[0].Href == "" {
			t.Errorf("links %v", e.Links)
		}
	}
	if _, err := c.Send(t.Context(), &alert.Message{Key: "test.1", Event: alert.Test, At: time.Now(), Link: "http://x", Zone: time.UTC}); err != nil || len(l.bodies) != 5 {
		t.Errorf("a test is a trigger and its end: %d events, %v", len(l.bodies)-3, err)
	}
}

func TestAlertmanagerReceivesKeepsAliveAndResolves(t *testing.T) {
	url := alerttest.Alertmanager(t)
	c := alert.NewAlertmanager(spate.Secret(url), alert.NewOutward(nil, nil))
	in := changed(flood("1"), func(in *spate.Incident) { in.Severity = spate.Warning })
	ref, err := c.Send(t.Context(), message(alert.Open, in))
	if err != nil {
		t.Fatal(err)
	}
	got := alerttest.Alerts(t, url)
	if len(got) != 1 || got[0].Labels["alertname"] != "spate_flood" || got[0].Labels["device"] != "sw-acc-1" || got[0].Labels["severity"] != "warning" || got[0].Labels["host"] != "web-17" || got[0].Annotations["summary"] != in.Summary || got[0].Status.State != "active" {
		t.Fatalf("alerts %+v", got)
	}
	ends := got[0].EndsAt
	time.Sleep(time.Second)
	again := message(alert.Update, changed(in, func(in *spate.Incident) { in.Origin = &spate.Origin{Device: "other", Port: "x"} }))
	again.Ref = ref
	if err := c.KeepAlive(t.Context(), []*alert.Message{again}); err != nil {
		t.Fatal(err)
	}
	if got = alerttest.Alerts(t, url); len(got) != 1 || !got[0].EndsAt.After(ends) {
		t.Errorf("not kept alive as the same alert: %+v", got)
	}
	worse := message(alert.Update, changed(in, func(in *spate.Incident) { in.Severity = spate.Critical }))
	worse.Ref = ref
	if ref, err = c.Send(t.Context(), worse); err != nil {
		t.Fatal(err)
	}
	if got = alerttest.Alerts(t, url); len(got) != 1 || got[0].Labels["severity"] != "critical" {
		t.Errorf("after it became worse: %+v", got)
	}
	end := message(alert.Resolve, closed(in, time.Now()))
	end.Ref = ref
	if _, err := c.Send(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	if got = alerttest.Alerts(t, url); len(got) != 0 {
		t.Errorf("not resolved: %+v", got)
	}
}

func TestWhereSpateMayNotBeSent(t *testing.T) {
	l := listen(t)
	private := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	to := httptest.NewServer(http.RedirectHandler(l.URL, http.StatusTemporaryRedirect))
	defer to.Close()
	meta := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest", http.StatusTemporaryRedirect))
	defer meta.Close()
	tests := []struct {
		name, url string
		allow     []netip.Prefix
		want      string // of the error; empty: it arrives
	}{
		{"loopback that is written there", l.URL, nil, ""},
		{"a name of this machine", strings.Replace(l.URL, "127.0.0.1", "localhost", 1), nil, ""},
		{"metadata of a cloud", "http://169.254.169.254/latest", nil, "never spoken to"},
		{"metadata, though allowed", "http://169.254.169.254/latest", []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, "never spoken to"},
		{"metadata in IPv6 clothes", "http://[::ffff:169.254.169.254]/", nil, "never spoken to"},
		{"metadata of AWS over IPv6", "http://[fd00:ec2::254]/", nil, "never spoken to"},
		{"nowhere", "http://0.0.0.0:80/", nil, "never spoken to"},
		{"link-local", "http://[fe80::1]/", nil, "never spoken to"},
		{"a redirect", to.URL, nil, "it redirects elsewhere"},
		{"a redirect to an allowed network", to.URL, private, ""},
		{"a redirect to another network", to.URL, []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "name its network in allow_networks"},
		{"a redirect to metadata", meta.URL, []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, "never spoken to"},
		{"nobody listens", "http://127.0.0.1:1/secret-path", nil, "connection refused: is it running, and is port 1 right?"},
		{"no such name", "http://hooks.invalid/secret-path", nil, "the name is not known"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := alert.NewOutward(tt.allow, nil, spate.Secret(tt.url))
			_, err := alert.NewWebhook(alert.WebhookConfig{URL: spate.Secret(tt.url)}, out).Send(t.Context(), message(alert.Open, flood("1")))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret-path") {
				t.Errorf("the path is in it: %v", err)
			}
		})
	}
}

func TestAPublicNameThatLeadsInside(t *testing.T) {
	tests := []struct {
		host, to string
		allow    string
		ok       bool
	}{
		{"hooks.slack.com", "10.0.0.5:443", "", false},
		{"hooks.slack.com", "127.0.0.1:443", "", false},
		{"hooks.slack.com", "[::1]:443", "", false},
		{"hooks.slack.com", "[fd00::1]:443", "", false},
		{"hooks.slack.com", "100.64.3.4:443", "", false},
		{"hooks.slack.com", "10.0.0.5:443", "10.0.0.0/8", true},
		{"hooks.slack.com", "34.1.2.3:443", "", true},
		{"relay", "10.0.0.5:443", "", true},
		{"relay.rack.lan", "10.0.0.5:443", "", true},
		{"relay.internal", "10.0.0.5:443", "", true},
		{"10.0.0.5", "10.0.0.5:443", "", true},
		{"me.github.io", "10.0.0.5:443", "", false},
	}
	for _, tt := range tests {
		var allow []netip.Prefix
		if tt.allow != "" {
			allow = append(allow, netip.MustParsePrefix(tt.allow))
		}
		if err := alert.MayDial(tt.host, tt.to, false, allow); (err == nil) != tt.ok {
			t.Errorf("%s at %s, allowed %q: %v", tt.host, tt.to, tt.allow, err)
		}
	}
}

func TestServersThatMisbehave(t *testing.T) {
	hangs, drops := newHanger(t, false), newHanger(t, true)
	tests := []struct {
		name, url string
		status    int
		after     string
		want      alert.Failure
	}{
		{"too many", "", 429, "120", alert.Failure{After: 2 * time.Minute}},
		{"too many, no patience named", "", 429, "soon", alert.Failure{}},
		{"away", "", 503, "", alert.Failure{}},
		{"fell over", "", 500, "", alert.Failure{}},
		{"not understood", "", 400, "", alert.Failure{Final: true}},
		{"not let in", "", 401, "", alert.Failure{}},
		{"takes it and hangs", hangs, 0, "", alert.Failure{Unsure: true}},
		{"takes it and drops the line", drops, 0, "", alert.Failure{Unsure: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := tt.url
			if url == "" {
				s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Retry-After", tt.after)
					w.WriteHeader(tt.status)
				}))
				defer s.Close()
				url = s.URL
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := alert.NewWebhook(alert.WebhookConfig{URL: spate.Secret(url)}, alert.NewOutward(nil, nil)).Send(ctx, message(alert.Open, flood("1")))
			var f *alert.Failure
			if !errors.As(err, &f) || f.After != tt.want.After || f.Final != tt.want.Final || f.Unsure != tt.want.Unsure {
				t.Errorf("%v: %+v, want %+v", err, f, tt.want)
			}
		})
	}
}

// newHanger reads a request and then hangs, or drops the line.
func newHanger(t *testing.T, drop bool) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 64<<10))
				if !drop {
					time.Sleep(3 * time.Second)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// calls counts who was asked, by path.
type calls struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *calls) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[r.URL.Path]++
}

// of is how often a path was asked.
func (c *calls) of(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[path]
}

// reach waits until a path was asked so often.
func (c *calls) reach(t *testing.T, path string, n int) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); c.of(path) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%s was asked %d times in a minute, want %d", path, c.of(path), n)
		}
	}
}

func TestTheHeartbeatStopsWhenRoundsDo(t *testing.T) {
	got := &calls{n: map[string]int{}}
	s := httptest.NewServer(got)
	defer s.Close()
	var stuck atomic.Bool
	looked := make(chan struct{}, 1)
	var log strings.Builder
	h := alert.NewHeartbeat(func() error {
		select {
		case looked <- struct{}{}:
		default:
		}
		if stuck.Load() {
			return fmt.Errorf("no round has come in")
		}
		return nil
	}, slog.New(slog.NewTextHandler(&log, nil)))
	ctx, end := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { h.Run(ctx) }) // with nothing to ask yet
	h.Set(spate.Secret(s.URL+"/a"), 10*time.Millisecond)
	got.reach(t, "/a", 4)

	// Another URL is asked at once, and the first no more, however long its turn is.
	h.Set(spate.Secret(s.URL+"/b"), time.Hour)
	got.reach(t, "/b", 1)
	before := got.of("/a")
	h.Set(spate.Secret(s.URL+"/b"), time.Hour) // the same: no turn is lost or added
	h.Set(spate.Secret(s.URL+"/c"), 10*time.Millisecond)
	got.reach(t, "/c", 4)
	if a, b := got.of("/a"), got.of("/b"); a != before || b != 1 {
		t.Errorf("asked after the change: the first %d times, the second %d", a-before, b)
	}

	// Nothing is asked while no rounds come in.
	stuck.Store(true)
	for range 3 { // the first look may have been just before
		<-looked
	}
	before = got.of("/c")
	for range 5 {
		<-looked
	}
	if n := got.of("/c") - before; n > 0 {
		t.Errorf("%d beats while no rounds come in", n)
	}
	stuck.Store(false)
	got.reach(t, "/c", before+2)

	h.Set("", 0)
	for { // a beat may have been on its way
		n := got.of("/c")
		time.Sleep(100 * time.Millisecond)
		if got.of("/c") == n {
			break
		}
	}
	end()
	run.Wait()
	if text := log.String(); !strings.Contains(text, "no round has come in") || !strings.Contains(text, "the heartbeat is back") {
		t.Errorf("log: %s", text)
	}
}
