package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/graph"
	"spate/web"
)

// notices keep silences in memory and fail to reach one of two targets.
type notices struct{ list []spate.Silence }

func (n *notices) Silences() []spate.Silence { return n.list }
func (n *notices) Silence(s spate.Silence) (spate.Silence, error) {
	if s.By == "" {
		return s, web.Refusal("by is missing: say who wants it")
	}
	s.ID = "20260303-140230"
	n.list = append(n.list, s)
	return s, nil
}
func (n *notices) EndSilence(id string) error {
	before := len(n.list)
	n.list = slices.DeleteFunc(n.list, func(s spate.Silence) bool { return s.ID == id })
	if len(n.list) == before {
		return web.ErrNoSilence
	}
	return nil
}
func (n *notices) Notifiers() []web.Notifier {
	bad := spate.Delivery{Name: "chat", At: time.Now(), Error: hostile}
	return []web.Notifier{{Name: "noc", Type: "email"}, {Name: "chat", Type: "slack", Queued: 3, Oldest: time.Now(), Last: &bad}}
}
func (n *notices) TestNotifier(_ context.Context, name string) error {
	switch name {
	case "noc":
		return nil
	case "chat":
		return errors.New("slack: chat.postMessage: invalid_auth: check token_file")
	}
	return web.ErrNoNotifier
}

func newNoticeRig(t *testing.T) (*rig, *notices) {
	t.Helper()
	n := &notices{}
	r := &rig{board: web.NewBoard(nil), store: &fakeStore{}, painter: &fakePainter{Renderer: graph.NewRenderer()}, log: &bytes.Buffer{}}
	r.Server = web.New(web.Config{Version: "0.1.0", Zone: time.UTC}, web.Deps{
		Board: r.board, Store: r.store, Painter: r.painter, Metrics: metrics.NewSet(), Log: slog.New(slog.NewTextHandler(r.log, nil)), Notices: n, Incidents: newDesk(),
	})
	return r, n
}

// send posts a body.
func (r *rig) send(t *testing.T, method, path, kind, text string) *http.Response {
	t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(text))
	req.Host = "127.0.0.1:8080"
	req.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Result()
}

func TestSilencesComeAndGo(t *testing.T) {
	r, n := newNoticeRig(t)
	resp := r.send(t, "POST", "/api/v1/silences", "application/json", `{"match":{"device":"sw-*","severity":"warning"},"from":"now","for":"2h","by":"ann","reason":"line cards"}`)
	var made spate.Silence
	if err := json.Unmarshal([]byte(body(t, resp)), &made); err != nil || resp.StatusCode != http.StatusCreated || made.ID == "" || made.Match.Device != "sw-*" || made.Match.Severity != "warning" {
		t.Fatalf("%d %+v %v", resp.StatusCode, made, err)
	}
	if d := made.Until.Sub(made.From); d != 2*time.Hour {
		t.Errorf("it lasts %v", d)
	}
	if got := r.answer(t, "/api/v1/silences"); len(got["silences"].([]any)) != 1 {
		t.Errorf("listed %v", got)
	}
	if resp = r.do(t, "DELETE", "/api/v1/silences/"+made.ID); resp.StatusCode != http.StatusNoContent || len(n.list) != 0 {
		t.Errorf("ended: %d", resp.StatusCode)
	}
	if resp = r.do(t, "DELETE", "/api/v1/silences/"+made.ID); resp.StatusCode != http.StatusNotFound {
		t.Errorf("ended twice: %d", resp.StatusCode)
	}
	resp = r.send(t, "POST", "/api/v1/silences", "application/x-www-form-urlencoded", "device=sw-1&port=Gi1%2F0%2F2&for=4h&by=ann&reason=work")
	if resp.StatusCode != http.StatusSeeOther || len(n.list) != 1 || n.list[0].Match.Port != "Gi1/0/2" {
		t.Errorf("by form: %d %+v", resp.StatusCode, n.list)
	}
	if resp = r.send(t, "POST", "/silences/"+n.list[0].ID+"/end", "application/x-www-form-urlencoded", ""); resp.StatusCode != http.StatusSeeOther || len(n.list) != 0 {
		t.Errorf("ended by form: %d", resp.StatusCode)
	}
}

func TestSilencesThatCannotBeReadAreRefused(t *testing.T) {
	r, _ := newNoticeRig(t)
	for text, want := range map[string]string{
		`{"match":{"device":"x"},"for":"2h"}`:                           "by is missing",
		`{"match":{"device":"x"},"until":"soon","by":"a","reason":"b"}`: "until",
		`{"match":{"device":"x"},"for":"never","by":"a","reason":"b"}`:  "for",
		`{"match":{"device":"x"},"for":"2h","until":"now+1h","by":"a"}`: "for and until",
		`{"match":"x"}`: "the body is no silence",
		`[`:             "the body is no silence",
	} {
		resp := r.send(t, "POST", "/api/v1/silences", "application/json", text)
		if got := body(t, resp); resp.StatusCode != http.StatusBadRequest || !strings.Contains(got, want) || !strings.Contains(resp.Header.Get("Content-Type"), "problem+json") {
			t.Errorf("%s: %d %s", text, resp.StatusCode, got)
		}
	}
	if resp := r.send(t, "POST", "/api/v1/silences", "application/json", `{"by":"`+strings.Repeat("x", 100<<10)+`"}`); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 100 kB: %d", resp.StatusCode)
	}
}

func TestNotifiersAreListedAndTested(t *testing.T) {
	r, _ := newNoticeRig(t)
	list := r.answer(t, "/api/v1/notifiers")["notifiers"].([]any)
	if len(list) != 2 || list[1].(map[string]any)["queued"] != 3. || list[0].(map[string]any)["last"] != nil {
		t.Errorf("listed %v", list)
	}
	if got := r.answer(t, "/api/v1/status")["notifier"].(map[string]any)["queued"]; got != 3. {
		t.Errorf("status says %v wait", got)
	}
	for name, want := range map[string]string{"noc": `"ok":true`, "chat": "check token_file"} {
		resp := r.send(t, "POST", "/api/v1/notifiers/"+name+"/test", "", "")
		if got := body(t, resp); resp.StatusCode != http.StatusOK || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, got)
		}
	}
	if resp := r.send(t, "POST", "/api/v1/notifiers/other/test", "", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("another: %d", resp.StatusCode)
	}
	page := body(t, r.get(t, "/alerts"))
	if strings.Contains(page, "<script>alert") || !strings.Contains(page, "last try failed") || !strings.Contains(page, "Send a test") {
		t.Error("the page of incidents does not show the targets, or shows them raw")
	}
}

func TestAnIncidentSaysWhoWasTold(t *testing.T) {
	r, d := newIncidentRig(t)
	d.in.Notified = spate.List[spate.Delivery]{{Name: "noc", At: time.Now(), OK: true}, {Name: "chat", At: time.Now(), Error: hostile}}
	page := body(t, r.get(t, "/incidents/"+d.in.ID))
	if strings.Contains(page, "<script>alert") || !strings.Contains(page, "chat: not delivered") || !strings.Contains(page, "</span> noc</li>") {
		t.Error("who was told is not on the page, or raw")
	}
}
