package topology

import (
	"fmt"
	"slices"
	"time"

	"spate"
)

const (
	edgeStations = 20 // more MACs behind a port without a link: a device that is not polled
	goneAfter    = 24 * time.Hour
	settleTime   = 4 * time.Minute // after the start
)

// A View is the network as known at one moment. It never changes.
type View struct {
	At      time.Time
	Waiting int  // devices whose tables were not read yet
	Settled bool // none, or it took too long: before, hosts stand on whatever port sees them so far
	Links   []spate.Link
	Gone    []spate.Link // stood within the last day and are no longer seen
	Hosts   []spate.Host

	far    map[spate.PortID]end // of logical ports
	member map[spate.PortID]spate.PortID
	roles  map[spate.PortID]*spate.PortRole
	byPort map[spate.PortID][]int // indexes of Hosts
	fresh  map[spate.PortID]int   // hosts of them that are seen now
	ends   map[spate.PortID]int   // of a port or bundle, the index of its link
	tables map[string]*spate.Tables
	macs   map[spate.MAC]spate.PortID    // of Hosts and routed
	routed map[spate.PortID][]spate.Host // by the ARP tables of devices that bridge nothing
}

type end struct {
	id   spate.PortID
	sure float64
}

// View works the network out as it is known now.
func (g *Graph) View(now time.Time) *View {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range g.devices {
		if d.tables != nil && now.Sub(d.tables.At) > g.cfg.KeepFor {
			d.tables = nil
		}
	}
	if g.began.IsZero() {
		g.began = now
	}
	waiting := 0
	for _, d := range g.devices {
		if d.tables == nil && !d.local {
			waiting++
		}
	}
	id := g.identify()
	v := &View{At: now, Waiting: waiting, Settled: waiting == 0 && len(g.devices) > 0 || now.Sub(g.began) > settleTime, Links: g.join(now, id), far: map[spate.PortID]end{}, member: map[spate.PortID]spate.PortID{}, roles: map[spate.PortID]*spate.PortRole{}, byPort: map[spate.PortID][]int{}, ends: map[spate.PortID]int{}, fresh: map[spate.PortID]int{}, tables: map[string]*spate.Tables{}}
	g.gone(v, now)
	v.connect(g)
	for _, d := range g.devices {
		v.tables[d.name] = d.tables
	}
	g.settleHosts(v, id, now)
	v.macs = make(map[spate.MAC]spate.PortID, len(v.Hosts))
	for i := range v.Hosts {
		v.macs[v.Hosts[i].MAC] = v.Hosts[i].Port
	}
	g.settleRouted(v, id)
	g.roles(v, id)
	for _, name := range g.names() {
		g.devices[name].watch(v.loose(g.devices[name]))
	}
	return v
}

// gone notes links that are no longer seen, and forgets old ones.
func (g *Graph) gone(v *View, now time.Time) {
	for k, l := range g.links {
		switch {
		case l.seen.Equal(now):
		case now.Sub(l.seen) > goneAfter:
			delete(g.links, k)
		default:
			v.Gone = append(v.Gone, spate.Link{A: k.a, B: k.b, Since: l.since, SeenAt: l.seen})
		}
	}
	slices.SortFunc(v.Gone, func(a, b spate.Link) int { return compare(a.A, b.A) })
}

// connect fills the look-up of far ends, by logical ports.
func (v *View) connect(g *Graph) {
	for _, name := range g.names() {
		for _, p := range g.devices[name].ports {
			if p.Bundle != "" {
				v.member[p.ID] = spate.PortID{Device: name, Name: p.Bundle}
			}
		}
	}
	for i, l := range v.Links {
		a, b := v.logical(l.A), v.logical(l.B)
		for _, id := range [...]spate.PortID{l.A, l.B, a, b} {
			if _, had := v.ends[id]; !had {
				v.ends[id] = i
			}
		}
		if was, had := v.far[a]; had && was.sure >= l.Confidence {
			continue
		}
		v.far[a], v.far[b] = end{b, l.Confidence}, end{a, l.Confidence}
	}
}

func (v *View) logical(id spate.PortID) spate.PortID {
	if lag, ok := v.member[id]; ok {
		return lag
	}
	return id
}

// Far is the logical port at the other end of a logical port's link.
func (v *View) Far(id spate.PortID) (spate.PortID, float64, bool) {
	e, ok := v.far[id]
	return e.id, e.sure, ok
}

// Bundle is the bundle that a port is a member of.
func (v *View) Bundle(id spate.PortID) (spate.PortID, bool) {
	lag, ok := v.member[id]
	return lag, ok
}

// Role is what a port is for.
func (v *View) Role(id spate.PortID) spate.Role {
	if r := v.roles[id]; r != nil {
		return r.Role
	}
	return spate.RoleUnknown
}

// PortRole is a port's role with its evidence; nil for a port that is not known.
func (v *View) PortRole(id spate.PortID) *spate.PortRole { return v.roles[id] }

// Stations is how many MACs are behind a port and nowhere nearer.
func (v *View) Stations(id spate.PortID) int {
	if r := v.roles[id]; r != nil {
		return r.Stations
	}
	return 0
}

// HostsAt are the hosts behind a port: those of Hosts, else what a router or a server
// has in its ARP table there.
func (v *View) HostsAt(id spate.PortID) []spate.Host {
	var out []spate.Host
	for _, i := range v.byPort[id] {
		out = append(out, v.Hosts[i])
	}
	if len(out) == 0 {
		return v.routed[id]
	}
	return out
}

// Neighbour is the port at the other end of a physical or logical port.
func (v *View) Neighbour(id spate.PortID) (spate.Link, bool) {
	if i, ok := v.ends[id]; ok {
		return v.Links[i], true
	}
	return spate.Link{}, false
}

// Tables are those of a device as they stand, partly perhaps of earlier readings;
// nil: none were read, or too long ago.
func (v *View) Tables(device string) *spate.Tables { return v.tables[device] }

// roles says of every port what it is for.
func (g *Graph) roles(v *View, id *identity) {
	linked := map[spate.PortID]*spate.Link{}
	for i := range v.Links {
		l := &v.Links[i]
		linked[l.A], linked[l.B] = l, l
		linked[v.logical(l.A)], linked[v.logical(l.B)] = l, l
	}
	bundles := map[spate.PortID]bool{}
	for _, lag := range v.member {
		bundles[lag] = true
	}
	for _, name := range g.names() {
		d := g.devices[name]
		heard := d.heard()
		for _, p := range d.ports {
			r := &spate.PortRole{Port: p.ID, Stations: v.stations(p.ID)}
			if n := heard[p.ID.Name]; n != nil {
				r.Peer = *n
			}
			g.role(r, p, linked[p.ID], bundles[p.ID])
			v.roles[p.ID] = r
		}
	}
}

func (g *Graph) role(r *spate.PortRole, p *spate.Port, l *spate.Link, bundle bool) {
	say := func(role spate.Role, sure float64, format string, args ...any) {
		r.Role, r.Confidence = role, sure
		r.Evidence = append(r.Evidence, fmt.Sprintf(format, args...))
	}
	forwards := r.Peer.Capabilities&(spate.CanBridge|spate.CanRoute|spate.CanRepeat) != 0 && r.Peer.Capabilities&spate.CanPhone == 0
	switch {
	case matches(g.cfg.External[p.ID.Device], p.ID.Name):
		say(spate.RoleExternal, 1, "the operator says that it leads outside")
	case bundle || p.Type == "ieee8023adLag":
		say(spate.RoleLAG, 0.99, "a bundle of ports")
	case virtual(p.Type):
		say(spate.RoleVirtual, 0.99, "its type is %s", p.Type)
	case l != nil:
		say(spate.RoleUplink, l.Confidence, "joined to %s", far(l, p.ID))
	case forwards:
		say(spate.RoleUplink, 0.9, "%s announces itself there, which is not polled", first(r.Peer.SysName, r.Peer.Chassis.Text))
	case r.Stations > edgeStations:
		say(spate.RoleUplink, 0.8, "%d stations are behind it: a switch that is not polled", r.Stations)
	case p.Bundle != "" && r.Peer.Capabilities&spate.CanStationOnly == 0:
		say(spate.RoleUplink, 0.7, "it is a member of %s, and no station announces itself there", p.Bundle)
	case r.Stations > 0:
		if r.Stations == 1 {
			say(spate.RoleAccess, 0.95, "one station is behind it")
		} else {
			say(spate.RoleAccess, 0.95, "%d stations are behind it", r.Stations)
		}
		r.Unmanaged = r.Stations > 1
	case p.Oper == spate.StatusDown:
		say(spate.RoleAccess, 0.6, "nothing is plugged in")
	case g.devices[p.ID.Device].tables == nil:
		say(spate.RoleUnknown, 0, "the device's tables were not read yet")
	default:
		say(spate.RoleAccess, 0.5, "no device announces itself and no station is seen")
	}
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return "a device"
}

func far(l *spate.Link, id spate.PortID) spate.PortID {
	if l.A.Device == id.Device {
		return l.B
	}
	return l.A
}

func virtual(t string) bool {
	return spate.NominalSpeed(t) || t == "l3ipvlan" || t == "other" || t == "propMultiplexor" || t == "ppp" || t == "mpls" || t == "mplsTunnel"
}

func matches(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(g string) bool { return spate.MatchPort(g, name) })
}

// heard is who announces itself on each port; of several one that forwards.
func (d *device) heard() map[string]*spate.Neighbour {
	out := map[string]*spate.Neighbour{}
	if d.tables == nil {
		return out
	}
	for i := range d.tables.Neighbours {
		n := &d.tables.Neighbours[i]
		if was := out[n.Port]; was == nil || was.Capabilities < n.Capabilities && n.Capabilities&spate.CanBridge != 0 {
			out[n.Port] = n
		}
	}
	return out
}

// loose are the device's logical and physical ports that may lead to another
// device and have no link.
func (v *View) loose(d *device) map[string]bool {
	out := map[string]bool{}
	for _, p := range d.ports {
		r := v.roles[p.ID]
		_, linked := v.far[v.logical(p.ID)]
		if linked || p.Oper == spate.StatusDown || r.Role == spate.RoleVirtual || r.Role == spate.RoleExternal {
			continue
		}
		if r.Role == spate.RoleUplink || r.Role == spate.RoleLAG || p.Bundle != "" || r.Stations == 0 && p.Speed >= 1e9 || r.Stations > 4 {
			out[p.ID.Name] = true
		}
	}
	return out
}

// Beside are the devices at the other end of a device's links, each once; links
// that are gone since a short while count too.
func (v *View) Beside(device string) []string {
	var out []string
	for _, list := range [][]spate.Link{v.Links, v.Gone} {
		for i := range list {
			l := &list[i]
			far := ""
			switch device {
			case l.A.Device:
				far = l.B.Device
			case l.B.Device:
				far = l.A.Device
			}
			if far != "" && !slices.Contains(out, far) {
				out = append(out, far)
			}
		}
	}
	return out
}

// HasHost tells whether a host's place is known.
func (v *View) HasHost(m spate.MAC) bool { return v.has(m) }

func (v *View) has(m spate.MAC) bool { _, ok := v.macs[m]; return ok }

// HostPort is the port behind which a host is; false: its place is not known.
func (v *View) HostPort(m spate.MAC) (spate.PortID, bool) {
	id, ok := v.macs[m]
	return id, ok
}
