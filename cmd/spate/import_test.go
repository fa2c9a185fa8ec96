package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"spate/promql"
)

// at runs one command line against a running server.
func at(t *testing.T, where string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &o, &e, func(name string) (string, bool) {
		return where, name == "SPATE_URL"
	})
	return code, o.String(), e.String()
}

// oldFile is a file as Cacti has it, of two steady days that ended days ago.
func oldFile(t *testing.T, path string, octets int) (start int64) {
	t.Helper()
	tool, err := exec.LookPath("rrdtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("rrdtool is not installed")
		}
		t.Skip("rrdtool is not installed")
	}
	start = time.Now().Add(-6*24*time.Hour).Unix() / 86400 * 86400
	args := []string{"update", path}
	for i := int64(1); i <= 576; i++ {
		args = append(args, fmt.Sprintf("%d:%d:%d", start+i*300, i*300*int64(octets), i*300*7))
	}
	for _, args := range [][]string{
		{"create", path, "--start", fmt.Sprint(start), "--step", "300", "DS:traffic_in:COUNTER:600:0:U", "DS:traffic_out:COUNTER:600:0:U",
			"RRA:AVERAGE:0.5:1:600", "RRA:AVERAGE:0.5:12:800", "RRA:MAX:0.5:1:600", "RRA:MAX:0.5:12:800"},
		args,
	} {
		if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
			t.Fatalf("rrdtool: %v: %s", err, out)
		}
	}
	return start
}

func TestImportTakesOverWhatCactiHad(t *testing.T) {
	r := newPromRig(t, promql.DefaultLimits())
	file := filepath.Join(t.TempDir(), "sw_traffic_in_17.rrd")
	start := oldFile(t, file, 125_000)
	if code, _, errOut := at(t, r.URL, "import", "rrd", file); code != 64 || !strings.Contains(errOut, "-device") {
		t.Errorf("without a port: exit %d: %s", code, errOut)
	}
	if code, out, errOut := at(t, r.URL, "import", "rrd", file, "-device", "sw-1", "-port", "Gi1/0/1", "-n"); code != 0 || !strings.Contains(out, "would be") {
		t.Errorf("dry: exit %d: %s%s", code, out, errOut)
	}
	for _, want := range []string{"1 files: 1246 buckets taken over\n", "1 files: 0 buckets taken over, 1246 were there already\n"} {
		if code, out, errOut := at(t, r.URL, "import", "rrd", file, "-device", "sw-1", "-port", "Gi1/0/1"); code != 0 || out != want {
			t.Errorf("exit %d: %s%s, want %s", code, out, errOut, want)
		}
	}
	q := url.Values{"device": {"sw-1"}, "port": {"Gi1/0/1"}, "metrics": {"in_bps"}, "from": {fmt.Sprint(start)}, "to": {fmt.Sprint(start + 2*86400)}, "width": {"48"}}
	text := readAll(t, r.ask(t, "/api/v1/series?"+q.Encode()))
	if !strings.Contains(text, `"tier":"hour"`) || strings.Count(text, "1000000") < 90 {
		t.Errorf("two days of the file: %.400s", text)
	}
	if code, _, errOut := at(t, r.URL, "import", "rrd", filepath.Join(t.TempDir(), "none.rrd"), "-device", "sw-1", "-port", "x"); code != 1 || !strings.Contains(errOut, "none.rrd") {
		t.Errorf("absent file: exit %d: %s", code, errOut)
	}
}

// A folder gives a map to fill in, and goes by it.
func TestImportOfAFolderGoesByItsMap(t *testing.T) {
	r := newPromRig(t, promql.DefaultLimits())
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sw-2"), 0o750); err != nil {
		t.Fatal(err)
	}
	oldFile(t, filepath.Join(dir, "sw-2", "port-id7.rrd"), 1000)
	oldFile(t, filepath.Join(dir, "other.rrd"), 1000)
	code, out, errOut := at(t, r.URL, "import", "rrd", dir)
	if code != 0 || !strings.Contains(out, "sw-2/port-id7.rrd,sw-2,,") || !strings.Contains(out, "traffic_in") || !strings.Contains(errOut, "-map") {
		t.Fatalf("exit %d: %s%s", code, out, errOut)
	}
	mapping := filepath.Join(t.TempDir(), "map.csv")
	for text, want := range map[string]string{
		"file,device,port\nsw-2/port-id7.rrd,sw-2,\n":            "line 2",
		"file,device,port\n../../etc/passwd,sw-2,Gi1/0/7\n":      "is not in",
		"file,device,port\nsw-2/port-id7.rrd,sw-2,Gi1/0/7\n":     "",
		"file,device,port\nsw-2/port-id7.rrd,sw <2>,Gi1/0/7\n":   "line 2",
		"file,device,port\nsw-2/absent.rrd,sw-2,\"Gi1/0/7\"\n\n": "absent.rrd",
	} {
		if err := os.WriteFile(mapping, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errOut := at(t, r.URL, "import", "rrd", dir, "-map", mapping)
		if want == "" && (code != 0 || !strings.HasPrefix(out, "1 files: ")) || want != "" && (code != 1 || !strings.Contains(errOut, want)) {
			t.Errorf("%q: exit %d: %s%s, want %s", text, code, out, errOut, want)
		}
	}
}

func TestImportsThatAreNoneAreRefused(t *testing.T) {
	r := newPromRig(t, promql.DefaultLimits())
	line := `{"device":"sw-1","port":"Gi1/0/1","tier":"hour","metric":"in_bps","from":1700000000,"step_s":3600,"avg":[1]}`
	for body, want := range map[string]int{
		"":     200,
		line:   400, // not on the hour
		"{":    400,
		"null": 400,
		strings.Replace(line, "1700000000", "1699999200", 1): 200,
		strings.Replace(line, "hour", "raw", 1):              400,
		strings.Replace(line, "sw-1", "../sw", 1):            400,
		strings.Replace(line, "Gi1/0/1", "a\\u0000b", 1):     400,
		strings.Replace(line, "in_bps", "speed", 1):          400,
		strings.Replace(line, "[1]", "[null]", 1):            400,
		strings.Replace(line, "[1]", "[1],\"max\":[1,2]", 1): 400,
		strings.Replace(strings.Replace(line, "1700000000", "1699999200", 1), "[1]", "["+strings.Repeat("1,", 300_000)+"1]", 1): 400,
		strings.Repeat("x", 9<<20): 422,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+"/api/v1/import", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-ndjson")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text := readAll(t, resp)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%.200s: %d %s, want %d", body, resp.StatusCode, text, want)
		}
	}
	resp, err := http.Post(r.URL+"/api/v1/import", "text/plain", strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("as a form of a foreign page could send it: %d, want 415", resp.StatusCode)
	}
}

func TestExportWritesWhatIsStored(t *testing.T) {
	r := newPromRig(t, promql.DefaultLimits())
	from, to := fmt.Sprint(r.at(100).Unix()), fmt.Sprint(r.at(160).Unix())
	code, out, errOut := at(t, r.URL, "export", "-device", "sw-2", "-from", from, "-to", to)
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if code != 0 || err != nil || len(rows) != 1+3*60 {
		t.Fatalf("exit %d, %d rows, %v: %s", code, len(rows), err, errOut)
	}
	if got := strings.Join(rows[0], " ") + " | " + strings.Join(rows[1], " "); got != "time device port in_bps_avg in_bps_max out_bps_avg out_bps_max | "+r.at(100).UTC().Format(time.RFC3339)+" sw-2 Gi1/0/1 21000000 21000000 10500000 10500000" {
		t.Errorf("CSV begins with %s", got)
	}
	file := filepath.Join(t.TempDir(), "out.prom")
	code, _, errOut = at(t, r.URL, "export", "-device", "sw-1", "-port", "Gi1/0/1", "-metrics", "in_bps", "-from", fmt.Sprint(r.at(195).Unix()), "-to", fmt.Sprint(r.at(240).Unix()), "-format", "prometheus", "-o", file)
	text, err := os.ReadFile(file)
	if code != 0 || err != nil {
		t.Fatalf("exit %d, %v: %s", code, err, errOut)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	m := families["spate_in_bps"].GetMetric()
	if len(m) != 45-30 || m[0].GetGauge().GetValue() != 11e6 || !bytes.HasSuffix(text, []byte("# EOF\n")) {
		t.Errorf("%d values, want 45 slots less a gap of 30: %s", len(m), text)
	}
	first := strings.Fields(strings.Split(string(text), "\n")[1])
	if at, err := strconv.ParseFloat(first[len(first)-1], 64); err != nil || int64(at) != r.at(196).Unix() {
		t.Errorf("the first value stands at %v, want %v", at, r.at(196).Unix())
	}
	for _, args := range [][]string{{"export"}, {"export", "-device", "sw-1", "-from", "later"}, {"export", "-device", "sw-1", "-from", "now", "-to", "-1h"}, {"export", "-device", "x", "-format", "xml"}} {
		if code, _, errOut := at(t, r.URL, args...); code != 64 {
			t.Errorf("%v: exit %d, want 64: %s", args, code, errOut)
		}
	}
}

func (r *promRig) ask(t *testing.T, path string) *http.Response {
	t.Helper()
	resp, err := http.Get(r.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}
