package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"spate"
)

// AgentConfig is [agent], of the machine whose users are counted.
type AgentConfig struct {
	URL      string                   // of the server; empty: nothing is pushed
	Token    spate.Secret             // of this machine
	CAFile   string                   // of the server's certificate; empty: the system's
	Plain    bool                     // http:// to another machine is allowed
	Spool    string                   // folder; empty: a little is kept in memory
	Host     string                   // as which it appears; empty: the host name up to the first dot
	Backend  string                   // one of Backends
	Counters []string                 // files as iptables-save -c writes them
	Speed    map[string]spate.BitRate // by interface, over what its driver says
	Listen   string                   // for Prometheus and pass_persist; empty: nothing
	Interval time.Duration
	Release  string
}

// DefaultAgentConfig reads every 10 seconds, in the best way there is.
func DefaultAgentConfig() AgentConfig {
	return AgentConfig{Backend: "auto", Interval: 10 * time.Second}
}

const (
	quickInterval = time.Second
	quickFor      = 60 * time.Second // the server's wish holds so long
)

// An Agent reads this machine's interfaces and users and pushes them to a server.
type Agent struct {
	cfg     AgentConfig
	reader  *Reader // of the interfaces
	counter Counter // nil: users are not counted
	why     string
	names   *accounts
	census  *census
	push    *pusher
	slim    slim
	log     *slog.Logger
	boot    string
	run     string

	mu     sync.Mutex
	newest *Snapshot
	spool  *spool
}

// NewAgent opens the counters and the spool. What cannot be counted is said, and is no
// error unless it was asked for by name.
func NewAgent(cfg AgentConfig, log *slog.Logger) (*Agent, error) {
	if cfg.Interval < time.Second {
		return nil, fmt.Errorf("agent.interval is %s, wanted 1s or more", cfg.Interval)
	}
	hostname, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	name := DeviceName(hostname)
	if cfg.Host != "" {
		name = cfg.Host
	}
	a := &Agent{cfg: cfg, log: log, census: newCensus(), names: &accounts{root: os.DirFS("/")}, run: randomMark()}
	a.reader = NewFrom(Config{Enabled: true, Interval: cfg.Interval}, name, kernelSource(), os.DirFS("/"), log)
	a.reader.device.Name = name
	if a.boot = strings.TrimSpace(read(os.DirFS("/"), "proc/sys/kernel/random/boot_id")); !validMark(a.boot) {
		a.boot = a.run // where there is none, each run is a boot
	}
	if a.spool, err = openSpool(cfg.Spool); err != nil {
		return nil, err
	}
	if cfg.URL != "" {
		if a.push, err = newPusher(cfg, log); err != nil {
			return nil, errors.Join(err, a.spool.close())
		}
	}
	if a.counter, a.why, err = choose(cfg.Backend, cfg.Counters); err != nil {
		return nil, errors.Join(fmt.Errorf("agent.backend = %q is not possible here: %w", cfg.Backend, err), a.spool.close())
	}
	a.slim = newSlim()
	return a, nil
}

// Backend says how users are counted, and why not in a better way.
func (a *Agent) Backend() (name, why, doubt string) {
	if a.counter == nil {
		return "", a.why, ""
	}
	if d, ok := a.counter.(Doubt); ok {
		doubt = d.Doubt()
	}
	return a.counter.Name(), a.why, doubt
}

// Host is the name under which this machine appears.
func (a *Agent) Host() string { return a.reader.device.Name }

// Close takes away what was put into the kernel.
func (a *Agent) Close() error {
	errs := []error{a.spool.close(), a.reader.source.Close()}
	if a.counter != nil {
		errs = append(errs, a.counter.Close())
	}
	return errors.Join(errs...)
}

// Run reads and pushes until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	news := make(chan struct{}, 1)
	wishes := make(chan Answer, 1)
	var pushing sync.WaitGroup
	if a.push != nil {
		pushing.Go(func() { a.deliver(ctx, news, wishes) })
	}
	defer pushing.Wait()
	debug.FreeOSMemory() // the start has left garbage
	interval, until, watching := a.cfg.Interval, time.Time{}, false
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-wishes:
			was := interval
			interval, until = a.wished(w), time.Now().Add(quickFor)
			if watching != w.Destinations {
				watching = a.watch(w.Destinations)
			}
			if interval < was { // at once, not at the end of a long interval
				due = time.Now()
				timer.Reset(0)
			}
			continue
		case <-timer.C:
		}
		if interval != a.cfg.Interval && time.Now().After(until) { // the server is away: it wishes nothing
			interval = a.cfg.Interval
			watching = a.watch(false)
		}
		s := a.snapshot(interval, watching)
		if s.Error != told {
			if told = s.Error; told != "" {
				a.log.Warn("a part cannot be read", "err", told)
			}
		}
		if err := a.keep(s); err != nil {
			a.log.Error("snapshot not kept", "err", err)
		}
		if a.push == nil {
			a.slim.giveBack()
		}
		select {
		case news <- struct{}{}:
		default:
		}
		due = due.Add(interval)
		if behind := time.Since(due); behind > 0 {
			due = due.Add((behind/interval + 1) * interval)
		}
		timer.Reset(time.Until(due))
	}
}

func (a *Agent) wished(w Answer) time.Duration {
	if w.IntervalS > 0 && w.IntervalS < a.cfg.Interval.Seconds() {
		return max(quickInterval, time.Duration(w.IntervalS*float64(time.Second)))
	}
	return a.cfg.Interval
}

// watch begins or ends counting by destination, and tells whether it is on.
func (a *Agent) watch(on bool) bool {
	if a.counter == nil {
		return false
	}
	if err := a.counter.Watch(on); err != nil {
		a.log.Warn("destinations are not counted", "err", err)
		return false
	}
	a.census.unwatch()
	return on
}

// snapshot reads everything once. What cannot be read is left out and said.
func (a *Agent) snapshot(interval time.Duration, watching bool) *Snapshot {
	now := time.Now()
	s := &Snapshot{At: now.UnixMilli(), Up: upTime().Milliseconds(), Boot: a.boot, Run: a.run, IntervalS: interval.Seconds()}
	var problems []string
	round := a.reader.round(now)
	if round.Err != nil {
		problems = append(problems, round.Err.Error())
	}
	addresses := addressesByIndex()
	for i := range round.Readings {
		p := round.Readings[i].Port
		s.Interfaces = append(s.Interfaces, a.iface(p, addresses[p.IfIndex]))
	}
	s.Interfaces = s.Interfaces[:min(len(s.Interfaces), mostInterfaces)]
	if a.counter != nil {
		a.names.refresh()
		var err error
		if s.Users, s.Others, err = a.census.take(time.Duration(s.Up)*time.Millisecond, a.names.name, a.counter.Users); err != nil {
			problems = append(problems, err.Error())
		}
		if watching {
			if s.Flows, err = a.census.watch(a.counter.Flows); err != nil {
				problems = append(problems, err.Error())
			}
		}
	}
	s.Error = strings.Join(problems, "; ")
	return s
}

// iface is a link with its counters as the reader follows them.
func (a *Agent) iface(p *spate.Port, ips []string) Interface {
	f := Interface{Name: p.ID.Name, Index: p.IfIndex, Alias: p.Alias, Type: p.Type, SpeedBps: float64(p.Speed), Admin: string(p.Admin), Oper: string(p.Oper),
		MAC: p.MAC, IPs: ips, HighLayer: p.HighLayer, Counters: map[string]uint64{}}
	if speed, ok := a.cfg.Speed[p.ID.Name]; ok {
		f.SpeedBps, f.SpeedSet = float64(speed), true
	}
	m := a.reader.last[p.IfIndex]
	for _, n := range counterNames {
		if m != nil && m.sample.Known.Has(n.c) {
			f.Counters[n.name] = m.sample.Values[n.c]
		}
	}
	return f
}

// addressesByIndex are the IP addresses of each interface, without those that no
// switch has seen.
func addressesByIndex() map[int][]string {
	out := map[int][]string{}
	links, err := net.Interfaces()
	if err != nil {
		return out
	}
	for i := range links {
		list, err := links[i].Addrs()
		if err != nil {
			continue
		}
		for _, a := range list {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() && len(out[links[i].Index]) < mostAddresses {
				out[links[i].Index] = append(out[links[i].Index], n.IP.String())
			}
		}
	}
	return out
}

// keep puts a snapshot into the spool.
func (a *Agent) keep(s *Snapshot) error {
	line, err := json.Marshal(s)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.newest = s
	if a.push == nil {
		return nil
	}
	return a.spool.add(line)
}

// Read is one reading that is neither kept nor pushed.
func (a *Agent) Read() *Snapshot { return a.snapshot(a.cfg.Interval, false) }

// Newest is the last snapshot; nil before the first.
func (a *Agent) Newest() *Snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.newest
}

// header says who pushes.
func (a *Agent) header() *Header {
	name, why, doubt := a.Backend()
	return &Header{Version: Protocol, Host: a.Host(), Boot: a.boot, Run: a.run, At: time.Now().UnixMilli(), Up: upTime().Milliseconds(), IntervalS: a.cfg.Interval.Seconds(),
		Backend: name, Why: why, Doubt: doubt, System: spate.Clean(description(rootFS())), Release: a.cfg.Release}
}

func rootFS() fs.FS { return os.DirFS("/") }
