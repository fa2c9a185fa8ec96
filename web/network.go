package web

import (
	"time"

	"spate"
	"spate/topology"
)

// neighbourJSON is the port at the other end of a link, or the box that announces
// itself there and is not polled: then port is what it calls its own.
type neighbourJSON struct {
	Device     string           `json:"device"`
	Port       string           `json:"port"`
	Source     spate.LinkSource `json:"source"`
	Polled     bool             `json:"polled"`
	Confidence number           `json:"confidence"`
	Evidence   []string         `json:"evidence"`
}

// hostJSON is a station behind a port.
type hostJSON struct {
	MAC       string   `json:"mac"`
	IP        fact     `json:"ip"`
	IPs       []string `json:"ips"`
	Name      fact     `json:"name"`
	Customer  fact     `json:"customer"`
	User      *string  `json:"user"`
	VLAN      number   `json:"vlan"`
	Behind    fact     `json:"behind"`
	FirstSeen stamp    `json:"first_seen"`
	SeenAt    stamp    `json:"seen_at"`
	Moves     int      `json:"moves"`
}

// network is what is known of the network now; never nil.
func (s *Server) network() *topology.View {
	if s.view != nil {
		if v := s.view(); v != nil {
			return v
		}
	}
	return &topology.View{}
}

// surround adds to a port what is around it. Of many hosts the first are told.
func surround(j *portJSON, v *topology.View, id spate.PortID) {
	r := v.PortRole(id)
	if r != nil && r.Role != "" {
		j.Role, j.RoleConfidence, j.RoleEvidence = string(r.Role), number(r.Confidence), r.Evidence
	}
	j.Neighbour = neighbourOf(v, r, id)
	for _, h := range v.HostsAt(id) {
		if len(j.Hosts) == mostHosts {
			break
		}
		j.Hosts = append(j.Hosts, hostOf(&h))
	}
	j.HostCount = v.Stations(id)
}

const mostHosts = 50 // told of one port in a list

func neighbourOf(v *topology.View, r *spate.PortRole, id spate.PortID) *neighbourJSON {
	if l, ok := v.Neighbour(id); ok {
		far, ok := l.Other(id)
		if !ok { // of the bundle
			far = l.B
			if l.B.Device == id.Device {
				far = l.A
			}
		}
		return &neighbourJSON{Device: far.Device, Port: far.Name, Source: l.Source, Polled: true, Confidence: number(l.Confidence), Evidence: l.Evidence}
	}
	if r == nil || r.Peer.Source == "" {
		return nil
	}
	name := r.Peer.SysName
	if name == "" {
		name = r.Peer.Chassis.Text
	}
	port := r.Peer.PortID
	if r.Peer.PortKind == spate.IDMAC && r.Peer.PortDescr != "" {
		port = r.Peer.PortDescr
	}
	return &neighbourJSON{Device: name, Port: port, Source: r.Peer.Source, Confidence: 0.95, Evidence: []string{"it announces itself there; it is not polled"}}
}

func hostOf(h *spate.Host) hostJSON {
	j := hostJSON{
		MAC: h.MAC.String(), Name: fact(h.Name), Customer: fact(h.Customer), VLAN: unknown, Behind: fact(h.Behind),
		FirstSeen: stamp(h.FirstSeen), SeenAt: stamp(h.SeenAt), Moves: h.Moves, IPs: []string{},
	}
	if h.VLAN > 0 {
		j.VLAN = number(h.VLAN)
	}
	for _, ip := range h.IPs {
		j.IPs = append(j.IPs, ip.String())
	}
	if len(j.IPs) > 0 {
		j.IP = fact(j.IPs[0])
	}
	return j
}

// endJSON is one end of a link.
type endJSON struct {
	Device string `json:"device"`
	Port   string `json:"port"`
}

type linkJSON struct {
	A          endJSON          `json:"a"`
	B          endJSON          `json:"b"`
	Source     spate.LinkSource `json:"source"`
	Confidence number           `json:"confidence"`
	LAG        *lagJSON         `json:"lag"`
	Evidence   []string         `json:"evidence"`
	Since      stamp            `json:"since"`
	SeenAt     stamp            `json:"seen_at"`
}

type lagJSON struct {
	A string `json:"a"`
	B string `json:"b"`
}

func linkOf(l *spate.Link) linkJSON {
	j := linkJSON{
		A: endJSON{l.A.Device, l.A.Name}, B: endJSON{l.B.Device, l.B.Name}, Source: l.Source, Confidence: number(l.Confidence),
		Evidence: l.Evidence, Since: stamp(l.Since), SeenAt: stamp(l.SeenAt),
	}
	if j.Evidence == nil {
		j.Evidence = []string{}
	}
	if l.LAG[0] != "" || l.LAG[1] != "" {
		j.LAG = &lagJSON{l.LAG[0], l.LAG[1]}
	}
	return j
}

// tableJSON is when a device's tables were read and how that ended.
type tableJSON struct {
	Device string                         `json:"device"`
	At     stamp                          `json:"at"` // zero: not yet
	TookMs number                         `json:"took_ms"`
	PDUs   number                         `json:"pdus"`
	Tables map[spate.TableKind]readAsJSON `json:"tables"`

	Changes   number     `json:"topology_changes"` // of the spanning tree, as the device counts them
	ChangedAt stamp      `json:"topology_changed_at"`
	Parts     []partJSON `json:"parts"`
}

// partJSON is a piece of hardware with a serial number.
type partJSON struct {
	Class  string `json:"class"`
	Name   fact   `json:"name"`
	Descr  fact   `json:"descr"`
	Model  fact   `json:"model"`
	Serial fact   `json:"serial"`
}

type readAsJSON struct {
	Rows    int  `json:"rows"`
	Whole   bool `json:"whole"`
	Absent  bool `json:"absent"`
	Dropped int  `json:"dropped"`
	Why     fact `json:"why"`
}

func tablesOf(name string, t *spate.Tables) tableJSON {
	j := tableJSON{Device: name, TookMs: unknown, PDUs: unknown, Tables: map[spate.TableKind]readAsJSON{}, Changes: unknown, Parts: []partJSON{}}
	if t == nil {
		return j
	}
	j.At, j.TookMs, j.PDUs = stamp(t.At), number(t.Took.Round(time.Millisecond).Milliseconds()), number(t.PDUs)
	if t.Changes > 0 {
		j.Changes, j.ChangedAt = number(t.Changes), stamp(t.ChangedAt)
	}
	for _, p := range t.Parts {
		if p.SerialNumber != "" {
			j.Parts = append(j.Parts, partJSON{p.Class, fact(p.Name), fact(p.Descr), fact(p.Model), fact(p.SerialNumber)})
		}
	}
	for kind, r := range t.Read {
		j.Tables[kind] = readAsJSON{r.Rows, r.Whole, r.Absent, r.Dropped, fact(r.Why)}
	}
	return j
}
