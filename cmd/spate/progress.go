package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar shows how far long work is, on a terminal only: what is piped into a file
// or read by a program has no use for it.
type bar struct{ p *progressbar.ProgressBar }

const barParts = 1000

// progress begins a bar on standard error.
func (a *app) progress(what string) bar {
	if _, ok := terminal(a.err); !ok {
		return bar{}
	}
	return bar{progressbar.NewOptions(barParts, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(printable(what)),
		progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionEnableColorCodes(a.colours(a.err)), progressbar.OptionSetPredictTime(false), progressbar.OptionUseANSICodes(true))}
}

// part shows what is being done and how much of it is done, 0 to 1.
func (b bar) part(what string, part float64) {
	if b.p == nil {
		return
	}
	b.p.Describe(what)
	_ = b.p.Set(int(part * barParts))
}

// count shows how many of so many are done.
func (b bar) count(done, of int) {
	if b.p != nil && of > 0 {
		_ = b.p.Set(done * barParts / of)
	}
}

// done takes the bar off the screen.
func (b bar) done() {
	if b.p != nil {
		_ = b.p.Finish()
	}
}
