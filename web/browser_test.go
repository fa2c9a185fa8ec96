package web_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"spate"
)

// A browser is one headless chromium with one tab, and what it complained of.
type browser struct {
	ctx  context.Context
	base string

	mu     sync.Mutex
	faults []string
}

func newBrowser(t *testing.T, addr string) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser is not started with -short")
	}
	path := chromium()
	if path == "" {
		t.Skip("no chromium found: install it to run the tests that look at the pages")
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(),
		append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.DisableGPU)...)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() { stop(); stopAlloc() })
	b := &browser{ctx: ctx, base: "http://" + addr}
	if err := chromedp.Do(ctx); err != nil { // the first Run must not carry a timeout
		t.Fatalf("start chromium: %v", err)
	}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	return b
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// note keeps what a reader of the console would frown at.
func (b *browser) note(event any) {
	var fault string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = e.ExceptionDetails.Text + fmt.Sprint(e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			fault = fmt.Sprintf("console %s", e.Type)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			fault = e.Entry.Text + " " + e.Entry.URL
		}
	}
	if fault != "" {
		b.mu.Lock()
		b.faults = append(b.faults, fault)
		b.mu.Unlock()
	}
}

func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.faults
	b.faults = nil
	return got
}

func (b *browser) within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(b.ctx, d)
	t.Cleanup(cancel)
	return ctx
}

// open loads a page at a size, in a theme ("" is what a newcomer has).
func (b *browser) open(t *testing.T, path string, w, h int64, theme string) {
	t.Helper()
	ctx := b.within(t, 20*time.Second)
	cookie := network.SetCookieParams{Name: "spate_theme", Value: theme, URL: b.base}
	if _, err := chromedp.Call(ctx, network.SetCookie, cookie); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(w, h), chromedp.Navigate(b.base+path)); err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
}

// ask evaluates an expression in the page.
func ask[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	v, err := chromedp.Run(b.within(t, 20*time.Second), chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// await waits until an expression is true.
func (b *browser) await(t *testing.T, expression string) {
	t.Helper()
	ctx := b.within(t, 20*time.Second)
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(100*time.Millisecond)))
		switch {
		case err == nil:
			return
		case ctx.Err() != nil || !strings.Contains(err.Error(), "context"): // a page that is left takes its context along
			t.Fatalf("waiting for %s: %v", expression, err)
		}
	}
}

func (b *browser) screenshot(t *testing.T, name string, whole bool) {
	t.Helper()
	dir := os.Getenv("SPATE_LOOK")
	if dir == "" {
		return
	}
	shot := chromedp.CaptureScreenshot()
	if whole {
		shot = chromedp.FullScreenshot(100)
	}
	png, err := chromedp.Run(b.within(t, 20*time.Second), shot)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// provider is a running server of the provider's network.
func provider(t *testing.T) (*rig, *network40, *browser) {
	t.Helper()
	n := newNetwork()
	r := newRig(t, n.devices...)
	n.fill(t.Context(), r.board.Accept, time.Now())
	return r, n, newBrowser(t, r.running(t))
}

const longPort = "/port?device=bdr-2&port=xe-0/0/0"

func TestWallFitsTheScreenAndMoves(t *testing.T) {
	r, n, b := provider(t)
	for _, size := range [][2]int64{{1280, 720}, {1920, 1080}, {3840, 2160}, {1280, 1024}} {
		for _, theme := range []string{"dark", "light"} {
			name := fmt.Sprintf("wall-%d-%s", size[1], theme)
			b.open(t, "/", size[0], size[1], theme)
			b.screenshot(t, name, false)
			if size[1] == 1080 {
				if bad := b.violations(t); len(bad) > 0 {
					t.Errorf("%s: axe-core says %s", name, strings.Join(bad, "; "))
				}
			}
			over := ask[[]float64](t, b, `[document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight,
				document.querySelector("main").scrollHeight - document.querySelector("main").clientHeight,
				document.querySelector("main").scrollWidth - document.querySelector("main").clientWidth]`)
			for i, v := range over {
				if v > 0 {
					t.Errorf("%s: %s by %v px", name, []string{"scrolls sideways", "scrolls down", "rows are cut off", "columns are cut off"}[i], v)
				}
			}
		}
	}
	first := ask[string](t, b, `document.querySelector(".busy .big").textContent`)
	for d := range n.devices {
		for id := range n.loads {
			if id.Device == n.devices[d].Name {
				n.loads[id] *= 0.5
			}
		}
		if d != 9 && d != 31 {
			r.board.Accept(t.Context(), n.round(d, time.Now()))
		}
	}
	b.await(t, fmt.Sprintf(`document.querySelector(".busy .big").textContent !== %q`, first))
	if got := b.complaints(); len(got) > 0 {
		t.Errorf("the console: %q", got)
	}
}

func TestPagesRenderInBothThemes(t *testing.T) {
	r, n, b := provider(t)
	pages := map[string]string{
		"devices": "/devices", "device": "/devices/sw-acc-7", "device-silent": "/devices/sw-acc-10", "port": longPort,
		"port-gap": "/port?device=sw-acc-7&port=Gi1/0/4", "status": "/status", "search": "/search?q=web-host", "missing": "/devices/nope",
	}
	for name, path := range pages {
		for _, theme := range []string{"dark", "light"} {
			n.fill(t.Context(), r.board.Accept, time.Now())
			b.open(t, path, 1440, 900, theme)
			if name == "port" && ask[bool](t, b, `document.querySelector('script[src*="chart.js"]') !== null`) {
				b.await(t, `document.querySelectorAll(".u-over").length === 3`)
			}
			b.screenshot(t, name+"-"+theme, true)
			if wide := ask[float64](t, b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
				t.Errorf("%s scrolls sideways by %v px", name, wide)
			}
			if bad := b.violations(t); len(bad) > 0 {
				t.Errorf("%s %s: axe-core says %s", name, theme, strings.Join(bad, "; "))
			}
			for _, fault := range b.complaints() {
				if name != "missing" || !strings.Contains(fault, "404") {
					t.Errorf("%s %s: the console: %s", name, theme, fault)
				}
			}
		}
	}
	r.store.empty = true
	b.open(t, longPort, 1440, 900, "dark")
	b.screenshot(t, "port-empty-dark", true)
	r.board.Configure(nil)
	b.open(t, "/", 1920, 1080, "dark")
	b.screenshot(t, "wall-none-dark", false)
	b.open(t, "/devices", 1440, 900, "light")
	b.screenshot(t, "devices-none-light", true)
}

func TestFiguresOfAPageMoveAndKeysWork(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	r.board.Accept(t.Context(), loads(50, 40))
	b := newBrowser(t, r.running(t))
	b.open(t, "/devices/sw-1", 1440, 900, "dark")
	b.await(t, `document.querySelector('[data-rate="in_bps"]').textContent === "50\u202fMb/s"`)
	b.awaitReader(t, r)
	r.board.Accept(t.Context(), loads(912, 40))
	b.await(t, `document.querySelector('[data-rate="in_bps"]').textContent === "912\u202fMb/s"`)
	b.await(t, `document.querySelector('[data-rate="percent"]').textContent === "91\u202f%"`)
	b.await(t, `document.querySelector("svg.bar").getAttribute("class") === "bar high"`)

	for _, v := range []float64{0, 0.02, 0.6, 1, 9.994, 9.995, 9.996, 99.94, 99.95, 99.96, 123.4, 999.4, 999.5, 1000, 1234, 12345, 1e6, 912e6, 1.26e9, 4.1e12} {
		got := ask[string](t, b, fmt.Sprintf(`import("/assets/live.js").then(m => m.format(%v, "b/s"))`, v))
		if want := strings.ReplaceAll(spate.FormatSI(v, "b/s"), " ", "\u202f"); got != want {
			t.Errorf("the browser writes %v as %q, the server as %q", v, got, want)
		}
	}
	keys := func(keys string) {
		if err := chromedp.Do(b.within(t, 10*time.Second), chromedp.KeyEvent(keys)); err != nil {
			t.Fatal(err)
		}
	}
	keys("?")
	b.await(t, `document.querySelector("dialog.keys").open`)
	b.screenshot(t, "keys-dark", false)
	ask[bool](t, b, `document.querySelector("dialog.keys").close() === undefined`)
	keys("/")
	b.await(t, `document.activeElement.name === "q"`)
	ask[bool](t, b, `document.activeElement.blur() === undefined`)
	keys("t")
	b.await(t, `document.documentElement.dataset.theme === "auto" && document.cookie.includes("spate_theme=auto")`)
	keys("g")
	keys("d")
	b.await(t, `location.pathname === "/devices"`)
	if got := b.complaints(); len(got) > 0 {
		t.Errorf("the console: %q", got)
	}
}

func TestWallReconnectsAndSaysSo(t *testing.T) {
	if testing.Short() {
		t.Skip("waits 5 s for a lost server")
	}
	r := newRig(t, dev("sw-1"))
	r.board.Accept(t.Context(), loads(50, 40))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, ln) }()
	b := newBrowser(t, ln.Addr().String())
	b.open(t, "/", 1920, 1080, "dark")
	b.awaitReader(t, r)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	b.await(t, `document.querySelector('[data-wall="lost"]').textContent === "reconnecting"`)
	b.screenshot(t, "wall-lost-dark", false)
	next := newRig(t, dev("sw-1"))
	next.board.Accept(t.Context(), loads(77, 40))
	again, err := net.Listen("tcp", ln.Addr().String())
	if err != nil {
		t.Skipf("the port was taken meanwhile: %v", err)
	}
	ctx, stop = context.WithCancel(t.Context())
	go func() { ended <- next.Run(ctx, again) }()
	defer func() { stop(); <-ended }()
	b.await(t, `document.querySelector('[data-wall="lost"]').textContent === "" && document.querySelector(".busy .big").textContent === "77\u202fMb/s"`)
}

// awaitReader waits until the page's event stream is open.
func (b *browser) awaitReader(t *testing.T, r *rig) {
	t.Helper()
	ctx := b.within(t, 15*time.Second)
	for !strings.Contains(body(t, r.get(t, "/metrics")), "spate_event_readers 1") {
		if err := chromedp.Do(ctx, chromedp.Sleep(20*time.Millisecond)); err != nil {
			t.Fatalf("no event stream: %v", err)
		}
	}
}

// violations runs axe-core in the page, where npm has brought it.
func (b *browser) violations(t *testing.T) []string {
	t.Helper()
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		return nil
	}
	if _, err := chromedp.Run(b.within(t, 20*time.Second), chromedp.Evaluate[chromedp.Void](string(axe))); err != nil {
		t.Fatal(err)
	}
	return ask[[]string](t, b, `axe.run(document).then(r => (r.passes.length < 10 ? [{id: "axe-core checked nothing", nodes: []}] : r.violations).map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ") + " " + n.failureSummary).slice(0, 3).join(" | ")))`)
}
