package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/graph"
	"spate/web"
)

const (
	viewerToken   = "viewer-token-0123456789"
	operatorToken = "operator-token-0123456789"
	adminToken    = "admin-token-0123456789"
	narrowToken   = "narrow-token-0123456789"
	password      = "correct horse battery"
)

var annsHash = sync.OnceValue(func() spate.Secret {
	h, err := web.HashPassword(password)
	if err != nil {
		panic(err)
	}
	return h
})

type revoked struct{ ids map[string]bool }

func (r *revoked) Revoke(id string, _ time.Time) error { r.ids[id] = true; return nil }
func (r *revoked) Revoked(id string) bool              { return r.ids[id] }

func credentials() web.Credentials {
	token := func(name, role, text string) web.Token {
		return web.Token{Name: name, Role: role, SHA256: sha256.Sum256([]byte(text))}
	}
	narrow := token("customer", "viewer", narrowToken)
	narrow.Devices = []string{"sw-2*"}
	return web.Credentials{
		Tokens:    []web.Token{token("wall", "viewer", viewerToken), token("bot", "operator", operatorToken), token("root", "admin", adminToken), token("web-17", "agent", agentToken), narrow},
		Users:     []web.User{{Name: "ann", Role: "operator", Hash: annsHash()}, {Name: "sso", Role: "viewer"}},
		WallAllow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	}
}

// closedRig wants a login.
func closedRig(t testing.TB) (*rig, *desk, *notices) {
	t.Helper()
	d, n := newDesk(), &notices{}
	r := &rig{board: web.NewBoard([]spate.Device{dev("sw-1"), dev("sw-2")}), store: &fakeStore{}, painter: &fakePainter{Renderer: graph.NewRenderer()}, log: &bytes.Buffer{}, agents: &fakeAgents{}}
	r.Server = web.New(web.Config{Version: "0.1.0", Zone: time.UTC, Credentials: credentials(), SessionKey: bytes.Repeat([]byte("k"), 32)}, web.Deps{
		Board: r.board, Store: r.store, Painter: r.painter, Metrics: metrics.NewSet(), Log: slog.New(slog.NewTextHandler(r.log, nil)), Incidents: d, Notices: n, Agents: r.agents, Revoked: &revoked{map[string]bool{}},
		Demo: func(string) string { return "x" },
	})
	for _, name := range []string{"sw-1", "sw-2"} {
		r.board.Accept(t.Context(), round(name, time.Now(), 3))
	}
	return r, d, n
}

// call is a request from an address, with a form or JSON.
func (r *rig) call(t testing.TB, method, path, from, text string, header ...string) *http.Response {
	t.Helper()
	return r.callAt(t, "192.0.2.10:8080", method, path, from, text, header...)
}

func (r *rig) callAt(t testing.TB, host, method, path, from, text string, header ...string) *http.Response {
	t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(text))
	req.Host = host
	req.RemoteAddr = from + ":4711"
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Result()
}

const stranger = "198.51.100.9"

// concrete fills a route's parameters.
func concrete(path string) string {
	return strings.NewReplacer(":device", "sw-1", ":id", "20260303-140230", ":name", "noc", ":group", "all", ":page", "alerts", "*name", "spate.css").Replace(path)
}

// Every route there is, and each that will be, is walked by who may not use it.
func TestEveryRouteIsClosed(t *testing.T) {
	r, _, _ := closedRig(t)
	openToAll := map[string]bool{"/-/healthy": true, "/-/ready": true, "/login": true, "/login/oidc": true, "/login/callback": true, "/assets/*name": true}
	for _, line := range r.Routes() {
		path := concrete(line.Path)
		if line.Path == "/login" && line.Method == "POST" {
			continue // is where one comes in: 401 is its own answer
		}
		callers := map[string][]string{
			"nobody":                nil,
			"a token nobody knows":  {"Authorization", "Bearer wrong-token-0123456789"},
			"an empty token":        {"Authorization", "Bearer "},
			"a password as token":   {"Authorization", "Basic YW5uOng="},
			"a cookie of nothing":   {"Cookie", "spate_session=e30.x"},
			"a forwarded address":   {"X-Forwarded-For", "192.0.2.1", "X-Real-IP", "192.0.2.1", "Forwarded", "for=192.0.2.1"},
			"another method's name": {"X-HTTP-Method-Override", "GET"},
		}
		for who, header := range callers {
			from := fmt.Sprintf("203.0.113.%d", len(who))
			resp := r.call(t, line.Method, path, from, "", header...)
			refused := resp.StatusCode == 401 || resp.StatusCode == 403 || resp.StatusCode == 429 || resp.StatusCode == 303 && strings.HasPrefix(resp.Header.Get("Location"), "/login")
			if refused == openToAll[line.Path] {
				t.Errorf("%s %s by %s: %d", line.Method, path, who, resp.StatusCode)
			}
		}
	}
	for _, path := range []string{"//", "/./", "/%2e%2e/", "/api/v1/../v1/devices", "/API/v1/devices", "/api/v1/devices/", "/api%2fv1/devices", "/nothing", "/api/v1/nothing", "/docs"} {
		resp := r.call(t, "GET", path, stranger, "")
		if resp.StatusCode == 200 {
			t.Errorf("GET %s: 200: %.80s", path, body(t, resp))
		}
	}
}

func TestAViewerWritesNothing(t *testing.T) {
	r, d, n := closedRig(t)
	for _, line := range r.Routes() {
		if line.Method == "GET" || line.Path == "/login" || line.Path == "/logout" || strings.HasPrefix(line.Path, "/prometheus/") {
			continue
		}
		resp := r.call(t, line.Method, concrete(line.Path), stranger, `{"by":"x"}`, "Authorization", "Bearer "+viewerToken, "Content-Type", "application/json")
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s by a viewer: %d", line.Method, line.Path, resp.StatusCode)
		}
	}
	if d.verdict != "" || d.in.AcknowledgedBy != nil || len(n.list) > 0 {
		t.Error("a viewer has changed something")
	}
	if resp := r.call(t, "POST", "/api/v1/incidents/20260303-140230/ack", stranger, `{}`, "Authorization", "Bearer "+operatorToken, "Content-Type", "application/json"); resp.StatusCode != 200 || *d.in.AcknowledgedBy != "token bot" {
		t.Errorf("an operator may: %d", resp.StatusCode)
	}
	if resp := r.call(t, "POST", "/api/v1/backup", stranger, `{}`, "Authorization", "Bearer "+operatorToken); resp.StatusCode != 403 {
		t.Errorf("a backup by an operator: %d", resp.StatusCode)
	}
}

func TestATokenThatSeesSomeDevicesSeesNoOthers(t *testing.T) {
	r, _, _ := closedRig(t)
	as := []string{"Authorization", "Bearer " + narrowToken}
	for path, status := range map[string]int{
		"/api/v1/devices/sw-2": 200, "/api/v1/series?device=sw-2&port=Gi1/0/1": 200, "/api/v1/graph.svg?device=sw-2&port=Gi1/0/1": 200, "/port?device=sw-2&port=Gi1/0/1": 200, "/devices/sw-2": 200, "/devices": 200, "/docs/": 200,
		"/api/v1/devices/sw-1": 404, "/api/v1/series?device=sw-1&port=Gi1/0/1": 404, "/api/v1/graph.png?device=sw-1&port=Gi1/0/1": 404, "/port?device=sw-1&port=Gi1/0/1": 404, "/devices/sw-1": 404, "/api/v1/series?device=sw-2&device=sw-1&port=x": 404,
		"/api/v1/series?group=all": 403, "/": 403, "/api/v1/top": 403, "/api/v1/incidents": 403, "/api/v1/events": 403, "/map": 403, "/status": 403, "/metrics": 403, "/api/v1/find?q=x": 403, "/search?q=x": 403, "/api/v1/topology": 403,
	} {
		if resp := r.call(t, "GET", path, stranger, "", as...); resp.StatusCode != status {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, status)
		}
	}
	for _, path := range []string{"/api/v1/devices", "/api/v1/ports", "/api/v1/ports?q=sw-1", "/devices"} {
		if text := body(t, r.call(t, "GET", path, stranger, "", as...)); strings.Contains(text, "sw-1") && !strings.Contains(path, "q=") || strings.Contains(text, `"device":"sw-1"`) {
			t.Errorf("%s shows sw-1: %.300s", path, text)
		}
	}
}

func TestTheWallIsSeenFromItsNetworkAndNothingElse(t *testing.T) {
	r, _, _ := closedRig(t)
	const wall = "192.0.2.77"
	for path, status := range map[string]int{"/": 200, "/devices": 303, "/api/v1/devices": 401, "/api/v1/events": 401, "/api/v1/suspects": 401} {
		if resp := r.call(t, "GET", path, wall, ""); resp.StatusCode != status {
			t.Errorf("%s from the wall's network: %d, want %d", path, resp.StatusCode, status)
		}
	}
	if resp := r.callAt(t, "evil.example", "GET", "/", wall, ""); resp.StatusCode != 303 {
		t.Errorf("by a name that somebody made lead here: %d", resp.StatusCode)
	}
	if resp := r.call(t, "HEAD", "/api/v1/events?only=wall", wall, ""); resp.StatusCode != 200 {
		t.Errorf("the wall's own events: %d", resp.StatusCode)
	}
	if resp := r.call(t, "POST", "/demo/flood", wall, ""); resp.StatusCode != 401 {
		t.Errorf("a flood from the wall's network: %d", resp.StatusCode)
	}
}

func TestAScreenComesInByTheTokenInItsURL(t *testing.T) {
	r, _, _ := closedRig(t)
	resp := r.call(t, "GET", "/?token="+viewerToken, stranger, "")
	if resp.StatusCode != 200 || len(resp.Cookies()) != 1 {
		t.Fatalf("%d with %d cookies", resp.StatusCode, len(resp.Cookies()))
	}
	cookie := resp.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || strings.Contains(cookie.Value, viewerToken) {
		t.Errorf("cookie %+v", cookie)
	}
	if resp := r.call(t, "GET", "/devices", stranger, "", "Cookie", cookie.Name+"="+cookie.Value); resp.StatusCode != 200 {
		t.Errorf("its next page: %d", resp.StatusCode)
	}
	for path, status := range map[string]int{"/api/v1/graph.svg?device=sw-1&port=Gi1/0/1&token=" + viewerToken: 200, "/api/v1/devices?token=" + viewerToken: 401, "/?token=wrong": 303} {
		if resp := r.call(t, "GET", path, stranger, ""); resp.StatusCode != status {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, status)
		}
	}
	if resp := r.call(t, "POST", "/api/v1/silences?token="+operatorToken, "203.0.113.200", ""); resp.StatusCode != 401 {
		t.Errorf("a POST by a token in the URL: %d", resp.StatusCode)
	}
	next := credentials()
	next.Tokens = next.Tokens[1:]
	r.SetCredentials(next)
	if resp := r.call(t, "GET", "/devices", stranger, "", "Cookie", cookie.Name+"="+cookie.Value); resp.StatusCode != 303 {
		t.Errorf("after the token was taken away: %d", resp.StatusCode)
	}
}

// logIn gives the cookie of a login.
func (r *rig) logIn(t testing.TB, from string) string {
	t.Helper()
	resp := r.call(t, "POST", "/login", from, url.Values{"name": {"ann"}, "password": {password}, "next": {"/alerts"}}.Encode())
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/alerts" || len(resp.Cookies()) != 1 {
		t.Fatalf("login: %d to %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	return resp.Cookies()[0].Name + "=" + resp.Cookies()[0].Value
}

func TestLoginGuardsItsFormsAndEnds(t *testing.T) {
	r, d, _ := closedRig(t)
	cookie := r.logIn(t, stranger)
	page := body(t, r.call(t, "GET", "/incidents/20260303-140230", stranger, "", "Cookie", cookie))
	m := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page)
	if m == nil || !strings.Contains(page, "Log out") {
		t.Fatal("the page has no guard, or no way out")
	}
	ack := "/api/v1/incidents/20260303-140230/ack"
	form := url.Values{"by": {"ann"}}
	for name, header := range map[string][]string{"no guard": nil, "a page elsewhere": {"Origin", "https://evil.example"}, "another's guard": {"X-Spate-CSRF", "AAAA"}} {
		if resp := r.call(t, "POST", ack, stranger, form.Encode(), append(header, "Cookie", cookie)...); resp.StatusCode != 403 || d.in.AcknowledgedBy != nil {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	if resp := r.call(t, "POST", ack, stranger, `{"by":"ann"}`, "Cookie", cookie, "Content-Type", "application/json", "X-Spate-CSRF", m[1], "Origin", "http://192.0.2.10:8080"); resp.StatusCode != 200 {
		t.Errorf("with the guard in a header: %d", resp.StatusCode)
	}
	form.Set("csrf", m[1])
	if resp := r.call(t, "POST", ack, stranger, form.Encode(), "Cookie", cookie); resp.StatusCode != 303 || d.in.AcknowledgedBy == nil {
		t.Errorf("with the guard in the form: %d", resp.StatusCode)
	}
	if resp := r.call(t, "POST", "/logout", stranger, url.Values{"csrf": {m[1]}}.Encode(), "Cookie", cookie); resp.StatusCode != 303 {
		t.Errorf("logout: %d", resp.StatusCode)
	}
	if resp := r.call(t, "GET", "/devices", stranger, "", "Cookie", cookie); resp.StatusCode != 303 {
		t.Errorf("after the logout the cookie still counts: %d", resp.StatusCode)
	}
	for _, want := range []string{"what=login by=ann", "what=ack by=ann about=20260303-140230", "what=logout by=ann"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log does not say %s: %s", want, r.log)
		}
	}
	if strings.Contains(r.log.String(), password) {
		t.Error("the password is in the log")
	}
}

func TestANewPasswordEndsOldLogins(t *testing.T) {
	r, _, _ := closedRig(t)
	cookie := r.logIn(t, stranger)
	next := credentials()
	h, err := web.HashPassword("another password")
	if err != nil {
		t.Fatal(err)
	}
	next.Users[0].Hash = h
	r.SetCredentials(next)
	if resp := r.call(t, "GET", "/devices", stranger, "", "Cookie", cookie); resp.StatusCode != 303 {
		t.Errorf("the old login still counts: %d", resp.StatusCode)
	}
}

func TestNobodyIsLedElsewhereByALogin(t *testing.T) {
	r, _, _ := closedRig(t)
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "http:/evil", "/a\r\nSet-Cookie: x=1"} {
		resp := r.call(t, "POST", "/login", stranger, url.Values{"name": {"ann"}, "password": {password}, "next": {next}}.Encode())
		if to := resp.Header.Get("Location"); to != "/" {
			t.Errorf("%q leads to %q", next, to)
		}
	}
	resp := r.call(t, "GET", "/incidents/x?a=b", stranger, "")
	if to := resp.Header.Get("Location"); to != "/login?next=%2Fincidents%2Fx%3Fa%3Db" {
		t.Errorf("a page leads to %s", to)
	}
}

func TestWrongLoginsLookAlike(t *testing.T) {
	r, _, _ := closedRig(t)
	var pages []string
	for _, name := range []string{"ann", "nobody", "sso"} {
		resp := r.call(t, "POST", "/login", stranger, `{"name":"`+name+`","password":"wrong password"}`, "Content-Type", "application/json")
		if resp.StatusCode != 401 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
		pages = append(pages, body(t, resp))
	}
	if pages[0] != pages[1] || pages[1] != pages[2] {
		t.Errorf("the answers tell names apart: %q", pages)
	}
	var p struct{ Detail string }
	if json.Unmarshal([]byte(pages[0]), &p) != nil || p.Detail != "name or password are wrong" {
		t.Errorf("answer %s", pages[0])
	}
}

// Whatever is posted is taken or explained, nothing of it is an error of ours, and what
// is refused changes nothing.
func FuzzBodiesAreTakenOrExplained(f *testing.F) {
	for _, b := range []string{`{"by":"ann","note":"x"}`, `{"verdict":"attack","by":"a"}`, `{"match":{"device":"*"},"for":"1h","by":"a","reason":"b"}`, `{"name":"x","password":"y"}`, `by=a&note=b`, `{"by":["a"]}`, `[]`, `null`, "\xff\xfe", `{"match":{"device":"["},"until":"9999-01-01T00:00:00Z","by":"a","reason":"b"}`, `{"dir":"/x"}`, `verdict=expected`, `device=*&until=now%2B1h&by=a&reason=b`,
		`{"device":"sw-1","port":"Gi1","tier":"hour","metric":"in_bps","from":3600,"step_s":3600,"avg":[1,null,2],"max":[1,2,3],"known_s":[1,1e9,-1]}` + "\n", `{"device":"sw-1","port":"\u202e","tier":"five_minutes","metric":"in_pps","from":300,"step_s":300,"avg":[1e999]}`} {
		for kind := range uint8(4) {
			f.Add(b, kind)
		}
	}
	r := guessableRig(f)
	full := fullRig(f)
	f.Fuzz(func(t *testing.T, text string, as uint8) {
		kind := []string{"application/json", "application/x-www-form-urlencoded", "application/x-ndjson", "text/plain"}[as%4]
		for _, path := range []string{"/api/v1/incidents/20260303-140230/ack", "/api/v1/incidents/20260303-140230/verdict", "/api/v1/silences", "/demo/flood", "/login", "/api/v1/backup", "/api/v1/import"} {
			rig := r
			if path == "/api/v1/backup" || path == "/api/v1/import" {
				rig = full
			}
			was := silencesOf(t, r)
			resp := rig.call(t, "POST", path, stranger, text, "Authorization", "Bearer "+adminToken, "Content-Type", kind)
			answer := body(t, resp)
			switch {
			case resp.StatusCode >= 500:
				t.Errorf("%s of %q: %d %s", path, text, resp.StatusCode, answer)
			case resp.StatusCode >= 400:
				if path != "/login" && path != "/demo/flood" {
					explained(t, path, resp.StatusCode, answer)
				}
				if now := silencesOf(t, r); now != was {
					t.Errorf("%s of %q: %d, and yet there are %d silences, not %d", path, text, resp.StatusCode, now, was)
				}
			case path == "/login" && !strings.Contains(text, password):
				t.Errorf("somebody came in with %q", text)
			case path == "/api/v1/silences":
				if now := silencesOf(t, r); now != was+1 {
					t.Errorf("%q: %d, and there are %d silences after %d", text, resp.StatusCode, now, was)
				}
				r.endSilences(t)
			}
		}
	})
}

func silencesOf(t testing.TB, r *rig) int {
	t.Helper()
	return strings.Count(body(t, r.call(t, "GET", "/api/v1/silences", stranger, "", "Authorization", "Bearer "+adminToken)), `"id":`)
}

func (r *rig) endSilences(t testing.TB) {
	t.Helper()
	var got struct{ Silences []spate.Silence }
	if err := json.Unmarshal([]byte(body(t, r.call(t, "GET", "/api/v1/silences", stranger, "", "Authorization", "Bearer "+adminToken))), &got); err != nil {
		t.Fatal(err)
	}
	for _, s := range got.Silences {
		r.call(t, "DELETE", "/api/v1/silences/"+url.PathEscape(s.ID), stranger, "", "Authorization", "Bearer "+adminToken)
	}
}
