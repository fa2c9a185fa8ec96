package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"spate"
	"spate/cmd/spate/config"
)

const (
	askedAround = 16   // configured devices at once
	mostAround  = 4096 // addresses that are then tried
)

// around are the addresses that the tables of the configured devices tell and no
// configured device has. Devices that do not answer are told and passed over.
func (a *app) around(ctx context.Context, cfg *config.Config, neighbours, arp bool) ([]netip.Prefix, error) {
	if len(cfg.Targets) == 0 {
		return nil, errors.New("no device is configured whose neighbours could be asked for: give a network such as 192.0.2.0/24")
	}
	asking := newAsking(cfg.Poller)
	defer asking.sockets.Close()
	b := a.progress("asking devices for their neighbours")
	var mu sync.Mutex
	known, found := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(askedAround)
	for _, t := range cfg.Targets {
		group.Go(func() error {
			tables, err := asking.poller.Tables(ctx, t)
			mu.Lock()
			defer mu.Unlock()
			done++
			b.count(done, len(cfg.Targets))
			if err != nil && ctx.Err() == nil {
				fmt.Fprintln(a.err, printable(err.Error()))
			}
			if addr, err := netip.ParseAddr(t.Device.Address); err == nil {
				known[addr] = true
			}
			if tables != nil {
				told(tables, neighbours, arp, known, found)
			}
			return ctx.Err()
		})
	}
	err := group.Wait()
	b.done()
	if err != nil {
		return nil, err
	}
	var out []netip.Prefix
	for addr := range found {
		if !known[addr] {
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
		}
	}
	slices.SortFunc(out, func(x, y netip.Prefix) int { return x.Addr().Compare(y.Addr()) })
	if len(out) > mostAround {
		return nil, fmt.Errorf("%d addresses are around, more than the %d that are tried at once: leave -arp out, or give networks", len(out), mostAround)
	}
	return out, nil
}

// told sorts a device's own addresses and those around it.
func told(t *spate.Tables, neighbours, arp bool, known, found map[netip.Addr]bool) {
	for _, a := range t.Addresses {
		known[a] = true
	}
	add := func(a netip.Addr) {
		if a = a.Unmap(); a.IsGlobalUnicast() {
			found[a] = true
		}
	}
	for i := range t.Neighbours {
		n := &t.Neighbours[i]
		if !neighbours || n.Capabilities&spate.CanPhone != 0 {
			continue
		}
		for _, a := range n.Addresses {
			add(a)
		}
	}
	for _, b := range t.Bindings {
		if arp {
			add(b.IP)
		}
	}
}
