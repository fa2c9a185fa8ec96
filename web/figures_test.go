package web_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

func zipped(t testing.TB, text []byte) int {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}

func zippedFiles(t testing.TB, files ...string) (total int) {
	t.Helper()
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join("assets", f))
		if err != nil {
			t.Skipf("%s: %v (the chart bundle wants npm)", f, err)
		}
		total += zipped(t, text)
	}
	return total
}

func TestScriptsStaySmall(t *testing.T) {
	if n := zippedFiles(t, "page.js", "events.js", "wall.js"); n >= 8<<10 {
		t.Errorf("the wall's own scripts are %d octets with gzip, want less than 8 KB", n)
	}
	if n := zippedFiles(t, "page.js", "events.js", "live.js", "bundle/chart.js"); n >= 40<<10 {
		t.Errorf("the scripts of a port's page are %d octets with gzip, want less than 40 KB", n)
	}
}

func TestAPageOfFourHundredPortsIsSmall(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	r.board.Accept(t.Context(), round("sw-1", time.Now(), 400))
	if n := zipped(t, []byte(body(t, r.get(t, "/devices/sw-1")))); n >= 150<<10 {
		t.Errorf("%d octets with gzip, want less than 150 KB", n)
	}
}

// BenchmarkPages are the figures of pages in a browser at 1920x1080, the worst of
// all looks: first paint, and until everything stands there, charts too.
func BenchmarkPages(b *testing.B) {
	n := newNetwork()
	r := newRig(b, n.devices...)
	n.fill(b.Context(), r.board.Accept, time.Now())
	br := newBrowser(b, r.running(b))
	for _, p := range []struct{ name, path, ready string }{
		{"wall", "/", "true"},
		{"port", longPort + "&from=-24h", `document.querySelectorAll(".u-over").length === 3`},
		{"device", "/devices/sw-acc-7", "true"},
	} {
		b.Run(p.name, func(b *testing.B) {
			paint, done := 0.0, 0.0
			for b.Loop() {
				br.open(b, p.path, 1920, 1080, "dark")
				br.await(b, `performance.getEntriesByName("first-contentful-paint").length > 0 && `+p.ready+` && (window.done ||= performance.now()) > 0`)
				paint = max(paint, ask[float64](b, br, `performance.getEntriesByName("first-contentful-paint")[0].startTime`))
				done = max(done, ask[float64](b, br, `window.done`))
			}
			b.ReportMetric(paint, "ms-first-paint")
			b.ReportMetric(done, "ms-complete")
		})
	}
}

// TestPagesWorkWithoutScripts has a browser that runs none.
func TestPagesWorkWithoutScripts(t *testing.T) {
	_, _, b := provider(t)
	if _, err := chromedp.Call(b.patience(t), emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/": ".busy tbody tr", longPort: ".plot img", "/devices/sw-acc-7": ".ports tbody tr", "/alerts": "h1", "/docs/": ".doc"} {
		b.open(t, path, 1440, 900, "light")
		if n := ask[float64](t, b, fmt.Sprintf("document.querySelectorAll(%q).length", want)); n < 1 {
			t.Errorf("%s shows no %s without scripts", path, want)
		}
	}
}

// playback is a server whose stream of the wall runs as fast as it can be read.
type playback struct {
	beats int
	base  []byte
	sent  chan int
}

// ServeHTTP streams beats; each fiftieth brings another incident, for one beat.
func (p *playback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	fmt.Fprint(w, "retry: 1000\n\n")
	for i := range p.beats {
		bands := "[]"
		if i%50 == 49 {
			bands = fmt.Sprintf(`[{"id":"%d","href":"/incidents/%d","level":"bad","glyph":"▲","title":"host %d is flooding","rate":"9 Mb/s","line":"x","since":"now","path":[{"name":"a","strong":true,"on":"b"}]}]`, i, i, i)
		}
		wall := bytes.Replace(p.base, []byte(`"bands":null`), []byte(`"bands":`+bands), 1)
		wall = bytes.Replace(wall, []byte(`"polled":"`), []byte(fmt.Sprintf(`"polled":"%d `, i)), 1)
		if _, err := fmt.Fprintf(w, "id: %d\nevent: wall\ndata: %s\n\n", i+1, wall); err != nil || flush.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(15 * time.Millisecond):
		}
	}
	p.sent <- p.beats
	<-r.Context().Done()
}

// TestTheWallRunsForADay plays beats to the page: its heap stays flat, no incident is
// missed. SPATE_LONG plays a day of one every ten seconds.
func TestTheWallRunsForADay(t *testing.T) {
	beats := 600
	if os.Getenv("SPATE_LONG") != "" {
		beats = 8640
	}
	n := newNetwork()
	r := newRig(t, n.devices...)
	n.fill(t.Context(), r.board.Accept, time.Now())
	p := &playback{beats: beats, base: r.WallJSON(t.Context()), sent: make(chan int, 1)}
	real, err := url.Parse("http://" + r.running(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(real)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasPrefix(q.URL.Path, "/api/v1/events") {
			p.ServeHTTP(w, q)
			return
		}
		q.Host = real.Host
		proxy.ServeHTTP(w, q)
	}))
	defer front.CloseClientConnections()
	b := newBrowser(t, strings.TrimPrefix(front.URL, "http://"))
	b.open(t, "/", 1920, 1080, "dark")
	ask[bool](t, b, `(() => {
		window.seen = new Set();
		new MutationObserver(() => document.querySelectorAll("[data-wall=bands] .band").forEach((a) => window.seen.add(a.dataset.id)))
			.observe(document.querySelector("[data-wall=bands]"), { childList: true, subtree: true, attributes: true });
		return true;
	})()`)
	heap := func() float64 {
		if _, err := chromedp.Call(b.patience(t), heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			t.Fatal(err)
		}
		use, err := chromedp.Call(b.patience(t), runtime.GetHeapUsage, cdp.Empty{})
		if err != nil {
			t.Fatal(err)
		}
		return use.UsedSize
	}
	time.Sleep(3 * time.Second) // the first beats make what is kept
	before := heap()
	nodes := ask[float64](t, b, `document.getElementsByTagName("*").length`)
	select {
	case <-p.sent:
	case <-time.After(10 * time.Minute):
		t.Fatal("the beats were not read in ten minutes")
	}
	b.await(t, fmt.Sprintf(`document.querySelector("[data-wall=polled]").textContent.startsWith("%d ")`, beats-1))
	after := heap()
	t.Logf("%d beats: heap %.2f MB, then %.2f MB", beats, before/1e6, after/1e6)
	if after > 1.2*before+1e6 {
		t.Errorf("the heap grew from %.2f to %.2f MB", before/1e6, after/1e6)
	}
	if now := ask[float64](t, b, `document.getElementsByTagName("*").length`); now > nodes+20 {
		t.Errorf("%v elements became %v", nodes, now)
	}
	if got := ask[float64](t, b, `window.seen.size`); int(got) < beats/50-3 { // those of the first moment came before anybody looked
		t.Errorf("%v of %d incidents were seen", got, beats/50)
	}
	if got := b.complaints(); len(got) > 0 {
		t.Errorf("the console: %q", got)
	}
}

// shut ends a server that has callers who come again as soon as they are cut off: Close
// alone would wait for them for ever.
func shut(s *httptest.Server) {
	_ = s.Listener.Close()
	gone := make(chan struct{})
	go func() { s.Close(); close(gone) }()
	for {
		s.CloseClientConnections()
		select {
		case <-gone:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestTheWallComesBackAfterARestart ends the server and starts another on its port.
func TestTheWallComesBackAfterARestart(t *testing.T) {
	n := newNetwork()
	r := newRig(t, n.devices...)
	n.fill(t.Context(), r.board.Accept, time.Now())
	first := httptest.NewServer(r)
	addr := first.Listener.Addr().String()
	b := newBrowser(t, addr)
	b.open(t, "/", 1920, 1080, "dark")
	ask[bool](t, b, `(window.kept = true)`)
	shut(first)
	b.await(t, `document.querySelector("[data-wall=lost]").textContent === "reconnecting"`)
	second := newRig(t, n.devices...)
	n.fill(t.Context(), second.board.Accept, time.Now())
	began := time.Now()
	second.runningAt(t, addr)
	b.await(t, `document.querySelector("[data-wall=lost]").textContent === ""`)
	took := time.Since(began)
	t.Logf("back after %v", took)
	if took > within(5*time.Second) {
		t.Errorf("back after %v, want 5 s", took)
	}
	b.complaints() // of the time in which nobody listened
}
