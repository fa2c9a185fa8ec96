package lab_test

import (
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"testing"
	"time"

	"spate"
	"spate/detect"
	"spate/incident"
	"spate/suspect"
)

// wide is a tree of access switches under cores under one border, as a topology
// that is known by its names: the last port of a switch leads up.
type wide struct {
	far    map[spate.PortID]spate.PortID
	border spate.PortID
}

func (w *wide) Far(id spate.PortID) (spate.PortID, float64, bool) {
	far, ok := w.far[id]
	return far, 1, ok
}
func (w *wide) Bundle(spate.PortID) (spate.PortID, bool) { return spate.PortID{}, false }
func (w *wide) Role(id spate.PortID) spate.Role {
	if _, up := w.far[id]; up {
		return spate.RoleUplink
	}
	if id == w.border {
		return spate.RoleExternal
	}
	return spate.RoleAccess
}
func (w *wide) Stations(spate.PortID) int                 { return 1 }
func (w *wide) HostsAt(spate.PortID) []spate.Host         { return nil }
func (w *wide) Neighbour(spate.PortID) (spate.Link, bool) { return spate.Link{}, false }
func (w *wide) Answers(string) bool                       { return true }
func (w *wide) Beside(string) []string                    { return nil }

// wideNetwork is switches of 48 ports, a hundred to a core.
func wideNetwork(switches int) (rounds []*spate.Round, topo *wide) {
	topo = &wide{far: map[spate.PortID]spate.PortID{}}
	device := func(name string, ports int) *spate.Round {
		r := &spate.Round{Device: spate.Device{Name: name}, Interval: time.Minute}
		for i := range ports {
			p := &spate.Port{ID: spate.PortID{Device: name, Name: fmt.Sprintf("Gi1/0/%d", i+1)}, IfIndex: i + 1, Speed: 1e9, SpeedSource: spate.SpeedFromIfHighSpeed, Oper: spate.StatusUp}
			r.Readings = append(r.Readings, spate.Reading{Port: p})
		}
		rounds = append(rounds, r)
		return r
	}
	link := func(a, b *spate.Port) {
		a.Speed, b.Speed = 100e9, 100e9
		topo.far[a.ID], topo.far[b.ID] = b.ID, a.ID
	}
	cores := (switches + 99) / 100
	border := device("border", cores+1)
	topo.border = border.Readings[cores].Port.ID
	border.Readings[cores].Port.Speed = 400e9
	for k := range cores {
		core := device(fmt.Sprintf("core-%d", k), 101)
		link(core.Readings[100].Port, border.Readings[k].Port)
		for i := range min(100, switches-100*k) {
			sw := device(fmt.Sprintf("sw-%05d", 100*k+i), 48)
			link(sw.Readings[47].Port, core.Readings[i].Port)
		}
	}
	return rounds, topo
}

// fill gives a round its rates: a few Mb/s with noise, and a flood on its way.
func fill(r *spate.Round, at time.Time, flood map[spate.PortID]int) {
	r.At = at
	for i := range r.Readings {
		rd := &r.Readings[i]
		rd.Rate.At, rd.Rate.Over = at, r.Interval
		x := uint64(at.Unix())*0x9e3779b97f4a7c15 ^ uint64(i+1)*0xbf58476d1ce4e5b9 ^ uint64(len(r.Device.Name))
		for _, c := range r.Device.Name {
			x = (x ^ uint64(c)) * 0x94d049bb133111eb
		}
		mbps := 2 + 4*float64(x>>40)/float64(1<<24)
		for m := range rd.Rate.Values {
			rd.Rate.Values[m] = 0
		}
		for dir := range 2 {
			rd.Rate.Values[int(spate.InBps)+dir], rd.Rate.Values[int(spate.InPps)+dir] = mbps*1e6, mbps*1e6/8/700
		}
		if dir, in := flood[rd.Port.ID]; in {
			rd.Rate.Values[int(spate.InBps)+dir] += 600e6
			rd.Rate.Values[int(spate.InPps)+dir] += 600e6 / 8 / 1000
		}
	}
}

// BenchmarkTenThousandSwitches is what detector and origin cost for 480,000 ports
// that are polled once a minute, in percent of a core, and in memory; in the last
// minutes a flood crosses the network and has to be named.
func BenchmarkTenThousandSwitches(b *testing.B) {
	var before, after runtime.MemStats
	rounds, topo := wideNetwork(10_000)
	runtime.GC()
	runtime.ReadMemStats(&before)
	base := detect.New(detect.Config{FloorPercent: 2, Zone: time.UTC})
	net := suspect.NewNetwork()
	desk := incident.New(incident.Config{PagePercent: 20, CloseAfter: 15 * time.Minute, Zone: time.UTC}, nothingKept(), nil, slog.New(slog.DiscardHandler))
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var judged, looked time.Duration
	looks := 0
	minute := func(flood map[spate.PortID]int) {
		at = at.Add(time.Minute)
		marked := false
		for _, r := range rounds {
			fill(r, at, flood)
			began := time.Now()
			excesses := base.Judge(r)
			for i := range excesses {
				marked = marked || excesses[i].AnyMark()
			}
			net.Accept(r.Device.Name, at, excesses, nil)
			judged += time.Since(began)
		}
		began := time.Now()
		var found []spate.Finding
		if marked {
			found = net.Findings(topo)
			looks++
		}
		desk.Floods(at, found, topo)
		looked += time.Since(began)
	}
	for range 12 {
		minute(nil)
	}
	judged, looked, looks = 0, 0, 0
	quiet := max(5, b.N)
	b.ResetTimer()
	for range quiet {
		minute(nil)
	}
	b.StopTimer()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(100*judged.Seconds()/float64(quiet)/60, "%core")
	b.ReportMetric(float64(judged.Nanoseconds())/float64(quiet)/480_000, "ns/port")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
	origin := spate.PortID{Device: "sw-07777", Name: "Gi1/0/11"}
	flood := map[spate.PortID]int{origin: 0, topo.border: 1}
	for id, dir := (spate.PortID{Device: "sw-07777", Name: "Gi1/0/48"}), 1; ; {
		flood[id] = dir
		far, linked := topo.far[id]
		if !linked {
			break
		}
		flood[far] = 0
		if far.Device == "border" {
			break
		}
		id = spate.PortID{Device: far.Device, Name: "Gi1/0/101"}
	}
	judged, looked, looks = 0, 0, 0
	for range 3 {
		minute(flood)
	}
	b.ReportMetric(looked.Seconds()*1000/float64(max(looks, 1)), "ms/look")
	named := desk.Suspects(at)
	if len(named) == 0 || named[0].Suspect.Port.ID != origin {
		b.Fatalf("named are %+v, want %v", named, origin)
	}
	if math.IsNaN(named[0].Suspect.Confidence) || named[0].Suspect.Confidence < 0.9 {
		b.Errorf("named with a confidence of %v", named[0].Suspect.Confidence)
	}
}
