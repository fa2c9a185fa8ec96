package lab_test

import (
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"spate/detect"
	"spate/lab/fabric"
)

// recording is a machine's traffic, bits per second, every five minutes.
type recording struct {
	from    int64 // s since 1970
	in, out []float64
}

func (r *recording) at(list []float64, t time.Time) float64 {
	i := (t.Unix() - r.from) / 300
	if i < 0 || i >= int64(len(list)) {
		return 0
	}
	return list[i]
}

// readRecording reads a file of the recorded traffic. What was not polled goes on as it was.
func readRecording(t *testing.T, file string) *recording {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{}
	for _, row := range rows[1:] {
		at, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if r.from == 0 {
			r.from = at
		}
		last := [2]float64{}
		if n := len(r.in); n > 0 {
			last = [2]float64{r.in[n-1], r.out[n-1]}
		}
		for int64(len(r.in)) < (at-r.from)/300 {
			r.in, r.out = append(r.in, last[0]), append(r.out, last[1])
		}
		for k, field := range row[1:3] {
			if v, err := strconv.ParseFloat(field, 64); err == nil && !math.IsNaN(v) {
				last[k] = v
			}
		}
		r.in, r.out = append(r.in, last[0]), append(r.out, last[1])
	}
	return r
}

// TestHostedMachinesWakeHardlyAnybody places sixty recorded machines of a hosting
// provider, thirteen weeks of them, on the ports of a network: 780 port-weeks, and
// one page at most. The first week is learned. Only bits are recorded; packets are
// made of them as fabric's Replay says.
func TestHostedMachinesWakeHardlyAnybody(t *testing.T) {
	folder := os.Getenv("SPATE_TRAFFIC")
	if folder == "" {
		t.Skip("SPATE_TRAFFIC names no folder of real traffic")
	}
	if floodTrials == 1 {
		t.Skip("the race detector learns nothing from thirteen weeks of traffic")
	}
	files, err := filepath.Glob(filepath.Join(folder, "hosting-vm*.csv.gz"))
	if err != nil || len(files) == 0 {
		t.Skipf("no hosting-vm*.csv.gz in %s", folder)
	}
	var all []*recording
	for _, f := range files {
		all = append(all, readRecording(t, f))
	}
	shape := fabric.Shape{Seed: 9, Start: time.Unix(all[0].from, 0).UTC(), Step: rest, Borders: 1, Cores: 1, Pods: 2, Access: 3, Ports: 24, Fill: 0.6}
	n := fabric.New(shape)
	placed := 0
	for _, h := range n.Hosts {
		if placed < len(all) && len(h.Port.Hosts) == 1 {
			r := all[placed]
			n.Replay(h, func(t time.Time) float64 { return r.at(r.out, t) }, func(t time.Time) float64 { return r.at(r.in, t) })
			placed++
		}
	}
	if placed < len(all) {
		t.Fatalf("%d of %d machines found a port", placed, len(all))
	}
	view := learned(n, 60)
	w := newWatchman(detect.New(detect.Config{FloorPercent: 2, Zone: time.UTC}), view, nothingKept())
	n.Run(n.Now().Add(7*24*time.Hour), rest, w.accept)
	week := len(w.pages())
	n.Run(shape.Start.Add(91*24*time.Hour), rest, w.accept)
	pages := w.pages()
	for _, in := range pages {
		t.Logf("%s page: %s, %s %+v", in.StartedAt.Format(time.DateTime), in.Summary, in.Severity, in.Evidence)
	}
	weeks := float64(placed) * 13
	t.Logf("%d machines, %.0f port-weeks: %d pages in the first week, %d after, %d incidents for the record", placed, weeks, week, len(pages)-week, len(w.records.Memory)-len(pages))
	if len(pages)-week > 1 {
		t.Errorf("%d pages in %.0f port-weeks, want one at most", len(pages)-week, weeks)
	}
}
