package web

import (
	"math"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// deviceJSON is one device as the API tells it.
type deviceJSON struct {
	Name           string      `json:"name"`
	Address        fact        `json:"address"`
	Site           fact        `json:"site"`
	State          deviceState `json:"state"`
	SysName        fact        `json:"sys_name"`
	SysDescr       fact        `json:"sys_descr"`
	Vendor         fact        `json:"vendor"`
	UptimeS        number      `json:"uptime_s"`
	Ports          *int        `json:"ports"`
	PortsUp        *int        `json:"ports_up"`
	PolledAt       stamp       `json:"polled_at"`
	PollMs         number      `json:"poll_ms"`
	IntervalS      number      `json:"interval_s"`
	CounterRefresh number      `json:"counter_refresh_s"`
	Error          fact        `json:"error"`
}

func (v *deviceView) json() deviceJSON {
	d := deviceJSON{
		Name: v.device.Name, Address: fact(v.device.Address), Site: fact(v.device.Site), State: v.state,
		SysName: fact(v.system.Name), SysDescr: fact(v.system.Descr), Vendor: fact(v.system.Vendor),
		UptimeS: unknown, PolledAt: stamp(v.answered), PollMs: unknown,
		IntervalS: seconds(v.interval), CounterRefresh: seconds(v.refresh), Error: fact(v.err),
	}
	if v.known {
		ports := len(v.readings)
		d.Ports = &ports
	}
	if v.answered.IsZero() {
		return d
	}
	d.PollMs = number(math.Round(float64(v.took)/float64(time.Millisecond)*10) / 10)
	if v.state == deviceUp {
		up := v.up
		d.PortsUp = &up
		d.UptimeS = seconds(v.system.Uptime.Truncate(time.Second))
	}
	return d
}

func (s *Server) listDevices(c *gin.Context) error {
	q := c.Request.URL.Query()
	limit, err := intParam(q, "limit", defaultLimit, 1, mostLimit)
	if err != nil {
		return err
	}
	from, err := cursorParam(q)
	if err != nil {
		return err
	}
	list, next := make([]deviceJSON, 0, min(limit, 64)), fact("")
	for v := range s.board.devicesFrom(from.device) {
		if q.Get("cursor") != "" && v.device.Name <= from.device {
			continue
		}
		if len(list) == limit {
			next = fact(cursor{device: list[limit-1].Name}.String())
			break
		}
		list = append(list, v.json())
	}
	return s.writeJSON(c, struct {
		Devices []deviceJSON `json:"devices"`
		Next    fact         `json:"next"`
	}{list, next})
}

func (s *Server) showDevice(c *gin.Context) error {
	v, err := s.mustDevice("device", c.Param("device"))
	if err != nil {
		return err
	}
	return s.writeJSON(c, v.json())
}

func (s *Server) mustDevice(param, name string) (*deviceView, error) {
	v, ok := s.board.device(name)
	if !ok {
		return nil, notFound(param, "device", name, "GET /api/v1/devices lists them")
	}
	return v, nil
}

func (s *Server) writeJSON(c *gin.Context, answer any) error {
	body, err := marshal(answer)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	return s.send(c, http.StatusOK, "application/json", append(body, '\n'))
}
