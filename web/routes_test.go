package web_test

import (
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestEveryRouteOfTheAPIIsDescribed(t *testing.T) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI string `yaml:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string         `yaml:"operationId"`
			Summary     string         `yaml:"summary"`
			Responses   map[string]any `yaml:"responses"`
		} `yaml:"paths"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	routes := map[string]bool{}
	for _, r := range newRig(t).Routes() {
		if !strings.HasPrefix(r.Path, "/api/") {
			continue
		}
		path := strings.NewReplacer(":device", "{device}", ":id", "{id}", ":name", "{name}").Replace(r.Path)
		routes[path+" "+strings.ToLower(r.Method)] = true
		op, there := doc.Paths[path][strings.ToLower(r.Method)]
		if !there || op.OperationID == "" || op.Summary == "" || op.Responses["200"] == nil && op.Responses["201"] == nil && op.Responses["204"] == nil {
			t.Errorf("openapi.yaml does not describe %s %s", r.Method, r.Path)
		}
	}
	for path, ops := range doc.Paths {
		for method := range ops {
			if !routes[path+" "+method] {
				t.Errorf("openapi.yaml describes %s %s, which is not served", method, path)
			}
		}
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %s, want 3.1", doc.OpenAPI)
	}
}

func TestEveryRouteHasARoleAndIsSafe(t *testing.T) {
	r := twoSwitches(t)
	open := map[string]bool{"/-/healthy": true, "/-/ready": true, "/assets/*name": true, "/login": true, "/login/oidc": true, "/login/callback": true}
	for _, line := range r.Routes() {
		if line.Closed {
			t.Errorf("%s %s has no role: nobody may use it", line.Method, line.Path)
		}
		if line.Open != open[line.Path] {
			t.Errorf("%s %s is open to all: %v", line.Method, line.Path, line.Open)
		}
		if strings.HasSuffix(line.Path, "/events") {
			continue
		}
		path := strings.NewReplacer(":device", "sw-1", "*name", "spate.css").Replace(line.Path)
		foreign := r.do(t, line.Method, path, "Host", "evil.example")
		if want := line.Open; (foreign.StatusCode != 403) != want {
			t.Errorf("%s %s by a foreign name: %d", line.Method, line.Path, foreign.StatusCode)
		}
		h := r.do(t, line.Method, path).Header
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if !strings.HasPrefix(h.Get(name), want) {
				t.Errorf("%s: %s is %q", line.Path, name, h.Get(name))
			}
		}
		if h.Get("Cache-Control") == "" {
			t.Errorf("%s has no Cache-Control", line.Path)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is open to other origins", line.Path)
		}
	}
}
