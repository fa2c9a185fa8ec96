package storage_test

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"spate"
	"spate/storage"
)

// A process that is killed writes 10,000 samples a second: 50 ports, ten metrics
// of each, a slot every 50 ms. Its clock runs two hundred times as fast, so that
// five minutes pass in 1.5 s and every kill falls into open buckets.
const (
	childFolder = "SPATE_TEST_STORE" // set: this process is the one to be killed
	childBase   = "SPATE_TEST_BASE"  // unix time of slot 0
	childSlot   = "SPATE_TEST_SLOT"  // its first slot

	killedPorts   = 50
	killedMetrics = 10
	killedPace    = 50 * time.Millisecond
)

func killedID(p int) spate.PortID {
	return spate.PortID{Device: "sw-1", Name: "Gi1/0/" + strconv.Itoa(p)}
}

// killedValue is what a port does from slot on, so that a wrong one would show.
func killedValue(p, m, slot int) float64 {
	return float64(1000 + 7*m + 13*p + 10*((slot*7919)%1009))
}

// killedOffset is how far into a slot the polls of a port fall.
func killedOffset(p int) time.Duration { return time.Duration(p%2) * 4 * time.Second }

// killedSlot is what must be stored of a slot where rates began with first.
func killedSlot(p, m, slot, first int) float64 {
	if killedOffset(p) == 0 || slot == first {
		return killedValue(p, m, slot)
	}
	return math.Round((4*killedValue(p, m, slot-1) + 6*killedValue(p, m, slot)) / 10)
}

func killedConfig(dir string) storage.Config {
	cfg := config(dir)
	cfg.Checkpoint, cfg.JournalAge = 2*time.Second, 30*24*time.Hour
	return cfg
}

func writeUntilKilled(t *testing.T) {
	began := time.Now()
	e := open(t, killedConfig(os.Getenv(childFolder)))
	fmt.Println("open", time.Since(began).Milliseconds())
	seconds, err := strconv.ParseInt(os.Getenv(childBase), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	first, err := strconv.Atoi(os.Getenv(childSlot))
	if err != nil {
		t.Fatal(err)
	}
	ports := make([]spate.Port, killedPorts)
	for p := range ports {
		ports[p].ID = killedID(p)
	}
	pace := time.NewTicker(killedPace)
	for slot := first; ; slot++ {
		at := time.Unix(seconds, 0).Add(time.Duration(slot+1) * 10 * time.Second)
		r := &spate.Round{Device: spate.Device{Name: "sw-1"}, At: at.Add(4 * time.Second)}
		for p := range ports {
			rate := spate.Rate{At: at.Add(killedOffset(p)), Over: 10 * time.Second}
			for m := range rate.Values {
				if rate.Values[m] = math.NaN(); m < killedMetrics {
					rate.Values[m] = killedValue(p, m, slot)
				}
			}
			r.Readings = append(r.Readings, spate.Reading{Port: &ports[p], Rate: rate})
		}
		put(t, e, r)
		fmt.Println("slot", slot)
		<-pace.C
	}
}

// A killedRun is one life of the process.
type killedRun struct {
	first, last int           // slots it said it wrote; last < first: none
	written     []time.Time   // when, from first on
	killed      time.Time     //
	opened      time.Duration // how long Open took; 0: killed in it
}

// runAndKill starts the process and kills it after a while.
func runAndKill(t *testing.T, dir string, base time.Time, first int, live time.Duration) killedRun {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledAtAnyMomentLosesASecondAtMost$", "-test.v")
	cmd.Env = append(os.Environ(), childFolder+"="+dir, fmt.Sprintf("%s=%d", childBase, base.Unix()), fmt.Sprintf("%s=%d", childSlot, first))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	run := killedRun{first: first, last: first - 1}
	killed := make(chan time.Time, 1)
	time.AfterFunc(live, func() {
		killed <- time.Now()
		_ = cmd.Process.Kill()
	})
	for in := bufio.NewScanner(out); in.Scan(); {
		var n int
		if k, _ := fmt.Sscanf(in.Text(), "open %d", &n); k == 1 {
			run.opened = time.Duration(n)*time.Millisecond + 1
		}
		if k, _ := fmt.Sscanf(in.Text(), "slot %d", &n); k == 1 {
			run.last = n
			run.written = append(run.written, time.Now())
		}
	}
	run.killed = <-killed
	_ = cmd.Wait()
	return run
}

// check compares all that is stored with what the runs wrote: every value that
// is there is right, those that are not were younger than a second, and the
// coarse tiers are means, peaks and sums of just what is there.
func checkKilled(t *testing.T, dir string, base time.Time, runs []killedRun) (lost time.Duration) {
	t.Helper()
	began := time.Now()
	e := open(t, killedConfig(dir))
	if took := time.Since(began); took > within(2*time.Second) {
		t.Errorf("reopened in %v, want 2 s at most", took)
	}
	flush(t, e)
	slots := runs[len(runs)-1].last + 10
	for p := range killedPorts {
		if p%7 > 1 && p > 3 {
			continue // every port would take minutes
		}
		for _, m := range []int{0, killedMetrics - 1} {
			stored := make([]float64, slots)
			for i := range stored {
				stored[i] = math.NaN()
			}
			for from := 0; from < slots; from += 4000 {
				to := min(from+4000, slots)
				f := askMetric(t, e, killedID(p), spate.Metric(m), base, from*10, to*10, 10, spate.TierRaw)
				copy(stored[from:to], f.Series[0].Avg)
			}
			for _, run := range runs {
				lost = max(lost, run.compare(t, p, m, stored))
			}
			checkTier(t, e, base, p, m, stored, 300, spate.TierFiveMinutes)
			checkTier(t, e, base, p, m, stored, 3600, spate.TierHour)
		}
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	return lost
}

// compare looks at the slots of a run, and at those before the next one, which
// must be unknown.
func (run *killedRun) compare(t *testing.T, p, m int, stored []float64) (lost time.Duration) {
	t.Helper()
	for slot := run.first; slot < run.first+len(run.written); slot++ {
		want, got := killedSlot(p, m, slot, run.first), stored[slot]
		switch {
		case got == want:
		case !math.IsNaN(got):
			t.Fatalf("port %d metric %d slot %d is %v, want %v", p, m, slot, got, want)
		default:
			lost = max(lost, run.killed.Sub(run.written[slot-run.first]))
		}
	}
	return lost
}

// checkTier compares a coarse tier with the slots it was made of.
func checkTier(t *testing.T, e *storage.Embedded, base time.Time, p, m int, stored []float64, step int, tier spate.Tier) {
	t.Helper()
	per := step / 10
	n := (len(stored) + per - 1) / per
	f := askMetric(t, e, killedID(p), spate.Metric(m), base, 0, n*step, step, tier)
	total := 0.0
	for i := range n {
		sum, most, known := 0.0, math.NaN(), 0
		for _, x := range stored[i*per : min((i+1)*per, len(stored))] {
			if x == x {
				sum, most, known = sum+x, math.Max(x, orZero(most)), known+1
			}
		}
		total += sum * 10
		avg, top := f.Series[0].Avg[i], f.Series[0].Max[i]
		if known == 0 && avg == avg || known > 0 && !(math.Abs(avg-sum/float64(known)) < 0.06 && math.Abs(top-most) <= most/199) {
			t.Fatalf("%s %d of port %d metric %d: mean %v, greatest %v; its %d slots have %v, %v", tier, i, p, m, avg, top, known, sum/float64(known), most)
		}
	}
	if m == 0 {
		total /= 8
	}
	if got := f.Series[0].Stats.Total; math.Abs(got-total) > total*1e-4 {
		t.Fatalf("%s of port %d metric %d: %v in all, its slots have %v", tier, p, m, got, total)
	}
}

func orZero(x float64) float64 {
	if x != x {
		return 0
	}
	return x
}

// askMetric asks for from..to in seconds after base, in the step that tier has.
func askMetric(t *testing.T, e *storage.Embedded, id spate.PortID, m spate.Metric, base time.Time, from, to, step int, tier spate.Tier) *spate.Frame {
	t.Helper()
	at := func(s int) time.Time { return base.Add(time.Duration(s) * time.Second) }
	f, err := e.Query(t.Context(), spate.Query{Ports: []spate.PortID{id}, Metrics: []spate.Metric{m}, From: at(from), To: at(to), Width: (to - from) / step})
	if err != nil {
		t.Fatal(err)
	}
	if f.Step != time.Duration(step)*time.Second || f.Len() != (to-from)/step || f.Tier != tier && tier != spate.TierRaw {
		t.Fatalf("asked for %s in steps of %d s, got %s, %d values of %v", tier, step, f.Tier, f.Len(), f.Step)
	}
	return f
}

func TestKilledAtAnyMomentLosesASecondAtMost(t *testing.T) {
	if os.Getenv(childFolder) != "" {
		writeUntilKilled(t)
	}
	if testing.Short() {
		t.Skip("kills a process five times, which takes 20 s")
	}
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("SPATE_KILLS")); err == nil {
		kills = n
	}
	dir, base := t.TempDir(), time.Now().Add(-5*24*time.Hour).Truncate(time.Hour)
	rnd := rand.New(rand.NewPCG(4, uint64(kills)))
	var runs []killedRun
	lost, slowest, next, inOpen := time.Duration(0), time.Duration(0), 0, 0
	for i := range kills {
		live := 500*time.Millisecond + time.Duration(rnd.Int64N(int64(5*time.Second)))
		if i%5 == 3 { // while it takes up what the one before left
			live = time.Duration(rnd.Int64N(int64(300 * time.Millisecond)))
		}
		run := runAndKill(t, dir, base, next, live)
		if run.opened == 0 {
			inOpen++
		}
		slowest = max(slowest, run.opened)
		runs, next = append(runs, run), run.last+5
		if i%7 == 1 || i == kills-1 {
			lost = max(lost, checkKilled(t, dir, base, runs))
		}
	}
	t.Logf("%d kills, %d of them while it opened; %d slots of %d values: opened in %v at most, the oldest value lost was %v old", kills, inOpen, next, killedPorts*killedMetrics, slowest, lost)
	if next < kills*10 {
		t.Fatalf("%d slots only were written", next)
	}
	if slowest > within(2*time.Second) || lost > within(time.Second) {
		t.Errorf("opened in %v, want 2 s at most; lost what was %v old, want 1 s at most", slowest, lost)
	}
}

// within is what the suite grants to what is to take d at most: other tests run beside
// it, and on machines of many kinds. SPATE_LONG holds it to d.
func within(d time.Duration) time.Duration {
	if os.Getenv("SPATE_LONG") != "" {
		return d
	}
	return 3 * d
}
