package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

const (
	alertsShown    = 100
	incidentsShown = 20 // deliveries
)

type incidentBody struct {
	*spate.Incident
	Band         incidentBand
	State, Begun string
	Light, Dark  string // the origin's chart
	PNG, CSV     string
	Alt          string
	Suspects     []suspectRow
	Path         []hopRow
	Victims      []leads
	Timeline     []momentRow
	Told         []toldRow
	Users        []userRow
	Talkers      []talkerRow
	RuledOut     []string
	Ticket       string
	MoreTold     int
	Open         bool
	Fault        bool
	Verdict      string
	Loop         bool
}

type suspectRow struct {
	Href, Where, Who, Rate, Factor, Sure, Note string
	RunnerUp                                   bool
}

type hopRow struct{ Href, Where, Direction, Bits, Packets string }

type momentRow struct{ At, ISO, Text string }

type userRow struct{ Name, UID, Share, Rate string }

type talkerRow struct{ From, To, Protocol, Share string }

type toldRow struct {
	At, ISO, Name, Error string
	OK                   bool
}

func (s *Server) incidentPage(c *gin.Context) error {
	in, err := s.mustIncident(c.Param("id"))
	if err != nil {
		return err
	}
	now := time.Now()
	b := incidentBody{Incident: in, Band: s.band(in, now), Open: in.State == spate.IncidentOpen, Begun: s.moment(in.StartedAt, now), Loop: in.Kind == spate.KindLoop}
	switch in.Kind {
	case spate.KindDeviceDown, spate.KindLinkDown, spate.KindFlap, spate.KindThreshold:
		b.Fault = true
	}
	b.State = string(in.State)
	if in.Verdict != nil {
		b.Verdict = in.Verdict.Verdict
	}
	b.chart(in, now)
	for i := range in.Origins {
		b.Suspects = append(b.Suspects, suspectOf(&in.Origins[i], false))
	}
	for i := range in.RunnerUp {
		b.Suspects = append(b.Suspects, suspectOf(&in.RunnerUp[i], true))
	}
	for _, h := range in.Path {
		id := spate.PortID{Device: h.Device, Name: h.Port}
		b.Path = append(b.Path, hopRow{portHref(id), id.String(), h.Direction, formatFigure(h.ExcessBps, formatBits), formatFigure(h.ExcessPps, formatPackets)})
	}
	for _, v := range in.Victims {
		l := leads{Text: v.Device, Href: deviceHref(v.Device)}
		if v.Port != "" {
			id := spate.PortID{Device: v.Device, Name: v.Port}
			l = leads{Text: id.String(), Href: portHref(id)}
		}
		b.Victims = append(b.Victims, l)
	}
	for _, m := range in.Timeline {
		b.Timeline = append(b.Timeline, momentRow{s.moment(m.At, now), m.At.UTC().Format(time.RFC3339), m.Text})
	}
	b.Told, b.MoreTold = s.told(in, now)
	b.RuledOut = ruledOut(in)
	for _, u := range in.Users {
		b.Users = append(b.Users, userRow{u.User, strconv.Itoa(u.UID), formatPercent(100 * u.Share), formatFigure(u.TxBps, formatBits)})
	}
	for _, x := range in.Talkers {
		b.Talkers = append(b.Talkers, talkerRow{endpoint(x.Src, x.SrcPort), endpoint(x.Dst, x.DstPort), x.Protocol, formatPercent(100 * x.Share)})
	}
	b.Ticket = s.ticket(in, now)
	return s.show(c, http.StatusOK, "incident", page{Title: b.Band.Title, Here: "alerts", Modules: []string{"incident.js"}, Body: b})
}

// told are the last deliveries, newest last, and how many there were before.
func (s *Server) told(in *spate.Incident, now time.Time) (rows []toldRow, more int) {
	more = max(len(in.Notified)-incidentsShown, 0)
	for _, d := range in.Notified[more:] {
		rows = append(rows, toldRow{s.moment(d.At, now), d.At.UTC().Format(time.RFC3339), d.Name, d.Error, d.OK})
	}
	return rows, more
}

// moment is a time as the site reads it.
func (s *Server) moment(t, now time.Time) string {
	t, now = t.In(s.cfg.Zone), now.In(s.cfg.Zone)
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("Mon 2 Jan 15:04:05")
}

func formatFigure(f spate.Figure, as func(float64) string) string {
	if !f.Known() {
		return "-"
	}
	return as(float64(f))
}

func suspectOf(o *spate.Origin, second bool) suspectRow {
	id := o.ID()
	r := suspectRow{
		Href: portHref(id), Where: id.String(), Rate: formatFigure(o.RateBps, formatBits), Note: o.Note, RunnerUp: second,
		Sure: strconv.FormatFloat(o.Confidence*100, 'f', 0, 64) + narrow + "%", Factor: "-",
	}
	if id.Name == "" {
		r.Href, r.Where = deviceHref(id.Device), id.Device
	}
	if o.Factor.Known() {
		r.Factor = "×" + formatTimes(float64(o.Factor))
	}
	for i := range o.Hosts {
		if i == 3 {
			r.Who += fmt.Sprintf(" and %d more", len(o.Hosts)-3)
			break
		}
		h := &o.Hosts[i]
		if i > 0 {
			r.Who += ", "
		}
		switch {
		case h.Name != "" && h.IP != "":
			r.Who += h.Name + " (" + h.IP + ")"
		case h.Name != "" || h.IP != "":
			r.Who += h.Name + h.IP
		default:
			r.Who += h.MAC
		}
	}
	return r
}

// chart is the origin's port from two hours before.
func (b *incidentBody) chart(in *spate.Incident, now time.Time) {
	if in.Origin == nil || in.Origin.Port == "" {
		return
	}
	from, to := incidentRange(in, now)
	q := url.Values{"device": {in.Origin.Device}, "port": {in.Origin.Port}, "from": {from.UTC().Format(time.RFC3339)}, "to": {to.UTC().Format(time.RFC3339)}, "kind": {string(incidentKind(in))}, "incident": {in.ID}, "band": {"1"}, "marks": {"1"}}
	address := func(path, theme string) string {
		with := url.Values{}
		for k, v := range q {
			with[k] = v
		}
		if theme != "" {
			with.Set("theme", theme)
			with.Set("title", "0")
			with.Set("w", "1100")
			with.Set("h", "300")
		}
		return path + "?" + with.Encode()
	}
	b.Light, b.Dark, b.PNG = address("/api/v1/graph.svg", "light"), address("/api/v1/graph.svg", "dark"), address("/api/v1/graph.png", "light")
	q.Del("kind")
	q.Del("incident")
	q.Del("band")
	q.Del("marks")
	b.CSV = address("/api/v1/series", "") + "&format=csv"
	b.Alt = fmt.Sprintf("What %v carried from two hours before the start on", in.Origin.ID())
}

type alertRow struct {
	Href, Glyph, Level, Title, Summary, Since, State, Kind string
}

// alertsPage lists incidents: what is open, then what was.
func (s *Server) alertsPage(c *gin.Context) error {
	now := time.Now()
	var open, past []alertRow
	err := s.incidents.Between(now.Add(-incidentsBack), now.Add(time.Minute), "", func(in *spate.Incident) bool {
		b := s.band(in, now)
		row := alertRow{Href: b.Href, Glyph: b.Glyph, Level: b.Level, Title: b.Title, Summary: in.Summary, Since: s.moment(in.StartedAt, now), State: string(in.Severity), Kind: string(in.Kind)}
		if in.State == spate.IncidentOpen {
			open = append(open, row)
		} else {
			past = append(past, row)
		}
		return len(open)+len(past) < alertsShown
	})
	if err != nil {
		return err
	}
	creep, made := s.creepRows(now)
	return s.show(c, http.StatusOK, "alerts", page{Title: "Incidents", Here: "alerts", Body: map[string]any{
		"Open": open, "Past": past, "Creep": creep, "Made": made, "Silences": s.silenceRows(now), "Notifiers": s.notifierRows(now),
		"Device": c.Query("device"), "Port": c.Query("port"),
	}})
}
