package snmptest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spate/mibs"
	"spate/poller/snmptest"
)

func TestLoadWalkReadsEveryTypeAndCountsTheRest(t *testing.T) {
	text := strings.Join([]string{
		"#a comment", "1.3.1.1|2|-5", ".1.3.1.2|4|a|b \xff", "1.3.1.3|4x|00ff", "1.3.1.4|4|", "1.3.1.5|6|1.3.6.1",
		"1.3.1.6|64|192.0.2.7", "1.3.1.7|64x|c0000207", "1.3.1.8|65|4294967295", "1.3.1.9|66|7\r", "1.3.1.10|67|100",
		"1.3.1.11|68x|9f78", "1.3.1.12|70|18446744073709551615", "1.3.1.13|5|", "1.3.1.14|67:numeric|rate=100",
		"1.3.1.15|4:writecache|value=R3", "1.3.1.16|2:numeric|min=0,offset=50,function=sin", "1.3.1.17|64|J}M}",
		"the rest of a value with a line feed in it", "1.3.1.90|65|4294967296", "1.3.1.91|4x|0g", "1.3.1.92|99|x", "1.3.1.93|2|", "1.3.x|2|1", "1.3.1.94|64|1.2.3",
	}, "\n")
	w, err := snmptest.LoadWalk(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if w.Len() != 17 || w.Skipped != 7 {
		t.Errorf("%d instances and %d lines skipped, want 17 and 7", w.Len(), w.Skipped)
	}
	for oid, want := range map[mibs.OID]snmptest.Value{
		".1.3.1.1": snmptest.Int(-5), ".1.3.1.2": snmptest.Text("a|b \xff"), ".1.3.1.3": snmptest.Text("\x00\xff"), ".1.3.1.4": snmptest.Text(""),
		".1.3.1.5": snmptest.ObjectID(".1.3.6.1"), ".1.3.1.6": {Syntax: snmptest.IPAddress, Bytes: []byte{192, 0, 2, 7}},
		".1.3.1.7": {Syntax: snmptest.IPAddress, Bytes: []byte{192, 0, 2, 7}}, ".1.3.1.8": snmptest.C32(1<<32 - 1), ".1.3.1.9": snmptest.Gauge(7),
		".1.3.1.10": snmptest.Ticks(100), ".1.3.1.11": {Syntax: snmptest.Opaque, Bytes: []byte{0x9f, 0x78}}, ".1.3.1.12": snmptest.C64(1<<64 - 1),
		".1.3.1.13": snmptest.Null(), ".1.3.1.15": snmptest.Text("R3"), ".1.3.1.16": snmptest.Int(50), ".1.3.1.17": {Syntax: snmptest.IPAddress, Bytes: []byte("J}M}")},
	} {
		got, ok := w.Value(oid)
		if !ok || got.Syntax != want.Syntax || got.Uint != want.Uint || string(got.Bytes) != string(want.Bytes) {
			t.Errorf("%s: got %+v, want %+v", oid, got, want)
		}
	}
	if v, _ := w.Value(".1.3.1.14"); v.Func == nil {
		t.Error("a numeric variation with a rate stands still")
	}
}

// A walk of every recording by GETBULK meets every instance of the recording,
// in order, with its type and value.
func TestEveryRecordingIsWalkedWhole(t *testing.T) {
	dir := os.Getenv("SPATE_RECORDINGS")
	if dir == "" {
		t.Skip("SPATE_RECORDINGS names no folder of SNMP recordings")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.snmprec.bz2"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".snmprec.bz2"), func(t *testing.T) {
			if info, err := os.Stat(file); err != nil || info.Size() > largest {
				t.Skipf("too large for the race detector: %v", err)
			}
			w, err := snmptest.LoadRecording(file)
			if err != nil {
				t.Fatal(err)
			}
			if w.Skipped > w.Len()/100 {
				t.Errorf("%d lines skipped of %d", w.Skipped, w.Len())
			}
			agent := snmptest.New(w, snmptest.Config{MaxSize: 60000})
			at := mibs.OID(".0.0")
			met := 0
			next := func() *snmptest.Message { return ask(t, agent, bulk(0, 1000, at)) }
			got := next()
			i := 0
			for n, v := range w.All() {
				if i == len(got.Vars) {
					got, i = next(), 0
				}
				if i == len(got.Vars) {
					t.Fatalf("nothing behind %s", at)
				}
				g := got.Vars[i]
				if v.Func == nil && (g.Value.Syntax != v.Syntax || g.Value.Uint != v.Uint || string(g.Value.Bytes) != string(v.Bytes)) || g.Name.Compare(n) != 0 {
					t.Fatalf("behind %s: %s %+v, want %s %+v", at, g.Name.OID(), g.Value, n.OID(), v)
				}
				at = g.Name.OID()
				i++
				met++
			}
			if met != w.Len() {
				t.Errorf("met %d instances of %d", met, w.Len())
			}
		})
	}
}

func FuzzLoadWalkCountsEveryLine(f *testing.F) {
	f.Add([]byte("1.3.1|2|5\n1.3.2|4x|zz\n\n#x\n"))
	f.Add([]byte("1.3.1|67:numeric|rate=1e300,initial=-5\n1.3.1|64|::1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := snmptest.LoadWalk(strings.NewReader(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.SplitSeq(string(b), "\n") {
			if line != "" && line[0] != '#' {
				lines++
			}
		}
		if w.Len()+w.Skipped > lines {
			t.Errorf("%d instances and %d skipped from %d lines", w.Len(), w.Skipped, lines)
		}
		for n, v := range w.All() {
			m := snmptest.Message{Community: []byte{}, Type: snmptest.Response, Vars: []snmptest.Var{{Name: n, Value: v}}}
			if wire := m.Append(nil); wire != nil {
				if _, err := snmptest.Decode(wire); err != nil {
					t.Errorf("%s: loaded %+v, which does not travel: %v", n.OID(), v, err)
				}
			}
		}
	})
}
