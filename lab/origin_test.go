package lab_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"spate"
	"spate/lab/fabric"
	"spate/suspect"
)

// truth is a topology that knows all, or all but some links.
type truth struct {
	n      *fabric.Net
	hidden map[spate.PortID]bool
}

func newTruth(n *fabric.Net, missing float64, dice *rand.Rand) *truth {
	t := &truth{n: n, hidden: map[spate.PortID]bool{}}
	for _, l := range n.Links() {
		a := n.Port(l.A).Trunk()
		if !t.hidden[a.ID()] && dice.Float64() < missing {
			t.hidden[a.ID()], t.hidden[a.Peer.ID()] = true, true
		}
	}
	return t
}

func (t *truth) Far(id spate.PortID) (spate.PortID, float64, bool) {
	p := t.n.Port(id)
	if p.Peer == nil || t.hidden[id] || !p.Peer.Device.Polled {
		return spate.PortID{}, 0, false
	}
	return p.Peer.ID(), 1, true
}

func (t *truth) Bundle(id spate.PortID) (spate.PortID, bool) {
	if p := t.n.Port(id); p.Bundle != nil {
		return p.Bundle.ID(), true
	}
	return spate.PortID{}, false
}

func (t *truth) Role(id spate.PortID) spate.Role { return t.n.Port(id).Role() }

func (t *truth) Stations(id spate.PortID) int {
	p := t.n.Port(id)
	if p.Peer != nil {
		return 100
	}
	return len(p.Hosts)
}

// plain is a stand-in for the detector that has learned a day: the usual is the
// hour's mean, and a mark is far above the day's record.
type plain struct {
	sum    map[spate.PortID]*[24][spate.NumUsual]float64
	count  map[spate.PortID]*[24]float64
	record map[spate.PortID]*[spate.NumUsual]float64
	frozen bool
}

func newPlain() *plain {
	return &plain{map[spate.PortID]*[24][spate.NumUsual]float64{}, map[spate.PortID]*[24]float64{}, map[spate.PortID]*[spate.NumUsual]float64{}, false}
}

func (b *plain) excesses(r *spate.Round) []spate.Excess {
	var out []spate.Excess
	for _, rd := range r.Readings {
		if rd.Rate.Over == 0 {
			continue
		}
		id, h := rd.Port.ID, r.At.Hour()
		if b.sum[id] == nil {
			b.sum[id], b.count[id], b.record[id] = &[24][spate.NumUsual]float64{}, &[24]float64{}, &[spate.NumUsual]float64{}
		}
		e := spate.Excess{Port: rd.Port, From: rd.Rate.At.Add(-rd.Rate.Over), To: rd.Rate.At, Rate: rd.Rate.Values}
		for m := range spate.NumUsual {
			v := rd.Rate.Values[m]
			if !b.frozen {
				b.sum[id][h][m] += v
				b.record[id][m] = max(b.record[id][m], v)
			}
			e.Usual[m] = b.sum[id][h][m] / max(1, b.count[id][h])
			floor := max(2e6, 0.02*float64(rd.Port.Speed))
			if m >= 2 {
				floor /= 1000 * 8
			}
			e.Marked[m] = b.frozen && v > 1.5*b.record[id][m] && v-e.Usual[m] > floor
		}
		if !b.frozen {
			b.count[id][h]++
		}
		out = append(out, e)
	}
	return out
}

// TestOrigins floods a network that has been watched for a day, kind by kind, and
// asks two polls later where each flood comes in. SPATE_TRIALS asks for more
// trials of each kind, and for links that nobody knows.
func TestOrigins(t *testing.T) {
	trials, hidden := 2, []float64{0}
	if s := os.Getenv("SPATE_TRIALS"); s != "" {
		trials, _ = strconv.Atoi(s)
		hidden = []float64{0, 0.2, 0.5}
	}
	shape := fabric.Medium50(11)
	shape.Step = 5 * time.Minute
	n := fabric.New(shape)
	base := newPlain()
	n.Run(n.Now().Add(24*time.Hour), time.Minute, func(r *spate.Round) { base.excesses(r) })
	base.frozen = true
	kinds := []fabric.FloodKind{fabric.ToOutside, fabric.ToHost, fabric.Inbound, fabric.ToVLAN, fabric.Storm, fabric.Loop, fabric.Bots, fabric.SmallPkts, fabric.SlowRamp}
	dice := rand.New(rand.NewPCG(5, 5))
	right, wrongSure := 0, 0
	for _, missing := range hidden {
		for _, kind := range kinds {
			here := 0
			for range trials {
				got := trial(n, base, newTruth(n, missing, dice), kind, dice)
				if got.right {
					here++
				} else {
					t.Logf("%s, %.0f %% of links hidden: want %v, got %v", kind, missing*100, got.want, got.got)
				}
				if got.confidence >= 0.9 && !got.right {
					wrongSure++
				}
			}
			right += here
			t.Logf("%-18s %2.0f %% of links hidden: %5.1f %% right", kind, missing*100, 100*float64(here)/float64(trials))
		}
	}
	all := trials * len(kinds) * len(hidden)
	if float64(right) < 0.8*float64(all) {
		t.Errorf("%d of %d floods were traced to their port", right, all)
	}
	if wrongSure > all/20 {
		t.Errorf("%d of %d were wrong at a confidence of 0.9 or more", wrongSure, all)
	}
}

type outcome struct {
	right, none bool
	confidence  float64
	want        []spate.PortID
	got         []string
	kind        spate.IncidentKind
}

func trial(n *fabric.Net, base *plain, topo suspect.Topology, kind fabric.FloodKind, dice *rand.Rand) outcome {
	net := suspect.NewNetwork()
	accept := func(r *spate.Round) { net.Accept(r.Device.Name, r.At, base.excesses(r), r.Err) }
	n.Run(n.Now().Add(time.Duration(4+dice.IntN(12))*time.Minute), time.Minute, accept)
	onset := n.Now().Add(time.Duration(dice.Int64N(int64(time.Minute))))
	f := n.Draw(kind, onset, dice)
	wait := 2 * time.Minute
	if kind == fabric.SlowRamp {
		wait = 12 * time.Minute
	}
	fl := n.Add(f)
	n.Run(onset.Add(wait), time.Minute, accept)
	out := outcome{want: fl.OriginIDs()}
	found := slices.DeleteFunc(net.Findings(topo), func(f spate.Finding) bool { return f.Onset.Before(onset.Add(-time.Minute)) })
	if len(found) == 0 || len(found[0].Origins) == 0 {
		out.none = true
	} else {
		for _, f := range found {
			s := string(f.Kind)
			for _, o := range f.Origins {
				s += fmt.Sprintf(" %v %.2f %.0fM", o.Port.ID, o.Confidence, o.OverBps/1e6)
			}
			out.got = append(out.got, s)
		}
		// Other hosts have their own busy minutes, which the stand-in for the detector
		// marks too: the flood's own finding is the one that counts.
		at := max(0, slices.IndexFunc(found, func(f spate.Finding) bool { return slices.Contains(out.want, f.Origins[0].Port.ID) }))
		top := found[at].Origins[0]
		out.confidence, out.kind = top.Confidence, found[at].Kind
		out.right = slices.Contains(out.want, top.Port.ID)
	}
	n.Run(n.Now().Add(time.Minute), time.Minute, accept)
	return out
}
