package storage_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/storage"
)

func TestAFolderThatIsNotOursIsRefusedAndLeftAlone(t *testing.T) {
	marker := func(text string) func(*testing.T, string) string {
		return func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "spate-store"), text)
			return dir
		}
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string) string // gives the path to open
		want []string
	}{
		{"a file", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "data"), "x")
			return filepath.Join(dir, "data")
		}, []string{"data is a file", "storage.path"}},
		{"a path through a file", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "data"), "x")
			return filepath.Join(dir, "data", "spate")
		}, []string{"not a directory", "storage.path"}},
		{"somebody's documents", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "thesis.txt"), "x")
			return dir
		}, []string{dirWord, "thesis.txt", "empty folder"}},
		{"a data folder of VictoriaMetrics", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "data", "small", "x"), "x")
			return dir
		}, []string{"not Spate's", "data"}},
		{"a marker of a newer Spate", marker(`{"format":2,"raw_steps":[{"since_ms":0,"step_ms":10000}]}`), []string{"newer Spate", "format 2"}},
		{"a marker cut short", marker(`{"format":1,"raw_st`), []string{"damaged", "backup"}},
		{"a marker without steps", marker(`{"format":1}`), []string{"damaged"}},
		{"a marker with a step that is none", marker(`{"format":1,"raw_steps":[{"since_ms":0,"step_ms":0}]}`), []string{"damaged"}},
		{"a list of parts cut short", func(t *testing.T, dir string) string {
			marker(`{"format":1,"raw_steps":[{"since_ms":0,"step_ms":10000}]}`)(t, dir)
			write(t, filepath.Join(dir, "raw", "data", "small", "2026_01", "parts.json"), `{"Small":["18A`)
			return dir
		}, []string{"parts.json is damaged", "backup"}},
		{"a part that is gone", func(t *testing.T, dir string) string {
			marker(`{"format":1,"raw_steps":[{"since_ms":0,"step_ms":10000}]}`)(t, dir)
			write(t, filepath.Join(dir, "raw", "data", "small", "2026_01", "parts.json"), `{"Small":["18AB"],"Big":[]}`)
			return dir
		}, []string{"18AB", "damaged"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.make(t, t.TempDir())
			before := tree(t, path)
			_, err := storage.Open(config(path), quiet())
			if err == nil {
				t.Fatal("opened")
			}
			for _, want := range append(c.want, path) {
				if want != dirWord && !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want it to say %q", err, want)
				}
			}
			if after := tree(t, path); after != before {
				t.Errorf("the folder was\n%sand is\n%s", before, after)
			}
		})
	}
}

const dirWord = "" // the folder's own path, checked in every case

// tree lists the files below path with their content, but the lock file, which
// may be taken and left.
func tree(t *testing.T, path string) string {
	t.Helper()
	var b strings.Builder
	_ = filepath.WalkDir(path, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "spate.lock" {
			return nil
		}
		text, _ := os.ReadFile(p)
		b.WriteString(p + ": " + string(text) + "\n")
		return nil
	})
	return b.String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestASecondSpateIsToldWhoHasTheFolder(t *testing.T) {
	dir := t.TempDir()
	e := open(t, config(dir))
	_, err := storage.Open(config(dir), quiet())
	if err == nil || !strings.Contains(err.Error(), "in use by another Spate (process ") || !strings.Contains(err.Error(), dir) {
		t.Fatalf("error %v, want the folder and the process", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, config(dir))
}

func TestStateMayLieInTheFolderBeforeTheStore(t *testing.T) {
	dir := t.TempDir()
	st, err := storage.OpenState(filepath.Join(dir, "state.db"), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	open(t, config(dir))
}

func TestAStepThatDoesNotFitTheGridIsRefused(t *testing.T) {
	for _, step := range []time.Duration{time.Millisecond, 1234567890 * time.Nanosecond, 48 * time.Hour, -time.Second} {
		cfg := config(t.TempDir())
		cfg.Step = step
		if _, err := storage.Open(cfg, quiet()); err == nil || !strings.Contains(err.Error(), "poller.interval") {
			t.Errorf("step %v: error %v, want one that names poller.interval", step, err)
		}
	}
}

// A change of poller.interval must not make yesterday's rows look longer or
// shorter than they were.
func TestRowsOfAnotherStepStayReadable(t *testing.T) {
	dir := t.TempDir()
	id := spate.PortID{Device: "sw-1", Name: "Gi1/0/1"}
	slot := func(e *storage.Embedded, end time.Time, over time.Duration, bps float64) {
		r := spate.Rate{At: end, Over: over}
		r.Values[spate.InBps] = bps
		if err := e.Write(t.Context(), &spate.Round{At: end, Readings: []spate.Reading{{Port: &spate.Port{ID: id}, Rate: r}}}); err != nil {
			t.Fatal(err)
		}
	}
	base := time.Now().Truncate(time.Minute)
	e := open(t, config(dir))
	for i := 1; i <= 12; i++ { // two minutes at 10 s, one value a slot
		slot(e, base.Add(-2*time.Minute+time.Duration(i)*10*time.Second), 10*time.Second, float64(1000*i))
	}
	e.Close()

	cfg := config(dir)
	cfg.Step = time.Minute
	e = open(t, cfg)
	slot(e, base, time.Minute, 77777) // of the old time: not taken, it would be read as 10 s long
	next := base.Add(2 * time.Minute)
	slot(e, next.Add(time.Minute), time.Minute, 600)
	slot(e, next.Add(2*time.Minute), time.Minute, 1200)
	e.Close()

	e = open(t, cfg)
	if err := e.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := ask(t, e, id, base.Add(-2*time.Minute), base, 4096)
	if f.Step != 10*time.Second || f.Series[0].Avg[3] != 4000 {
		t.Errorf("the old rows: step %v, fourth value %v, want 10s and 4000", f.Step, f.Series[0].Avg[3])
	}
	f = ask(t, e, id, base.Add(-2*time.Minute), next.Add(2*time.Minute), 6)
	want := []float64{3500, 9500, math.NaN(), math.NaN(), 600, 1200}
	for i, v := range f.Series[0].Avg {
		if v != want[i] && !(math.IsNaN(v) && math.IsNaN(want[i])) {
			t.Errorf("over the change: minute %d is %v, want %v", i, v, want[i])
		}
	}
	if got := f.Series[0].Stats.Total; got != (78000*10+1800*60)/8 {
		t.Errorf("total %v octets, want %v: rows have lengths that are not theirs", got, (78000*10+1800*60)/8)
	}
}

func ask(t testing.TB, e *storage.Embedded, id spate.PortID, from, to time.Time, width int) *spate.Frame {
	t.Helper()
	f, err := e.Query(context.Background(), spate.Query{Ports: []spate.PortID{id}, Metrics: []spate.Metric{spate.InBps}, From: from, To: to, Width: width})
	if err != nil {
		t.Fatalf("query: %v", err)
	}
	return f
}

func FuzzMarker(f *testing.F) {
	f.Add([]byte(`{"format":1,"raw_steps":[{"since_ms":0,"step_ms":10000},{"since_ms":60000,"step_ms":60000}]}`))
	f.Add([]byte(`{"format":1,"raw_steps":[{"since_ms":0,"step_ms":-1}]}`))
	f.Add([]byte(`{"format":0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		steps, err := storage.StepsOf(b)
		if err != nil {
			return
		}
		if len(steps) == 0 || steps[0][0] != 0 {
			t.Fatalf("%q gives steps %v: none for some time", b, steps)
		}
		for i, s := range steps {
			if s[1] < 100 || s[1]%100 != 0 || i > 0 && s[0] < steps[i-1][0] {
				t.Fatalf("%q gives steps %v", b, steps)
			}
		}
	})
}

func TestAFolderThatCannotBeMadeSaysSo(t *testing.T) {
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("needs a /proc, where nobody can make folders")
	}
	_, err := storage.Open(config("/proc/spate"), quiet())
	if err == nil || !strings.Contains(err.Error(), "make folder /proc/spate") || !strings.Contains(err.Error(), "storage.path") {
		t.Errorf("error %v", err)
	}
}
