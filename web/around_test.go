package web_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/topology"
	"spate/web"
)

// wired is a rig of a core and two switches with hosts, one of which is hostile.
func wired(t testing.TB) *rig {
	t.Helper()
	r := newRig(t, dev("core-1"), dev("sw-1"), dev("sw-2"))
	now := time.Now()
	g := topology.New(topology.Config{External: map[string][]string{"core-1": {"Gi1/0/4"}}, Names: map[string]topology.Name{"10.0.0.7": {Name: "web-17", Customer: "Example Shop"}}})
	for _, name := range []string{"core-1", "sw-1", "sw-2"} {
		round := round(name, now, 4)
		r.board.Accept(t.Context(), round)
		g.Accept(round)
	}
	read := map[spate.TableKind]spate.TableRead{spate.TableLLDP: {Whole: true, Rows: 2}, spate.TableFDB: {Whole: true, Rows: 2}, spate.TableARP: {Whole: true}}
	chassis := func(n byte) spate.ChassisID {
		return spate.ChassisID{Kind: spate.IDMAC, Text: spate.MAC{2, 0, 0, 0, 1, n}.String()}
	}
	heard := func(port, sysName string, n byte, far string) spate.Neighbour {
		return spate.Neighbour{Port: port, Source: spate.LinkLLDP, Chassis: chassis(n), SysName: sysName, PortID: far, PortKind: spate.IDName, Capabilities: spate.CanBridge}
	}
	g.Learn(&spate.Tables{Device: "core-1", At: now, PDUs: 20, Chassis: []spate.ChassisID{chassis(1)}, SysName: "core-1", Read: read,
		Neighbours: []spate.Neighbour{heard("Gi1/0/1", "sw-1", 2, "Gi1/0/1"), heard("Gi1/0/2", "sw-2", 3, "Gi1/0/1"), heard("Gi1/0/3", "<img src=x onerror=alert(1)>", 9, "port \"9\"")},
		Bindings:   []spate.Binding{{IP: netip.MustParseAddr("10.0.0.7"), MAC: spate.MAC{2, 0, 0, 0, 0, 7}}}})
	g.Learn(&spate.Tables{Device: "sw-1", At: now, Chassis: []spate.ChassisID{chassis(2)}, SysName: "sw-1", Read: read,
		Neighbours: []spate.Neighbour{heard("Gi1/0/1", "core-1", 1, "Gi1/0/1")},
		Stations:   []spate.Station{{MAC: spate.MAC{2, 0, 0, 0, 0, 7}, VLAN: 10, Port: "Gi1/0/3"}, {MAC: spate.MAC{2, 0, 0, 0, 0, 8}, VLAN: 10, Port: "Gi1/0/1"}}})
	g.Learn(&spate.Tables{Device: "sw-2", At: now, Chassis: []spate.ChassisID{chassis(3)}, SysName: "sw-2", Read: read,
		Neighbours: []spate.Neighbour{heard("Gi1/0/1", "core-1", 1, "Gi1/0/2")},
		Stations:   []spate.Station{{MAC: spate.MAC{2, 0, 0, 0, 0, 8}, VLAN: 10, Port: "Gi1/0/2"}, {MAC: spate.MAC{2, 0, 0, 0, 0, 9}, VLAN: 10, Port: "Gi1/0/2"}}})
	v := g.View(now)
	web.SetNetwork(r.Server, func() *topology.View { return v })
	return r
}

func TestAHostIsFoundAtItsEdgePortInAnyNotation(t *testing.T) {
	r := wired(t)
	for _, q := range []string{"02:00:00:00:00:07", "0200.0000.0007", "02-00-00-00-00-07", "020000000007", "10.0.0.7", "web-17", "WEB-17"} {
		a := r.answer(t, "/api/v1/find?q="+q)
		first := a["results"].([]any)[0].(map[string]any)
		if first["kind"] != "host" || first["device"] != "sw-1" || first["port"] != "Gi1/0/3" || first["text"] != "web-17 (10.0.0.7) on sw-1 Gi1/0/3" {
			t.Errorf("%s: %v", q, first)
		}
	}
	if a := r.answer(t, "/api/v1/find?q=02:00:00:00:00:08"); a["results"].([]any)[0].(map[string]any)["device"] != "sw-2" {
		t.Errorf("a host that an uplink sees too: %v, want sw-2", a)
	}
	if a := r.answer(t, "/api/v1/find?q=ple+shop"); len(a["results"].([]any)) != 1 || a["results"].([]any)[0].(map[string]any)["kind"] != "host" {
		t.Errorf("by customer: %v, want the host", a)
	}
	if a := r.answer(t, "/api/v1/find?q=shop"); len(a["results"].([]any)) != 2 || a["results"].([]any)[0].(map[string]any)["kind"] != "host" {
		t.Errorf("by a part of a customer and of a user: %v, want the host and then its user", a)
	}
	if a := r.answer(t, "/api/v1/find?q=sw-1"); a["results"].([]any)[0].(map[string]any)["kind"] != "device" {
		t.Errorf("a device: %v", a)
	}
	if a := r.answer(t, "/api/v1/find?q=99.99.99.99"); len(a["results"].([]any)) != 0 {
		t.Errorf("nobody: %v", a)
	}
	for _, bad := range []string{"/api/v1/find", "/api/v1/find?q=" + strings.Repeat("x", 300), "/api/v1/find?q=a&limit=0"} {
		if resp := r.get(t, bad); resp.StatusCode != 400 {
			t.Errorf("%.40s: %d, want 400", bad, resp.StatusCode)
		}
	}
}

func TestPortsSayWhatIsAroundThem(t *testing.T) {
	r := wired(t)
	ports := map[string]map[string]any{}
	for _, p := range r.answer(t, "/api/v1/ports")["ports"].([]any) {
		p := p.(map[string]any)
		ports[fmt.Sprint(p["device"], " ", p["port"])] = p
	}
	for id, want := range map[string]string{"core-1 Gi1/0/1": "uplink", "core-1 Gi1/0/4": "external", "sw-1 Gi1/0/3": "access", "sw-2 Gi1/0/2": "access"} {
		if ports[id]["role"] != want || len(ports[id]["role_evidence"].([]any)) == 0 {
			t.Errorf("%s is %v with %v, want %s", id, ports[id]["role"], ports[id]["role_evidence"], want)
		}
	}
	n := ports["sw-1 Gi1/0/1"]["neighbour"].(map[string]any)
	if n["device"] != "core-1" || n["port"] != "Gi1/0/1" || n["source"] != "lldp" || n["polled"] != true {
		t.Errorf("neighbour %v", n)
	}
	if n := ports["core-1 Gi1/0/3"]["neighbour"].(map[string]any); n["polled"] != false {
		t.Errorf("a box that is not polled: %v", n)
	}
	if hosts := ports["sw-2 Gi1/0/2"]["hosts"].([]any); len(hosts) != 2 || hosts[0].(map[string]any)["behind"] == nil {
		t.Errorf("two hosts behind one port: %v", hosts)
	}
	for role, want := range map[string]int{"external": 1, "uplink": 5, "unknown": 0} {
		if got := len(r.answer(t, "/api/v1/ports?role="+role)["ports"].([]any)); got != want {
			t.Errorf("%d ports of role %s, want %d", got, role, want)
		}
	}
	a := r.answer(t, "/api/v1/topology")
	if len(a["links"].([]any)) != 2 || len(a["devices"].([]any)) != 3 {
		t.Errorf("topology %v", a)
	}
}

func TestTheMapIsATreeWithoutSurprises(t *testing.T) {
	r := wired(t)
	text := body(t, r.get(t, "/map"))
	for _, want := range []string{`data-name="core-1"`, `data-name="sw-2"`, `data-from="core-1" data-to="sw-1"`, "3 devices · 2 links", "<h2>Links</h2>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the map lacks %q", want)
		}
	}
	if strings.Index(text, `data-name="core-1"`) < 0 || strings.Count(text, "<path d=") != 2 {
		t.Errorf("%d lines, want 2", strings.Count(text, "<path d="))
	}
	for path, wants := range map[string][]string{
		"/devices/core-1":                    {"Leads to", "sw-1 Gi1/0/1", "&lt;img src=x"},
		"/port?device=sw-1&port=Gi1%2F0%2F3": {"Hosts behind it", "web-17", "10.0.0.7", "access"},
		"/port?device=sw-1&port=Gi1%2F0%2F1": {"leads to", "core-1 Gi1/0/1", "by lldp"},
		"/search?q=10.0.0.7":                 {"web-17", "Example Shop", "sw-1 Gi1/0/3"},
		"/map?theme=dark":                    {"data-theme=\"dark\""},
	} {
		text := body(t, r.get(t, path))
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
		if strings.Contains(text, "<img src=x") {
			t.Errorf("%s has a neighbour's name as markup", path)
		}
	}
	if text := body(t, newRig(t).get(t, "/map")); !strings.Contains(text, "No device yet") {
		t.Error("an empty map does not say what to do")
	}
	if text := body(t, newRig(t, dev("a"), dev("b")).get(t, "/map")); !strings.Contains(text, "No link is known yet") || !strings.Contains(text, "2 without a link") {
		t.Error("a map without links does not say why")
	}
}

// The map in a browser: no complaint of axe-core in either theme, it is searched,
// and walked by keys.
func TestTheMapIsSearchedAndWalkedByKeys(t *testing.T) {
	r := wired(t)
	b := newBrowser(t, r.running(t))
	for _, theme := range []string{"dark", "light"} {
		for name, path := range map[string]string{"map": "/map", "port-hosts": "/port?device=sw-1&port=Gi1%2F0%2F3", "device-leads": "/devices/core-1", "search-hosts": "/search?q=10.0.0.7"} {
			b.open(t, path, 1280, 800, theme)
			b.screenshot(t, name+"-"+theme, true)
			if bad := b.violations(t); len(bad) > 0 {
				t.Errorf("%s %s: axe-core says %s", name, theme, strings.Join(bad, "; "))
			}
		}
	}
	b.open(t, "/map", 1280, 800, "dark")
	find := `(text => { const f = document.querySelector("[data-map-find]"); f.value = text; f.dispatchEvent(new Event("input")); return document.querySelectorAll(".map .box.lit").length })`
	if n := ask[int](t, b, find+`("sw-")`); n != 2 {
		t.Errorf("%d boxes lit by sw-, want 2", n)
	}
	if n := ask[int](t, b, find+`("core")`); n != 1 {
		t.Errorf("%d boxes lit by core, want 1", n)
	}
	if n := ask[int](t, b, `document.querySelectorAll(".map .line.lit").length`); n != 2 {
		t.Errorf("%d lines lit with the core, want 2", n)
	}
	if got := ask[string](t, b, `(() => { document.querySelector("[data-map-find]").dispatchEvent(new KeyboardEvent("keydown", {key: "Enter"})); return document.activeElement.dataset.name })()`); got != "core-1" {
		t.Errorf("Enter goes to %q, want core-1", got)
	}
	if got := b.complaints(); len(got) > 0 {
		t.Errorf("the console: %q", got)
	}
}
