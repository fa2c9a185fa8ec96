package lab_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"spate/lab"
	"spate/mibs"
	"spate/poller/snmptest"
)

// net-snmp's own tools read from the farm what every recording holds, by
// GETNEXT, GETBULK and, without the Counter64s, by SNMPv1.
func TestNetSNMPReadsEveryRecordingAsItWasLoaded(t *testing.T) {
	dir := os.Getenv("SPATE_RECORDINGS")
	if dir == "" {
		t.Skip("SPATE_RECORDINGS names no folder of SNMP recordings")
	}
	for _, tool := range []string{"snmpwalk", "snmpbulkwalk", "snmpbulkget"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s (package snmp)", tool)
		}
	}
	walks, nodes := recordings(t, dir)
	system := mibs.OID(strings.TrimSuffix(string(mibs.SysDescr.OID), ".1"))
	for _, n := range serve(t, nodes) {
		t.Run(n.Name, func(t *testing.T) {
			walk := walks[n.Name]
			compare(t, walk, system, "2c", read(t, "snmpwalk", "-v2c", n, string(system)))
			compare(t, walk, mibs.IfTable, "2c", read(t, "snmpbulkwalk", "-v2c", n, string(mibs.IfTable), "-Cr25"))
			compare(t, walk, mibs.IfXTable, "2c", read(t, "snmpbulkwalk", "-v2c", n, string(mibs.IfXTable), "-Cr40"))
			compare(t, walk, mibs.IfXTable, "1", read(t, "snmpwalk", "-v1", n, string(mibs.IfXTable)))
			bulk(t, walk, n)
		})
	}
}

func recordings(t *testing.T, dir string) (map[string]*snmptest.Walk, []lab.Node) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.snmprec.bz2"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", dir, err)
	}
	walks, nodes := map[string]*snmptest.Walk{}, []lab.Node(nil)
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() > largest {
			continue
		}
		walk, err := snmptest.LoadRecording(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".snmprec.bz2")
		walks[name] = walk
		served, err := snmptest.LoadRecording(file) // the agent's own: a Walk is not for two goroutines
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, lab.Node{Name: name, Agent: snmptest.New(served, snmptest.Config{})})
	}
	return walks, nodes
}

// read runs one of the tools and gives what it printed by OID, in order.
func read(t *testing.T, tool, version string, n lab.Node, oids string, extra ...string) []string {
	t.Helper()
	args := append([]string{version, "-c", "public", "-t", "20", "-r", "0", "-OnqtUex"}, extra...)
	args = append(append(args, n.Address.String()), strings.Fields(oids)...)
	cmd := exec.Command(tool, args...)
	cmd.Env = append(os.Environ(), "MIBS=", "SNMP_PERSISTENT_DIR="+t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", tool, args, err, stderr.String())
	}
	return entries(string(out))
}

// entries joins the lines of each variable: hexadecimal strings are broken.
func entries(out string) []string {
	var all []string
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, ".") {
			all = append(all, line)
		} else if len(all) > 0 {
			all[len(all)-1] += line
		}
	}
	return all
}

// printed is a variable as the tools print it; ok is false where the value
// changes with time.
func printed(n snmptest.Name, v snmptest.Value) (line string, ok bool) {
	line = string(n.OID()) + " "
	switch {
	case v.Func != nil:
		return line, false
	case v.Syntax == mibs.Integer:
		return line + strconv.FormatInt(int64(v.Uint), 10), true
	case v.Syntax == mibs.ObjectID:
		return line + string(snmptest.Name(v.Bytes).OID()), true
	case v.Syntax == snmptest.IPAddress:
		return line + fmt.Sprintf("%d.%d.%d.%d", v.Bytes[0], v.Bytes[1], v.Bytes[2], v.Bytes[3]), true
	case v.Syntax == mibs.OctetString && len(v.Bytes) == 0:
		return line + `""`, true
	case v.Syntax == mibs.OctetString:
		return line + `"` + fmt.Sprintf("% X ", v.Bytes) + `"`, true
	}
	return line + strconv.FormatUint(v.Uint, 10), true
}

// under lists what a walk of base must meet in a version.
func under(walk *snmptest.Walk, base mibs.OID, version string) (names []snmptest.Name, values []snmptest.Value) {
	top, err := snmptest.NameOf(base)
	if err != nil {
		panic(err)
	}
	for n, v := range walk.All() {
		if n.Under(top) && (version != "1" || v.Syntax != mibs.Counter64) {
			names, values = append(names, n), append(values, v)
		}
	}
	return names, values
}

func compare(t *testing.T, walk *snmptest.Walk, base mibs.OID, version string, got []string) {
	t.Helper()
	names, values := under(walk, base, version)
	if len(names) == 0 {
		// The tools say in words that there is nothing, or ask for base itself.
		if len(got) > 1 {
			t.Errorf("v%s %s: %d variables, want none", version, base, len(got))
		}
		return
	}
	if len(got) != len(names) {
		t.Fatalf("v%s %s: %d variables, want %d", version, base, len(got), len(names))
	}
	for i := range names {
		want, fixed := printed(names[i], values[i])
		if got[i] != want && (fixed || !strings.HasPrefix(got[i], want)) {
			t.Fatalf("v%s variable %d is %q, want %q", version, i, got[i], want)
		}
	}
}

// bulk asks as the poller does: sysUpTime once, and some rows of two columns.
func bulk(t *testing.T, walk *snmptest.Walk, n lab.Node) {
	t.Helper()
	uptime := string(mibs.SysUpTime.OID)
	got := read(t, "snmpbulkget", "-v2c", n, uptime+" "+string(mibs.IfInOctets.OID)+" "+string(mibs.IfOutOctets.OID), "-Cn1", "-Cr3")
	in, inValues := under(walk, mibs.IfInOctets.OID, "2c")
	out, outValues := under(walk, mibs.IfOutOctets.OID, "2c")
	if len(got) != 7 {
		t.Fatalf("snmpbulkget: %d variables, want 1 + 2 x 3: %q", len(got), got)
	}
	for i := range min(3, len(in), len(out)) {
		wantIn, _ := printed(in[i], inValues[i])
		wantOut, _ := printed(out[i], outValues[i])
		if got[1+2*i] != wantIn || got[2+2*i] != wantOut {
			t.Errorf("snmpbulkget row %d: %q and %q, want %q and %q", i, got[1+2*i], got[2+2*i], wantIn, wantOut)
		}
	}
}
