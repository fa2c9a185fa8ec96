package web

import (
	"net/http"
	"net/url"
	"strings"

	"spate"
)

// A Group is one [[group]]: ports whose rates are summed under one name.
type Group struct {
	Name  string
	Ports []PortPattern
}

// A PortPattern names ports of several devices; see spate.MatchPort.
type PortPattern struct{ Device, Port string }

// SetGroups sets which groups there are. It may be called while others read.
func (b *Board) SetGroups(groups []Group) { b.groups.Store(&groups) }

func (b *Board) groupList() []Group {
	if list := b.groups.Load(); list != nil {
		return *list
	}
	return nil
}

// selectGroup is the ports of a group as they are today.
func (s *Server) selectGroup(q url.Values) (selection, error) {
	name := q.Get("group")
	for _, other := range []string{"device", "port"} {
		if q.Has(other) {
			return selection{}, badParam(other, q.Get(other), "group or device and port, not both")
		}
	}
	var names []string
	for _, g := range s.board.groupList() {
		if g.Name == name {
			return s.groupPorts(g)
		}
		names = append(names, g.Name)
	}
	if len(names) == 0 {
		return selection{}, notFound("group", "group", name, "no [[group]] is configured")
	}
	return selection{}, notFound("group", "group", name, "configured are "+strings.Join(names[:min(len(names), 20)], ", "))
}

func (s *Server) groupPorts(g Group) (selection, error) {
	sel := selection{known: true, group: g.Name}
	seen := map[spate.PortID]bool{}
	for _, pattern := range g.Ports {
		for v := range s.board.devices {
			for _, id := range pattern.of(v) {
				if !seen[id] {
					seen[id] = true
					sel.ports = append(sel.ports, id)
				}
			}
		}
	}
	switch {
	case len(sel.ports) == 0:
		return sel, notFound("group", "port of group", g.Name, "its ports are listed once their devices have answered")
	case len(sel.ports) > mostSummed:
		return sel, newProblem(http.StatusUnprocessableEntity, "group", "group: %d ports are over the limit, wanted at most %d", len(sel.ports), mostSummed)
	}
	return sel, nil
}

// of is the ports of a device that the pattern means. One that matches bundles or
// sub-units and their members takes the members, which count each octet once.
func (p PortPattern) of(v *deviceView) (ids []spate.PortID) {
	if !spate.MatchPort(p.Device, v.device.Name) {
		return nil
	}
	var high []spate.PortID
	for i := range v.readings {
		switch port := v.readings[i].Port; {
		case !spate.MatchPort(p.Port, port.ID.Name):
		case port.HighLayer:
			high = append(high, port.ID)
		default:
			ids = append(ids, port.ID)
		}
	}
	if len(ids) == 0 {
		return high
	}
	return ids
}
