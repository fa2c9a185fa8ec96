package graph_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spate"
	"spate/graph"
)

// A scene is made-up traffic of one port: n values of every metric from a
// moment on. The same seed gives the same scene.
func scene(from time.Time, step time.Duration, n int, seed uint64) *spate.Frame {
	rng := rand.New(rand.NewPCG(seed, 1))
	f := &spate.Frame{From: from, To: from.Add(time.Duration(n) * step), Step: step, Tier: spate.TierRaw, Covered: 1, Of: 1}
	levels := [spate.NumMetrics]float64{
		spate.InBps: 210e6, spate.OutBps: 95e6, spate.InPps: 31e3, spate.OutPps: 17e3,
		spate.InUcastPps: 30e3, spate.OutUcastPps: 16e3, spate.InMcastPps: 1400, spate.OutMcastPps: 700,
		spate.InBcastPps: 2600, spate.OutBcastPps: 1900,
		spate.InErrorsPs: 0.4, spate.OutErrorsPs: 0.05, spate.InDiscardsPs: 3, spate.OutDiscardsPs: 7,
	}
	for m, level := range levels {
		f.Series = append(f.Series, wander(rng, spate.Metric(m), from, step, n, level))
	}
	return f
}

// wander is a day's rise and fall with noise and bursts.
func wander(rng *rand.Rand, m spate.Metric, from time.Time, step time.Duration, n int, level float64) spate.Series {
	s := spate.Series{Metric: m, Avg: make([]float64, n), Max: make([]float64, n)}
	drift, burst := 0.0, 0.0
	for i := range n {
		at := from.Add(time.Duration(i) * step)
		hour := float64(at.Unix()%86400) / 3600
		day := 0.45 + 0.4*math.Sin((hour-9)/24*2*math.Pi) + 0.1*math.Sin((hour-13)/12*2*math.Pi)
		drift = 0.97*drift + 0.03*rng.NormFloat64()
		if rng.Float64() < 0.004 {
			burst = 0.4 + 0.9*rng.Float64()
		}
		burst *= 0.8
		s.Avg[i] = level * max(0.02*(1+rng.Float64()), (day+drift)*(1+0.1*rng.NormFloat64())+burst)
		s.Max[i] = s.Avg[i] * (1.08 + 0.25*rng.Float64())
	}
	return s
}

// flood raises a metric's values between two parts of the frame.
func flood(f *spate.Frame, m spate.Metric, from, to, level float64) {
	s := &f.Series[m]
	for i := range s.Avg {
		if at := float64(i) / float64(len(s.Avg)); at >= from && at < to {
			s.Avg[i] = level * (0.97 + 0.02*math.Sin(float64(i)))
			s.Max[i] = level
		}
	}
}

// silence makes a gap in all series between two parts of the frame.
func silence(f *spate.Frame, from, to float64) {
	for _, s := range f.Series {
		for i := range s.Avg {
			if at := float64(i) / float64(len(s.Avg)); at >= from && at < to {
				s.Avg[i], s.Max[i] = math.NaN(), math.NaN()
			}
		}
	}
}

// sumUp works out the stats of every series, as a store would.
func sumUp(f *spate.Frame) *spate.Frame {
	for i := range f.Series {
		s := &f.Series[i]
		var known []float64
		st := spate.Stats{Last: math.NaN(), Mean: math.NaN(), Max: math.NaN(), P95: math.NaN(), Total: math.NaN()}
		for j, v := range s.Avg {
			if !math.IsNaN(v) {
				known = append(known, v)
				st.Last = v
			}
			if !(s.Max[j] <= st.Max) && !math.IsNaN(s.Max[j]) {
				st.Max = s.Max[j]
			}
		}
		if len(known) > 0 {
			sum := 0.0
			for _, v := range known {
				sum += v
			}
			st.Mean = sum / float64(len(known))
			st.Total = sum * f.Step.Seconds()
			if s.Metric.IsBits() {
				st.Total /= 8
			}
			slices.Sort(known)
			st.P95 = known[min(int(math.Ceil(0.95*float64(len(known))))-1, len(known)-1)]
		}
		s.Stats = st
	}
	return f
}

// berlin is the zone of the pictures in these tests.
func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skipf("no time zones on this machine: %v", err)
	}
	return zone
}

// floodDay is the day of a flood: 24 h of n values with two gaps.
func floodDay(zone *time.Location, n int) *spate.Frame {
	from := time.Date(2026, 11, 24, 4, 0, 0, 0, zone)
	f := scene(from, 24*time.Hour/time.Duration(n), n, 7)
	flood(f, spate.InBps, 0.88, 0.94, 912e6)
	flood(f, spate.InPps, 0.88, 0.94, 81e3)
	flood(f, spate.InUcastPps, 0.88, 0.94, 79e3)
	silence(f, 0.30, 0.34)
	silence(f, 0.62, 0.6225)
	return sumUp(f)
}

// floodPicture is the picture of that day.
func floodPicture(zone *time.Location, n int) graph.Picture {
	f := floodDay(zone, n)
	return graph.Picture{
		Title:    "sw-acc-1 Gi1/0/2 → web-host-17",
		Subtitle: "rack 12, web farm, VLAN 210",
		Kind:     graph.Bits,
		Frame:    f,
		Width:    1200,
		Height:   400,
		Zone:     zone,
		Speed:    1e9,
	}
}
