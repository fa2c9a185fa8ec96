package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/alert"
	"spate/alert/alerttest"
	"spate/cmd/spate/config"
	"spate/lab/fabric"
	"spate/poller"
	"spate/storage"
)

// A mailbox of hooks keeps the events of a webhook, by incident.
type hooks struct {
	*httptest.Server
	mu     sync.Mutex
	events []hookEvent
}

type hookEvent struct{ ID, Event, Key, Summary string }

func newHooks(t testing.TB) *hooks {
	h := &hooks{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var e hookEvent
		if err := json.Unmarshal(b, &e); err != nil {
			t.Errorf("webhook: %v", err)
		}
		h.mu.Lock()
		h.events = append(h.events, e)
		h.mu.Unlock()
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hooks) all() []hookEvent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

// TestAStormIsOneThreadEverywhere has a storm reach every port of a network, and looks
// at what each target was sent. SPATE_LONG has it in thirty switches of 48 ports, which
// two busy cores cannot simulate and poll under the race detector.
func TestAStormIsOneThreadEverywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("a network lives for a minute")
	}
	box, slack, hook, pager := alerttest.Mail(t), alerttest.NewSlack(t), newHooks(t), newHooks(t)
	manager := alerttest.Alertmanager(t)
	wanted := []config.Severity{config.Critical, config.Warning}
	shape := fabric.Shape{Seed: 5, Step: 2 * time.Second, Borders: 1, Cores: 1, Pods: 2, Access: 3, Ports: 24, Fill: 0.7, Bundles: true}
	if os.Getenv("SPATE_LONG") != "" {
		shape.Access, shape.Ports = 13, 48
	}
	p := newPlayground(t, shape, 2*time.Second, 2, func(cfg *config.Config) {
		cfg.Notify = []config.Notify{
			{Name: "mail", Type: "email", Severities: wanted, SMTP: box.StartTLS, TLS: "starttls", Username: alerttest.MailUser, Password: alerttest.MailPassword, From: "spate@example.net", To: []string{"noc@example.net"}, Roots: box.Roots},
			{Name: "chat", Type: "slack", Severities: wanted, Token: alerttest.SlackToken, Channel: alerttest.SlackChannel, APIURL: slack.URL + "/api"},
			{Name: "hook", Type: "webhook", Severities: wanted, URL: spate.Secret(hook.URL)},
			{Name: "am", Type: "alertmanager", Severities: wanted, URL: spate.Secret(manager)},
			{Name: "pager", Type: "pagerduty", Severities: wanted, URL: spate.Secret(pager.URL), RoutingKey: "0123456789abcdef0123456789abcdef"},
		}
	})
	f := p.net.Begin(fabric.Storm, 0, 25*time.Second)
	p.wait(t, 40*time.Second, "the storm is told", func() bool { return len(p.site.watch.desk.Open()) > 0 && len(hook.all()) > 0 })
	p.wait(t, 20*time.Second, "Alertmanager has it", func() bool { return len(alerttest.Alerts(t, manager)) == 1 })
	time.Sleep(25 * time.Second)
	p.over(t, time.Minute)
	time.Sleep(8 * time.Second) // what must not come would come now
	in := p.incidents(t)
	if len(in) != 1 {
		t.Fatalf("%d incidents of one storm from %v", len(in), f.OriginIDs())
	}

	var events []string
	for _, e := range hook.all() {
		events = append(events, e.Event)
	}
	if n := len(events); n < 2 || n > 3 || events[0] != "open" || events[n-1] != "resolve" {
		t.Errorf("the webhook got %v", events)
	}
	mails := box.Mails(t, 2)
	if len(mails) > 3 {
		t.Errorf("%d mails", len(mails))
	}
	var root string
	for i, raw := range mails {
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			root = m.Header.Get("Message-Id")
		} else if m.Header.Get("References") != root {
			t.Errorf("mail %d refers to %q, the thread is %q", i, m.Header.Get("References"), root)
		}
		if !bytes.Contains(raw, []byte("Content-Type: image/png")) {
			t.Errorf("mail %d has no picture", i)
		}
		if dir := os.Getenv("SPATE_LOOK"); dir != "" {
			_ = os.WriteFile(filepath.Join(dir, fmt.Sprintf("storm-%d.eml", i)), raw, 0o644)
		}
	}
	messages := slack.Messages()
	if len(messages) < 2 || len(messages) > 3 {
		t.Fatalf("%d messages in the channel", len(messages))
	}
	for _, m := range messages[1:] {
		if m.Thread != messages[0].TS {
			t.Errorf("not in the thread: %+v", m)
		}
	}
	if n := len(messages[0].Files); n != 2 || !strings.HasPrefix(messages[0].Text, "✓ Over") {
		t.Errorf("the thread has %d pictures and begins %s", n, messages[0].Text)
	}
	if dir := os.Getenv("SPATE_LOOK"); dir != "" {
		b, _ := json.MarshalIndent(messages, "", " ")
		_ = os.WriteFile(filepath.Join(dir, "storm-slack.json"), b, 0o644)
	}
	if got := alerttest.Alerts(t, manager); len(got) != 0 {
		t.Errorf("Alertmanager still has %+v", got)
	}
	if n := len(pager.all()); n < 2 || n > 3 {
		t.Errorf("the pager got %d events", n)
	}
	ok := map[string]int{}
	for _, d := range in[0].Notified {
		if !d.OK {
			t.Errorf("%s: %s", d.Name, d.Error)
		}
		ok[d.Name]++
	}
	if len(ok) != 5 {
		t.Errorf("its log knows of %v", ok)
	}
}

// TestPeopleAreToldWhileTheStoreIsFullAndHalfOfTheDevicesAreDark has nothing recorded
// and every second device silent.
func TestPeopleAreToldWhileTheStoreIsFullAndHalfOfTheDevicesAreDark(t *testing.T) {
	if testing.Short() {
		t.Skip("a network lives for half a minute")
	}
	hook := newHooks(t)
	shape := fabric.Shape{Seed: 5, Step: 2 * time.Second, Borders: 1, Cores: 1, Pods: 1, Access: 3, Ports: 24, Fill: 0.7}
	p := newPlayground(t, shape, time.Second, 2, func(cfg *config.Config) {
		cfg.Notify = []config.Notify{{Name: "hook", Type: "webhook", Severities: []config.Severity{config.Critical, config.Warning}, URL: spate.Secret(hook.URL)}}
		cfg.Storage.MinFree = 1 << 60
		for i := range len(cfg.Targets) {
			cfg.Targets = append(cfg.Targets, poller.Target{Device: spate.Device{Name: fmt.Sprint("dark-", i), Address: "127.0.0.1:1"}, Credentials: cfg.Targets[0].Credentials})
		}
	})
	if !p.site.store.Status().ReadOnly {
		t.Fatal("the store writes")
	}
	f := p.net.Begin(fabric.ToOutside, 0, time.Minute)
	told := func(what string) bool {
		return slices.ContainsFunc(hook.all(), func(e hookEvent) bool { return strings.Contains(e.Summary, what) })
	}
	p.wait(t, time.Minute, "the flood is told", func() bool { return told(f.OriginIDs()[0].Name + " is sending") })
	p.wait(t, time.Minute, "the store is told", func() bool { return told("records nothing, polling and messages go on") })
	p.wait(t, time.Minute, "the dark devices are told", func() bool { return told("dark-") })
}

// sendUntilKilled is one life of a notifier that is killed: it takes up what was open,
// opens some more, and sends.
func sendUntilKilled(dir, url, life string) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	state, err := storage.OpenState(filepath.Join(dir, stateFile), slog.New(slog.DiscardHandler))
	if err != nil {
		fail(err)
	}
	n, err := alert.New(alert.Config{BaseURL: "http://spate.example.net"}, state.Alerts(), metrics.NewSet(), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		fail(err)
	}
	c := alert.NewWebhook(alert.WebhookConfig{URL: spate.Secret(url)}, alert.NewOutward(nil, nil))
	n.Set([]*alert.Target{{Name: "hook", Type: "webhook", Channel: c, Severities: []spate.Severity{spate.Critical}}})
	_ = state.Incidents(time.Unix(0, 0), time.Now().Add(time.Hour), "", func(r spate.IncidentRecord) bool {
		n.Told(r.Incident) // as a start of Spate does
		return true
	})
	go func() {
		_ = n.Run(context.Background())
	}()
	fmt.Println("ready")
	for i := range 4 {
		in := &spate.Incident{ID: "20260101-" + life + strconv.Itoa(i), State: spate.IncidentOpen, Severity: spate.Critical, Kind: spate.KindFlood, DetectedAt: time.Now(), StartedAt: time.Now(), Summary: "flood"}
		if err := state.SaveIncident(spate.IncidentRecord{Incident: in}); err != nil {
			fail(err)
		}
		n.Told(in)
		time.Sleep(2 * time.Millisecond)
	}
	if life == "last" {
		for n.Queued() > 0 || len(n.Unfinished()) == 0 {
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		os.Exit(0)
	}
	select {}
}

// TestKilledBetweenDecidingAndSending kills a notifier at any moment; SPATE_KILLS says
// how often.
func TestKilledBetweenDecidingAndSending(t *testing.T) {
	kills := 15
	if s := os.Getenv("SPATE_KILLS"); s != "" {
		kills, _ = strconv.Atoi(s)
	}
	hook := newHooks(t)
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	live := func(life string) *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), "SPATE_TEST_NOTIFY="+strings.Join([]string{dir, hook.URL, life}, " "))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 6)); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	for i := range kills {
		cmd := live(fmt.Sprintf("%03d", i))
		time.Sleep(time.Duration(i*7919%23) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if err := live("last").Wait(); err != nil {
		t.Fatal(err)
	}
	state, err := storage.OpenState(filepath.Join(dir, stateFile), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	keys, times := map[string]map[string]bool{}, map[string]int{}
	for _, e := range hook.all() {
		if keys[e.ID] == nil {
			keys[e.ID] = map[string]bool{}
		}
		keys[e.ID][e.Key] = true
		times[e.Key]++
	}
	saved, twice := 0, 0
	_ = state.Incidents(time.Unix(0, 0), time.Now().Add(time.Hour), "", func(r spate.IncidentRecord) bool {
		saved++
		if len(keys[r.Incident.ID]) != 1 {
			t.Errorf("%s was told under %d keys", r.Incident.ID, len(keys[r.Incident.ID]))
		}
		return true
	})
	for _, n := range times { // two kills in a row may hit the same one
		twice += n - 1
	}
	t.Logf("%d kills: %d incidents told, %d twice", kills, saved, twice)
	if saved < kills || twice > kills {
		t.Errorf("%d incidents, %d sent twice in %d kills", saved, twice, kills)
	}
}
