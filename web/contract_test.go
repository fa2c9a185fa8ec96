package web_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"spate"
	"spate/web"
)

// document is openapi.yaml as JSON Schema reads it: OpenAPI 3.1 is draft 2020-12.
func document(t testing.TB) (map[string]any, *jsonschema.Compiler) {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var raw any
	if err := yaml.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("https://spate.test/openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any), c
}

// pointer escapes a part of a JSON pointer in a URL fragment.
func pointer(parts ...string) string {
	for i, p := range parts {
		p = strings.NewReplacer("~", "~0", "/", "~1").Replace(p)
		parts[i] = strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D", " ", "%20").Replace(p)
	}
	return "#/" + strings.Join(parts, "/")
}

// questions are what each operation is asked; one that is missing fails the test.
func questions() map[string][]string {
	port := "?device=sw-1&port=Gi1/0/1"
	return map[string][]string{
		"listDevices": {"", "?limit=1"}, "showDevice": {""}, "listPorts": {"", "?q=gi", "?device=sw-2&limit=1"}, "listTop": {"", "?by=pps&n=1&all=1"},
		"showSeries": {port, port + "&metrics=in_pps&width=7", "?device=sw-1", "?group=all", port + "&usual=1"}, "listIncidents": {"", "?state=open", "?limit=1"}, "showIncident": {""},
		"listSuspects": {""}, "showCreep": {""}, "showTopology": {""}, "findAnything": {"?q=sw"}, "showStatus": {""}, "listAgents": {""},
		"listChanges": {port}, "listGroups": {""}, "showReport": {port, "?group=all&months=2"}, "listSilences": {""}, "listNotifiers": {""},
	}
}

// elsewhere are operations whose answers are not one JSON object of the API's, with
// the test that looks at them.
var elsewhere = map[string]string{
	"graphPNG": "TestPictureIsDrawnOnceAndTagged", "graphSVG": "the same", "showEvents": "TestEventsComePerRoundAndResume", "runBacktest": "cmd/spate", "showOpenAPI": "TestEveryRouteOfTheAPIIsDescribed",
	"listHosts": "around_test.go",
}

func TestEveryAnswerIsAsDescribed(t *testing.T) {
	doc, compiler := document(t)
	r, d, n := closedRig(t)
	d.in.EndedAt = nil
	d.in.Users = spate.List[spate.UserShare]{{UID: 1, User: "a", Share: 0.5, TxBps: spate.Unknown()}}
	d.in.Notified = spate.List[spate.Delivery]{{Name: "noc", At: time.Now(), OK: true}}
	n.list = []spate.Silence{{ID: "1", Match: spate.SilenceMatch{Device: "x"}, From: time.Now().UTC(), Until: time.Now().UTC(), By: "a", Reason: "b"}}
	r.board.SetGroups([]web.Group{{Name: "all", Ports: []web.PortPattern{{Device: "*", Port: "*"}}}})
	asked := questions()
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			id, _ := op.(map[string]any)["operationId"].(string)
			if method != "get" || elsewhere[id] != "" {
				continue
			}
			if len(asked[id]) == 0 {
				t.Errorf("%s %s (%s) is never asked: add it to questions", method, path, id)
				continue
			}
			schema, err := compiler.Compile("https://spate.test/openapi.json" + pointer("paths", path, method, "responses", "200", "content", "application/json", "schema"))
			if err != nil {
				t.Errorf("%s: %v", id, err)
				continue
			}
			for _, query := range asked[id] {
				url := strings.NewReplacer("{device}", "sw-1", "{id}", d.in.ID).Replace(path) + query
				resp := r.call(t, "GET", url, stranger, "", "Authorization", "Bearer "+adminToken)
				text := body(t, resp)
				if resp.StatusCode != http.StatusOK {
					t.Errorf("GET %s: %d %.200s", url, resp.StatusCode, text)
					continue
				}
				v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
				if err != nil {
					t.Errorf("GET %s: %v", url, err)
					continue
				}
				if err := schema.Validate(v); err != nil {
					t.Errorf("GET %s: %v", url, err)
				}
			}
		}
	}
	problem, err := compiler.Compile("https://spate.test/openapi.json" + pointer("components", "responses", "Problem", "content", "application/problem+json", "schema"))
	if err != nil {
		t.Fatal(err)
	}
	for url, status := range map[string]int{"/api/v1/series?device=sw-1&from=tomorrow": 400, "/api/v1/devices/none": 404, "/api/v1/ports?limit=100000": 422, "/api/v1/nothing": 404} {
		resp := r.call(t, "GET", url, stranger, "", "Authorization", "Bearer "+adminToken)
		text := body(t, resp)
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil || resp.StatusCode != status || problem.Validate(v) != nil {
			t.Errorf("GET %s: %d, want %d: %v %s", url, resp.StatusCode, status, err, text)
		}
	}
}
