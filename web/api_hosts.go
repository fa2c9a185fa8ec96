package web

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
	"spate/storage"
)

// A History tells who was where; *storage.Sightings is one.
type History interface {
	At(id spate.PortID, at time.Time) ([]storage.Sighting, error)
	Of(mac spate.MAC) ([]storage.Sighting, error)
}

// sightingJSON is a host on a port for a while.
type sightingJSON struct {
	MAC    string   `json:"mac"`
	Device string   `json:"device"`
	Port   string   `json:"port"`
	IPs    []string `json:"ips"`
	Name   fact     `json:"name"`
	VLAN   number   `json:"vlan"`
	Since  stamp    `json:"since"`
	Until  stamp    `json:"until"`
	Moves  int      `json:"moves"`
}

// listHosts answers who was on a port at a time, or on which ports a MAC was.
func (s *Server) listHosts(c *gin.Context) error {
	if s.history == nil {
		return newProblem(http.StatusNotFound, "", "this server keeps no history of hosts")
	}
	q := c.Request.URL.Query()
	var list []storage.Sighting
	var err error
	switch {
	case q.Get("mac") != "":
		mac, wrong := spate.ParseMAC(q.Get("mac"))
		if wrong != nil {
			return badParam("mac", q.Get("mac"), "a MAC in any notation")
		}
		list, err = s.history.Of(mac)
	case q.Get("device") != "" && q.Get("port") != "":
		at, wrong := timeParam(q, "at", "now", time.Now())
		if wrong != nil {
			return wrong
		}
		list, err = s.history.At(spate.PortID{Device: q.Get("device"), Name: q.Get("port")}, at)
	default:
		return badParam("device", q.Get("device"), "device and port, with at= for another time than now; or mac")
	}
	if err != nil {
		return err
	}
	out := make([]sightingJSON, 0, len(list))
	for i := range list {
		out = append(out, sightingOf(&list[i]))
	}
	return s.writeJSON(c, map[string]any{"hosts": out})
}

func sightingOf(x *storage.Sighting) sightingJSON {
	j := sightingJSON{
		MAC: x.MAC.String(), Device: x.Port.Device, Port: x.Port.Name, IPs: []string{}, Name: fact(x.Name), VLAN: unknown,
		Since: stamp(x.Since), Until: stamp(x.Until), Moves: x.Moves,
	}
	if x.VLAN > 0 {
		j.VLAN = number(x.VLAN)
	}
	for _, ip := range x.IPs {
		j.IPs = append(j.IPs, ip.String())
	}
	return j
}
