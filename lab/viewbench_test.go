package lab_test

import (
	"testing"
	"time"

	"spate"
	"spate/lab/fabric"
	"spate/topology"
)

// BenchmarkView works out a thousand switches with forty thousand hosts.
func BenchmarkView(b *testing.B) {
	n := fabric.New(fabric.Shape{Seed: 7, Start: time.Now(), Borders: 2, Cores: 2, Pods: 32, Access: 30, Ports: 46, Fill: 0.9, Bundles: true, Small: 60})
	g := topology.New(topology.Config{})
	n.Run(n.Now().Add(10*time.Second), 10*time.Second, func(r *spate.Round) { g.Accept(r) })
	for _, d := range n.Devices {
		g.Learn(n.Tables(d))
	}
	b.ReportAllocs()
	for b.Loop() {
		if v := g.View(n.Now()); len(v.Links) < 1900 || len(v.Hosts) < 35_000 {
			b.Fatal(len(v.Links), len(v.Hosts))
		}
	}
}
