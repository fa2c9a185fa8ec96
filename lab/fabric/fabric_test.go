package fabric_test

import (
	"math"
	"testing"
	"time"

	"spate"
	"spate/lab/fabric"
)

func TestWhatLeavesOnePortComesInAtTheOther(t *testing.T) {
	n := fabric.New(fabric.Medium50(1))
	begin := n.Now()
	n.Add(fabric.Flood{Kind: fabric.ToOutside, Start: begin.Add(10 * time.Minute), Bps: 800e6, Hosts: n.Hosts[40:41]})
	n.Add(fabric.Flood{Kind: fabric.Storm, Start: begin.Add(12 * time.Minute), Bps: 50e6, Size: 64, Hosts: n.Hosts[3:4]})
	n.Advance(begin.Add(20 * time.Minute))
	checked, busy := 0, 0
	for _, d := range n.Devices {
		for _, p := range d.Ports {
			if p.Peer == nil || !d.Polled {
				continue
			}
			a, b := n.Counters(p), n.Counters(p.Peer)
			for _, c := range []spate.Counter{spate.InOctets, spate.InUcastPkts, spate.InBcastPkts} {
				if out, in := a.Values[c+1], b.Values[c]; math.Abs(float64(out)-float64(in)) > 2 {
					t.Errorf("%v sent %d %v, %v received %d", p.ID(), out, c, p.Peer.ID(), in)
				}
			}
			checked++
			if a.Values[spate.OutOctets] > 1e6 {
				busy++
			}
		}
	}
	if checked < 100 || busy < 50 {
		t.Errorf("%d cable ends looked at, %d of them busy", checked, busy)
	}
}

func TestASwitchSendsWhatItReceives(t *testing.T) {
	shape := fabric.Medium50(2)
	shape.Step = 10 * time.Minute
	n := fabric.New(shape)
	n.Advance(n.Now().Add(15 * time.Hour)) // a busy afternoon, storms apart
	for _, d := range n.Devices {
		in, out, bcast := 0.0, 0.0, 0.0
		for _, p := range d.Ports {
			if len(p.Members) > 0 {
				continue // counts what its members count
			}
			s := n.Counters(p)
			in += float64(s.Values[spate.InUcastPkts])
			out += float64(s.Values[spate.OutUcastPkts])
			bcast += float64(s.Values[spate.OutBcastPkts])
		}
		if in == 0 || math.Abs(in-out)/in > 0.001 {
			t.Errorf("%s received %.0f unicast packets and sent %.0f", d.Name, in, out)
		}
		if d.Tier == fabric.Access && bcast == 0 {
			t.Errorf("%s sent no broadcast", d.Name)
		}
	}
}

func TestABundleCountsWhatItsMembersCount(t *testing.T) {
	shape := fabric.Medium50(3)
	shape.Step = 5 * time.Minute
	n := fabric.New(shape)
	n.Advance(n.Now().Add(2 * time.Hour))
	both := 0
	for _, d := range n.Devices {
		for _, p := range d.Ports {
			if len(p.Members) == 0 {
				continue
			}
			var sum uint64
			carrying := 0
			for _, m := range p.Members {
				v := n.Counters(m).Values[spate.InOctets]
				sum += v
				if v > 0 {
					carrying++
				}
			}
			if carrying == len(p.Members) {
				both++
			}
			if got := n.Counters(p).Values[spate.InOctets]; math.Abs(float64(got)-float64(sum)) > 2 {
				t.Errorf("%v counts %d octets, its members %d", p.ID(), got, sum)
			}
		}
	}
	if both < 40 {
		t.Errorf("only %d bundle ends use all their members", both)
	}
}

func TestAFloodIsWhereItIsSaidToBe(t *testing.T) {
	n := fabric.New(fabric.Small5(4))
	begin := n.Now().Add(10 * time.Hour)
	h := n.Hosts[7]
	n.Add(fabric.Flood{Kind: fabric.ToOutside, Start: begin.Add(3 * time.Second), End: begin.Add(63 * time.Second), Bps: 600e6, Hosts: []*fabric.Host{h}})
	n.Advance(begin)
	before := n.Counters(h.Port).Values[spate.InOctets]
	n.Advance(begin.Add(2 * time.Minute))
	got := float64(n.Counters(h.Port).Values[spate.InOctets]-before) * 8
	if want := 600e6 * 60.0; got < want || got > want*1.3 {
		t.Errorf("%v received %.3g bits in and after the flood, want %.3g and the usual", h.Port.ID(), got, want)
	}
}

func TestALinkNeverCarriesMoreThanItsSpeed(t *testing.T) {
	shape := fabric.Medium50(5)
	shape.Step = time.Minute
	n := fabric.New(shape)
	begin := n.Now().Add(time.Hour)
	n.Add(fabric.Flood{Kind: fabric.Bots, Start: begin, Bps: 950e6, Hosts: n.Hosts[10:40]})
	var over, discards float64
	n.Run(begin.Add(5*time.Minute), time.Minute, func(r *spate.Round) {
		for _, rd := range r.Readings {
			if rd.Gap != "" {
				t.Fatalf("%v: %s", rd.Port.ID, rd.Gap)
			}
			if rd.Rate.Over > 0 && rd.Port.Speed > 0 {
				over = max(over, rd.Rate.Values[spate.OutBps]/float64(rd.Port.Speed), rd.Rate.Values[spate.InBps]/float64(rd.Port.Speed))
				discards += rd.Rate.Values[spate.OutDiscardsPs]
			}
		}
	})
	if over > 1 || over < 0.95 {
		t.Errorf("the busiest port carries %.2f of its speed, want just under 1", over)
	}
	if discards == 0 {
		t.Error("28 Gb/s through 20 Gb/s without a discard")
	}
}

func TestTheSameShapeGivesTheSameNetwork(t *testing.T) {
	count := func(seed uint64) uint64 {
		n := fabric.New(fabric.Small5(seed))
		n.Advance(n.Now().Add(time.Hour))
		var sum uint64
		for _, d := range n.Devices {
			for _, p := range d.Ports {
				sum += n.Counters(p).Values[spate.InOctets]
			}
		}
		return sum
	}
	if a, b := count(6), count(6); a != b {
		t.Errorf("the same seed counted %d and then %d octets", a, b)
	}
	if a, b := count(6), count(7); a == b {
		t.Errorf("two seeds counted %d octets both", a)
	}
}

func BenchmarkAnHourOfFiftySwitches(b *testing.B) {
	n := fabric.New(fabric.Medium50(1))
	ports := 0
	for _, d := range n.Devices {
		ports += len(d.Ports)
	}
	for b.Loop() {
		n.Run(n.Now().Add(time.Hour), time.Minute, func(*spate.Round) {})
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/60/float64(ports), "us/port-poll")
}
