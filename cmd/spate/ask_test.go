package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// invoke runs one command line against a server's answer.
func invoke(t *testing.T, server http.HandlerFunc, args ...string) (code int, out, errOut string) {
	t.Helper()
	srv := httptest.NewServer(server)
	defer srv.Close()
	env := map[string]string{"SPATE_URL": srv.URL + "/spate/", "SPATE_TOKEN": "s3cret"}
	var o, e bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &o, &e, func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	})
	return code, o.String(), strings.ReplaceAll(e.String(), srv.URL, "URL")
}

func answer(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, body)
	}
}

const topAnswer = `{"ports":[
 {"device":"sw-acc-1","port":"Gi1/0/2","alias":"web-17 \u001b[2J\u202eevil","speed_bps":1e9,"gap":null,"factor":38.2,
  "mark":{"since":"2026-11-25T04:00:00Z","text":"flooding"},
  "rate":{"in_bps":912e6,"out_bps":24e6,"in_pps":1.2e5,"out_pps":3e4,"in_mcast_pps":1,"in_bcast_pps":2,"in_errors_ps":0,"out_errors_ps":null,"in_discards_ps":0.5,"out_discards_ps":0}},
 {"device":"sw-東京","port":"Te1/1","alias":"","speed_bps":null,"gap":"wrap_unsure","factor":null,"mark":null,"rate":null}
],"next":null}`

func TestTopPrintsATable(t *testing.T) {
	var asked string
	code, out, errOut := invoke(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String() + " " + r.Header.Get("Authorization")
		answer("application/json; charset=utf-8", topAnswer)(w, r)
	}, "top", "-by", "bps", "-n", "5", "-all")
	if code != 0 || errOut != "" {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	if want := "/spate/api/v1/top?all=1&by=bps&n=5 Bearer s3cret"; asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
	want := `DEVICE    PORT           IN      OUT    USED  FACTOR   PACKETS  ALIAS
sw-acc-1  Gi1/0/2  912 Mb/s  24 Mb/s  91.2 %   38.2x  120 kp/s  ▲ flooding  web-17 [2Jevil
sw-東京   Te1/1           -        -       -       -         -  (no rate: wrap unsure)
`
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestTopShowsWhatItSortsBy(t *testing.T) {
	for by, want := range map[string]string{"bcast": "3 p/s", "errors": "500 m/s", "pps": "120 kp/s"} {
		_, out, _ := invoke(t, answer("application/json", topAnswer), "top", "-by="+by)
		if by == "errors" {
			want = "0.50 /s"
		}
		if !strings.Contains(out, want) {
			t.Errorf("-by %s does not show %q:\n%s", by, want, out)
		}
	}
}

func TestJSONIsPassedOn(t *testing.T) {
	code, out, _ := invoke(t, answer("application/json", topAnswer), "-json", "top")
	if code != 0 || out != topAnswer+"\n" {
		t.Errorf("exit %d, printed %s", code, out)
	}
}

func TestRefusalsAreSentences(t *testing.T) {
	status := func(code int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}
	}
	tests := []struct {
		name   string
		server http.HandlerFunc
		want   string
	}{
		{name: "the API's own words", server: status(404, "application/problem+json", `{"title":"Not Found","status":404,"detail":"no port Gi9 on sw-1\u001b[0m"}`), want: "spate: URL/spate/: no port Gi9 on sw-1[0m\n"},
		{name: "unknown token", server: status(401, "application/problem+json", `{"title":"Unauthorized"}`), want: "spate: URL/spate/ does not know this token: check SPATE_TOKEN\n"},
		{name: "role too low", server: status(403, "text/plain", `no`), want: "spate: URL/spate/: this token may not do that: ask for a higher role\n"},
		{name: "another program's page", server: answer("text/html", "<h1>It works!</h1>"), want: "spate: URL/spate/ answers, but not as Spate does (\"text/html\", want application/json): check SPATE_URL\n"},
		{name: "a redirect to a login page", server: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusSeeOther) }, want: "spate: URL/spate/ answers 303 See Other: check SPATE_URL\n"},
		{name: "half an answer", server: answer("application/json", `{"ports":[`), want: "spate: the answer of URL/spate/ is no list of ports: unexpected end of JSON input\n"},
		{name: "an answer that breaks off", server: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "x")
		}, want: "spate: the answer of URL/spate/ broke off: unexpected EOF\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errOut := invoke(t, tt.server, "top")
			if code != 1 || out != "" {
				t.Errorf("exit %d, printed %q", code, out)
			}
			if diff := cmp.Diff(tt.want, errOut); diff != "" {
				t.Errorf("sentence (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGraphWritesThePicture(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.svg")
	var asked string
	server := func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		answer("image/svg+xml", "<svg/>")(w, r)
	}
	code, out, errOut := invoke(t, server, "graph", "sw-1", "Gi1/0/2", "-o", file, "-from", "-6h", "-theme", "dark")
	if code != 0 || errOut != "" {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	if want := "/spate/api/v1/graph.svg?device=sw-1&from=-6h&kind=bits&port=Gi1%2F0%2F2&theme=dark&to=now"; asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "<svg/>" {
		t.Errorf("file holds %q (%v)", text, err)
	}
	if want := file + ": sw-1 Gi1/0/2, 6 bytes\n"; out != want {
		t.Errorf("printed %q, want %q", out, want)
	}
}

func TestGraphLeavesTheOldPictureWhenTheServerRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.png")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errOut := invoke(t, answer("text/html", "<h1>"), "graph", "sw-1", "Gi1", "-o", file)
	if code != 1 || !strings.Contains(errOut, "not as Spate does") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if text, _ := os.ReadFile(file); string(text) != "old" {
		t.Errorf("file holds %q", text)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestOneDashAndTwo(t *testing.T) {
	root := newRoot(&app{})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	tests := []struct{ given, want string }{
		{"top -by bps -n 20", "top --by bps --n 20"},
		{"top --by=bps -n20", "top --by=bps -n20"},
		{"graph a b -from -24h -to -1h -o x.png", "graph a b --from -24h --to -1h --o x.png"},
		{"graph a b -from=-24h", "graph a b --from=-24h"},
		{"-json top", "--json top"},
		{"check -config -json", "check --config -json"},
		{"-config c.toml check", "--config c.toml check"},
		{"top -- -by", "top -- -by"},
		{"top -nosuch x", "top -nosuch x"},
		{"top -h -help", "top -h --help"},
		{"discover -version 2c -community c 192.0.2.0/24", "discover --version 2c --community c 192.0.2.0/24"},
		{"completion bash -no-descriptions", "completion bash --no-descriptions"},
		{"walk top -config x", "walk top --config x"},
		{"graph a -", "graph a -"},
	}
	for _, tt := range tests {
		if got := strings.Join(doubleDashes(root, strings.Fields(tt.given)), " "); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.given, got, tt.want)
		}
	}
}

func TestWideAndLongTextIsCutBetweenCharacters(t *testing.T) {
	for _, tt := range []struct {
		text  string
		cells int
		want  string
	}{
		{"short", 10, "short"},
		{"exactly ten", 10, "exactly t…"},
		{"東京タワー", 6, "東京…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := clip(tt.text, tt.cells); got != tt.want {
			t.Errorf("%q in %d cells is %q, want %q", tt.text, tt.cells, got, tt.want)
		}
	}
}

func FuzzDoubleDashes(f *testing.F) {
	root := newRoot(&app{})
	root.InitDefaultHelpCmd()
	for _, seed := range []string{"top -by bps", "graph a b -from -24h", "-json=false version", "--- top"} {
		f.Add(seed)
	}
	// Rewriting only ever adds dashes in front: no word is lost, added or changed.
	f.Fuzz(func(t *testing.T, line string) {
		given := strings.Split(line, " ")
		got := doubleDashes(root, given)
		if len(got) != len(given) {
			t.Fatalf("%q became %q", given, got)
		}
		for i := range got {
			if strings.TrimLeft(got[i], "-") != strings.TrimLeft(given[i], "-") {
				t.Errorf("%q became %q", given[i], got[i])
			}
		}
	})
}
