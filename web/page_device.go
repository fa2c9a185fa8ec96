package web

import (
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
	"spate/host"
)

const (
	deviceSparks   = 100 // sparklines on one page
	devicePatience = 250 * time.Millisecond
)

// A labelled fact of a page.
type labelled struct{ Label, Text string }

// A portRow is one line of a list of ports, as text. What is unknown is "-".
type portRow struct {
	id                   spate.PortID
	spark                *spark
	Href, Device, Name   string
	Alias, State, Status string // Status is the glyph's class: "", off, warn
	Speed, In, Out       string
	Percent, Band        string
	Fill                 int
	Packets, Errors      string
	Gap                  string // in two words
	SpeedBps             string // for live.js; empty: unknown
	bits                 float64
	Leads                leads // of a device's page
}

// Spark is the sparkline; nil: none.
func (r *portRow) Spark() *spark {
	if r.spark == nil || r.spark.failed {
		return nil
	}
	return r.spark
}

type deviceBody struct {
	Name, State, Error string
	Silent             bool
	Facts, Health      []labelled
	Rows               []portRow
	Sparks             bool
	Led                bool   // it is known of some port where it leads to
	Users              string // where it says who sends; empty: nobody counts
}

func (s *Server) devicePage(c *gin.Context) error {
	v, err := s.mustDevice("device", c.Param("device"))
	if err != nil {
		return err
	}
	now := time.Now()
	body := deviceBody{Name: v.device.Name, State: string(v.state), Error: v.err, Silent: v.silent(now), Facts: v.facts(now), Health: v.health(now)}
	body.Rows = make([]portRow, 0, len(v.readings))
	if s.agents != nil {
		if m, ok := s.agents.Machine(v.device.Name); ok && m.Device == v.device.Name {
			body.Users = usersHref(m.Device)
		}
	}
	network := s.network()
	body.Facts = append(body.Facts, s.boxFacts(network.Tables(v.device.Name), now)...)
	for i := range v.readings {
		if id := v.readings[i].Port.ID; body.Users == "" || !host.IsUser(v.readings[i].Port) {
			r := portView{v, &v.readings[i], now}.row()
			r.Leads = leadsTo(network, id)
			body.Led = body.Led || r.Leads.Text != ""
			body.Rows = append(body.Rows, r)
		}
	}
	s.addSparks(c, body.Rows)
	body.Sparks = slices.ContainsFunc(body.Rows, func(r portRow) bool { return r.Spark() != nil })
	return s.show(c, http.StatusOK, "device", page{Title: v.device.Name, Here: "devices", Modules: []string{"live.js"}, Body: body})
}

// addSparks draws the busiest ports' sparklines, as many as patience allows; the
// next look at the page finds them kept and draws more.
func (s *Server) addSparks(c *gin.Context, rows []portRow) {
	busy := make([]*portRow, 0, len(rows))
	for i := range rows {
		if rows[i].bits > 0 {
			busy = append(busy, &rows[i])
		}
	}
	slices.SortStableFunc(busy, func(a, b *portRow) int { return largerFirst(a.bits, b.bits) })
	busy = busy[:min(len(busy), deviceSparks)]
	ids := make([]spate.PortID, len(busy))
	for i := range busy {
		ids[i] = busy[i].id
	}
	s.fillSparks(c.Request.Context(), ids, devicePatience)
	for _, r := range busy {
		r.spark = s.sparks.get(r.id)
	}
}

func (p portView) row() portRow {
	port := p.Port
	r := portRow{
		id: port.ID, Href: portHref(port.ID), Device: port.ID.Device, Name: port.ID.Name, Alias: port.Alias, bits: p.bits(),
		Speed: "-", In: "-", Out: "-", Percent: "-", Packets: "-", Errors: "-", Gap: gapShort(p.Gap),
	}
	r.State, r.Status = stateWords(port)
	if p.speed() > 0 {
		r.Speed, r.SpeedBps = formatBits(float64(p.speed())), csvNumber(float64(p.speed()))
	}
	rate := p.rate()
	if rate == nil {
		return r
	}
	in, out := rate.values[spate.InBps], rate.values[spate.OutBps]
	share := p.share(in, out)
	r.In, r.Out, r.Percent, r.Fill, r.Band = formatBits(in), formatBits(out), formatPercent(share), fill(share), band(share)
	r.Packets = formatPackets(math.Max(orZero(rate.values[spate.InPps]), orZero(rate.values[spate.OutPps])))
	errors := rank("errors", p.Reading)
	r.Errors = formatErrors(errors)
	if errors >= 1 && r.Status == "" {
		r.Status = "warn"
	}
	return r
}

// stateWords is a port's state in a word, and whether it is dimmed.
func stateWords(p *spate.Port) (word, status string) {
	switch {
	case p.Admin == spate.StatusDown:
		return "off", "off"
	case p.Oper == spate.StatusUp:
		return "up", ""
	}
	return string(portStatus(p.Oper)), "off"
}

func (v *deviceView) facts(now time.Time) []labelled {
	list := []labelled{{"Address", v.device.Address}}
	add := func(label, text string) {
		if text != "" {
			list = append(list, labelled{label, text})
		}
	}
	add("Site", v.device.Site)
	add("Its own name", v.system.Name)
	add("Vendor", v.system.Vendor)
	add("Description", v.system.Descr)
	if v.state == deviceUp && v.system.Uptime > 0 {
		add("Up for", formatAge(v.system.Uptime))
	}
	add("Ports up", v.portsWords())
	if t := v.total(now); t.Ports > 0 {
		add("All ports", "in "+formatBits(float64(t.InBps))+", out "+formatBits(float64(t.OutBps))+" ("+t.Text+")")
	}
	return list
}

func (v *deviceView) health(now time.Time) []labelled {
	list := []labelled{{"State", string(v.state)}}
	if v.interval > 0 {
		list = append(list, labelled{"Polled every", formatAge(v.interval)})
	}
	if !v.answered.IsZero() {
		list = append(list, labelled{"Last answer", formatAge(now.Sub(v.answered)) + " ago"},
			labelled{"Took", formatCount(int(v.took.Milliseconds())) + narrow + "ms"})
	}
	if v.missed > 0 {
		list = append(list, labelled{"Rounds without answer", formatCount(v.missed)})
	}
	if v.refresh > 0 {
		list = append(list, labelled{"Counters renewed every", formatAge(v.refresh)})
	}
	return list
}
