package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"spate"
	"spate/lab/fabric"
)

// TestTheWallSaysWhoFloods begins a flood and looks at the wall: at its first HTML, as
// one sees it who has no scripts, and at the band that a browser paints.
func TestTheWallSaysWhoFloods(t *testing.T) {
	if testing.Short() {
		t.Skip("a network lives for half a minute")
	}
	const interval = 2 * time.Second
	p := newPlayground(t, fabric.Shape{Seed: 5, Step: time.Second, Borders: 1, Cores: 1, Pods: 1, Access: 3, Ports: 24, Fill: 0.7}, interval, 2)
	page, end := openWall(t, p.url)
	defer end()
	var host *fabric.Host
	p.net.Net(func(n *fabric.Net) { host = quietOne(n) })
	f := p.net.Add(fabric.Flood{Kind: fabric.ToOutside, Start: p.net.Now(), End: p.net.Now().Add(10 * time.Minute), Bps: 850e6, Hosts: []*fabric.Host{host}})
	began := time.Now()
	patience := within(2*interval + 3*time.Second)
	id := f.OriginIDs()[0]

	painted := make(chan time.Duration, 1)
	if page != nil {
		go func() {
			for time.Since(began) < 3*patience {
				text, err := chromedp.Run(page, chromedp.Evaluate[string](`document.querySelector("[data-wall=bands]").innerText`))
				if err == nil && strings.Contains(text, id.Device) && strings.Contains(text, "flooding") {
					painted <- time.Since(began)
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
			close(painted)
		}()
	}
	html := ""
	took := p.wait(t, 3*patience, "the wall says it", func() bool {
		html = pageText(t, p.url)
		return strings.Contains(html, `class="band bad"`) && strings.Contains(html, id.Device+" "+id.Name)
	})
	t.Logf("in the HTML after %.1f s", took.Seconds())
	if took > patience {
		t.Errorf("in the HTML after %v, want two polls and 3 s: %v", took, patience)
	}
	in := p.incidents(t)[0]
	who := in.Origin.Hosts[0].Name
	band := html[strings.Index(html, `class="band bad"`):]
	band = band[:strings.Index(band, "</a>")]
	for _, want := range []string{who, id.Device, id.Name, "b/s"} {
		if !strings.Contains(band, want) {
			t.Errorf("the band does not say %s: %s", want, band)
		}
	}
	rateAgrees(t, html, band, id)
	if page == nil {
		return
	}
	if took, ok := <-painted; !ok || took > patience {
		t.Errorf("painted after %v, want %v", took, patience)
	} else {
		t.Logf("painted after %.1f s", took.Seconds())
	}
}

// rateAgrees compares the band's rate with that of the row of the same port: both are
// of one reading.
func rateAgrees(t *testing.T, html, band string, id spate.PortID) {
	t.Helper()
	cut := func(s, from, to string) string {
		_, s, _ = strings.Cut(s, from)
		s, _, _ = strings.Cut(s, to)
		return s
	}
	row := cut(html, `<tr class="bad">`, "</tr>")
	if rate, in := cut(band, "<strong>", "</strong>"), cut(row, `<td class="num big">`, "</td>"); rate != in || rate == "" {
		t.Errorf("the band says %q, its row %q", rate, in)
	}
}

func pageText(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// openWall has a browser look at the wall; nil where there is none.
func openWall(t *testing.T, url string) (context.Context, func()) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Log("no chromium: what is painted is not looked at")
		return nil, func() {}
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.DisableGPU)...)
	ctx, stop := chromedp.NewContext(alloc)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1920, 1080), chromedp.Navigate(url)); err != nil {
		t.Fatal(fmt.Errorf("open the wall: %w", err))
	}
	return ctx, func() { stop(); stopAlloc() }
}
