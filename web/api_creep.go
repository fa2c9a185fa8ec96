package web

import (
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

type creepLine struct {
	Device string       `json:"device"`
	Port   string       `json:"port"`
	Metric string       `json:"metric"`
	Before spate.Figure `json:"before"`
	Now    spate.Figure `json:"now"`
}

// showCreep answers with the last weekly report.
func (s *Server) showCreep(c *gin.Context) error {
	body := struct {
		At    *stamp      `json:"at"`
		Ports int         `json:"ports"`
		Creep []creepLine `json:"creep"`
	}{Creep: []creepLine{}}
	if r := s.lastCreep(); r != nil {
		at := stamp(r.At)
		body.At, body.Ports = &at, r.Ports
		for _, x := range r.List {
			body.Creep = append(body.Creep, creepLine{x.Port.Device, x.Port.Name, x.Metric.String(), spate.Figure(x.Before), spate.Figure(x.Now)})
		}
	}
	return s.writeJSON(c, body)
}

func (s *Server) lastCreep() *spate.Creeps {
	if s.creep == nil {
		return nil
	}
	return s.creep()
}

// creepRow is one line of the report on the page of incidents.
type creepRow struct {
	Href, Port, Direction, Before, Now, Factor string
}

// creepRows are the report as people read it, and when it was made.
func (s *Server) creepRows(now time.Time) (rows []creepRow, made string) {
	r := s.lastCreep()
	if r == nil || len(r.List) == 0 {
		return nil, ""
	}
	for _, x := range r.List {
		rows = append(rows, creepRow{
			Href: portHref(x.Port), Port: x.Port.String(), Direction: [...]string{"in", "out"}[x.Metric%2],
			Before: formatBits(x.Before), Now: formatBits(x.Now), Factor: formatTimes(x.Now / x.Before),
		})
	}
	return rows, s.moment(r.At, now)
}
