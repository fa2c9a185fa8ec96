package web

import (
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
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
	Total          totalJSON   `json:"total"`
	Error          fact        `json:"error"`
}

// totalJSON is what all ports of a device carry, each octet counted once.
type totalJSON struct {
	InBps  number `json:"in_bps"`
	OutBps number `json:"out_bps"`
	Ports  int    `json:"ports"` // that are summed up
	Of     int    `json:"of"`    // that count, with or without a rate now
	Text   string `json:"text"`  // how it is counted
}

// total sums the ports that count octets no other port of the device counts.
func (v *deviceView) total(now time.Time) totalJSON {
	t := totalJSON{InBps: unknown, OutBps: unknown}
	var in, out float64
	left := map[string]int{}
	for i := range v.readings {
		r := &v.readings[i]
		if why := leftOut(r.Port); why != "" {
			left[why]++
			continue
		}
		t.Of++
		if v.fresh(r, now) {
			t.Ports++
			in += orZero(r.Rate.Values[spate.InBps])
			out += orZero(r.Rate.Values[spate.OutBps])
		}
	}
	if t.Ports > 0 {
		t.InBps, t.OutBps = rounded(spate.InBps, in), rounded(spate.OutBps, out)
	}
	t.Text = totalWords(t.Of, left)
	return t
}

// leftOut says why a port is not part of its device's total; empty: it is.
func leftOut(p *spate.Port) string {
	switch {
	case p.Type == "softwareLoopback":
		return "loopback"
	case p.HighLayer && p.Bundle != "":
		return "bundle member"
	case p.HighLayer:
		return "VLAN, sub-unit or tunnel"
	}
	return ""
}

// manyWords are the plurals of what leftOut says.
var manyWords = map[string]string{
	"loopback": "loopbacks", "bundle member": "bundle members", "VLAN, sub-unit or tunnel": "VLANs, sub-units or tunnels",
}

func totalWords(ports int, left map[string]int) string {
	text := "sum of " + plural(ports, "port", "ports")
	var parts []string
	for _, why := range slices.Sorted(maps.Keys(left)) {
		parts = append(parts, plural(left[why], why, manyWords[why]))
	}
	if len(parts) > 0 {
		text += "; not counted twice: " + strings.Join(parts, ", ")
	}
	return text
}

func (v *deviceView) json(now time.Time) deviceJSON {
	d := deviceJSON{
		Name: v.device.Name, Address: fact(v.device.Address), Site: fact(v.device.Site), State: v.state,
		SysName: fact(v.system.Name), SysDescr: fact(v.system.Descr), Vendor: fact(v.system.Vendor),
		UptimeS: unknown, PolledAt: stamp(v.answered), PollMs: unknown,
		IntervalS: seconds(v.interval), CounterRefresh: seconds(v.refresh), Error: fact(v.err), Total: v.total(now),
	}
	if v.known {
		ports := v.wires
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
		if !who(c).sees(&v.device) {
			continue
		}
		if len(list) == limit {
			next = fact(cursor{device: list[limit-1].Name}.String())
			break
		}
		list = append(list, v.json(time.Now()))
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
	return s.writeJSON(c, v.json(time.Now()))
}

func (s *Server) mustDevice(param, name string) (*deviceView, error) {
	v, ok := s.board.device(name)
	if !ok {
		return nil, notFound(param, "device", name, "GET /api/v1/devices lists them")
	}
	return v, nil
}

func (s *Server) writeJSON(c *gin.Context, answer any) error {
	return s.writeJSONAs(c, http.StatusOK, answer)
}

func (s *Server) writeJSONAs(c *gin.Context, status int, answer any) error {
	body, err := marshal(answer)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	return s.send(c, status, "application/json", append(body, '\n'))
}
