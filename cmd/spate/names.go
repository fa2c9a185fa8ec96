package main

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"spate"
)

// Reverse DNS of hosts ([hosts] reverse_dns) is asked in the background, slowly,
// and kept: nothing ever waits for a name.
const (
	namePace    = 50 * time.Millisecond // between two questions
	namePatient = 2 * time.Second
	nameKept    = 24 * time.Hour
	nameAbsent  = time.Hour // before one without a name is asked for again
	mostNames   = 200_000
)

// A namer finds names of addresses.
type namer struct {
	lookup func(ctx context.Context, addr string) ([]string, error)
	want   chan netip.Addr

	mu    sync.Mutex
	known map[netip.Addr]nameEntry
}

type nameEntry struct {
	name  string // empty: it has none
	until time.Time
	asked bool // and waits for the answer
}

func newNamer() *namer {
	return &namer{lookup: net.DefaultResolver.LookupAddr, want: make(chan netip.Addr, 1024), known: map[netip.Addr]nameEntry{}}
}

// name is what is known of an address now; one that is not known, or not any more,
// is asked for.
func (n *namer) name(a netip.Addr) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, ok := n.known[a]
	if (!ok || time.Now().After(e.until)) && !e.asked && (ok || len(n.known) < mostNames) {
		select {
		case n.want <- a:
			e.asked = true
			n.known[a] = e
		default: // too many wait; the next look asks
		}
	}
	return e.name
}

// run asks until ctx ends.
func (n *namer) run(ctx context.Context) {
	pace := time.NewTicker(namePace)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-n.want:
			n.ask(ctx, a)
		}
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
	}
}

func (n *namer) ask(ctx context.Context, a netip.Addr) {
	ctx, end := context.WithTimeout(ctx, namePatient)
	defer end()
	names, err := n.lookup(ctx, a.String())
	n.mu.Lock()
	defer n.mu.Unlock()
	e := nameEntry{until: time.Now().Add(nameAbsent)}
	if err == nil && len(names) > 0 {
		e.name, e.until = spate.Clean(strings.TrimSuffix(names[0], ".")), time.Now().Add(nameKept)
	} else {
		e.name = n.known[a].name // the resolver may be away: the old name stands
	}
	n.known[a] = e
}
