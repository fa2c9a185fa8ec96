package importrrd_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/cmd/spate/importrrd"
)

// tool runs rrdtool.
func tool(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("rrdtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("rrdtool is not installed")
		}
		t.Skip("rrdtool is not installed")
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("rrdtool %v: %v: %s", args[:min(len(args), 3)], err, out)
	}
	return string(out)
}

var id = spate.PortID{Device: "sw-1", Name: "Gi1/0/1"}

// fetched is what rrdtool fetch prints of a source: by start of the row.
func fetched(t *testing.T, file, function string, step, from, to int64, source int) map[int64]float64 {
	t.Helper()
	out := tool(t, "fetch", file, function, "-r", fmt.Sprint(step), "-s", fmt.Sprint(from), "-e", fmt.Sprint(to))
	rows := map[int64]float64{}
	for line := range strings.Lines(out) {
		at, values, ok := strings.Cut(line, ":")
		end, err := strconv.ParseInt(at, 10, 64)
		if !ok || err != nil {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimPrefix(strings.Fields(values)[source], "-"), 64)
		if err != nil {
			t.Fatal(err)
		}
		rows[end-step] = v
	}
	if len(rows) == 0 {
		t.Fatalf("rrdtool fetch gave nothing: %s", out)
	}
	return rows
}

// bill writes a file as Cacti has it: traffic_in and traffic_out, every five
// minutes for two days, with a hole, and archives of five minutes, half an hour,
// an hour and a day.
func bill(t *testing.T, file string, start int64) {
	t.Helper()
	tool(t, "create", file, "--start", fmt.Sprint(start), "--step", "300",
		"DS:traffic_in:COUNTER:600:0:U", "DS:traffic_out:COUNTER:600:0:U",
		"RRA:AVERAGE:0.5:1:600", "RRA:AVERAGE:0.5:6:700", "RRA:AVERAGE:0.5:12:800", "RRA:AVERAGE:0.5:288:797",
		"RRA:MAX:0.5:1:600", "RRA:MAX:0.5:6:700", "RRA:MAX:0.5:12:800", "RRA:MAX:0.5:288:797")
	in, out := int64(1000), int64(5)
	args := []string{"update", file}
	for i := int64(1); i <= 576; i++ {
		in += 300 * (1000 + i*i%977*31)
		out += 300 * (10 + i%7)
		if i > 100 && i < 130 {
			continue
		}
		args = append(args, fmt.Sprintf("%d:%d:%d", start+i*300, in, out))
	}
	tool(t, args...)
}

// What is imported is what rrdtool fetch prints, means and peaks, octets as bits.
func TestHistoriesAreWhatRrdtoolFetchPrints(t *testing.T) {
	file := filepath.Join(t.TempDir(), "-switch one_traffic_in.rrd") // a name that could be an option
	start := time.Now().Add(-3*24*time.Hour).Unix() / 86400 * 86400
	bill(t, file, start)
	f, err := importrrd.Read(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	histories, err := f.Histories(id)
	if err != nil {
		t.Fatal(err)
	}
	if len(histories) != 4 {
		t.Fatalf("%d histories, want in and out of two tiers", len(histories))
	}
	compared := 0
	for _, h := range histories {
		step := map[spate.Tier]int64{spate.TierFiveMinutes: 300, spate.TierHour: 3600}[h.Tier]
		got := map[int64]spate.Bucket{}
		for _, b := range h.Buckets {
			got[b.At.Unix()] = b
		}
		from, to := start, start+2*86400
		source := 0
		if h.Metric == spate.OutBps {
			source = 1
		}
		mean, peak := fetched(t, file, "AVERAGE", step, from, to, source), fetched(t, file, "MAX", step, from, to, source)
		for at, want := range mean {
			b, ok := got[at]
			switch {
			case at < from || at >= to:
			case math.IsNaN(want):
				if ok && b.Known == 0 && step == 300 {
					t.Errorf("%s %s at %d is %v, rrdtool knows nothing", h.Tier, h.Metric, at, b.Avg)
				}
			case !ok || !close12(b.Avg, want*8) || !close12(b.Max, peak[at]*8):
				t.Errorf("%s %s at %d is %v, %v, rrdtool fetch prints %v and %v octets", h.Tier, h.Metric, at, b.Avg, b.Max, want, peak[at])
			default:
				compared++
			}
		}
	}
	if compared < 1000 {
		t.Errorf("%d buckets compared, want a thousand and more", compared)
	}
}

// close12 compares to the ten digits that rrdtool prints.
func close12(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) }

// Older than the finest archive, coarser rows fill the buckets they cover.
func TestCoarserArchivesReachBackFurther(t *testing.T) {
	file := filepath.Join(t.TempDir(), "port-id7.rrd")
	start := time.Now().Add(-10*24*time.Hour).Unix() / 86400 * 86400
	tool(t, "create", file, "--start", fmt.Sprint(start), "--step", "300",
		"DS:INOCTETS:DERIVE:600:0:U", "DS:OUTOCTETS:DERIVE:600:0:U", "DS:INUCASTPKTS:DERIVE:600:0:U", "DS:INNUCASTPKTS:DERIVE:600:0:U", "DS:INUNKNOWNPROTOS:DERIVE:600:0:U",
		"RRA:AVERAGE:0.5:1:288", "RRA:AVERAGE:0.5:24:1000", "RRA:MAX:0.5:24:1000")
	args := []string{"update", file}
	for i := int64(1); i <= 5*288; i++ {
		args = append(args, fmt.Sprintf("%d:%d:%d:%d:%d:0", start+i*300, i*300*100, i*300*50, i*300*20, i*300*3))
	}
	tool(t, args...)
	f, err := importrrd.Read(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	histories, err := f.Histories(id)
	if err != nil {
		t.Fatal(err)
	}
	want := map[spate.Metric]float64{spate.InBps: 800, spate.OutBps: 400, spate.InUcastPps: 20, spate.InPps: 23}
	for _, h := range histories {
		n := map[spate.Tier]int{spate.TierFiveMinutes: 5 * 288, spate.TierHour: 5 * 24}[h.Tier]
		if len(h.Buckets) < n-24 || len(h.Buckets) > n {
			t.Errorf("%s %s: %d buckets, want about %d", h.Tier, h.Metric, len(h.Buckets), n)
		}
		for _, b := range h.Buckets {
			if math.Abs(b.Avg-want[h.Metric]) > 1e-6 {
				t.Fatalf("%s %s at %v is %v, want %v", h.Tier, h.Metric, b.At, b.Avg, want[h.Metric])
			}
		}
		delete(want, h.Metric)
		want[h.Metric] = map[spate.Metric]float64{spate.InBps: 800, spate.OutBps: 400, spate.InUcastPps: 20, spate.InPps: 23}[h.Metric]
	}
	if len(histories) != 8 {
		t.Errorf("%d histories, want four metrics in two tiers", len(histories))
	}
}

func TestWhatIsNoPortsFileIsToldSo(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "temperature.rrd")
	tool(t, "create", other, "--step", "300", "DS:sensor:GAUGE:600:U:U", "RRA:AVERAGE:0.5:1:10")
	f, err := importrrd.Read(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Histories(id); err == nil || !strings.Contains(err.Error(), "sensor") {
		t.Errorf("%v, want one that names its sources", err)
	}
	for name, content := range map[string]string{"empty.rrd": "", "text.rrd": "not a database\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := importrrd.Read(t.Context(), path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want an error that names the file", name, err)
		}
	}
	if _, err := importrrd.Read(t.Context(), filepath.Join(dir, "absent.rrd")); err == nil || !strings.Contains(err.Error(), "absent.rrd") {
		t.Errorf("absent: %v", err)
	}
	gone, end := context.WithCancel(t.Context())
	end()
	if _, err := importrrd.Read(gone, other); err == nil {
		t.Error("a cancelled reading gave a file")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`<rrd><version>0003</version><step>300</step><lastupdate>1700000000</lastupdate><ds><name> ds0 </name></ds><rra><cf>AVERAGE</cf><pdp_per_row>1</pdp_per_row><database><!-- x --><row><v>1.5e+00</v></row><row><v>NaN</v></row></database></rra></rrd>`)
	f.Add(`<rrd><step>0</step><rra><rra></rra></rra></rrd>`)
	f.Add(`<rrd><ds><name>traffic_in</name></ds><rra><pdp_per_row>9999999999</pdp_per_row></rra></rrd>`)
	f.Fuzz(func(t *testing.T, in string) {
		file, err := importrrd.Parse(strings.NewReader(in))
		if err != nil {
			return
		}
		for i := range file.Archives {
			if a := &file.Archives[i]; time.Duration(len(a.Rows))*a.Step > 50*365*24*time.Hour {
				return // its buckets are many
			}
		}
		histories, err := file.Histories(id)
		if err != nil {
			return
		}
		for _, h := range histories {
			for i, b := range h.Buckets {
				if !(b.Avg >= 0) || b.Max < b.Avg || i > 0 && !b.At.After(h.Buckets[i-1].At) {
					t.Fatalf("bucket %d of %s is %+v", i, h.Metric, b)
				}
			}
		}
	})
}
