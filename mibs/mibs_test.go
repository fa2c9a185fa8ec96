package mibs_test

import (
	"bufio"
	"compress/bzip2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"spate/mibs"
)

func TestEveryObjectStatesWhatItIs(t *testing.T) {
	names, oids := map[string]bool{}, map[mibs.OID]bool{}
	for _, o := range mibs.Objects() {
		if names[o.Name] || oids[o.OID] {
			t.Errorf("%s %s stands twice in the table", o.Name, o.OID)
		}
		names[o.Name], oids[o.OID] = true, true
		if !strings.HasPrefix(o.Source, "RFC ") && !strings.HasPrefix(o.Source, "IEEE 802.") {
			t.Errorf("%s names no RFC and no standard: %q", o.Name, o.Source)
		}
		if o.Syntax.Bits() > 0 && o.Unit != "octets" && o.Unit != "packets" {
			t.Errorf("%s counts %q, want octets or packets", o.Name, o.Unit)
		}
		if hc := strings.HasPrefix(o.Name, "ifHC"); hc != (o.Syntax.Bits() == 64) {
			t.Errorf("%s is %s; in IF-MIB the ifHC columns, and only they, are Counter64", o.Name, o.Syntax)
		}
	}
}

// Every object is found with its type in at least one recording of a real
// device. There is no exception.
func TestRecordingsHoldEveryObjectWithItsType(t *testing.T) {
	dir := os.Getenv("SPATE_RECORDINGS")
	if dir == "" {
		t.Skip("SPATE_RECORDINGS names no folder of SNMP recordings")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.snmprec.bz2"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", dir, err)
	}
	seen := map[mibs.OID]map[mibs.Syntax]int{}
	for _, o := range mibs.Objects() {
		seen[o.OID] = map[mibs.Syntax]int{}
	}
	for _, file := range files {
		readRecording(t, file, func(column mibs.OID, syntax mibs.Syntax) {
			if types, wanted := seen[column]; wanted {
				types[syntax]++
			}
		})
	}
	for _, o := range mibs.Objects() {
		if seen[o.OID][o.Syntax] == 0 {
			t.Errorf("%s: no recording has it as %s; seen: %v", o.Name, o.Syntax, seen[o.OID])
		}
	}
}

func readRecording(t *testing.T, file string, found func(column mibs.OID, syntax mibs.Syntax)) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(bzip2.NewReader(f))
	lines.Buffer(make([]byte, 0, 1<<16), 1<<22)
	for lines.Scan() {
		oid, rest, ok := strings.Cut(lines.Text(), "|")
		tag, _, ok2 := strings.Cut(rest, "|")
		dot := strings.LastIndexByte(oid, '.')
		n, err := strconv.Atoi(strings.TrimRight(tag, "xe"))
		for column := oid; ok && ok2 && dot > 0 && err == nil; dot = strings.LastIndexByte(column, '.') {
			if column = column[:dot]; strings.Count(column, ".") < 7 {
				break // an index has any number of arcs
			}
			found(mibs.OID("."+strings.TrimPrefix(column, ".")), mibs.Syntax(n))
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestIndexTakesOnlyRowsOfTheColumn(t *testing.T) {
	tests := []struct {
		name     string
		instance mibs.OID
		want     int
		ok       bool
	}{
		{"a row", ".1.3.6.1.2.1.2.2.1.1.10101", 10101, true},
		{"row 2^31-1, the largest an InterfaceIndex can be", ".1.3.6.1.2.1.2.2.1.1.2147483647", 1<<31 - 1, true},
		{"row beyond 2^31-1", ".1.3.6.1.2.1.2.2.1.1.2147483648", 0, false},
		{"ten digits that overflow 32 bits", ".1.3.6.1.2.1.2.2.1.1.9999999999", 0, false},
		{"another column with the same beginning", ".1.3.6.1.2.1.2.2.1.10.5", 0, false},
		{"the column itself", ".1.3.6.1.2.1.2.2.1.1", 0, false},
		{"two arcs", ".1.3.6.1.2.1.2.2.1.1.3.4", 0, false},
		{"leading zero", ".1.3.6.1.2.1.2.2.1.1.03", 0, false},
		{"empty arc", ".1.3.6.1.2.1.2.2.1.1.", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := mibs.IfIndex.OID.Index(tt.instance)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Index(%s) = %d, %v, want %d, %v", tt.instance, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestCompareOrdersByNumbersNotByText(t *testing.T) {
	order := []mibs.OID{".1.3", ".1.3.2", ".1.3.2.9", ".1.3.2.10", ".1.3.10", ".1.4"}
	for i, a := range order {
		for j, b := range order {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := mibs.Compare(a, b); got != want {
				t.Errorf("Compare(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func FuzzIndexReadsBackWhatRowWrote(f *testing.F) {
	f.Add(uint32(1), "")
	f.Add(uint32(1<<31-1), ".0")
	f.Fuzz(func(t *testing.T, n uint32, tail string) {
		index := int(n >> 1)
		row := mibs.IfName.OID.Row(index)
		if got, ok := mibs.IfName.OID.Index(row); !ok || got != index {
			t.Errorf("Index(%s) = %d, %v", row, got, ok)
		}
		if got, ok := mibs.IfName.OID.Index(mibs.OID(string(mibs.IfName.OID) + "." + tail)); ok && mibs.IfName.OID.Row(got) != mibs.OID(string(mibs.IfName.OID)+"."+tail) {
			t.Errorf("Index took %q for row %d", tail, got)
		}
	})
}

func TestNamesOfTypesAndVendors(t *testing.T) {
	for n, want := range map[int]string{6: "ethernetCsmacd", 24: "softwareLoopback", 53: "propVirtual", 131: "tunnel", 135: "l2vlan", 136: "l3ipvlan", 161: "ieee8023adLag", 209: "bridge", 0: "type0", 9999: "type9999", -1: "type-1"} {
		if got := mibs.IfTypeName(n); got != want {
			t.Errorf("IfTypeName(%d) = %q, want %q", n, got, want)
		}
	}
	for oid, want := range map[mibs.OID]string{".1.3.6.1.4.1.9.1.617": "Cisco", ".1.3.6.1.4.1.9": "Cisco", ".1.3.6.1.4.1.90.1": "", ".1.3.6.1.2.1": "", "": ""} {
		if got := mibs.Vendor(oid); got != want {
			t.Errorf("Vendor(%s) = %q, want %q", oid, got, want)
		}
	}
}
