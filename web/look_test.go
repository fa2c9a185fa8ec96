package web_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"spate"
	"spate/web"
)

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
	r.board.SetGroups([]web.Group{{Name: "uplinks", Ports: []web.PortPattern{{Device: "bdr-*", Port: "xe-*"}}}})
	pages := map[string]string{
		"devices": "/devices", "device": "/devices/sw-acc-7", "device-silent": "/devices/sw-acc-10", "port": longPort,
		"port-gap": "/port?device=sw-acc-7&port=Gi1/0/4", "status": "/status", "search": "/search?q=web-host", "missing": "/devices/nope",
		"alerts": "/alerts", "groups": "/groups", "group": "/groups/uplinks", "users": "/devices/web-17/users", "docs": "/docs/", "docs-page": "/docs/alerts",
	}
	for name, path := range pages {
		for _, theme := range []string{"dark", "light"} {
			n.fill(t.Context(), r.board.Accept, time.Now())
			b.open(t, path, 1440, 900, theme)
			if name == "port" && ask[bool](t, b, `document.querySelector('script[src*="chart.js"]') !== null`) {
				b.await(t, `document.querySelectorAll(".u-over").length === 3`)
			}
			b.screenshot(t, name+"-"+theme, true)
			for _, width := range []int64{1440, 390} {
				if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900)); err != nil {
					t.Fatal(err)
				}
				if wide := ask[float64](t, b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
					t.Errorf("%s scrolls sideways by %v px at %d", name, wide, width)
				}
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
	ask[bool](t, b, `(window.kept = true)`)
	b.await(t, `performance.now() > 5000`) // two beats: an empty wall must not reload itself
	if !ask[bool](t, b, `window.kept === true`) {
		t.Error("the empty wall reloads itself")
	}
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
		if err := chromedp.Do(b.patience(t), chromedp.KeyEvent(keys)); err != nil {
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

func TestChartsZoomByDraggingAndGoBack(t *testing.T) {
	r := newRig(t, dev("sw-1"))
	r.board.Accept(t.Context(), loads(50, 40))
	b := newBrowser(t, r.running(t))
	b.open(t, "/port?device=sw-1&port=Gi1/0/1", 1440, 900, "dark")
	if !ask[bool](t, b, `document.querySelector('script[src*="chart.js"]') !== null`) {
		t.Skip("the charts are not bundled: make bundle")
	}
	b.await(t, `document.querySelectorAll(".u-over").length === 3`)
	box := ask[[]float64](t, b, `(() => { const r = document.querySelector(".u-over").getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()`)
	mouse := func(kind input.DispatchMouseEventType, x float64) chromedp.Action[chromedp.Void] {
		return chromedp.MouseEvent(kind, box[0]+x*box[2], box[1]+box[3]/2, chromedp.ButtonLeft)
	}
	asked := func() time.Duration {
		r.store.mu.Lock()
		defer r.store.mu.Unlock()
		return r.store.last.To.Sub(r.store.last.From)
	}
	drag := []chromedp.Action[chromedp.Void]{mouse(input.DispatchMouseEventTypeMouseMoved, 0.25), mouse(chromedp.MousePressed, 0.25)}
	for x := 0.26; x <= 0.5; x += 0.02 {
		drag = append(drag, mouse(input.DispatchMouseEventTypeMouseMoved, x))
	}
	drag = append(drag, mouse(input.DispatchMouseEventTypeMouseReleased, 0.5))
	if err := chromedp.Do(b.patience(t), drag...); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); asked() > 8*time.Hour; {
		if time.Now().After(deadline) {
			t.Fatalf("a quarter of the day was dragged, the store was asked for %s", asked())
		}
		ask[bool](t, b, `new Promise(done => setTimeout(() => done(true), 50))`)
	}
	b.await(t, `new URL(document.querySelector(".forms a").href).searchParams.get("from").endsWith("Z")`)
	b.screenshot(t, "port-zoomed", true)
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
	ctx := b.patience(t)
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
	if _, err := chromedp.Run(b.patience(t), chromedp.Evaluate[chromedp.Void](string(axe))); err != nil {
		t.Fatal(err)
	}
	return ask[[]string](t, b, `axe.run(document).then(r => (r.passes.length < 10 ? [{id: "axe-core checked nothing", nodes: []}] : r.violations).map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ") + " " + n.failureSummary).slice(0, 3).join(" | ")))`)
}

func TestPagesOfAnIncidentInABrowser(t *testing.T) {
	r, d := newIncidentRig(t)
	d.in.Notified = spate.List[spate.Delivery]{{Name: "noc", At: time.Now(), OK: true}, {Name: "chat", At: time.Now(), Error: "connection refused"}}
	d.in.Users = spate.List[spate.UserShare]{{UID: 1042, User: hostile, Share: 0.97, TxBps: 9e8}}
	d.in.Talkers = spate.List[spate.Talker]{{Src: "10.2.0.17", Dst: "203.0.113.7", Protocol: "udp", DstPort: 53, Share: 0.9, Samples: 1000}}
	b := newBrowser(t, r.running(t))
	for _, path := range []string{"/", "/alerts", "/incidents/" + d.in.ID} {
		for _, theme := range []string{"dark", "light"} {
			b.open(t, path, 1920, 1080, theme)
			b.screenshot(t, "incident"+strings.ReplaceAll(path, "/", "-")+"-"+theme, true)
			if bad := b.violations(t); len(bad) > 0 {
				t.Errorf("%s %s: axe-core says %s", path, theme, strings.Join(bad, "; "))
			}
			if got := b.complaints(); len(got) > 0 {
				t.Errorf("%s %s: the console: %q", path, theme, got)
			}
			if got := ask[string](t, b, `document.title`); !strings.HasPrefix(got, "▲1 ") {
				t.Errorf("%s: the title is %s", path, got)
			}
			if got := ask[string](t, b, `document.querySelector('link[rel="icon"]').href`); !strings.Contains(got, "trouble") {
				t.Errorf("%s: the icon is %s", path, got)
			}
		}
	}
	ask[bool](t, b, `(document.querySelectorAll(".acts summary")[1].click(), true)`)
	ask[bool](t, b, `(() => { const f = document.querySelector('input[value="expected"]').form; f.by.value = "ann"; f.querySelector("button").click(); return true; })()`)
	for ctx := b.patience(t); d.judged() == ""; {
		if err := chromedp.Do(ctx, chromedp.Sleep(20*time.Millisecond)); err != nil {
			t.Fatalf("no verdict came: %v", err)
		}
	}
	if got := d.judged(); got != "expected by ann" {
		t.Errorf("the verdict is %q", got)
	}
}

// TestTheWholeSiteByKeyboard walks every page with the Tab key: all that can be used
// is reached, and the one that has the focus can be seen.
func TestTheWholeSiteByKeyboard(t *testing.T) {
	r, d := newIncidentRig(t)
	r.board.Accept(t.Context(), round("sw-1", time.Now(), 4))
	r.board.SetGroups([]web.Group{{Name: "all", Ports: []web.PortPattern{{Device: "*", Port: "*"}}}})
	b := newBrowser(t, r.running(t))
	for _, path := range []string{"/", "/devices", "/devices/sw-1", "/port?device=sw-1&port=Gi1/0/1", "/groups", "/groups/all", "/alerts", "/incidents/" + d.in.ID, "/status", "/search?q=sw", "/map", "/docs/alerts"} {
		b.open(t, path, 1440, 900, "light")
		ask[bool](t, b, `(() => {
			window.reached = new Set();
			window.unseen = [];
			document.addEventListener("focusin", (e) => {
				window.reached.add(e.target);
				const s = getComputedStyle(e.target);
				if (s.outlineStyle === "none" && s.boxShadow === "none") window.unseen.push(e.target.outerHTML.slice(0, 80));
			});
			return true;
		})()`)
		wanted := ask[float64](t, b, `document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']").length`)
		for range int(wanted) + 3 {
			if err := chromedp.Do(b.patience(t), chromedp.KeyEvent("\t")); err != nil {
				t.Fatal(err)
			}
		}
		missed := ask[string](t, b, `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
			.filter((e) => e.checkVisibility({ contentVisibilityAuto: true }) && !e.disabled && e.tabIndex >= 0 && !window.reached.has(e)).map((e) => e.outerHTML.slice(0, 90)).slice(0, 5).join("\n")`)
		if missed != "" {
			t.Errorf("%s: not reached by Tab:\n%s", path, missed)
		}
		if unseen := ask[string](t, b, `window.unseen.slice(0, 5).join("\n")`); unseen != "" {
			t.Errorf("%s: the focus cannot be seen on:\n%s", path, unseen)
		}
	}
}

func TestTheLoginInABrowser(t *testing.T) {
	r, _, _ := closedRig(t)
	b := newBrowser(t, r.running(t))
	for _, theme := range []string{"dark", "light"} {
		b.open(t, "/alerts", 1440, 900, theme)
		if at := ask[string](t, b, `location.pathname + location.search`); at != "/login?next=%2Falerts" {
			t.Fatalf("led to %s", at)
		}
		b.screenshot(t, "login-"+theme, false)
		if bad := b.violations(t); len(bad) > 0 {
			t.Errorf("%s: axe-core says %s", theme, strings.Join(bad, "; "))
		}
	}
	ask[bool](t, b, fmt.Sprintf(`(() => { const f = document.querySelector(".login form"); f.elements.name.value = "ann"; f.elements.password.value = %q; f.querySelector("button").click(); return true; })()`, password))
	b.await(t, `location.pathname === "/alerts"`)
	ask[bool](t, b, `(() => { const f = document.querySelector("form.fields"); f.elements.device.value = "sw-9"; f.elements.reason.value = "work"; f.querySelector("button").click(); return true; })()`)
	b.await(t, `document.body.textContent.includes("device sw-9")`)
	ask[bool](t, b, `(document.querySelector('form[action="/logout"] button').click(), true)`)
	b.await(t, `location.pathname === "/login"`)
}
