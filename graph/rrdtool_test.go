//go:build linux

package graph_test

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spate"
	"spate/graph"
)

// wantedRatio is how many times faster than rrdtool a picture must be.
const wantedRatio = 5

// BenchmarkRrdtool draws the same day of 8,640 values, 1200x400, with rrdtool
// in its fastest way of use, one process that reads commands from a pipe, and
// with this package. Runs alternate and the median of five counts; figures are
// pictures per second of processor time, so that a busy machine slows neither.
func BenchmarkRrdtool(b *testing.B) {
	path, err := exec.LookPath("rrdtool")
	if err != nil {
		b.Skip("no rrdtool on this machine (Debian package rrdtool): nothing to compare with")
	}
	const runs, pictures = 5, 25
	p := floodPicture(time.UTC, 8640)
	r := graph.NewRenderer()
	tool := startRrdtool(b, path, p.Frame)
	for b.Loop() {
		var ours, theirs []float64
		for range runs {
			theirs = append(theirs, pictures/tool.cpuOf(b, pictures).Seconds())
			start := ownCPU(b)
			for range pictures {
				if err := r.PNG(io.Discard, p); err != nil {
					b.Fatal(err)
				}
			}
			ours = append(ours, pictures/(ownCPU(b)-start).Seconds())
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		mine, other := ours[runs/2], theirs[runs/2]
		b.ReportMetric(mine, "PNG/s/core")
		b.ReportMetric(other, "rrdtool-PNG/s/core")
		b.ReportMetric(mine/other, "times-rrdtool")
		if mine < wantedRatio*other {
			b.Errorf("%.0f PNG/s/core against rrdtool's %.0f: wanted at least %d times as many", mine, other, wantedRatio)
		}
	}
	b.ReportMetric(0, "ns/op") // says nothing here
}

// ownCPU is the processor time this process has used.
func ownCPU(b testing.TB) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// An rrdtool is one process in pipe mode with a filled file.
type rrdtool struct {
	cmd     *exec.Cmd
	in      io.Writer
	out     *bufio.Reader
	dir     string
	command string
}

func startRrdtool(b testing.TB, path string, f *spate.Frame) *rrdtool {
	b.Helper()
	t := &rrdtool{dir: b.TempDir(), cmd: exec.Command(path, "-")}
	t.cmd.Dir, t.cmd.Env = t.dir, append(os.Environ(), "TZ=UTC")
	in, err := t.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := t.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = t.cmd.Wait()
	})
	t.in, t.out = in, bufio.NewReader(out)
	t.load(b, f)
	t.command = graphCommand(f)
	return t
}

// do gives one command and waits for rrdtool's OK.
func (t *rrdtool) do(b testing.TB, command string) {
	b.Helper()
	if _, err := io.WriteString(t.in, command+"\n"); err != nil {
		b.Fatal(err)
	}
	for {
		line, err := t.out.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "ERROR") {
			b.Fatalf("rrdtool: %s %v after %.80s", line, err, command)
		}
		if strings.HasPrefix(line, "OK ") {
			return
		}
	}
}

// load fills a file with the frame's means.
func (t *rrdtool) load(b testing.TB, f *spate.Frame) {
	b.Helper()
	step := int(f.Step.Seconds())
	t.do(b, fmt.Sprintf("create port.rrd --start %d --step %d DS:in:GAUGE:%d:0:U DS:out:GAUGE:%d:0:U RRA:AVERAGE:0.5:1:%d RRA:MAX:0.5:1:%d",
		f.From.Unix()-1, step, 2*step, 2*step, f.Len(), f.Len()))
	in, out := f.Series[spate.InBps].Avg, f.Series[spate.OutBps].Avg
	for i := 0; i < f.Len(); i += 60 {
		command := "update port.rrd"
		for j := i; j < min(i+60, f.Len()); j++ {
			command += fmt.Sprintf(" %d:%s:%s", f.From.Unix()+int64((j+1)*step), value(in[j]), value(out[j]))
		}
		t.do(b, command)
	}
}

func value(v float64) string {
	if math.IsNaN(v) {
		return "U"
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// graphCommand draws what ours draws: area and line, maxima, 95th percentiles,
// a legend with the same figures.
func graphCommand(f *spate.Frame) string {
	parts := []string{"graph port.png --imgformat PNG --full-size-mode --width 1200 --height 400",
		fmt.Sprintf("--start %d --end %d", f.From.Unix(), f.To.Unix()),
		`--title "sw-acc-1 Gi1/0/2 - web-host-17" --vertical-label b/s --lower-limit 0`}
	for _, s := range []struct{ name, area, colour string }{{"in", "AREA:%s#0072b2:%s", "0072b2"}, {"out", "LINE1:%s#b45f00:%s", "b45f00"}} {
		n := s.name
		parts = append(parts,
			fmt.Sprintf("DEF:%s=port.rrd:%s:AVERAGE DEF:%smax=port.rrd:%s:MAX", n, n, n, n),
			fmt.Sprintf("VDEF:%sp95=%s,95,PERCENT VDEF:%slast=%s,LAST VDEF:%smean=%s,AVERAGE VDEF:%stop=%smax,MAXIMUM VDEF:%stotal=%s,TOTAL", n, n, n, n, n, n, n, n, n, n),
			fmt.Sprintf("AREA:%smax#%s50", n, s.colour), fmt.Sprintf(s.area, n, n),
			fmt.Sprintf(`GPRINT:%slast:"now %%6.2lf%%sb/s" GPRINT:%smean:"mean %%6.2lf%%sb/s" GPRINT:%stop:"max %%6.2lf%%sb/s" GPRINT:%sp95:"95th %%6.2lf%%sb/s" GPRINT:%stotal:"total %%6.2lf%%sb\l"`, n, n, n, n, n),
			fmt.Sprintf("LINE1:%sp95#%s::dashes", n, s.colour))
	}
	return strings.Join(parts, " ")
}

// cpuOf draws so many pictures and tells the processor time they took.
func (t *rrdtool) cpuOf(b testing.TB, pictures int) time.Duration {
	b.Helper()
	start := t.cpu(b)
	for range pictures {
		t.do(b, t.command)
	}
	return t.cpu(b) - start
}

// cpu is the processor time rrdtool has used, from /proc/PID/stat, fields 14
// and 15 in ticks of 10 ms (proc_pid_stat(5)).
func (t *rrdtool) cpu(b testing.TB) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(t.cmd.Process.Pid), "stat"))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		b.Fatalf("stat of rrdtool: %q", stat)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// TestRrdtoolsPictureToLookAt writes rrdtool's picture of the same day beside
// ours: go test ./graph -run LookAt -look DIR.
func TestRrdtoolsPictureToLookAt(t *testing.T) {
	path, err := exec.LookPath("rrdtool")
	if err != nil || *look == "" {
		t.Skip("no rrdtool, or no folder given with -look")
	}
	p := floodPicture(time.UTC, 8640)
	tool := startRrdtool(t, path, p.Frame)
	tool.do(t, tool.command)
	picture, err := os.ReadFile(filepath.Join(tool.dir, "port.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*look, "graph-rrdtool.png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
	save(t, graph.NewRenderer(), "beside-rrdtool", p)
}
