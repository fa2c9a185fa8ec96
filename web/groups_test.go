package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"spate/web"
)

func TestAGroupIsTheSumOfItsPorts(t *testing.T) {
	r := newRig(t, dev("sw-1"), dev("sw-2"), dev("bdr-1"))
	for name, ports := range map[string]int{"sw-1": 3, "sw-2": 12} {
		r.board.Accept(context.Background(), round(name, time.Now(), ports))
	}
	bundle := round("bdr-1", time.Now(), 4)
	bundle.Readings[2].Port.HighLayer, bundle.Readings[3].Port.HighLayer = true, true
	bundle.Readings[2].Port.ID.Name, bundle.Readings[3].Port.ID.Name = "ae0", "ae1"
	r.board.Accept(context.Background(), bundle)
	r.board.SetGroups([]web.Group{
		{Name: "uplinks", Ports: []web.PortPattern{{Device: "sw-*", Port: "Gi1/0/1"}, {Device: "sw-2", Port: "Gi1/0/1*"}}},
		{Name: "border", Ports: []web.PortPattern{{Device: "bdr-1", Port: "*"}}},
		{Name: "bundles", Ports: []web.PortPattern{{Device: "bdr-1", Port: "ae*"}}},
		{Name: "nobody", Ports: []web.PortPattern{{Device: "bdr-9", Port: "*"}}},
	})
	for _, c := range []struct {
		name, group, ports string
	}{
		{"two patterns that overlap count a port once", "uplinks", "sw-1 Gi1/0/1,sw-2 Gi1/0/1,sw-2 Gi1/0/10,sw-2 Gi1/0/11,sw-2 Gi1/0/12"},
		{"a pattern for all takes members, not the bundle beside them", "border", "bdr-1 Gi1/0/1,bdr-1 Gi1/0/2"},
		{"a pattern for bundles takes bundles", "bundles", "bdr-1 ae0,bdr-1 ae1"},
	} {
		resp := r.get(t, "/api/v1/series?group="+c.group)
		var got struct{ Coverage struct{ Of int } }
		if err := json.Unmarshal([]byte(body(t, resp)), &got); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d, %v", c.name, resp.StatusCode, err)
		}
		var ids []string
		for _, id := range r.store.last.Ports {
			ids = append(ids, id.String())
		}
		if asked := strings.Join(ids, ","); asked != c.ports {
			t.Errorf("%s: asked for %s, want %s", c.name, asked, c.ports)
		}
	}
	for path, want := range map[string]string{
		"/api/v1/series?group=uplink": `no group "uplink": configured are uplinks, border, bundles, nobody`,
		"/api/v1/series?group=nobody": `no port of group "nobody"`,
	} {
		if resp := r.get(t, path); resp.StatusCode != 404 {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		} else if text := body(t, resp); !strings.Contains(strings.ReplaceAll(text, `\"`, `"`), want) {
			t.Errorf("%s: %s, want %s", path, text, want)
		}
	}
	if resp := r.get(t, "/api/v1/graph.png?group=border&w=300&h=150"); resp.StatusCode != 200 || r.painter.last.Title != "border, sum of 2 ports" {
		t.Errorf("picture: status %d, title %q", resp.StatusCode, r.painter.last.Title)
	}
}
