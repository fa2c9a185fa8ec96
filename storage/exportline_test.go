package storage_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"spate/storage"
)

func TestALineOfAnExportIsReadAsWritten(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       storage.Exported
	}{
		{"plain", `{"metric":{"__name__":"spate_in_bps","device":"sw-1","ifName":"Gi1/0/1"},"values":[0,12.5,999999999999999],"timestamps":[10000,20000,30000]}`,
			storage.Exported{Name: "spate_in_bps", Device: "sw-1", Port: "Gi1/0/1", Values: []float64{0, 12.5, 999999999999999}, Times: []int64{10000, 20000, 30000}}},
		{"a label of somebody else", `{"metric":{"__name__":"a","device":"b","ifName":"c","prometheus":"eu"},"values":[0.1],"timestamps":[1]}`,
			storage.Exported{Name: "a", Device: "b", Port: "c", Values: []float64{0.1}, Times: []int64{1}}},
		{"escapes in a name", `{"metric":{"__name__":"a","device":"\u003cb\"","ifName":"порт"},"values":[1e3],"timestamps":[1]}`,
			storage.Exported{Name: "a", Device: `<b"`, Port: "порт", Values: []float64{1000}, Times: []int64{1}}},
		{"no values", `{"metric":{},"values":[],"timestamps":[]}`, storage.Exported{}},
		{"a key of a later version", `{"tenant":"0:0", "metric":{"__name__":"a"},"values":[7],"timestamps":[1]}`, storage.Exported{Name: "a", Values: []float64{7}, Times: []int64{1}}},
	} {
		got, err := storage.ParseExported([]byte(c.line))
		if err != nil || got.Name != c.want.Name || got.Device != c.want.Device || got.Port != c.want.Port || !sameRows(got, c.want) {
			t.Errorf("%s: %+v, error %v, want %+v", c.name, got, err, c.want)
		}
	}
	got, err := storage.ParseExported([]byte(`{"metric":{"__name__":"a"},"values":[null,"Infinity","-Infinity"],"timestamps":[1,2,3]}`))
	if err != nil || len(got.Values) != 3 || !math.IsNaN(got.Values[0]+got.Values[1]+got.Values[2]) {
		t.Errorf("what is no number: %+v, error %v", got, err)
	}
}

func TestALineThatIsNoneIsRefused(t *testing.T) {
	for _, line := range []string{
		``, `{}x`, `null,`, `<html>`, `{"metric":{},"values":[1],"timestamps":[]}`, `{"metric":{},"values":[1],"timestamps":[1`,
		`{"metric":{},"values":[01],"timestamps":[1]}`, `{"metric":{},"values":[1e999],"timestamps":[1]}`, `{"metric":{},"values":[1],"timestamps":[99999999999999999999]}`,
		`{"metric":{},"values":[1],"timestamps":[1.5]}`, `{"metric":[],"values":[1],"timestamps":[1]}`,
	} {
		if got, err := storage.ParseExported([]byte(line)); err == nil {
			t.Errorf("%q is taken: %+v", line, got)
		}
	}
}

// The quick way and encoding/json say the same of every line.
func FuzzExportLine(f *testing.F) {
	f.Add(`{"metric":{"__name__":"a","device":"b","ifName":"c"},"values":[1,0.1,-2.50,1e3,null,"Infinity"],"timestamps":[1,2,3,4,5,-6]}`)
	f.Add(`{"metric":{},"values":[123456789012345.5,0.0000000000000001],"timestamps":[0,1]}`)
	f.Add(`{"metric":{"a":"\ud800"},"values":[-0],"timestamps":[-0]}`)
	f.Fuzz(func(t *testing.T, line string) {
		got, err := storage.ParseExported([]byte(line))
		if err != nil {
			return
		}
		want, err := storage.ParseExportedSlowly([]byte(line))
		if err != nil {
			t.Fatalf("%q is no JSON of an export, and read as %+v", line, got)
		}
		if got.Name != want.Name || got.Device != want.Device || got.Port != want.Port || !sameRows(got, want) {
			t.Fatalf("%q is %+v, want %+v", line, got, want)
		}
		if len(got.Values) != len(got.Times) || !json.Valid([]byte(line)) {
			t.Fatalf("%q: %d values at %d times", line, len(got.Values), len(got.Times))
		}
	})
}

func sameRows(a, b storage.Exported) bool {
	if len(a.Values) != len(b.Values) || len(a.Times) != len(b.Times) {
		return false
	}
	for i := range a.Values {
		if a.Values[i] != b.Values[i] && a.Values[i] == a.Values[i] || a.Times[i] != b.Times[i] {
			return false
		}
	}
	return true
}

func BenchmarkExportLine(b *testing.B) {
	values, times := strings.Repeat("123456789.1,", 8639)+"1", strings.Repeat("1700000000000,", 8639)+"1"
	line := []byte(`{"metric":{"__name__":"spate_in_bps","device":"sw-1","ifName":"Gi1/0/1"},"values":[` + values + `],"timestamps":[` + times + `]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := storage.ParseExported(line); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/8640, "ns/row")
}
