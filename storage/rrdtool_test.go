package storage_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/storage"
	"spate/storage/storagetest"
)

// Traffic as it is: ten ports in a hundred are idle, sixty a little used, twenty-
// five well, five fully; days, noise that leans on the moment before, bursts.
// Eight metrics are known, as rrdtool's files of eight data sources have them.
type dayOfPorts struct {
	ports []spate.PortID
	level []float64 // usual bits per second
	noise []float64
	rnd   *rand.Rand
}

var dayMetrics = []spate.Metric{spate.InBps, spate.OutBps, spate.InUcastPps, spate.OutUcastPps, spate.InBcastPps, spate.OutBcastPps, spate.InErrorsPs, spate.InDiscardsPs}

func newDayOfPorts(n int) *dayOfPorts {
	d := &dayOfPorts{noise: make([]float64, n), rnd: rand.New(rand.NewPCG(11, 13))}
	for i := range n {
		level := 20e6
		switch k := i * 37 % 100; {
		case k < 10:
			level = 0
		case k < 70:
			level = 400e3
		case k >= 95:
			level = 600e6
		}
		d.ports = append(d.ports, spate.PortID{Device: fmt.Sprintf("sw-%03d", i/48), Name: fmt.Sprintf("Gi1/0/%d", i%48+1)})
		d.level = append(d.level, level)
	}
	return d
}

// rate is what port p did in the step that ends at a time.
func (d *dayOfPorts) rate(p int, end time.Time) spate.Rate {
	r := spate.Rate{At: end, Over: storagetest.Step}
	for m := range r.Values {
		r.Values[m] = math.NaN()
	}
	hour := float64(end.Unix()%86400) / 3600
	d.noise[p] = 0.9*d.noise[p] + 0.1*d.rnd.NormFloat64()
	in := d.level[p] * (1.1 + math.Sin((hour-9)/24*2*math.Pi)) * math.Exp(d.noise[p])
	if d.rnd.IntN(200) == 0 {
		in *= 5
	}
	pps := in / 8 / 700
	for i, x := range []float64{in, in / 4, pps, pps / 2, math.Min(pps/1000, 20), 0, 0, 0} {
		r.Values[dayMetrics[i]] = math.Round(x/dayMetrics[i].Quantum()) * dayMetrics[i].Quantum()
	}
	return r
}

// A pipe is rrdtool in its remote-control mode: commands in, answers out.
type pipe struct {
	cmd *exec.Cmd
	in  *bufio.Writer
	end io.Closer
	out *bufio.Reader
}

func newPipe(b *testing.B, dir string) *pipe {
	b.Helper()
	path, err := exec.LookPath("rrdtool")
	if err != nil {
		b.Skip("no rrdtool: apt-get install rrdtool")
	}
	p := &pipe{cmd: exec.Command(path, "-", dir)}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p.in, p.end, p.out = bufio.NewWriter(in), in, bufio.NewReaderSize(out, 1<<20)
	return p
}

// do runs a command and reads its answer, of which it gives the number of lines.
func (p *pipe) do(command string) (lines int, err error) {
	if _, err := p.in.WriteString(command + "\n"); err != nil {
		return 0, err
	}
	if err := p.in.Flush(); err != nil {
		return 0, err
	}
	for {
		line, err := p.out.ReadString('\n')
		switch {
		case err != nil:
			return lines, err
		case strings.HasPrefix(line, "ERROR"):
			return lines, errors.New(line)
		case strings.HasPrefix(line, "OK"):
			return lines, nil
		}
		lines++
	}
}

// stop ends rrdtool and tells the CPU time it took.
func (p *pipe) stop() (time.Duration, error) {
	err := errors.Join(p.in.Flush(), p.end.Close(), p.cmd.Wait())
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(), err
}

// The archives of Spate in rrdtool's words, for a day: slots of 10 s, and mean and
// greatest of five minutes and hours.
func createRRD(file string, start time.Time) string {
	s := fmt.Sprintf("create %s --start %d --step 10", file, start.Unix())
	for i := range dayMetrics {
		s += fmt.Sprintf(" DS:m%d:GAUGE:30:0:U", i)
	}
	for _, cf := range []string{"AVERAGE", "MAX"} {
		s += fmt.Sprintf(" RRA:%s:0.5:30:288 RRA:%s:0.5:360:24", cf, cf)
	}
	return s + " RRA:AVERAGE:0.5:1:8640"
}

func updateRRD(file string, r *spate.Rate) string {
	var s strings.Builder
	fmt.Fprintf(&s, "update %s %d", file, r.At.Unix())
	for _, m := range dayMetrics {
		fmt.Fprintf(&s, ":%v", r.Values[m])
	}
	return s.String()
}

// BenchmarkBesideRrdtool gives a day of 24 ports x 8 to the embedded store with all
// its tiers and to rrdtool with the same archives, in one run: values per second of
// CPU (of ours the making of the data is counted too), octets on disk, and the
// time to fetch a day of a port, all eight metrics.
func BenchmarkBesideRrdtool(b *testing.B) {
	const ports = 24
	start := time.Now().Add(-25 * time.Hour).Truncate(time.Hour)
	for b.Loop() {
		ours := besideEmbedded(b, ports, start)
		theirs := besideRrdtool(b, ports, start)
		values := float64(ports * 8640 * len(dayMetrics))
		b.ReportMetric(values/ours.cpu.Seconds(), "spate-values/cpu-s")
		b.ReportMetric(values/theirs.cpu.Seconds(), "rrdtool-values/cpu-s")
		b.ReportMetric(theirs.cpu.Seconds()/ours.cpu.Seconds(), "ingest-x")
		b.ReportMetric(float64(ours.disk)/ports, "spate-B/port-day")
		b.ReportMetric(float64(theirs.disk)/ports, "rrdtool-B/port-day")
		b.ReportMetric(float64(theirs.disk)/float64(ours.disk), "disk-x")
		b.ReportMetric(ours.fetch.Seconds()*1000, "spate-ms/fetch")
		b.ReportMetric(theirs.fetch.Seconds()*1000, "rrdtool-ms/fetch")
		b.ReportMetric(theirs.fetch.Seconds()/ours.fetch.Seconds(), "fetch-x")
	}
}

type besides struct {
	cpu   time.Duration // of writing
	disk  int64
	fetch time.Duration // of a day of one port, the median of many
}

func besideEmbedded(b *testing.B, ports int, start time.Time) (out besides) {
	dir := b.TempDir()
	cfg := config(dir)
	e := open(b, cfg)
	d := newDayOfPorts(ports)
	readings := make([]spate.Port, ports)
	for p, id := range d.ports {
		readings[p].ID = id
	}
	before := cpu()
	for at := start; at.Sub(start) < 24*time.Hour; {
		at = at.Add(storagetest.Step)
		r := &spate.Round{At: at, Readings: make([]spate.Reading, ports)}
		for p := range ports {
			r.Readings[p] = spate.Reading{Port: &readings[p], Rate: d.rate(p, at)}
		}
		if err := e.Write(context.Background(), r); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	out.cpu = cpu() - before
	out.disk = tidiedSize(b, cfg)
	e = open(b, cfg)
	q := spate.Query{Ports: d.ports[5:6], Metrics: dayMetrics, From: start, To: start.Add(24 * time.Hour), Width: 4096}
	out.fetch = median(b, func() error {
		f, err := e.Query(context.Background(), q)
		if err == nil && (f.Covered != 1 || f.Tier != spate.TierRaw) {
			err = fmt.Errorf("%d covered by %s", f.Covered, f.Tier)
		}
		return err
	})
	e.Close()
	return out
}

// tidiedSize is what the tiers take when their parts are merged, as they are of
// all but the newest hours.
func tidiedSize(b *testing.B, cfg storage.Config) int64 {
	b.Helper()
	e := open(b, cfg)
	if err := storage.Merge(e); err != nil {
		b.Fatal(err)
	}
	e.Close()
	sum := int64(0)
	for _, tier := range []string{"raw", "five_minutes", "hour"} {
		size := folderSize(b, filepath.Join(cfg.Path, tier, "data"))
		b.ReportMetric(float64(size)/1000, tier+"-kB")
		sum += size
	}
	return sum
}

func folderSize(b *testing.B, dir string) (sum int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		about, err := d.Info()
		if err == nil {
			sum += about.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return sum
}

func besideRrdtool(b *testing.B, ports int, start time.Time) (out besides) {
	dir := b.TempDir()
	p := newPipe(b, dir)
	do := func(command string) {
		if _, err := p.do(command); err != nil {
			b.Fatalf("%.80s: %v", command, err)
		}
	}
	d := newDayOfPorts(ports)
	files := make([]string, ports)
	for i := range files {
		files[i] = fmt.Sprintf("port%d.rrd", i)
		do(createRRD(files[i], start))
	}
	for at := start; at.Sub(start) < 24*time.Hour; {
		at = at.Add(storagetest.Step)
		for i, file := range files {
			r := d.rate(i, at)
			do(updateRRD(file, &r))
		}
	}
	var err error
	if out.cpu, err = p.stop(); err != nil {
		b.Fatal(err)
	}
	out.disk = folderSize(b, dir)
	p = newPipe(b, dir)
	fetch := fmt.Sprintf("fetch %s AVERAGE -r 10 -s %d -e %d", files[5], start.Unix(), start.Add(24*time.Hour-storagetest.Step).Unix())
	out.fetch = median(b, func() error {
		lines, err := p.do(fetch)
		if err == nil && lines < 8640 {
			err = fmt.Errorf("%d lines", lines)
		}
		return err
	})
	if _, err := p.stop(); err != nil {
		b.Fatal(err)
	}
	return out
}

func median(b *testing.B, f func() error) time.Duration {
	b.Helper()
	const times = 41
	var took []time.Duration
	for range times {
		began := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	return nearest(took)
}

func nearest(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)/2]
}
