package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

const liveEvery = 2 * time.Second

// A terminal's second screen, so that what stood there before is there again after.
const (
	screenIn  = "\x1b[?1049h\x1b[?25l"
	screenOut = "\x1b[?25h\x1b[?1049l"
	screenTop = "\x1b[H"
	lineRest  = "\x1b[K" // clear what an older, longer line has left
	below     = "\x1b[J"
)

// liveTop shows the busiest ports, and what floods, until ctx ends. A server that is
// away is waited for.
func (a *app) liveTop(ctx context.Context, by string, n int, all bool) error {
	f, ok := a.out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || a.json {
		return a.misused("-live wants a terminal; without it the list is printed once")
	}
	fmt.Fprint(f, screenIn)
	defer fmt.Fprint(f, screenOut)
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	for {
		_, height, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return fmt.Errorf("the size of the terminal is not known: %w", err)
		}
		if height == 0 { // a terminal that does not say
			height = 24
		}
		if _, err := io.WriteString(f, a.liveScreen(ctx, by, min(n, max(height-4, 1)), all)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// liveScreen is one picture: what floods, then the ports.
func (a *app) liveScreen(ctx context.Context, by string, n int, all bool) string {
	width, _ := terminal(a.out)
	var text bytes.Buffer
	once := *a
	once.out = &text
	if err := once.who(ctx); err != nil && !errors.Is(err, errFlood) {
		fmt.Fprintln(&text, printable(err.Error()))
	}
	said := strings.SplitN(text.String(), "\n", 2)[0]
	text.Reset()
	if err := once.top(ctx, by, n, all); err != nil {
		text.Reset()
		fmt.Fprintln(&text, printable(err.Error()))
	}
	lines := []string{said, ""}
	lines = append(lines, strings.Split(strings.TrimRight(text.String(), "\n"), "\n")...)
	var b strings.Builder
	b.WriteString(screenTop)
	for _, line := range lines {
		if width > 0 {
			line = clip(line, width)
		}
		b.WriteString(line + lineRest + "\r\n")
	}
	b.WriteString(below + "by " + by + ", every " + liveEvery.String() + "; Ctrl-C ends it" + lineRest)
	return b.String()
}
