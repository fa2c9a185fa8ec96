package storage_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

func journalConfig(dir string) storage.Config {
	cfg := config(dir)
	cfg.JournalAge = 10 * 365 * 24 * time.Hour
	return cfg
}

// crashed is the folder as a crash leaves it that takes all the engine had: the
// marker and the journal.
func crashed(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(filepath.Join(to, "journal"), os.DirFS(filepath.Join(dir, "journal"))); err != nil {
		t.Fatal(err)
	}
	marker, err := os.ReadFile(filepath.Join(dir, "spate-store"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "spate-store"), marker, 0o640)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// journalFiles are those of a folder, oldest first.
func journalFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "journal", "*.rounds"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no journal in %s: %v", dir, err)
	}
	return files
}

// feedMinutes writes n slots of a port, of value 1, 2, 3, …
func feedMinutes(t *testing.T, e *storage.Embedded, id spate.PortID, n int) {
	t.Helper()
	for i := range n {
		put(t, e, round(id, storagetest.Start().Add(time.Duration(i+1)*10*time.Second), 10*time.Second, float64(i+1)))
	}
	flush(t, e)
}

// slotsOf are the first n slots of a port.
func slotsOf(t *testing.T, e *storage.Embedded, id spate.PortID, n int) []float64 {
	t.Helper()
	return ask(t, e, id, storagetest.Start(), storagetest.Start().Add(time.Duration(n)*10*time.Second), 4096).Series[0].Avg
}

func TestWhatTheEngineLostComesFromTheJournal(t *testing.T) {
	dir := t.TempDir()
	e := open(t, journalConfig(dir))
	const n = 400 // more than an hour
	feedMinutes(t, e, gi1, n)
	base := storagetest.Start()
	put(t, e, round(gi1, base.Add(n*10*time.Second+7*time.Second), 7*time.Second, 1000)) // 7 s of an open slot
	flush(t, e)
	image := crashed(t, dir)
	e = open(t, journalConfig(image))
	for i, x := range slotsOf(t, e, gi1, n) {
		if x != float64(i+1) {
			t.Fatalf("slot %d is %v, want %d", i, x, i+1)
		}
	}
	if r, ok := e.Latest(gi1); !ok || r.Values[spate.InBps] != 1000 {
		t.Errorf("the newest rate is %v, %v", r, ok)
	}
	f := ask(t, e, gi1, base.Truncate(time.Hour), base.Truncate(time.Hour).Add(3*time.Hour), 3)
	if want := float64(n*(n+1)/2*10) / 8; f.Tier != spate.TierHour || math.Abs(f.Series[0].Stats.Total-want) > want*1e-4 {
		t.Errorf("tier %s has %v octets, want %v", f.Tier, f.Series[0].Stats.Total, want)
	}
	// The open slot goes on where it was: 7 s of 1000 and 3 s of 2000.
	put(t, e, round(gi1, base.Add((n+1)*10*time.Second), 3*time.Second, 2000))
	flush(t, e)
	if x := slotsOf(t, e, gi1, n+1)[n]; x != 1300 {
		t.Errorf("the slot that was open is %v, want 1300", x)
	}
}

func TestACrashAndAnotherStep(t *testing.T) {
	dir := t.TempDir()
	e := open(t, journalConfig(dir))
	feedMinutes(t, e, gi1, 10)
	put(t, e, round(gi1, storagetest.Start().Add(107*time.Second), 7*time.Second, 11))
	flush(t, e)
	cfg := journalConfig(crashed(t, dir))
	cfg.Step = 20 * time.Second
	e = open(t, cfg)
	for i, x := range slotsOf(t, e, gi1, 11) {
		if x != float64(i+1) {
			t.Errorf("slot %d is %v, want %d", i, x, i+1)
		}
	}
}

// Whatever a crash of the machine leaves of the newest file, what can be read is
// right, and what was written before the torn place is there.
func TestATornJournalGivesWhatIsBefore(t *testing.T) {
	dir := t.TempDir()
	e := open(t, journalConfig(dir))
	const n = 60
	feedMinutes(t, e, gi1, n)
	rnd := rand.New(rand.NewPCG(1, 9))
	for range 12 {
		image := crashed(t, dir)
		files := journalFiles(t, image)
		file := files[len(files)-1]
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		at := rnd.IntN(len(whole))
		spoiled := bytes.Clone(whole[:at])
		if rnd.IntN(2) == 0 {
			spoiled = bytes.Clone(whole)
			spoiled[at] ^= 1 << rnd.IntN(8)
		}
		if err := os.WriteFile(file, spoiled, 0o640); err != nil {
			t.Fatal(err)
		}
		e := open(t, journalConfig(image))
		_, rates, _ := storage.ReadJournal(spoiled)
		for i, x := range slotsOf(t, e, gi1, n) {
			if i < len(rates) && x != float64(i+1) || i >= len(rates) && x == x {
				t.Fatalf("spoiled at %d of %d: slot %d is %v; %d rates can be read", at, len(whole), i, x, len(rates))
			}
		}
		put(t, e, round(gi1, storagetest.Start().Add(time.Hour), 10*time.Second, 5))
		flush(t, e)
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A file in the middle that cannot be read costs itself: the next one brings its
// own state.
func TestAFileOfTheJournalIsLostAndTheNextIsNot(t *testing.T) {
	dir := t.TempDir()
	cfg := journalConfig(dir)
	cfg.Checkpoint = 10 * time.Millisecond // with every look, once a second
	e := open(t, cfg)
	base := storagetest.Start()
	until := time.Now().Add(4 * time.Second)
	n := 0
	for pace := time.NewTicker(20 * time.Millisecond); time.Now().Before(until); <-pace.C {
		n++
		put(t, e, round(gi1, base.Add(time.Duration(n)*10*time.Second), 10*time.Second, float64(n)))
	}
	flush(t, e)
	image := crashed(t, dir)
	files := journalFiles(t, image)
	if len(files) < 3 {
		t.Fatalf("%d files of the journal after 4 s, want 3 or more", len(files))
	}
	middle, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	_, lost, _ := storage.ReadJournal(middle)
	if err := os.WriteFile(files[1], []byte("something else"), 0o640); err != nil {
		t.Fatal(err)
	}
	e = open(t, journalConfig(image))
	missing := 0
	for i, x := range slotsOf(t, e, gi1, n) {
		switch {
		case x != x:
			missing++
		case x != float64(i+1):
			t.Errorf("slot %d is %v, want %d", i, x, i+1)
		}
	}
	if missing != len(lost) {
		t.Errorf("%d slots are missing, the lost file had %d", missing, len(lost))
	}
}

func TestAStoreThatIsClosedLeavesNoJournal(t *testing.T) {
	dir := t.TempDir()
	e := open(t, journalConfig(dir))
	feedMinutes(t, e, gi1, 5)
	journalFiles(t, dir)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "journal", "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	e = open(t, journalConfig(dir))
	journalFiles(t, dir)
	if x := slotsOf(t, e, gi1, 5); x[4] != 5 {
		t.Errorf("slots %v", x)
	}
}

// A back-fill is not journalled round by round, and yet a flush has it.
func TestABackFillIsInTheNextState(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	e := open(t, cfg)
	feedMinutes(t, e, gi1, 7) // an open bucket of five minutes, of long ago
	e = open(t, config(crashed(t, dir)))
	base := storagetest.Start()
	put(t, e, round(gi1, base.Add(80*time.Second), 10*time.Second, 8))
	flush(t, e)
	if f := ask(t, e, gi1, base.Truncate(time.Hour), base.Truncate(time.Hour).Add(2*time.Hour), 2); math.Abs(f.Series[0].Stats.Mean-4.5) > 0.01 {
		t.Errorf("tier %s: the mean of 1 to 8 is %v", f.Tier, f.Series[0].Stats.Mean)
	}
}

func TestRatesComeOutOfTheJournalAsTheyWentIn(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	var rounds []*spate.Round
	var want []spate.Rate
	for i := range 50 {
		r := &spate.Round{At: storagetest.Start().Add(time.Duration(i) * time.Second)}
		for p := range rnd.IntN(5) {
			rate := spate.Rate{At: r.At.Add(-time.Duration(rnd.IntN(1e9))), Over: 1 + time.Duration(rnd.Int64N(1e12))}
			for m := range rate.Values {
				switch rnd.IntN(3) {
				case 0:
					rate.Values[m] = math.NaN()
				case 1:
					rate.Values[m] = rnd.ExpFloat64() * 1e9
				}
			}
			reading := spate.Reading{Port: &spate.Port{ID: spate.PortID{Device: "sw-" + strconv.Itoa(i%3), Name: "Gi1/0/" + strconv.Itoa(p) + "\n<b>"}}, Rate: rate}
			if rnd.IntN(4) == 0 {
				reading.Gap = spate.GapMissed
			} else {
				want = append(want, rate)
			}
			r.Readings = append(r.Readings, reading)
		}
		rounds = append(rounds, r)
	}
	step, got, err := storage.ReadJournal(storage.JournalFile(10_000, rounds...))
	if err != nil || step != 10_000 || len(got) != len(want) {
		t.Fatalf("step %d, %d rates of %d, %v", step, len(got), len(want), err)
	}
	for i := range got {
		if !sameRate(got[i].Rate, want[i]) {
			t.Fatalf("rate %d is %v, want %v", i, got[i].Rate, want[i])
		}
	}
}

func sameRate(a, b spate.Rate) bool {
	for m := range a.Values {
		if a.Values[m] != b.Values[m] && !(math.IsNaN(a.Values[m]) && math.IsNaN(b.Values[m])) {
			return false
		}
	}
	return a.At.Equal(b.At) && a.Over == b.Over
}

func FuzzJournal(f *testing.F) {
	f.Add(storage.JournalFile(10_000, round(gi1, storagetest.Start(), time.Second, 5), round(gi1, storagetest.Start(), time.Second, 6)))
	f.Add(storage.JournalFile(100))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, rates, err := storage.ReadJournal(storage.SealedJournal(in))
		if err == nil && len(rates)*20 > len(in) {
			t.Fatalf("%d rates of %d octets", len(rates), len(in))
		}
	})
}
