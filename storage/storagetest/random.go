package storagetest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spate"
)

// Random feeds a store and a [Memory] the same six hours: polls of any length,
// gaps, late answers, clocks set back, restarts; and compares the answers to
// random questions. The same seed gives the same hours.
func Random(t *testing.T, open Opener, seed uint64) {
	t.Helper()
	w := &world{
		T: t, rnd: rand.New(rand.NewPCG(seed, 7)), start: Start(), folder: t.TempDir(), truthFolder: &MemoryFolder{},
		ids: []spate.PortID{port("Gi1/0/1"), port("Gi1/0/2"), port("Gi1/0/10"), port("Te1/1"), {Device: "sw-core-1", Name: "Gi1/0/1"}, {Device: "sw-core-1", Name: "ae0.100"}},
	}
	w.open(open)
	defer func() { _ = w.store.Close() }()
	for range 3 {
		w.live(2 * time.Hour)
		w.restart(open)
		w.compare(12)
	}
	w.live(10 * time.Minute)
	w.compare(40)
}

// A world is one random test at work.
type world struct {
	*testing.T
	rnd         *rand.Rand
	start       time.Time
	folder      string
	truthFolder *MemoryFolder
	store       Store
	truth       *Memory
	ids         []spate.PortID
	at          []time.Time // end of the last rate, by port
	lived       time.Duration
}

func (w *world) open(open Opener) {
	w.store, w.truth = open(w.T, w.folder), OpenMemory(w.truthFolder)
	if w.at == nil {
		for range w.ids {
			w.at = append(w.at, w.start)
		}
	}
}

func (w *world) restart(open Opener) {
	w.Helper()
	if err := w.store.Close(); err != nil {
		w.Fatal(err)
	}
	_ = w.truth.Close()
	w.open(open)
}

// live is a while of polls, each port in a rhythm of its own.
func (w *world) live(long time.Duration) {
	w.Helper()
	w.lived += long
	until := w.start.Add(w.lived)
	for p := range w.ids {
		usual := time.Duration(500+w.rnd.IntN(45_000)) * time.Millisecond
		for w.at[p].Before(until) {
			w.poll(p, usual)
		}
	}
}

func (w *world) poll(p int, usual time.Duration) {
	over := usual + time.Duration(w.rnd.IntN(2000))*time.Millisecond
	switch k := w.rnd.IntN(200); {
	case k < 6: // a few polls missed
		w.at[p] = w.at[p].Add(time.Duration(w.rnd.IntN(600)) * time.Second)
	case k < 7: // away for long, not so long that the store forgets the port
		w.at[p] = w.at[p].Add(time.Duration(w.rnd.IntN(1800)) * time.Second)
	case k < 9: // an answer that comes late
		w.give(p, w.at[p].Add(-time.Duration(w.rnd.IntN(50_000))*time.Millisecond), over)
	case k < 10 && w.lived > time.Hour: // our clock is set back
		w.at[p] = w.at[p].Add(-time.Duration(60+w.rnd.IntN(240)) * time.Second)
		w.give(p, w.at[p], over)
	}
	w.at[p] = w.at[p].Add(over)
	w.give(p, w.at[p], over)
}

func (w *world) give(p int, end time.Time, over time.Duration) {
	w.Helper()
	r := rate(end, over, map[spate.Metric]float64{})
	for m := range spate.NumMetrics {
		switch k := w.rnd.IntN(20); {
		case k < 16:
			r.Values[m] = w.rnd.Float64() * math.Pow(10, float64(w.rnd.IntN(11)))
		case k < 18:
			r.Values[m] = 0
		case k < 19:
			r.Values[m] = math.Inf(1 - 2*w.rnd.IntN(2))
		}
	}
	round := &spate.Round{Device: spate.Device{Name: w.ids[p].Device}, At: end, Interval: Step, Readings: []spate.Reading{{Port: &spate.Port{ID: w.ids[p]}, Rate: r}}}
	if err := w.store.Write(w.Context(), round); err != nil {
		w.Fatal(err)
	}
	if err := w.truth.Write(w.Context(), round); err != nil {
		w.Fatal(err)
	}
}

// compare asks both n random questions.
func (w *world) compare(n int) {
	w.Helper()
	if err := w.store.Flush(w.Context()); err != nil {
		w.Fatal(err)
	}
	for range n {
		q := w.question()
		got, err := w.store.Query(w.Context(), q)
		if err != nil {
			w.Fatalf("%+v: %v", q, err)
		}
		want, err := w.truth.Query(w.Context(), q)
		if err != nil {
			w.Fatal(err)
		}
		if !w.equal(got, want) {
			w.Fatalf("the question was %v to %v, width %d, %v of %v", q.From.Sub(w.start), q.To.Sub(w.start), q.Width, q.Metrics, q.Ports)
		}
	}
}

func (w *world) question() spate.Query {
	from := time.Duration(w.rnd.Int64N(int64(w.lived+20*time.Minute))) - 10*time.Minute
	long := time.Duration(math.Pow(10, 1+w.rnd.Float64()*3.3) * float64(time.Second))
	q := spate.Query{From: w.start.Add(from), To: w.start.Add(from + long), Width: 1 + w.rnd.IntN(600)}
	for range 1 + w.rnd.IntN(4)*w.rnd.IntN(2) {
		q.Ports = append(q.Ports, w.ids[w.rnd.IntN(len(w.ids))])
	}
	for range 1 + w.rnd.IntN(2) {
		if m := spate.Metric(w.rnd.IntN(int(spate.NumMetrics))); !slices.Contains(q.Metrics, m) {
			q.Metrics = append(q.Metrics, m)
		}
	}
	return q
}

func (w *world) equal(got, want *spate.Frame) bool {
	w.Helper()
	if !got.From.Equal(want.From) || !got.To.Equal(want.To) || got.Step != want.Step || got.Tier != want.Tier || got.Of != want.Of || got.Covered != want.Covered || len(got.Series) != len(want.Series) {
		w.Errorf("frame of %v to %v by %v, %d of %d covered, %d series; want %v to %v by %v, %d of %d, %d",
			got.From, got.To, got.Step, got.Covered, got.Of, len(got.Series), want.From, want.To, want.Step, want.Covered, want.Of, len(want.Series))
		return false
	}
	long := want.To.Sub(want.From).Seconds()
	for i, s := range got.Series {
		t := want.Series[i]
		slack := 0.0
		if want.Tier != spate.TierRaw { // of means at the edge of a rounding, one for each port
			slack = 0.1001 * float64(want.Of)
		}
		for _, c := range []struct {
			what      string
			got, want []float64
		}{
			{"avg", s.Avg, t.Avg}, {"max", s.Max, t.Max}, {"min", s.Min, t.Min},
			{"stats", []float64{s.Stats.Last, s.Stats.Mean, s.Stats.Max, s.Stats.P95}, []float64{t.Stats.Last, t.Stats.Mean, t.Stats.Max, t.Stats.P95}},
			{"total per second", []float64{s.Stats.Total / long}, []float64{t.Stats.Total / long}},
		} {
			for j := range c.want {
				if len(c.got) != len(c.want) || !alike(c.got[j], c.want[j]) && !(math.Abs(c.got[j]-c.want[j]) <= slack) {
					w.Errorf("%s %s %d of %d is %v, want %v", s.Metric, c.what, j, len(c.want), c.got[j], c.want[j])
					return false
				}
			}
		}
	}
	return true
}
