package topology

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"spate"
)

// Config is what the operator says of the network.
type Config struct {
	Links    [][2]spate.PortID            // [[link]]
	External map[string][]string          // device to ifName globs, device.external
	Names    map[string]Name              // by MAC or IP as printed by spate.MAC and netip
	Reverse  func(netip.Addr) string      // a name of an address, as far as it is known; it must not wait; nil: none is
	Called   func(places []string) string // what a machine calls itself that has one of these MACs or addresses, "" none; nil: nobody says
	KeepFor  time.Duration                // how long the last good tables of a device stand; 0 is 7 days
}

// A Name is what [hosts] csv says of a MAC or an address.
type Name struct{ Name, Customer string }

// defaultKeep is how long the tables of a silent device are believed: hosts do
// not move because a switch does not answer.
const defaultKeep = 7 * 24 * time.Hour

// A Graph gathers what is known and makes Views of it. Its methods may be called
// from several goroutines.
type Graph struct {
	mu      sync.Mutex
	cfg     Config
	devices map[string]*device
	links   map[linkKey]*known // links found so far, to tell how long they stand
	hosts   map[spate.MAC]*sighting
	began   time.Time // the first view
}

type linkKey struct{ a, b spate.PortID }

// known is what is remembered of a link between views.
type known struct{ since, seen time.Time }

// device is what is known of one polled device.
type device struct {
	name   string
	ports  []*spate.Port
	byName map[string]*spate.Port
	tables *spate.Tables
	rates  map[string]*track // of ports that may lead somewhere
	local  bool              // this machine itself, which has no tables
}

// New makes an empty graph.
func New(cfg Config) *Graph {
	if cfg.KeepFor == 0 {
		cfg.KeepFor = defaultKeep
	}
	return &Graph{cfg: cfg, devices: map[string]*device{}, links: map[linkKey]*known{}, hosts: map[spate.MAC]*sighting{}}
}

// Configure takes the operator's word over, after a reload.
func (g *Graph) Configure(cfg Config) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if cfg.KeepFor == 0 {
		cfg.KeepFor = defaultKeep
	}
	g.cfg = cfg
}

func (g *Graph) device(name string) *device {
	d := g.devices[name]
	if d == nil {
		d = &device{name: name, byName: map[string]*spate.Port{}, rates: map[string]*track{}}
		g.devices[name] = d
	}
	return d
}

// Learn takes one device's tables. A table that was not read whole does not take
// the place of a good one: its rows are laid over the old.
func (g *Graph) Learn(t *spate.Tables) {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.device(t.Device)
	d.tables = laid(d.tables, t)
}

// Forget drops a device that is no longer polled.
func (g *Graph) Forget(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.devices, name)
}

// Retain drops devices that are not among the names.
func (g *Graph) Retain(names map[string]bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.DeleteFunc(g.devices, func(name string, _ *device) bool { return !names[name] })
}

// Accept takes a device's ports and rates from its round.
func (g *Graph) Accept(r *spate.Round) {
	if len(r.Readings) == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.device(r.Device.Name)
	d.local = r.Device.Address == "localhost"
	if d.samePorts(r) {
		d.follow(r)
		return
	}
	d.ports = d.ports[:0]
	clear(d.byName)
	for i := range r.Readings {
		p := r.Readings[i].Port
		d.ports = append(d.ports, p)
		d.byName[p.ID.Name] = p
	}
	d.follow(r)
}

func (d *device) samePorts(r *spate.Round) bool {
	if len(d.ports) != len(r.Readings) {
		return false
	}
	for i := range r.Readings {
		if d.ports[i].ID != r.Readings[i].Port.ID {
			return false
		}
		d.ports[i] = r.Readings[i].Port
		d.byName[d.ports[i].ID.Name] = d.ports[i]
	}
	return true
}

// laid is a reading laid over what was known: whole tables take the place of the
// old, parts are added to it, and what was not read stays.
func laid(old, now *spate.Tables) *spate.Tables {
	if old == nil {
		return now
	}
	out := *now
	out.Read = maps.Clone(now.Read)
	keep := func(k spate.TableKind) bool {
		read, was := now.Read[k], old.Read[k]
		shrunk := read.Whole && k == spate.TableFDB && was.Rows > 20 && read.Rows < was.Rows/10
		if read.Whole && !shrunk {
			return false
		}
		out.Read[k] = spate.TableRead{Rows: was.Rows, Whole: was.Whole, Absent: was.Absent, Why: read.Why}
		return true
	}
	if keep(spate.TableLLDP) || keep(spate.TableCDP) {
		out.Neighbours = united(now.Neighbours, old.Neighbours, func(n spate.Neighbour) any { return [2]string{n.Port, n.Chassis.Text} })
	}
	if keep(spate.TableFDB) {
		out.Stations = united(now.Stations, old.Stations, func(s spate.Station) any { return [2]any{s.MAC, s.VLAN} })
	}
	if keep(spate.TableARP) {
		out.Bindings = united(now.Bindings, old.Bindings, func(b spate.Binding) any { return b.IP })
	}
	if keep(spate.TableSpanning) {
		out.Spanning = united(now.Spanning, old.Spanning, func(s spate.SpanningPort) any { return s.Port })
	}
	if len(out.Chassis) == 0 {
		out.Chassis = old.Chassis
	}
	return &out
}

// united is the new rows and those of the old that they do not contradict.
func united[R any](now, old []R, key func(R) any) []R {
	seen := make(map[any]bool, len(now))
	for _, r := range now {
		seen[key(r)] = true
	}
	out := slices.Clone(now)
	for _, r := range old {
		if !seen[key(r)] {
			out = append(out, r)
		}
	}
	return out
}

// names are the devices in order, so that views are the same from the same facts.
func (g *Graph) names() []string { return slices.Sorted(maps.Keys(g.devices)) }
