package spate_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// floors says how high each room stands. A room imports lower floors only.
var floors = map[string]int{
	".": 0, "mibs": 0, "docs": 0,
	"poller": 1, "flow": 1, "host": 1, "topology": 1, "detect": 1, "suspect": 1, "incident": 1, "alert": 1,
	"storage": 1, "promql": 1, "graph": 1,
	"web": 2, "lab": 2,
	"cmd": 3, "packaging": 3,
}

// lodgers says which room a big dependency lives in; no other room may import it.
var lodgers = map[string]string{
	"github.com/gosnmp/gosnmp":                    "poller",
	"github.com/VictoriaMetrics/VictoriaMetrics/": "storage",
	"go.etcd.io/bbolt":                            "storage",
	"github.com/prometheus/prometheus/":           "promql",
	"github.com/gin-gonic/gin":                    "web",
	"github.com/yuin/goldmark":                    "web",
	"github.com/coreos/go-oidc/v3":                "web",
	"gonum.org/v1/plot":                           "graph",
	"github.com/spf13/cobra":                      "cmd",
	"github.com/pelletier/go-toml/v2":             "cmd",
	"github.com/jsimonetti/rtnetlink/v2":          "host",
	"github.com/cilium/ebpf":                      "host",
	"github.com/google/nftables":                  "host",
	"github.com/wneessen/go-mail":                 "alert",
}

// mayExec lists the folders whose non-test code may start another program.
// The last three exist for tests, and only they import them.
var mayExec = map[string]bool{"host/ownerrules": true, "cmd/spate/importrrd": true, "poller/snmptest/snmpd": true, "storage/storagetest/victoria": true, "alert/alerttest": true}

// forTests lists packages that exist for tests and the lab; a room's own tests
// and room lab may import them.
var forTests = map[string]bool{"poller/snmptest": true, "poller/snmptest/snmpd": true, "storage/storagetest": true, "storage/storagetest/victoria": true, "alert/alerttest": true}

func TestRoomsImportLowerFloorsOnly(t *testing.T) {
	for file, imports := range goFiles(t) {
		dir := filepath.ToSlash(filepath.Dir(file))
		room, _, _ := strings.Cut(dir, "/")
		floor, known := floors[room]
		if !known {
			t.Errorf("%s: room %q is not in the plan of the house; see floors in layout_test.go", file, room)
			continue
		}
		test := strings.HasSuffix(file, "_test.go")
		for _, path := range imports {
			checkOwn(t, file, dir, room, floor, test, path)
			if floor == 0 && !test && path != "spate" && !strings.HasPrefix(path, "spate/") && strings.Contains(path, ".") {
				t.Errorf("%s imports %s: floor 0 uses the standard library only", file, path)
			}
			if path == "os/exec" && !test && !mayExec[dir] {
				t.Errorf("%s imports os/exec: only %v may start programs", file, keys(mayExec))
			}
			for prefix, home := range lodgers {
				if strings.HasPrefix(path, prefix) && room != home {
					t.Errorf("%s imports %s, which lodges in room %s", file, path, home)
				}
			}
		}
	}
}

// Text becomes HTML by html/template's own escaping and in no other way.
func TestNothingIsCalledHTMLByHand(t *testing.T) {
	by := "template." + "HTML"
	for file := range goFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), by) && file != "layout_test.go" {
			t.Errorf("%s uses %s", file, by)
		}
	}
}

func checkOwn(t *testing.T, file, dir, room string, floor int, test bool, path string) {
	t.Helper()
	if path != "spate" && !strings.HasPrefix(path, "spate/") {
		return
	}
	target := strings.TrimPrefix(strings.TrimPrefix(path, "spate"), "/")
	if target == "" {
		target = "."
	}
	other, _, _ := strings.Cut(target, "/")
	if other == room || target == dir {
		return
	}
	if forTests[target] && mayExec[target] && !test {
		t.Errorf("%s imports %s, which starts programs: only tests may", file, path)
	}
	if forTests[target] && (test || room == "lab" || forTests[dir]) {
		return
	}
	if floors[other] >= floor {
		t.Errorf("%s imports %s: room %s (floor %d) may import lower floors only", file, path, room, floor)
	}
}

func goFiles(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == "data") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files[path] = []string{}
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			files[path] = append(files[path], p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("found only %d Go files: is the test run from the root?", len(files))
	}
	return files
}

func keys(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}
