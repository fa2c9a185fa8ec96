package poller

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"spate"
	"spate/mibs"
)

const (
	maxScan   = 1 << 16              // addresses in one scan
	scanPace  = 5 * time.Millisecond // between first packets: 200/s
	scanAtOne = 256                  // addresses asked at once
	scanPort  = 161                  // RFC 3417, section 3.1
)

// A Found is an address that answered a scan.
type Found struct {
	Address netip.Addr
	System  spate.System
}

// Scan asks every address of the networks for its system group, at a polite
// rate, and calls found for each that answers, one at a time. progress is told
// after each address.
func (p *Poller) Scan(ctx context.Context, networks []netip.Prefix, cred Credentials, found func(Found), progress func(done, of int)) error {
	addresses, err := expand(networks)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(scanAtOne)
	pace := time.NewTicker(scanPace)
	defer pace.Stop()
	for _, a := range addresses {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-pace.C:
		}
		group.Go(func() error {
			system, ok := p.knock(ctx, netip.AddrPortFrom(a, scanPort), cred)
			mu.Lock()
			defer mu.Unlock()
			if ok {
				found(Found{Address: a, System: system})
			}
			done++
			progress(done, len(addresses))
			return nil
		})
	}
	return group.Wait()
}

// knock asks one address; an agent that says no to what it is asked is no
// device for these credentials.
func (p *Poller) knock(ctx context.Context, address netip.AddrPort, cred Credentials) (spate.System, bool) {
	raw, err := p.transport.Dial(address)
	if err != nil {
		return spate.System{}, false
	}
	s, err := p.library.dial(raw, cred, p.cfg, p.counts.reject)
	if err != nil {
		raw.Close()
		return spate.System{}, false
	}
	defer s.Close()
	if _, err := s.Get(ctx, []mibs.OID{mibs.SysUpTime.Instance(0)}); err != nil {
		return spate.System{}, false
	}
	f := &finder{walker: newWalker(s, p.counts.reject, p.counts.fell), reject: p.counts.reject}
	t, err := f.system(ctx)
	if err != nil {
		return spate.System{}, false
	}
	return t.System, true
}

// expand lists the addresses of networks, without the network and broadcast
// addresses of IPv4 networks that have them.
func expand(networks []netip.Prefix) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, n := range networks {
		n = n.Masked()
		host := n.Addr().BitLen() - n.Bits()
		if host > 16 || len(out)+1<<host > maxScan {
			return nil, fmt.Errorf("%s: more than %d addresses: scan it in parts", n, maxScan)
		}
		ends := n.Addr().Is4() && host >= 2
		for a, i := n.Addr(), 0; i < 1<<host; a, i = a.Next(), i+1 {
			if ends && (i == 0 || i == 1<<host-1) {
				continue
			}
			out = append(out, a)
		}
	}
	return out, nil
}
