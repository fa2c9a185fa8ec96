package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"spate"
	"spate/cmd/spate/config"
	"spate/host"
	"spate/topology"
)

// agents are the machines that push: they become devices, and say which users send.
type agents struct {
	site   *site
	fleet  *host.Fleet
	book   *host.LogBook
	syslog *host.Syslog

	mu      sync.Mutex
	devices map[string]spate.Device // by the machine's name
}

// agentAddress stands where a polled device has its address; a machine that is polled too
// has another name.
const (
	agentAddress = "spate agent"
	agentSuffix  = ".agent"
)

func newAgents(s *site, cfg *config.Config, log *slog.Logger) *agents {
	a := &agents{site: s, devices: map[string]spate.Device{}, book: host.NewLogBook()}
	a.fleet = host.NewFleet(cfg.Poller.Interval, agentSink{a}, a.admit, log)
	a.syslog = host.NewSyslog(a.book, log)
	a.expect(cfg)
	for _, o := range []struct {
		name string
		n    int
	}{{"noted", host.LogNoted}, {"other", host.LogOther}, {"limited", host.LogLimited}} {
		s.metrics.NewGauge(fmt.Sprintf("spate_syslog_messages_total{outcome=%q}", o.name), func() float64 { return float64(a.syslog.Seen(o.n)) })
	}
	s.metrics.NewGauge("spate_agents", func() float64 { return float64(len(a.fleet.Machines())) })
	return a
}

// expect makes devices of the machines that have tokens, before they push.
func (a *agents) expect(cfg *config.Config) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range cfg.Tokens {
		if _, known := a.devices[t.Name]; t.Role == config.Pusher && !known {
			a.devices[t.Name] = a.device(cfg, t.Name)
		}
	}
}

// device is a machine as a device. Where it is polled too, or is this machine, which
// reads itself, its interfaces and users stand under another name: two sources of one
// port would contradict each other.
func (a *agents) device(cfg *config.Config, name string) spate.Device {
	d := spate.Device{Name: name, Address: agentAddress}
	for _, t := range cfg.Targets {
		if t.Device.Name == name {
			d.Name, d.Site = name+agentSuffix, t.Device.Site
		}
	}
	if a.site.host != nil && a.site.host.Device().Name == name {
		d.Name = name + agentSuffix
	}
	if !spate.ValidDevice(d.Name) {
		d.Name = d.Name[:56] + agentSuffix
	}
	return d
}

// admit makes a device of a machine that pushes for the first time.
func (a *agents) admit(name string) (spate.Device, error) {
	cfg := a.site.config.Load()
	a.mu.Lock()
	d, known := a.devices[name]
	if !known {
		d = a.device(cfg, name)
		a.devices[name] = d
	}
	a.mu.Unlock()
	if !known {
		a.site.list(cfg)
	}
	return d, nil
}

// list are the devices that they are.
func (a *agents) list() []spate.Device {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]spate.Device, 0, len(a.devices))
	for _, d := range a.devices {
		out = append(out, d)
	}
	return out
}

// adopt takes over another config: machines without token go, and those that are
// polled now get another name.
func (a *agents) adopt(cfg *config.Config) {
	tokens := map[string]bool{}
	for _, t := range cfg.Tokens {
		if t.Role == config.Pusher {
			tokens[t.Name] = true
		}
	}
	closed := len(cfg.Tokens)+len(cfg.Users) > 0 || cfg.OIDC.Issuer != ""
	a.mu.Lock()
	for name, d := range a.devices {
		if closed && !tokens[name] || d.Name != a.device(cfg, name).Name {
			delete(a.devices, name)
		}
	}
	keep := make(map[string]bool, len(a.devices))
	for name := range a.devices {
		keep[name] = true
	}
	a.mu.Unlock()
	a.fleet.Retain(func(name string) bool { return keep[name] })
	a.expect(cfg)
}

// called is what the machine calls itself that has one of these MACs or addresses.
func (a *agents) called(places []string) string {
	if names := a.fleet.Behind(places); len(names) > 0 {
		return names[0]
	}
	return ""
}

// beside are the devices behind whose ports a machine is, as far as is known, and the
// machine itself where it is polled too.
func (a *agents) beside(device string, v *topology.View) (out []string) {
	if polled, ok := strings.CutSuffix(device, agentSuffix); ok {
		out = append(out, polled)
	}
	for _, place := range a.fleet.Places(device) {
		m, err := spate.ParseMAC(place)
		if err != nil {
			continue // an address
		}
		if id, ok := v.HostPort(m); ok && !slices.Contains(out, id.Device) {
			out = append(out, id.Device)
		}
	}
	return out
}

// senders is what machines and their kernels' logs say of an origin.
func (a *agents) senders(o *spate.Origin) spate.Senders {
	s := a.fleet.Senders(o)
	s.Evidence = append(s.Evidence, a.book.Evidence(o)...)
	return s
}

// follow has the machines behind open incidents push more often.
func (a *agents) follow(open []*spate.Incident) {
	var hot []string
	for _, in := range open {
		if in.EndedAt != nil {
			continue
		}
		for i := range in.Origins {
			hot = append(hot, a.fleet.Behind(host.Places(&in.Origins[i]))...)
		}
	}
	a.fleet.SetHot(hot)
}

// run receives syslog, where it is asked for, and watches over the machines.
func (a *agents) run(ctx context.Context, group *errgroup.Group, udp net.PacketConn, tcp net.Listener) {
	group.Go(func() error { a.fleet.Run(ctx); return nil })
	if udp != nil {
		group.Go(func() error { return ended(ctx, a.syslog.Run(ctx, udp, tcp)) })
	}
}

// agentSink takes the rounds of machines. Their users are no ports that could be flooded
// or lead anywhere, and their interfaces are judged where no switch port is known for
// them: the switch says the same of both, and is named first.
type agentSink struct{ a *agents }

func (k agentSink) Accept(ctx context.Context, r *spate.Round) {
	s := k.a.site
	if !s.board.Has(r.Device.Name) {
		return // it has just left the config
	}
	var edge *spate.Round
	if !k.a.placed(r) {
		wires := *r
		users := 0 // they stand first
		for users < len(r.Readings) && host.IsUser(r.Readings[users].Port) {
			users++
		}
		wires.Readings = r.Readings[users:]
		edge = &wires
	}
	s.watch.AcceptMachine(r, edge)
	s.board.Accept(ctx, r)
	s.store.Accept(ctx, r)
	s.inventory.Accept(ctx, r)
}

// Backlog takes what machines kept while Spate was away: it goes to the store alone,
// and as fast as that takes it.
func (k agentSink) Backlog(ctx context.Context, r *spate.Round) error {
	if !k.a.site.board.Has(r.Device.Name) {
		return nil
	}
	return k.a.site.store.Write(ctx, r)
}

// placed tells whether a switch port is known behind which the machine is.
func (a *agents) placed(r *spate.Round) bool {
	view := a.site.network.View()
	for _, rd := range r.Readings {
		if rd.Port.MAC == "" {
			continue // users, and loopback
		}
		if m, err := spate.ParseMAC(rd.Port.MAC); err == nil && view.HasHost(m) {
			return true
		}
	}
	return false
}
