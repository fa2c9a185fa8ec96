package web_test

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/oauth2-proxy/mockoidc"

	"spate"
	"spate/graph"
	"spate/web"
)

// signOn is a server that leaves logins to a provider, and a browser.
type signOn struct {
	provider *mockoidc.MockOIDC
	rig      *rig
	url      string
	browser  *http.Client
}

func newSignOn(t *testing.T) *signOn {
	t.Helper()
	p, err := mockoidc.NewServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(ln, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown() })
	s := &signOn{provider: p, rig: &rig{board: web.NewBoard(nil), store: &fakeStore{}, painter: &fakePainter{Renderer: graph.NewRenderer()}, log: &bytes.Buffer{}}}
	s.rig.Server = web.New(web.Config{Version: "0.1.0", Zone: time.UTC, Credentials: web.Credentials{
		Users: []web.User{{Name: "ann@example.net", Role: "operator"}, {Name: "bob", Role: "viewer"}},
		OIDC:  &web.SingleSignOn{Issuer: p.Issuer(), ClientID: p.ClientID, ClientSecret: spate.Secret(p.ClientSecret)},
	}}, web.Deps{Board: s.rig.board, Store: s.rig.store, Painter: s.rig.painter, Metrics: metrics.NewSet(), Log: slog.New(slog.NewTextHandler(s.rig.log, nil))})
	front := httptest.NewServer(s.rig)
	t.Cleanup(front.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.url, s.browser = front.URL, &http.Client{Jar: jar}
	return s
}

// open follows the whole way, and tells where it ends.
func (s *signOn) open(t *testing.T, path string) (at string, status int, text string) {
	t.Helper()
	resp, err := s.browser.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return strings.TrimPrefix(resp.Request.URL.String(), s.url), resp.StatusCode, body(t, resp)
}

func TestSingleSignOnLetsInWhoHasAUser(t *testing.T) {
	tests := []struct {
		name string
		user mockoidc.MockUser
		in   bool
	}{
		{"a verified address", mockoidc.MockUser{Subject: "1", Email: "ann@example.net", EmailVerified: true}, true},
		{"an address nobody has verified", mockoidc.MockUser{Subject: "1", Email: "ann@example.net", PreferredUsername: "mallory"}, false},
		{"a name", mockoidc.MockUser{Subject: "2", Email: "other@example.net", EmailVerified: true, PreferredUsername: "bob"}, true},
		{"a stranger", mockoidc.MockUser{Subject: "3", Email: "eve@example.net", EmailVerified: true, PreferredUsername: "<b>eve</b>"}, false},
		{"nothing at all", mockoidc.MockUser{Subject: "4"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSignOn(t)
			s.provider.QueueUser(&tt.user)
			at, status, text := s.open(t, "/login/oidc?next=%2Falerts")
			if tt.in && (at != "/alerts" || status != http.StatusOK) {
				t.Errorf("led to %s, %d", at, status)
			}
			if !tt.in && (status != http.StatusForbidden || strings.Contains(text, "<b>eve")) {
				t.Errorf("%d at %s", status, at)
			}
			if at, _, _ := s.open(t, "/devices"); (at == "/devices") != tt.in {
				t.Errorf("afterwards /devices leads to %s", at)
			}
			if strings.Contains(s.rig.log.String(), s.provider.ClientSecret) {
				t.Error("the secret is in the log")
			}
		})
	}
}

func TestSingleSignOnIsNotFooled(t *testing.T) {
	s := newSignOn(t)
	s.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := s.browser.Get(s.url + "/login/oidc")
	if err != nil || resp.StatusCode != http.StatusSeeOther {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	out, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	q := out.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" || q.Get("redirect_uri") != s.url+"/login/callback" {
		t.Errorf("sent with %v", q)
	}
	for name, path := range map[string]string{
		"another's state":        "/login/callback?code=x&state=other",
		"no state":               "/login/callback?code=x",
		"a code nobody has made": "/login/callback?code=made-up&state=" + q.Get("state"),
	} {
		resp, err := s.browser.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 400 && resp.StatusCode != 403 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	other := &http.Client{CheckRedirect: s.browser.CheckRedirect} // a browser that never left
	resp, err = other.Get(s.url + "/login/callback?code=x&state=" + q.Get("state"))
	if err != nil || resp.StatusCode != 400 {
		t.Errorf("a link that somebody was sent: %v %v", resp.StatusCode, err)
	}
	resp.Body.Close()
}

func TestAProviderThatIsAwaySaysSo(t *testing.T) {
	s := newSignOn(t)
	if err := s.provider.Shutdown(); err != nil {
		t.Fatal(err)
	}
	at, status, text := s.open(t, "/login/oidc")
	if status != http.StatusBadGateway || !strings.Contains(text, "does not answer") {
		t.Errorf("%d at %s", status, at)
	}
	if _, status, text := s.open(t, "/login"); status != 200 || !strings.Contains(text, "Log in with single sign-on") || strings.Contains(text, `type="password"`) {
		t.Errorf("the page of logins: %d", status)
	}
}
