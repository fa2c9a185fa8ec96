package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

// ranges are the buttons of the port page.
var ranges = []string{"1h", "6h", "24h", "7d", "30d", "1y"}

// A statRow is one line of a chart's legend.
type statRow struct{ Label, Now, Mean, Max, P95, Total, Class, Metric string }

// A chartBody is one chart with its legend and its other forms.
type chartBody struct {
	Kind, Title         string
	Light, Dark         string // addresses of the drawing
	PNG, SVG, CSV, JSON string
	Series, Draw        string // what the zooming chart asks for, and what of it is drawn
	Alt                 string
	Stats               []statRow
	Totals              bool
}

type portBody struct {
	Senders                         []leads // machines behind it whose users are known
	Device, DeviceHref, Name, Alias string
	Facts                           []labelled
	Now                             portRow
	Gap, Error, Notice              string
	Ranges, Options                 []rangeLink
	Extras                          string // of the zooming charts: "previous band marks"
	extras                          url.Values
	From, To                        string
	Custom                          bool
	Charts                          []chartBody
	Empty, Zoom                     bool
	Zone                            string
	Listed                          bool // the board knows the port
	Leads                           leads
	Hosts                           []hostRow
	MoreHosts                       int
}

type rangeLink struct {
	Text, Href string
	Here       bool
}

// chartKinds says which lines each chart's legend has.
var chartKinds = []struct {
	kind, title string
	drawn       int // how many of the metrics the zooming chart draws
	metrics     []spate.Metric
	labels      []string
}{
	{"bits", "Throughput", 2, []spate.Metric{spate.InBps, spate.OutBps}, []string{"in", "out"}},
	{"packets", "Packets", 2, []spate.Metric{spate.InPps, spate.OutPps, spate.InMcastPps, spate.InBcastPps, spate.OutMcastPps, spate.OutBcastPps},
		[]string{"in", "out", "in multicast", "in broadcast", "out multicast", "out broadcast"}},
	{"errors", "Errors and discards", 4, []spate.Metric{spate.InErrorsPs, spate.OutErrorsPs, spate.InDiscardsPs, spate.OutDiscardsPs},
		[]string{"in errors", "out errors", "in discards", "out discards"}},
}

func (s *Server) portPage(c *gin.Context) error {
	q, now := c.Request.URL.Query(), time.Now()
	id := spate.PortID{Device: q.Get("device"), Name: q.Get("port")}
	if id.Device == "" || id.Name == "" {
		return newProblem(http.StatusBadRequest, "port", "device and port: both are wanted, as in /port?device=sw-acc-1&port=Gi1/0/2")
	}
	from, to, err := rangeParams(q, now)
	if err != nil {
		return err
	}
	sel, err := s.selectPorts(url.Values{"device": {id.Device}, "port": {id.Name}})
	if err != nil {
		return err
	}
	body := portBody{Device: id.Device, DeviceHref: deviceHref(id.Device), Name: id.Name, Zoom: s.pages.assets.zoom(), Zone: zoneName(s.cfg.Zone)}
	body.describe(s, id, now)
	body.Senders = s.sendersAt(id)
	if err := body.setOptions(q); err != nil {
		return err
	}
	body.setRange(q, id)
	f, err := s.frame(c.Request.Context(), sel, spate.Query{Metrics: allCharted(), From: from, To: to, Width: defaultWidth})
	if p, own := problemOf(err); err != nil && own {
		return p
	}
	if err != nil {
		body.Notice = "The history cannot be read now; the log of spate says why."
		s.log.Error("history not read", "device", id.Device, "port", id.Name, "err", err)
	} else {
		body.addCharts(f, q, id)
	}
	p := page{Title: id.String(), Here: "devices", Modules: []string{"live.js"}, Body: body}
	if body.Zoom && !body.Empty {
		p.Modules = append(p.Modules, "bundle/chart.js")
		p.Styles = []string{"bundle/chart.css"}
	}
	return s.show(c, http.StatusOK, "port", p)
}

func problemOf(err error) (*problem, bool) {
	if err == nil {
		return nil, false
	}
	return asProblem(err)
}

func allCharted() []spate.Metric {
	var all []spate.Metric
	for _, k := range chartKinds {
		all = append(all, k.metrics...)
	}
	return all
}

// describe fills in what the board knows of the port now.
func (b *portBody) describe(s *Server, id spate.PortID, now time.Time) {
	v, r, ok := s.board.port(id)
	if !ok {
		b.Notice = "This port is not listed any more: what you see is its history."
		return
	}
	p := portView{v, r, now}
	b.Listed, b.Alias, b.Now = true, p.Port.Alias, p.row()
	b.Facts = []labelled{
		{"Speed", speedWords(p)},
		{"State", b.Now.State},
		{"Type", p.Port.Type},
		{"Description", p.Port.Descr},
		{"ifIndex", strconv.Itoa(p.Port.IfIndex)},
	}
	if p.Port.MAC != "" {
		b.Facts = append(b.Facts, labelled{"MAC", p.Port.MAC})
	}
	if p.Port.Bundle != "" {
		b.Facts = append(b.Facts, labelled{"Member of", p.Port.Bundle})
	}
	network := s.network()
	around, to := s.around(network, id)
	b.Facts, b.Leads = append(b.Facts, around...), to
	b.Hosts, b.MoreHosts = s.hostRows(network, id, now)
	if p.Port.HighLayer {
		b.Facts = append(b.Facts, labelled{"In totals", "no: another port of the device counts the same octets"})
	}
	if text := p.quarantineText(); text != "" {
		b.Facts = append(b.Facts, labelled{"Above its speed", text})
	}
	switch {
	case v.state == deviceDown && v.err != "":
		b.Error = v.err
	case p.Gap != "":
		b.Gap = p.gapText()
	case p.Rate.Over == 0 && !v.answered.IsZero():
		b.Notice = "The first rate comes with the second poll."
	}
}

// portOptions are what charts may show beside their data, and what they do unless
// told otherwise.
var portOptions = []struct{ name, text, usual string }{
	{"band", "usual", "1"}, {"marks", "events", "1"}, {"previous", "time before", "0"},
}

func (b *portBody) setOptions(q url.Values) error {
	b.extras = url.Values{}
	for _, o := range portOptions {
		v := q.Get(o.name)
		switch v {
		case "":
			v = o.usual
		case "0", "1":
		default:
			return badParam(o.name, v, "0 or 1")
		}
		b.extras.Set(o.name, v)
	}
	return nil
}

// with is the options in an address, one of them changed; those that are as usual are
// left out.
func (b *portBody) with(name, value string) string {
	text := ""
	for _, o := range portOptions {
		v := b.extras.Get(o.name)
		if o.name == name {
			v = value
		}
		if v != o.usual {
			text += "&" + o.name + "=" + v
		}
	}
	return text
}

func (b *portBody) setRange(q url.Values, id spate.PortID) {
	b.From, b.To = q.Get("from"), q.Get("to")
	if b.From == "" {
		b.From = "-24h"
	}
	if b.To == "" {
		b.To = "now"
	}
	b.Custom = true
	for _, r := range ranges {
		here := b.To == "now" && b.From == "-"+r
		b.Ranges = append(b.Ranges, rangeLink{Text: r, Here: here, Href: portHref(id) + "&from=-" + r + b.with("", "")})
		b.Custom = b.Custom && !here
	}
	same := portHref(id) + "&" + url.Values{"from": {b.From}, "to": {b.To}}.Encode()
	for _, o := range portOptions {
		on := b.extras.Get(o.name) == "1"
		next := "1"
		if on {
			next = "0"
			b.Extras += o.name + " "
		}
		b.Options = append(b.Options, rangeLink{Text: o.text, Here: on, Href: same + b.with(o.name, next)})
	}
}

func (b *portBody) addCharts(f *spate.Frame, q url.Values, id spate.PortID) {
	if f.Covered == 0 {
		b.Empty = true
		return
	}
	same := url.Values{"device": {id.Device}, "port": {id.Name}, "from": {b.From}, "to": {b.To}}.Encode()
	shown := "&" + b.extras.Encode()
	next := 0
	for _, k := range chartKinds {
		names := make([]string, len(k.metrics))
		ch := chartBody{Kind: k.kind, Title: k.title}
		for i, m := range k.metrics {
			names[i] = m.String()
			if next < len(f.Series) {
				ch.Stats = append(ch.Stats, statLine(k.labels[i], f.Series[next]))
			}
			next++
		}
		picture := same + "&kind=" + k.kind + shown
		series := "/api/v1/series?" + same + "&metrics=" + strings.Join(names, ",")
		ch.Light, ch.Dark = "/api/v1/graph.svg?"+picture+"&w=1100&h=300&title=0&theme=light", "/api/v1/graph.svg?"+picture+"&w=1100&h=300&title=0&theme=dark"
		ch.PNG, ch.SVG = "/api/v1/graph.png?"+picture, "/api/v1/graph.svg?"+picture
		ch.JSON, ch.CSV = series, series+"&format=csv"
		ch.Series, ch.Draw = series, strings.Join(names[:k.drawn], ",")
		ch.Alt = altWords(k.title, id, ch.Stats)
		b.Charts = append(b.Charts, ch)
	}
}

func statLine(label string, s spate.Series) statRow {
	m := s.Metric
	return statRow{
		Label: label, Now: formatMetric(m, s.Stats.Last), Mean: formatMetric(m, s.Stats.Mean), Max: formatMetric(m, s.Stats.Max),
		P95: formatMetric(m, s.Stats.P95), Total: formatTotal(m, s.Stats.Total), Class: strings.ReplaceAll(label, " ", "-"), Metric: m.String(),
	}
}

func altWords(title string, id spate.PortID, stats []statRow) string {
	text := title + " of " + id.String()
	for _, s := range stats[:min(len(stats), 2)] {
		text += ", " + s.Label + " now " + s.Now + ", at most " + s.Max
	}
	return text
}
