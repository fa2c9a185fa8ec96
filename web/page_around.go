package web

import (
	"fmt"
	"math"
	"time"

	"spate"
	"spate/topology"
)

// A hostRow is a host as text.
type hostRow struct {
	MAC, IP, Name, Customer, VLAN string
	Where, Href                   string // the port, where it is not clear
	Seen, Since, Behind           string
	Moves                         string
}

const mostHostRows = 200

func (s *Server) hostRows(v *topology.View, id spate.PortID, now time.Time) (rows []hostRow, more int) {
	hosts := v.HostsAt(id)
	for i := range hosts {
		if i == mostHostRows {
			return rows, len(hosts) - i
		}
		rows = append(rows, s.hostRow(&hosts[i], now))
	}
	return rows, 0
}

func (s *Server) hostRow(h *spate.Host, now time.Time) hostRow {
	r := hostRow{MAC: h.MAC.String(), IP: "-", Name: h.Name, Customer: h.Customer, VLAN: "-", Where: h.Port.String(), Href: portHref(h.Port),
		Seen: formatAge(now.Sub(h.SeenAt)) + " ago", Since: s.dateWords(h.FirstSeen), Behind: h.Behind, Moves: "-"}
	if len(h.IPs) > 0 {
		r.IP = h.IPs[0].String()
		if n := len(h.IPs) - 1; n > 0 {
			r.IP += fmt.Sprintf(" and %d more", n)
		}
	}
	if h.VLAN > 0 {
		r.VLAN = fmt.Sprint(h.VLAN)
	}
	if h.Moves > 0 {
		r.Moves = fmt.Sprint(h.Moves)
	}
	return r
}

// boxFacts are what a device's tables say of itself.
func (s *Server) boxFacts(t *spate.Tables, now time.Time) (list []labelled) {
	if t == nil {
		return nil
	}
	for _, p := range t.Parts {
		if p.Class == "chassis" && p.SerialNumber != "" {
			text := p.SerialNumber
			if p.Model != "" {
				text = p.Model + ", " + text
			}
			list = append(list, labelled{"Serial number", text})
			break
		}
	}
	if t.Changes > 0 && !t.ChangedAt.IsZero() {
		list = append(list, labelled{"Spanning tree changed", formatAge(now.Sub(t.ChangedAt)) + " ago, " + plural(int(t.Changes), "time", "times") + " in all"})
	}
	words := formatAge(now.Sub(t.At)) + " ago, " + plural(len(t.Neighbours), "neighbour", "neighbours") + ", " + plural(len(t.Stations), "station", "stations")
	for _, kind := range [...]spate.TableKind{spate.TableLLDP, spate.TableFDB, spate.TableARP} {
		if r := t.Read[kind]; !r.Whole && r.Why != "" {
			words += "; " + string(kind) + " not whole: " + r.Why
		}
	}
	return append(list, labelled{"Tables around it read", words})
}

// leads says where a port leads to, in a few words with a link.
type leads struct{ Text, Href, Title string }

func leadsTo(v *topology.View, id spate.PortID) leads {
	r := v.PortRole(id)
	n := neighbourOf(v, r, id)
	switch {
	case n != nil && n.Polled:
		far := spate.PortID{Device: n.Device, Name: n.Port}
		return leads{far.String(), portHref(far), sureWords(n)}
	case n != nil:
		return leads{n.Device + " " + n.Port, "", sureWords(n)}
	}
	switch hosts := v.HostsAt(id); {
	case len(hosts) == 1:
		return leads{hostWords(&hosts[0]), "", hosts[0].MAC.String()}
	case len(hosts) > 1:
		return leads{plural(len(hosts), "host", "hosts"), "", hosts[0].Behind}
	}
	return leads{}
}

func sureWords(n *neighbourJSON) string {
	text := fmt.Sprintf("by %s, %d %% sure", n.Source, int(math.Round(float64(n.Confidence)*100)))
	for _, e := range n.Evidence {
		text += "; " + e
	}
	return text
}

// around are the facts of a port's place in the network.
func (s *Server) around(v *topology.View, id spate.PortID) (facts []labelled, to leads) {
	r := v.PortRole(id)
	if r == nil || r.Role == "" {
		return nil, leads{}
	}
	role := string(r.Role)
	if r.Confidence < 0.9 && r.Role != spate.RoleUnknown {
		role = "likely " + role
	}
	for _, e := range r.Evidence {
		role += ": " + e
		break
	}
	facts = append(facts, labelled{"Role", role})
	n := neighbourOf(v, r, id)
	if n == nil {
		return facts, leads{}
	}
	to = leadsTo(v, id)
	return append(facts, labelled{"Known", sureWords(n)}), to
}
