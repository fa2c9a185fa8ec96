package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestOnlyOwnNamesAndOriginsReachIn(t *testing.T) {
	tests := []struct {
		name, host, origin string
		status             int
	}{
		{"by address", "127.0.0.1:8080", "", 200},
		{"by name", "localhost:8080", "", 200},
		{"by IPv6", "[::1]:8080", "", 200},
		{"a name that an attacker points at 127.0.0.1", "evil.example:8080", "", 403},
		{"no port", "localhost", "", 200},
		{"an outside address", "192.0.2.7:8080", "", 403},
		{"our own page", "localhost:8080", "http://localhost:8080", 200},
		{"a page elsewhere", "localhost:8080", "https://evil.example", 403},
		{"a page on another port of this machine", "localhost:8080", "http://localhost:3000", 403},
		{"a sandboxed page", "localhost:8080", "null", 403},
	}
	r := twoSwitches(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := []string{"Host", tt.host}
			if tt.origin != "" {
				header = append(header, "Origin", tt.origin)
			}
			if resp := r.get(t, "/api/v1/devices", header...); resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
		})
	}
}

func TestForwardedHeadersAreNotBelieved(t *testing.T) {
	r := twoSwitches(t)
	for _, h := range []string{"X-Forwarded-Host", "X-Forwarded-For", "X-Real-IP", "Forwarded"} {
		if resp := r.get(t, "/api/v1/devices", "Host", "evil.example", h, "127.0.0.1"); resp.StatusCode != 403 {
			t.Errorf("%s opened the door: %d", h, resp.StatusCode)
		}
	}
}

// Whatever is asked is answered or explained: by the API in JSON whose status is that of
// the answer and in which no bracket stands raw, on pages with no element but ours.
func FuzzQueriesAreAnsweredOrExplained(f *testing.F) {
	for _, q := range []string{"device=sw-1&port=Gi1/0/1", "limit=-1", "cursor=c3ctMQAxAEdp", "by=bps&n=5&all=1", "from=-24h&to=now+1h&device=sw-1", "metrics=,", "w=1e3&kind=bits&device=sw-1", "port=a&port=b&device=sw-1", "q=%00", "role=access", "%zz", "only=wall&device=sw-1"} {
		f.Add(q)
	}
	r := twoSwitches(f)
	paths := []string{"/api/v1/devices", "/api/v1/ports", "/api/v1/top", "/api/v1/series", "/api/v1/graph.svg", "/devices", "/port", "/search", "/"}
	f.Fuzz(func(t *testing.T, q string) {
		for _, path := range paths {
			u := url.URL{Path: path, RawQuery: strings.Map(func(r rune) rune {
				if r <= ' ' || r >= 0x7f || r == '#' {
					return -1
				}
				return r
			}, q)}
			if len(u.RawQuery) > 2000 {
				return
			}
			resp := r.get(t, u.RequestURI())
			text := body(t, resp)
			if resp.StatusCode >= 500 {
				t.Errorf("%s: %d %s", u.RequestURI(), resp.StatusCode, text)
			}
			switch kind := resp.Header.Get("Content-Type"); {
			case strings.HasPrefix(kind, "text/html"):
				if extra := strangers(skeleton(t, text)); len(extra) > 0 {
					t.Errorf("%s brings %v into the page", u.RequestURI(), extra)
				}
			case resp.StatusCode != 200:
				explained(t, u.RequestURI(), resp.StatusCode, text)
			case kind == "application/json" && (!json.Valid([]byte(text)) || strings.ContainsAny(text, "<>")):
				t.Errorf("%s: no JSON, or a bracket in it: %s", u.RequestURI(), text)
			}
		}
	})
}

// explained looks at an error answer of the API.
func explained(t *testing.T, what string, status int, text string) {
	t.Helper()
	var p struct {
		Status        int
		Title, Detail string
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Status != status || p.Title == "" || p.Detail == "" || len(text) > 4096 || strings.ContainsAny(text, "<>") {
		t.Errorf("%s: %d without an explanation: %v %s", what, status, err, text)
	}
}

func TestMethodsThatAreNotTaken(t *testing.T) {
	r := twoSwitches(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, "TRACE"} {
		if got := r.do(t, method, "/api/v1/devices").StatusCode; got != 405 {
			t.Errorf("%s: %d, want 405", method, got)
		}
	}
	if resp := r.do(t, http.MethodHead, "/api/v1/devices"); resp.StatusCode != 200 {
		t.Errorf("HEAD: %d, want 200", resp.StatusCode)
	}
	if resp := r.do(t, http.MethodHead, "/api/v1/events"); resp.StatusCode != 200 {
		t.Errorf("HEAD of the events: %d, want 200 and an end", resp.StatusCode)
	}
}
