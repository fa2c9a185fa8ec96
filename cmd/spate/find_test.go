package main

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/graph"
	"spate/lab/fabric"
	"spate/topology"
	"spate/web"
)

func TestFindPrintsTheEdgePortFirst(t *testing.T) {
	code, out, errOut := invoke(t, answer("application/json", `{"results":[{"kind":"host","text":"web-17 (10.0.0.7) on sw-1 Gi1/0/3\u001b[2J"},{"kind":"port","text":"sw-2 Gi1/0/1"}]}`), "find", "10.0.0.7")
	if code != 0 || out != "host    web-17 (10.0.0.7) on sw-1 Gi1/0/3[2J\nport    sw-2 Gi1/0/1\n" || errOut != "" {
		t.Errorf("exit %d: %q %s", code, out, errOut)
	}
	if code, _, errOut := invoke(t, answer("application/json", `{"results":[]}`), "find", "nobody"); code != 1 || !strings.Contains(errOut, "nobody") {
		t.Errorf("nobody: exit %d: %s", code, errOut)
	}
	if code, _, _ := invoke(t, answer("application/json", `{}`), "find"); code != 64 {
		t.Errorf("without a word: exit %d, want 64", code)
	}
}

// BenchmarkFind asks for the MAC of one of forty thousand hosts on a thousand
// switches.
func BenchmarkFind(b *testing.B) {
	n := fabric.New(fabric.Shape{Seed: 7, Start: time.Now(), Borders: 2, Cores: 2, Pods: 32, Access: 30, Ports: 46, Fill: 0.9, Bundles: true, Small: 60})
	g := topology.New(topology.Config{})
	var devices []spate.Device
	for _, d := range n.Devices {
		devices = append(devices, spate.Device{Name: d.Name, Address: d.Address.String()})
	}
	board := web.NewBoard(devices)
	n.Run(n.Now().Add(10*time.Second), 10*time.Second, func(r *spate.Round) {
		g.Accept(r)
		board.Accept(b.Context(), r)
	})
	for _, d := range n.Devices {
		g.Learn(n.Tables(d))
	}
	v := g.View(n.Now())
	server := web.New(web.Config{Version: "test", Zone: time.UTC}, web.Deps{Board: board, Store: nil, Painter: graph.NewRenderer(), Metrics: metrics.NewSet(),
		Log: slog.New(slog.DiscardHandler), Network: func() *topology.View { return v }})
	i := 0
	for b.Loop() {
		h := v.Hosts[i*7919%len(v.Hosts)]
		i++
		req := httptest.NewRequest("GET", "/api/v1/find?q="+h.MAC.String(), nil)
		req.Host = "localhost"
		w := httptest.NewRecorder()
		server.ServeHTTP(w, req)
		if !strings.Contains(w.Body.String(), fmt.Sprintf(`"port":%q`, h.Port.Name)) {
			b.Fatal(w.Body.String())
		}
	}
	b.ReportMetric(float64(len(v.Hosts)), "hosts")
}
