package web_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	hundredMB = 100 << 20
	mostGrown = 32 << 20 // octets that a refusal may take
)

// largeBodies are what is sent where a body is taken.
func largeBodies() map[string]struct{ kind, coding, head, text string } {
	return map[string]struct{ kind, coding, head, text string }{
		"zeros":               {"application/json", "", "", "0"},
		"one long text":       {"application/json", "", `{"by":"`, "a"},
		"brackets":            {"application/json", "", "", "["},
		"objects in objects":  {"application/json", "", "", `{"match":`},
		"one field of a form": {"application/x-www-form-urlencoded", "", "by=", "a"},
		"a million fields":    {"application/x-www-form-urlencoded", "", "", "a=b&"},
		"parts":               {"multipart/form-data; boundary=x", "", "", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n"},
		"no gzip":             {"application/x-ndjson", "gzip", "", "0"},
		"one line":            {"application/x-ndjson", "", "", "0"},
		"a list":              {"application/x-ndjson", "", `{"device":"sw-1","avg":[`, "0,"},
		"lines of brackets":   {"application/x-ndjson", "", "", strings.Repeat("[", 20_000) + "\n"},
		"many lines":          {"application/x-ndjson", "", "", `{"device":"sw-1","port":"Gi1","tier":"hour","metric":"in_bps","from":0,"step_s":3600,"avg":[1],"more":"` + strings.Repeat("x", 20_000) + "\"}\n"},
		"nothing said":        {"", "", "", "0"},
	}
}

// Every route that takes a body is sent 100 MB by an admin. It is refused, or not looked
// at; and it is not read to its end.
func TestBodiesOf100MBAreRefused(t *testing.T) {
	r := fullRig(t)
	for _, line := range r.Routes() {
		if line.Method == http.MethodGet || line.Method == http.MethodHead || strings.HasPrefix(line.Path, "/prometheus/") {
			continue
		}
		most := int64(65 << 10)
		if line.Path == "/api/v1/import" {
			most = 33 << 20
		}
		grown := peakOf(func() {
			token := adminToken
			if line.Path == "/api/v1/agent" {
				token, most = agentToken, 9<<20
			}
			for name, b := range largeBodies() {
				body := bodyOf(b.head, b.text, hundredMB)
				resp := r.hand(line.Method, concrete(line.Path), "198.51.100.77", body, "Authorization", "Bearer "+token, "Content-Type", b.kind, "Content-Encoding", b.coding)
				if body.read > most || resp.StatusCode >= 500 || resp.StatusCode < 400 && body.read > 0 {
					t.Errorf("%s %s, %s: %d after %d octets", line.Method, line.Path, name, resp.StatusCode, body.read)
				}
				if text := "is larger than"; resp.StatusCode == 413 && line.Path != "/api/v1/agent" && !strings.Contains(readAllText(t, resp), text) {
					t.Errorf("%s %s, %s: nothing is said", line.Method, line.Path, name)
				}
			}
		})
		if grown > mostGrown {
			t.Errorf("%s %s: it took %d MB", line.Method, line.Path, grown>>20)
		}
	}
}

func readAllText(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Who may not come in is not listened to.
func TestNoBodyIsReadOfAStranger(t *testing.T) {
	r := fullRig(t)
	for _, line := range r.Routes() {
		if line.Method == http.MethodGet || line.Method == http.MethodHead || line.Path == "/login" {
			continue
		}
		for who, header := range map[string][]string{"nobody": nil, "a viewer": {"Authorization", "Bearer " + viewerToken}, "a cookie": {"Cookie", "spate_session=e30.x"}} {
			if who == "a viewer" && (line.Path == "/logout" || strings.HasPrefix(line.Path, "/prometheus/")) {
				continue
			}
			body := bodyOf("", "by=a&", hundredMB)
			resp := r.hand(line.Method, concrete(line.Path), stranger, body, append(header, "Content-Type", "application/x-www-form-urlencoded")...)
			if resp.StatusCode != 401 && resp.StatusCode != 403 || body.read > 0 {
				t.Errorf("%s %s by %s: %d after %d octets", line.Method, line.Path, who, resp.StatusCode, body.read)
			}
		}
	}
}

func gzipped(t testing.TB, body io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if _, err := io.Copy(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A small body that becomes a large one.
func TestGzipBombs(t *testing.T) {
	const head = `{"device":"sw-1","port":"Gi1","tier":"hour","metric":"in_bps","from":0,"step_s":3600,"avg":[`
	bombs := map[string]struct {
		body   []byte
		status int
	}{
		"300 MB of one line":       {bytes.Repeat(gzipped(t, bodyOf("", "0", 1<<20)), 300), 422},
		"300 MB of empty lines":    {bytes.Repeat(gzipped(t, bodyOf("", "\n", 1<<20)), 300), 400},
		"a list of four million":   {gzipped(t, strings.NewReader(head+strings.Repeat("0,", 4_000_000)+"0]}\n")), 400},
		"lists of nothing":         {gzipped(t, strings.NewReader(head+strings.Repeat("null,", 1_600_000)+"0]}\n")), 400},
		"three long lists":         {gzipped(t, strings.NewReader(head+strings.Repeat("0,", 1_300_000)+`0],"max":[`+strings.Repeat("0,", 1_300_000)+`0],"known_s":[`+strings.Repeat("0,", 1_300_000)+"0]}\n")), 400},
		"keys without end":         {gzipped(t, strings.NewReader("{"+strings.Repeat(`"avg":[0],`, 800_000)+`"x":0}`+"\n")), 400},
		"a bomb in a bomb":         {gzipped(t, bytes.NewReader(gzipped(t, bodyOf("", "0", 10<<20)))), 400},
		"brackets":                 {gzipped(t, strings.NewReader(strings.Repeat("[", 7<<20))), 400},
		"the longest that is good": {gzipped(t, strings.NewReader(head+strings.Repeat("0,", 199_999)+"0]}\n")), 200},
	}
	r := fullRig(t)
	for name, b := range bombs {
		var resp *http.Response
		grown := peakOf(func() {
			resp = r.hand("POST", "/api/v1/import", stranger, bytes.NewReader(b.body), "Authorization", "Bearer "+adminToken, "Content-Type", "application/x-ndjson", "Content-Encoding", "gzip")
		})
		t.Logf("%s, %d kB packed: %d, it took %d MB", name, len(b.body)>>10, resp.StatusCode, grown>>20)
		if resp.StatusCode != b.status || grown > mostGrown && b.status >= 400 {
			t.Errorf("%s: %d, want %d; it took %d MB: %s", name, resp.StatusCode, b.status, grown>>20, readAllText(t, resp))
		}
		grown = peakOf(func() {
			for _, line := range r.Routes() { // the others do not unpack
				if line.Method != http.MethodPost || line.Path == "/api/v1/import" || strings.HasPrefix(line.Path, "/prometheus/") {
					continue
				}
				token, kind := adminToken, "application/json"
				if line.Path == "/api/v1/agent" { // which does
					token, kind = agentToken, "application/x-ndjson"
				}
				resp = r.hand("POST", concrete(line.Path), "198.51.100.77", bytes.NewReader(b.body), "Authorization", "Bearer "+token, "Content-Type", kind, "Content-Encoding", "gzip")
				if resp.StatusCode >= 500 || kind != "application/json" && resp.StatusCode < 400 {
					t.Errorf("%s to %s: %d", name, line.Path, resp.StatusCode)
				}
			}
		})
		if grown > mostGrown {
			t.Errorf("%s elsewhere took %d MB", name, grown>>20)
		}
	}
}

// hostileQueries go to every route that is read.
func hostileQueries() []string {
	ports := make([]string, 0, 5001)
	for i := range 5001 {
		ports = append(ports, fmt.Sprintf("port=Gi%d", i))
	}
	return []string{
		"device=sw-acc-1&" + strings.Join(ports, "&"), "device=sw-acc-1&" + strings.Repeat("port=Gi1/0/1&", 5000), strings.Repeat("device=sw-acc-1&", 5000),
		strings.Repeat("metrics=in_bps,", 5000), "device=sw-acc-1&metrics=" + strings.Repeat("in_bps,", 5000), "q=" + strings.Repeat("a", 1<<20), strings.Repeat("&", 100_000), strings.Repeat("%00", 10_000), strings.Repeat(";", 10_000),
		"q=" + strings.Repeat("(a%2B)%2B", 1000), "cursor=" + strings.Repeat("A", 1<<20), "device=sw-acc-1&port=" + strings.Repeat("x", 1<<20),
		"group=all&from=-10y&width=4096", "device=bdr-1&port=Gi1&from=-10y&to=now&width=4096", "device=bdr-1&from=-10y&usual=1", "limit=5000&n=1000", "n=99999999999999999999", "limit=99999999999", "w=99999&h=99999&device=bdr-1", "width=-1&device=bdr-1", "months=120&group=all", "months=1000000&group=all", "month=0001-01&group=all", "month=999999-01",
		"from=9999999999999999999&device=bdr-1", "from=-99999999999y&device=bdr-1", "from=1e309&device=bdr-1", "from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z&device=bdr-1", "at=-99999y&device=bdr-1&port=x",
	}
}

// No query, however long or wide, brings a route down, is an error of ours, or takes much
// memory; what is answered is bounded.
func TestHostileQueriesAreBounded(t *testing.T) {
	r := fullRig(t)
	for _, line := range r.Routes() {
		if line.Method != http.MethodGet || line.Path == "/api/v1/events" || strings.HasPrefix(line.Path, "/prometheus/") {
			continue
		}
		path := strings.ReplaceAll(concrete(line.Path), "sw-1", "sw-acc-1")
		grown := peakOf(func() {
			for _, q := range hostileQueries() {
				resp := r.hand("GET", path+"?"+q, "198.51.100.77", http.NoBody, "Authorization", "Bearer "+adminToken)
				text := readAllText(t, resp)
				if resp.StatusCode >= 500 {
					t.Errorf("%s?%.60s: %d: %.300s", path, q, resp.StatusCode, text)
				}
				if n := len(text); n > 8<<20 || resp.StatusCode >= 400 && n > 64<<10 {
					t.Errorf("%s?%.60s: %d with %d octets", path, q, resp.StatusCode, n)
				}
			}
		})
		if grown > mostGrown {
			t.Errorf("%s took %d MB", path, grown>>20)
		}
	}
}

// Ten years are answered within the width, more are refused.
func TestTenYearsAreWithinTheWidthAndElevenRefused(t *testing.T) {
	r := fullRig(t)
	get := func(path string) *http.Response {
		return r.hand("GET", path, stranger, http.NoBody, "Authorization", "Bearer "+adminToken)
	}
	for _, width := range []string{"1", "100", "4096"} {
		var got struct {
			Series map[string]struct{ Avg, Max []*float64 }
		}
		resp := get("/api/v1/series?device=bdr-1&port=Gi1&from=-10y&width=" + width)
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != 200 {
			t.Fatal(resp.StatusCode, err)
		}
		if r.store.last.Width > 4096 {
			t.Errorf("width %s: the store is asked for %d values", width, r.store.last.Width)
		}
	}
	for _, path := range []string{"/api/v1/series?device=bdr-1&port=Gi1", "/api/v1/graph.svg?device=bdr-1&port=Gi1", "/api/v1/graph.png?device=bdr-1&port=Gi1", "/api/v1/changes?device=bdr-1&port=Gi1"} {
		for from, want := range map[string]int{"-10y": 200, "-11y": 400, "now&to=-1h": 400, "0": 400, "x": 400} {
			if got := get(path + "&from=" + from).StatusCode; got != want {
				t.Errorf("%s&from=%s: %d, want %d", path, from, got, want)
			}
		}
	}
	if got := get("/api/v1/series?device=bdr-1&port=Gi1&width=4097").StatusCode; got != 422 {
		t.Errorf("a width of 4097: %d, want 422", got)
	}
	if got := get("/api/v1/backtest?from=-10y").StatusCode; got != 400 {
		t.Errorf("a backtest of ten years: %d, want 400", got)
	}
	var many strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&many, "&port=Gi%d", i)
	}
	if got := get("/api/v1/series?device=bdr-1" + many.String()).StatusCode; got != 422 {
		t.Errorf("nine thousand ports: %d, want 422", got)
	}
	if got := get("/api/v1/series?device=bdr-1" + many.String() + many.String()).StatusCode; got < 400 || got >= 500 {
		t.Errorf("eighteen thousand ports: %d", got)
	}
}

// Other ways to write a path, a method or a caller lead nowhere else.
func TestTricksWithPathsAndHeaders(t *testing.T) {
	r := fullRig(t)
	for _, path := range []string{
		"//", "///", "//api/v1/devices", "/api//v1/devices", "/./api/v1/devices", "/x/../api/v1/devices", "/assets/../api/v1/devices", "/assets/%2e%2e/api/v1/devices", "/assets/..%2fapi/v1/devices", "/assets/..%5c..%5cetc/passwd", "/assets/%2e%2e/%2e%2e/go.mod",
		"/-/healthy/../../api/v1/devices", "/-/healthy%2f..%2f..%2fapi/v1/devices", "/login/../api/v1/devices", "/login%2f..%2fapi%2fv1%2fdevices", "/login;/api/v1/devices", "/api/v1/devices;x=/login", "/api/v1/devices%00", "/login%00/api/v1/devices", "/api/v1/devices%20", "/api/v1/devices/.", "/API/V1/DEVICES", "/api/v1/devices?x=/assets/", "/api/v1%2fdevices",
		"/api/v1/devices/%2e%2e%2fports", "/docs/..%2f..%2fgo.mod", "/docs/%2e%2e", "/%61pi/v1/devices", "/api/v1/devices/sw-1%2f..%2f..", "/assets/", "/assets//", "/assets/%00",
	} {
		resp := r.hand("GET", path, stranger, http.NoBody)
		to := resp.Header.Get("Location")
		if resp.StatusCode < 300 || resp.StatusCode >= 500 || to != "" && (!strings.HasPrefix(to, "/login?next=%2F") || strings.HasPrefix(to, "/login?next=%2F%2F") && !strings.HasPrefix(path, "//")) {
			t.Errorf("GET %s: %d %s", path, resp.StatusCode, to)
		}
	}
	was := r.board.Dropped()
	for _, method := range []string{"HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND", "CONNECT", "get", "GE T"} {
		for _, path := range []string{"/api/v1/devices", "/", "/api/v1/silences", "/api/v1/backup", "/metrics"} {
			req := httptest.NewRequest("GET", path, http.NoBody)
			req.Method, req.Host, req.RemoteAddr = method, "192.0.2.10:8080", stranger+":1"
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if w.Code != 401 && w.Code != 303 {
				t.Errorf("%s %s: %d, want 401", method, path, w.Code)
			}
		}
	}
	if r.board.Dropped() != was {
		t.Error("the board has changed")
	}
	for _, header := range [][2]string{{"X-HTTP-Method-Override", "POST"}, {"X-HTTP-Method", "DELETE"}, {"X-Method-Override", "POST"}, {"_method", "POST"}} {
		resp := r.hand("GET", "/api/v1/backup?_method=POST", stranger, http.NoBody, "Authorization", "Bearer "+adminToken, header[0], header[1])
		if resp.StatusCode != 405 {
			t.Errorf("GET of a route that is posted to, with %s: %d, want 405", header[0], resp.StatusCode)
		}
	}
	for _, h := range [][]string{
		{"X-Forwarded-For", "192.0.2.1"}, {"X-Real-IP", "192.0.2.1"}, {"Forwarded", "for=192.0.2.1"}, {"X-Original-URL", "/login"}, {"X-Rewrite-URL", "/login"}, {"X-Forwarded-Host", "127.0.0.1"}, {"X-Forwarded-User", "ann"}, {"X-Remote-User", "ann"}, {"Remote-User", "ann"}, {"Client-IP", "192.0.2.1"}, {"True-Client-IP", "192.0.2.1"}, {"CF-Connecting-IP", "127.0.0.1"}, {"Origin", "http://192.0.2.10:8080"}, {"Cookie", "spate_session=; spate_session=e30"},
	} {
		for _, path := range []string{"/", "/api/v1/devices", "/metrics"} {
			if got := r.hand("GET", path, stranger, http.NoBody, h...).StatusCode; got != 401 && got != 303 {
				t.Errorf("%s with %s: %d", path, h[0], got)
			}
		}
	}
	var codes []int // a guesser who writes another address on each
	for i := range 15 {
		codes = append(codes, r.hand("GET", "/api/v1/devices", "203.0.113.66", http.NoBody, "Authorization", "Bearer guess", "X-Forwarded-For", fmt.Sprintf("10.0.0.%d", i)).StatusCode)
	}
	if !slices.Equal(codes[9:12], []int{401, 429, 429}) {
		t.Errorf("guesses under forged addresses: %v", codes)
	}
	if got := r.hand("POST", "/login", stranger, strings.NewReader(url.Values{"name": {"ann"}, "password": {password}}.Encode()), "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example").StatusCode; got != 403 {
		t.Errorf("a login from another page: %d, want 403", got)
	}
}

// A stuck is a caller who asks and does not read.
type stuck struct {
	*httptest.ResponseRecorder
	writing chan<- int // of octets
	read    <-chan struct{}
}

func (w *stuck) Write(b []byte) (int, error) {
	w.writing <- len(b)
	<-w.read
	return w.ResponseRecorder.Write(b)
}

// Answers that nobody takes do not fill the memory: beyond a bound, large ones are
// refused and small ones are not.
func TestAnswersThatNobodyTakesAreBounded(t *testing.T) {
	r := fullRig(t)
	get := func(path string) *http.Response {
		return r.hand("GET", path, stranger, http.NoBody, "Authorization", "Bearer "+adminToken)
	}
	const list = "/api/v1/ports?limit=5000"
	read, writing := make(chan struct{}), make(chan int)
	ended := make(chan int, 1000)
	held, callers := 0, 0
	for refused := false; !refused && callers < 1000; callers++ {
		go func() {
			w := &stuck{httptest.NewRecorder(), writing, read}
			req := httptest.NewRequest("GET", list, http.NoBody)
			req.Host, req.RemoteAddr = "192.0.2.10:8080", stranger+":1"
			req.Header.Set("Authorization", "Bearer "+adminToken)
			r.ServeHTTP(w, req)
			ended <- w.Code
		}()
		n := <-writing
		held += n
		refused = n < 4096
	}
	if held > 130<<20 || callers < 20 {
		t.Errorf("%d callers hold %d MB", callers, held>>20)
	}
	if resp := get(list); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one more: %d, want 503", resp.StatusCode)
	} else if text := readAllText(t, resp); !json.Valid([]byte(text)) || resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("it is said so: %q", text)
	}
	if resp := r.hand("GET", list+"&format=csv", stranger, http.NoBody, "Authorization", "Bearer "+adminToken, "Accept-Encoding", "gzip"); resp.StatusCode == 503 && resp.Header.Get("Content-Disposition")+resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("headers of the answer it is not: %v", resp.Header)
	}
	for _, path := range []string{"/api/v1/top", "/api/v1/status", "/-/healthy"} {
		if got := get(path).StatusCode; got != 200 {
			t.Errorf("%s meanwhile: %d", path, got)
		}
	}
	close(read)
	for range callers {
		<-ended
	}
	if got := get(list).StatusCode; got != 200 {
		t.Errorf("after they have read: %d", got)
	}
	t.Logf("%d callers held %d MB", callers, held>>20)
}

// Requests as no client writes them, octet by octet, by somebody without a credential.
func TestRequestsThatNoClientWrites(t *testing.T) {
	r := fullRig(t)
	addr := r.running(t)
	const host = "Host: 192.0.2.10:8080\r\n"
	for name, tt := range map[string]struct {
		text   string
		status []int
	}{
		"a query of 1 MB":                 {"GET /api/v1/series?q=" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\n" + host + "\r\n", []int{431}},
		"100,000 headers":                 {"GET / HTTP/1.1\r\n" + host + strings.Repeat("a: b\r\n", 100_000) + "\r\n", []int{431}},
		"a header without end":            {"GET / HTTP/1.1\r\n" + host + "a: " + strings.Repeat("b", 1<<20), []int{431}},
		"OPTIONS *":                       {"OPTIONS * HTTP/1.1\r\n" + host + "\r\n", []int{401, 303}},
		"CONNECT":                         {"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", []int{401, 303}},
		"TRACE":                           {"TRACE / HTTP/1.1\r\n" + host + "\r\n", []int{401, 303}},
		"as of a proxy":                   {"GET http://evil.example/api/v1/devices HTTP/1.1\r\n" + host + "\r\n", []int{401}},
		"as of a proxy, to us":            {"GET http://127.0.0.1/login/../api/v1/devices HTTP/1.1\r\nHost: evil.example\r\n\r\n", []int{401, 303}},
		"NUL in the path":                 {"GET /api/v1/devices\x00 HTTP/1.1\r\n" + host + "\r\n", []int{400}},
		"NUL, in code":                    {"GET /assets/spate.css%00 HTTP/1.1\r\n" + host + "\r\n", []int{404}},
		"no Host":                         {"GET /api/v1/devices HTTP/1.1\r\n\r\n", []int{400}},
		"two Hosts":                       {"GET /api/v1/devices HTTP/1.1\r\n" + host + "Host: 127.0.0.1\r\n\r\n", []int{400}},
		"HTTP/1.0 without Host":           {"GET /api/v1/devices HTTP/1.0\r\n\r\n", []int{401}},
		"HTTP/0.9":                        {"GET /\r\n\r\n", []int{400}},
		"HTTP/2 at once":                  {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{400, 401, 505, 303}},
		"an upgrade":                      {"GET /api/v1/devices HTTP/1.1\r\n" + host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", []int{401}},
		"two lengths":                     {"POST /login HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nname=a", []int{400}},
		"a length below zero":             {"POST /login HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", []int{400}},
		"a length and pieces":             {"POST /api/v1/backup HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v1/devices HTTP/1.1\r\n" + host + "\r\n", []int{400, 401}},
		"pieces of another kind":          {"POST /api/v1/backup HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n", []int{501, 400}},
		"a blank before the colon":        {"GET /api/v1/devices HTTP/1.1\r\n" + host + "Authorization : x\r\n\r\n", []int{400}},
		"a line break in a header":        {"GET /api/v1/devices HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n", []int{400, 401}},
		"a fragment":                      {"GET /api/v1/devices#/assets/ HTTP/1.1\r\n" + host + "\r\n", []int{401, 404, 400}},
		"a path that does not begin":      {"GET api/v1/devices HTTP/1.1\r\n" + host + "\r\n", []int{400}},
		"100 MB, if we like to have them": {"POST /api/v1/import HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 104857600\r\n\r\n", []int{401}},
		"a piece of 100 MB":               {"POST /api/v1/import HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n6400000\r\n", []int{401}},
		"nonsense":                        {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", []int{400}},
		"a way out of the URL":            {"GET /login?next=//evil.example HTTP/1.1\r\n" + host + "\r\n", []int{200}},
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		go func() { _, _ = io.WriteString(c, tt.text) }() // which may be cut off
		if name == "nonsense" {
			_, _ = io.WriteString(c, "\r\n\r\n")
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		c.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Contains(tt.status, resp.StatusCode) {
			t.Errorf("%s: %d, want %v", name, resp.StatusCode, tt.status)
		}
		if to := resp.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/login?next=") {
			t.Errorf("%s leads to %s", name, to)
		}
	}
}
