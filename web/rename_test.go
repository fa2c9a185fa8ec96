package web_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"spate"
	"spate/graph"
	"spate/web"
)

func TestRenamingIsAnsweredAsDescribed(t *testing.T) {
	r := &rig{board: web.NewBoard([]spate.Device{dev("sw-1")}), store: &fakeStore{}, painter: &fakePainter{Renderer: graph.NewRenderer()}, log: &bytes.Buffer{}}
	r.Server = web.New(web.Config{Version: "0.1.0", Zone: time.UTC, Credentials: credentials(), SessionKey: bytes.Repeat([]byte("k"), 32)}, web.Deps{
		Board: r.board, Store: r.store, Painter: r.painter, Metrics: metrics.NewSet(), Log: slog.New(slog.NewTextHandler(r.log, nil)), Revoked: &revoked{map[string]bool{}},
		Rename: func(_ context.Context, from, to string) (web.Renaming, error) {
			switch {
			case from != "sw-1":
				return web.Renaming{}, web.Missing("no device " + hostile)
			case to == "sw-2":
				return web.Renaming{}, web.Conflict("they are two devices")
			case to == "":
				return web.Renaming{}, web.Refusal("to: no name")
			case to == "full":
				return web.Renaming{}, errors.New("disk is full")
			}
			return web.Renaming{From: from, To: to, Done: to == "now", Text: from + " is " + to}, nil
		},
	})
	_, compiler := document(t)
	schema := func(parts ...string) *jsonschema.Schema {
		s, err := compiler.Compile("https://spate.test/openapi.json" + pointer(parts...))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := schema("paths", "/api/v1/devices/{device}/rename", "post", "responses", "200", "content", "application/json", "schema")
	problem := schema("components", "responses", "Problem", "content", "application/problem+json", "schema")
	for _, tt := range []struct {
		device, body, token string
		status              int
		says                string
	}{
		{"sw-1", `{"to":"now"}`, adminToken, http.StatusOK, `"state":"done"`},
		{"sw-1", `{"to":"later"}`, adminToken, http.StatusOK, `"state":"waiting"`},
		{"sw-1", `{"to":"later"}`, operatorToken, http.StatusForbidden, "higher role"},
		{"sw-1", `{"to":"sw-2"}`, adminToken, http.StatusConflict, "two devices"},
		{"sw-1", `{}`, adminToken, http.StatusBadRequest, "no name"},
		{"sw-1", `{"to":7}`, adminToken, http.StatusBadRequest, "no JSON object of texts"},
		{"sw-9", `{"to":"x"}`, adminToken, http.StatusNotFound, "no device"},
		{"sw-1", `{"to":"full"}`, adminToken, http.StatusInternalServerError, "the log of spate says what"},
	} {
		resp := r.call(t, "POST", "/api/v1/devices/"+tt.device+"/rename", stranger, tt.body, "Authorization", "Bearer "+tt.token, "Content-Type", "application/json")
		text := body(t, resp)
		want := problem
		if tt.status == http.StatusOK {
			want = good
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil || resp.StatusCode != tt.status || !strings.Contains(text, tt.says) || want.Validate(v) != nil {
			t.Errorf("%s %s: %d %s (%v)", tt.device, tt.body, resp.StatusCode, text, err)
		}
	}
	if log := r.log.String(); strings.Count(log, "what=rename") != 2 || !strings.Contains(log, `about="sw-1 to now"`) {
		t.Errorf("the log says %s", log)
	}
}
