package lab_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"spate"
	"spate/detect"
	"spate/lab/fabric"
	"spate/suspect"
	"spate/topology"
)

// watched is a simulated network that was polled for eight days, and whose tables
// were read.
type watched struct {
	net  *fabric.Net
	base *detect.Watch
	view *topology.View
	dice *rand.Rand
}

// rest is how a watched network is polled between trials.
const rest = 5 * time.Minute

func watchOver(shape fabric.Shape, stream uint64) *watched {
	shape.Step = 5 * time.Minute
	w := &watched{net: fabric.New(shape), base: detect.New(detect.Config{FloorPercent: 2, Zone: time.UTC}), dice: rand.New(rand.NewPCG(shape.Seed, stream))}
	w.run(8*24*time.Hour, rest, func(r *spate.Round) { w.base.Judge(r) })
	w.net.Shape.Step = 20 * time.Second // hosts do not all change their rates at the same moment every five minutes
	w.view = learned(w.net, 60)
	return w
}

func (w *watched) run(d, interval time.Duration, accept func(*spate.Round)) {
	w.net.Run(w.net.Now().Add(d), interval, accept)
}

// unknown is a topology where some links are known to nobody.
type unknown struct {
	*topology.View
	hidden map[spate.PortID]bool
}

func hide(n *fabric.Net, v *topology.View, share float64, dice *rand.Rand) suspect.Topology {
	u := unknown{v, map[spate.PortID]bool{}}
	for _, l := range n.Links() {
		if a := n.Port(l.A).Trunk(); !u.hidden[a.ID()] && dice.Float64() < share {
			u.hidden[a.ID()], u.hidden[a.Peer.ID()] = true, true
		}
	}
	return u
}

func (u unknown) Far(id spate.PortID) (spate.PortID, float64, bool) {
	if u.hidden[id] {
		return spate.PortID{}, 0, false
	}
	return u.View.Far(id)
}

// Stations are many behind a trunk with no link: all that are beyond it.
func (u unknown) Stations(id spate.PortID) int {
	if u.hidden[id] {
		return 100
	}
	return u.View.Stations(id)
}

// outcome is one trial: what was to be named, and what was.
type outcome struct {
	right, none bool
	confidence  float64
	want        []spate.PortID
	got         []string
	kind        spate.IncidentKind
}

// trial floods the network and asks two polls later where the flood comes in. The
// detector that judges it is a copy: trials learn nothing from each other.
func (w *watched) trial(topo suspect.Topology, kind fabric.FloodKind) outcome {
	n, dice := w.net, w.dice
	w.run(2*rest, rest, func(*spate.Round) {}) // the last flood's windows
	w.run(35*time.Minute, rest, func(r *spate.Round) { w.base.Judge(r) })
	base := detect.New(detect.Config{FloorPercent: 2, Zone: time.UTC})
	var memory bytes.Buffer
	if err := w.base.Save(&memory); err != nil {
		panic(err)
	}
	if err := base.Load(&memory); err != nil {
		panic(err)
	}
	net := suspect.NewNetwork()
	accept := func(r *spate.Round) { net.Accept(r.Device.Name, r.At, base.Judge(r), r.Err) }
	w.run(time.Duration(6+dice.IntN(12))*time.Minute, time.Minute, accept)
	onset := n.Now().Add(time.Duration(dice.Int64N(int64(time.Minute))))
	f := n.Draw(kind, onset, dice)
	wait := 2 * time.Minute
	if kind == fabric.SlowRamp {
		wait = 12 * time.Minute
	}
	fl := n.Add(f)
	n.Run(onset.Add(wait), time.Minute, accept)
	out := outcome{want: fl.OriginIDs()}
	found := slices.DeleteFunc(net.Findings(topo), func(f spate.Finding) bool { return len(f.Origins) == 0 || f.Onset.Before(onset.Add(-time.Minute)) })
	if len(found) == 0 {
		out.none = true
		return out
	}
	for _, f := range found {
		s := string(f.Kind)
		for _, o := range f.Origins {
			s += fmt.Sprintf(" %v %.2f %.0fM", o.Port.ID, o.Confidence, o.OverBps/1e6)
		}
		out.got = append(out.got, s)
	}
	top := found[0].Origins[0]
	out.confidence, out.kind = top.Confidence, found[0].Kind
	out.right = slices.Contains(out.want, top.Port.ID)
	return out
}

// slack is how many of a few trials may miss by chance what hundreds must reach.
func slack(trials int) float64 {
	if trials < 100 {
		return 2
	}
	return 0
}

// bars are the shares of floods whose origin must be named, by the share of links
// that announce nothing.
var bars = map[float64]float64{0: 0.99, 0.2: 0.98, 0.5: 0.95}

// TestOrigins floods networks that have been watched for a week, kind by kind, and
// asks two polls later where each flood comes in: where all devices announce
// themselves, where a fifth and where half of the links are silent, and where such
// links are known to nobody. SPATE_TRIALS is the number of trials of each.
func TestOrigins(t *testing.T) {
	trials := floodTrials
	if s := os.Getenv("SPATE_TRIALS"); s != "" {
		trials, _ = strconv.Atoi(s)
	}
	type table struct {
		silent, hidden float64
		all            []outcome
	}
	tables := []*table{{silent: 0}, {silent: 0.2}, {silent: 0.5}}
	switch {
	case trials == 1:
		tables = tables[:1]
	case trials > 20:
		tables = append(tables, &table{hidden: 0.2}, &table{hidden: 0.5})
	}
	t.Run("floods", func(t *testing.T) {
		for _, tab := range tables {
			t.Run(fmt.Sprintf("%.0f %% silent, %.0f %% unknown", tab.silent*100, tab.hidden*100), func(t *testing.T) {
				t.Parallel()
				shape := flooded()
				shape.NoLLDP = tab.silent
				w := watchOver(shape, uint64(100*tab.silent+10000*tab.hidden))
				right := 0
				for _, kind := range fabric.Kinds() {
					here, sure, none := 0, 0, 0
					for range trials {
						topo := suspect.Topology(w.view)
						if tab.hidden > 0 {
							topo = hide(w.net, w.view, tab.hidden, w.dice)
						}
						got := w.trial(topo, kind)
						tab.all = append(tab.all, got)
						switch {
						case got.right:
							here++
							if got.confidence >= 0.9 {
								sure++
							}
							continue
						case got.none:
							none++
						}
						t.Logf("%.0f/%.0f %s: want %v, got %v", tab.silent*100, tab.hidden*100, kind, got.want, got.got)
					}
					right += here
					t.Logf("%-18s %5.1f %% right, %5.1f %% right and sure, %4.1f %% not found", kind, percent(here, trials), percent(sure, trials), percent(none, trials))
				}
				all := trials * len(fabric.Kinds())
				t.Logf("%-18s %5.1f %% right", "all", percent(right, all))
				if bar := bars[tab.silent]; tab.hidden == 0 && trials > 1 && float64(right) < bar*float64(all)-slack(trials) {
					t.Errorf("%d of %d floods were traced to their port, want %.0f %%", right, all, bar*100)
				}
			})
		}
	})
	var all []outcome
	for _, tab := range tables {
		if tab.hidden == 0 {
			all = append(all, tab.all...)
		}
	}
	calibrated(t, all, slack(trials))
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }

// calibrated holds how sure an origin says it is against how often it is right.
func calibrated(t *testing.T, all []outcome, slack float64) {
	t.Helper()
	var right, count [10]int
	var said [10]float64
	rights, sure, wrongSure := 0, 0, 0
	for _, o := range all {
		if o.none {
			continue
		}
		tenth := min(int(o.confidence*10), 9)
		count[tenth]++
		said[tenth] += o.confidence
		if o.right {
			right[tenth]++
			rights++
		}
		if o.confidence >= 0.9 {
			if o.right {
				sure++
			} else {
				wrongSure++
			}
		}
	}
	for tenth, n := range count {
		if n == 0 {
			continue
		}
		t.Logf("%.1f to %.1f: %5d floods, %5.1f %% right", float64(tenth)/10, float64(tenth+1)/10, n, percent(right[tenth], n))
		if off := math.Abs(said[tenth]/float64(n) - float64(right[tenth])/float64(n)); n >= 100 && off > 0.05 {
			t.Errorf("floods that are %.0f %% sure on average are right in %.1f %%", 100*said[tenth]/float64(n), percent(right[tenth], n))
		}
	}
	t.Logf("%.1f %% of what is right is sure; %.2f %% are wrong and sure", percent(sure, rights), percent(wrongSure, len(all)))
	if float64(sure) < 0.8*float64(rights) || float64(wrongSure) > 0.005*float64(len(all))+slack {
		t.Errorf("of %d right answers %d are sure, and %d wrong ones: want four of five, and under one of 200", rights, sure, wrongSure)
	}
}
