package web_test

import (
	"context"
	"fmt"
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
)

// A browser is one headless chromium with one tab, and what it complained of.
type browser struct {
	ctx  context.Context
	base string

	mu     sync.Mutex
	faults []string
}

func newBrowser(t testing.TB, addr string) *browser {
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

// patience is longer than any machine needs for a step: no time that a test is about.
func (b *browser) patience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// open loads a page at a size, in a theme ("" is what a newcomer has).
func (b *browser) open(t testing.TB, path string, w, h int64, theme string) {
	t.Helper()
	ctx := b.patience(t)
	cookie := network.SetCookieParams{Name: "spate_theme", Value: theme, URL: b.base}
	if _, err := chromedp.Call(ctx, network.SetCookie, cookie); err != nil {
		t.Fatal(err)
	}
	for {
		err := chromedp.Do(ctx, chromedp.EmulateViewport(w, h), chromedp.Navigate(b.base+path))
		switch {
		case err == nil:
			return
		case ctx.Err() != nil || !strings.Contains(err.Error(), "net::ERR_ABORTED"): // the page that is left loads itself anew, just then
			t.Fatalf("open %s: %v", path, err)
		}
	}
}

// ask evaluates an expression in the page.
func ask[T any](t testing.TB, b *browser, expression string) T {
	t.Helper()
	v, err := chromedp.Run(b.patience(t), chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// await waits until an expression is true.
func (b *browser) await(t testing.TB, expression string) {
	t.Helper()
	ctx := b.patience(t)
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(100*time.Millisecond)))
		switch {
		case err == nil:
			return
		case ctx.Err() != nil || !strings.Contains(err.Error(), "context") && !strings.Contains(err.Error(), "navigated"): // a page that is left takes its context along
			t.Fatalf("waiting for %s: %v", expression, err)
		}
	}
}

func (b *browser) screenshot(t testing.TB, name string, whole bool) {
	t.Helper()
	dir := os.Getenv("SPATE_LOOK")
	if dir == "" {
		return
	}
	shot := chromedp.CaptureScreenshot()
	if whole {
		shot = chromedp.FullScreenshot(100)
	}
	png, err := chromedp.Run(b.patience(t), shot)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
