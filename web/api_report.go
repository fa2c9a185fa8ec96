package web

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"

	"spate"
)

const (
	monthsShown = 12
	mostMonths  = 120
	reportWidth = 400 // values a month is asked for in; its figures do not depend on it
)

// A month is what a port or group carried in a month of the site's calendar.
type month struct {
	Month    string       `json:"month"` // 2026-10
	From     stamp        `json:"from"`
	To       stamp        `json:"to"` // the end of the month, or now
	Complete bool         `json:"complete"`
	InP95    number       `json:"in_p95_bps"`
	OutP95   number       `json:"out_p95_bps"`
	P95      number       `json:"p95_bps"` // the larger of both
	InMean   number       `json:"in_mean_bps"`
	OutMean  number       `json:"out_mean_bps"`
	InMax    number       `json:"in_max_bps"`
	OutMax   number       `json:"out_max_bps"`
	InTotal  number       `json:"in_total_octets"`
	OutTotal number       `json:"out_total_octets"`
	Known    number       `json:"known"` // share of the month with data, 0..1
	Coverage coverageJSON `json:"coverage"`

	from, to time.Time
}

// listGroups answers the [[group]]s of the config and what they carry now.
func (s *Server) listGroups(c *gin.Context) error {
	list := []groupAnswer{}
	now := time.Now()
	for _, g := range s.board.groupList() {
		list = append(list, s.groupNow(g, now))
	}
	return s.writeJSON(c, struct {
		Groups []groupAnswer `json:"groups"`
		Next   fact          `json:"next"`
	}{list, ""})
}

type groupAnswer struct {
	Name     string       `json:"name"`
	Ports    int          `json:"ports"`
	InBps    number       `json:"in_bps"`
	OutBps   number       `json:"out_bps"`
	Coverage coverageJSON `json:"coverage"` // ports with a rate now
}

func (s *Server) groupNow(g Group, now time.Time) groupAnswer {
	a := groupAnswer{Name: g.Name, InBps: unknown, OutBps: unknown}
	sel, err := s.groupPorts(g)
	if err != nil {
		return a
	}
	a.Ports, a.Coverage.Of = len(sel.ports), len(sel.ports)
	in, out := 0.0, 0.0
	for _, id := range sel.ports {
		v, r, ok := s.board.port(id)
		if !ok {
			continue
		}
		if rate := (portView{v, r, now}).rate(); rate != nil {
			in, out = in+orZero(rate.values[spate.InBps]), out+orZero(rate.values[spate.OutBps])
			a.Coverage.N++
		}
	}
	if a.Coverage.N > 0 {
		a.InBps, a.OutBps = number(math.Round(in)), number(math.Round(out))
	}
	return a
}

// showReport answers month by month, the newest first. months= says how many, month=
// which one.
func (s *Server) showReport(c *gin.Context) error {
	q := c.Request.URL.Query()
	sel, err := s.selectPorts(q)
	if err != nil {
		return err
	}
	now := time.Now()
	spans, err := s.monthsParam(q, now)
	if err != nil {
		return err
	}
	months, err := s.months(c.Request.Context(), sel, spans)
	if err != nil {
		return err
	}
	if wantsCSV(c) {
		return s.writeCSV(c, "months_"+fileName(sel, "csv"), monthRows(months))
	}
	return s.writeJSON(c, struct {
		Months []month `json:"months"`
		Zone   string  `json:"zone"`
		Rule   string  `json:"rule"`
		Next   fact    `json:"next"`
	}{months, s.cfg.Zone.String(), p95Rule, ""})
}

const p95Rule = "95th percentile: nearest rank of 5-minute means, in bits per second; p95_bps is the larger of in and out"

// monthsParam is the months asked for, newest first, in the site's zone: an October of
// summer time has 745 hours.
func (s *Server) monthsParam(q url.Values, now time.Time) ([]month, error) {
	if text := q.Get("month"); text != "" {
		at, err := time.ParseInLocation("2006-01", text, s.cfg.Zone)
		if err != nil || at.Year() < 1971 || at.After(now) {
			return nil, badParam("month", text, "a month that has begun, such as "+now.In(s.cfg.Zone).Format("2006-01"))
		}
		return []month{monthOf(at, now)}, nil
	}
	n, err := intParam(q, "months", monthsShown, 1, mostMonths)
	if err != nil {
		return nil, err
	}
	var out []month
	local := now.In(s.cfg.Zone)
	for i := range n {
		out = append(out, monthOf(time.Date(local.Year(), local.Month()-time.Month(i), 1, 0, 0, 0, 0, s.cfg.Zone), now))
	}
	return out, nil
}

func monthOf(first, now time.Time) month {
	end := first.AddDate(0, 1, 0)
	m := month{Month: first.Format("2006-01"), from: first, to: end, Complete: !end.After(now)}
	if !m.Complete {
		m.to = now
	}
	m.From, m.To = stamp(m.from.UTC()), stamp(m.to.UTC())
	return m
}

func (s *Server) months(ctx context.Context, sel selection, out []month) ([]month, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i := range out {
		group.Go(func() error {
			m := &out[i]
			f, err := s.frame(ctx, sel, spate.Query{Metrics: []spate.Metric{spate.InBps, spate.OutBps}, From: m.from, To: m.to, Width: reportWidth})
			if err != nil {
				return err
			}
			m.take(f)
			return nil
		})
	}
	return out, group.Wait()
}

func (m *month) take(f *spate.Frame) {
	m.Coverage = coverageJSON{f.Covered, f.Of}
	for _, x := range []*number{&m.InP95, &m.OutP95, &m.P95, &m.InMean, &m.OutMean, &m.InMax, &m.OutMax, &m.InTotal, &m.OutTotal, &m.Known} {
		*x = unknown
	}
	if len(f.Series) != 2 {
		return
	}
	in, out := f.Series[0].Stats, f.Series[1].Stats
	whole := func(v float64) number { return number(math.Round(v)) }
	m.InP95, m.OutP95, m.P95 = whole(in.P95), whole(out.P95), whole(math.Max(in.P95, out.P95))
	m.InMean, m.OutMean, m.InMax, m.OutMax = whole(in.Mean), whole(out.Mean), whole(in.Max), whole(out.Max)
	m.InTotal, m.OutTotal = whole(in.Total), whole(out.Total)
	known := 0
	for _, v := range f.Series[0].Avg {
		if !math.IsNaN(v) {
			known++
		}
	}
	if f.Len() > 0 {
		m.Known = number(math.Round(1000*float64(known)/float64(f.Len())) / 1000)
	}
}

func monthRows(months []month) [][]string {
	rows := [][]string{{"month", "from", "to", "complete", "in_p95_bps", "out_p95_bps", "p95_bps", "in_mean_bps", "out_mean_bps", "in_max_bps", "out_max_bps", "in_total_octets", "out_total_octets", "known", "ports", "ports_with_data"}}
	for i := range months {
		m := &months[i]
		row := []string{m.Month, m.from.UTC().Format(time.RFC3339), m.to.UTC().Format(time.RFC3339), map[bool]string{true: "yes", false: "no"}[m.Complete]}
		for _, v := range []number{m.InP95, m.OutP95, m.P95, m.InMean, m.OutMean, m.InMax, m.OutMax, m.InTotal, m.OutTotal, m.Known} {
			row = append(row, csvNumber(float64(v)))
		}
		rows = append(rows, append(row, csvNumber(float64(m.Coverage.Of)), csvNumber(float64(m.Coverage.N))))
	}
	return rows
}

type groupRow struct{ Href, Name, Ports, In, Out, Coverage string }

func groupHref(name string) string { return "/groups/" + url.PathEscape(name) }

// groupsPage lists the groups.
func (s *Server) groupsPage(c *gin.Context) error {
	now := time.Now()
	var rows []groupRow
	for _, g := range s.board.groupList() {
		a := s.groupNow(g, now)
		rows = append(rows, groupRow{groupHref(g.Name), g.Name, formatCount(a.Ports), formatBits(float64(a.InBps)), formatBits(float64(a.OutBps)), coverageNow(a.Coverage)})
	}
	return s.show(c, http.StatusOK, "groups", page{Title: "Groups", Here: "groups", Body: map[string]any{"Rows": rows}})
}

func coverageNow(c coverageJSON) string {
	switch {
	case c.Of == 0:
		return "no port yet"
	case c.N == c.Of:
		return "all"
	}
	return formatCount(c.N) + " of " + formatCount(c.Of)
}

type groupBody struct {
	Name          string
	Now           groupRow
	Ranges        []rangeLink
	From, To      string
	Charts        []chartBody
	Stacks        []stackBody
	Rows          []portRow
	More          int
	Months        []monthRow
	CSV           string
	Empty, Zoom   bool
	Zone, Missing string
}

type stackBody struct{ Title, Light, Dark, PNG, Alt string }

type monthRow struct{ Month, In, Out, P95, InTotal, OutTotal, Known, PNG, Href string }

const mostGroupPorts = 200 // listed on the page of a group

// groupPage is one group: its sum, its ports on top of each other, its months.
func (s *Server) groupPage(c *gin.Context) error {
	name, q, now := c.Param("group"), c.Request.URL.Query(), time.Now()
	sel, err := s.selectPorts(url.Values{"group": {name}})
	if err != nil {
		return err
	}
	from, to, err := rangeParams(q, now)
	if err != nil {
		return err
	}
	b := groupBody{Name: name, Zoom: s.pages.assets.zoom(), Zone: zoneName(s.cfg.Zone)}
	for _, g := range s.board.groupList() {
		if g.Name == name {
			a := s.groupNow(g, now)
			b.Now = groupRow{"", g.Name, formatCount(a.Ports), formatBits(float64(a.InBps)), formatBits(float64(a.OutBps)), coverageNow(a.Coverage)}
		}
	}
	b.setRange(q)
	f, err := s.frame(c.Request.Context(), sel, spate.Query{Metrics: chartKinds[0].metrics, From: from, To: to, Width: defaultWidth})
	if err != nil {
		return err
	}
	b.charts(f)
	b.Missing = coverage(f)
	for _, id := range s.busiestOf(sel.ports, spate.InBps) {
		if v, r, ok := s.board.port(id); ok && len(b.Rows) < mostGroupPorts {
			b.Rows = append(b.Rows, portView{v, r, now}.row())
		}
	}
	b.More = len(sel.ports) - len(b.Rows)
	spans, err := s.monthsParam(url.Values{}, now)
	if err != nil {
		return err
	}
	months, err := s.months(c.Request.Context(), sel, spans)
	if err != nil {
		return err
	}
	b.months(months)
	p := page{Title: name, Here: "groups", Body: b}
	if b.Zoom && !b.Empty {
		p.Modules, p.Styles = []string{"bundle/chart.js"}, []string{"bundle/chart.css"}
	}
	return s.show(c, http.StatusOK, "group", p)
}

func (b *groupBody) setRange(q url.Values) {
	if b.From, b.To = q.Get("from"), q.Get("to"); b.From == "" {
		b.From = "-24h"
	}
	if b.To == "" {
		b.To = "now"
	}
	for _, r := range ranges {
		b.Ranges = append(b.Ranges, rangeLink{Text: r, Here: b.To == "now" && b.From == "-"+r, Href: groupHref(b.Name) + "?from=-" + r})
	}
}

func (b *groupBody) charts(f *spate.Frame) {
	if f.Covered == 0 {
		b.Empty = true
		return
	}
	same := url.Values{"group": {b.Name}, "from": {b.From}, "to": {b.To}}.Encode()
	k := chartKinds[0]
	ch := chartBody{Kind: k.kind, Title: "The sum", Series: "/api/v1/series?" + same + "&metrics=in_bps,out_bps", Draw: "in_bps,out_bps"}
	for i, x := range f.Series {
		ch.Stats = append(ch.Stats, statLine(k.labels[i], x))
	}
	picture := same + "&kind=bits"
	ch.Light, ch.Dark = "/api/v1/graph.svg?"+picture+"&w=1100&h=300&title=0&theme=light", "/api/v1/graph.svg?"+picture+"&w=1100&h=300&title=0&theme=dark"
	ch.PNG, ch.SVG, ch.JSON, ch.CSV = "/api/v1/graph.png?"+picture, "/api/v1/graph.svg?"+picture, ch.Series, ch.Series+"&format=csv"
	ch.Alt = "Throughput of " + b.Name
	b.Charts = []chartBody{ch}
	for _, d := range []struct{ metric, title string }{{"in_bps", "Received, by port"}, {"out_bps", "Sent, by port"}} {
		stack := same + "&kind=stack&metric=" + d.metric
		b.Stacks = append(b.Stacks, stackBody{Title: d.title, PNG: "/api/v1/graph.png?" + stack, Alt: d.title + " of " + b.Name,
			Light: "/api/v1/graph.svg?" + stack + "&w=1100&h=360&title=0&theme=light", Dark: "/api/v1/graph.svg?" + stack + "&w=1100&h=360&title=0&theme=dark"})
	}
}

func (b *groupBody) months(list []month) {
	same := url.Values{"group": {b.Name}}.Encode()
	b.CSV = "/api/v1/report?" + same + "&format=csv"
	for i := range list {
		m := &list[i]
		if m.Coverage.N == 0 {
			continue
		}
		span := url.Values{"group": {b.Name}, "from": {m.from.UTC().Format(time.RFC3339)}, "to": {m.to.UTC().Format(time.RFC3339)}}.Encode()
		known := formatPercent(100 * float64(m.Known))
		if !m.Complete {
			known += ", not over yet"
		}
		b.Months = append(b.Months, monthRow{Month: m.from.Format("January 2006"), In: formatBits(float64(m.InP95)), Out: formatBits(float64(m.OutP95)), P95: formatBits(float64(m.P95)),
			InTotal: spate.Octets(m.InTotal).String(), OutTotal: spate.Octets(m.OutTotal).String(), Known: known, PNG: "/api/v1/graph.png?" + span, Href: groupHref(b.Name) + "?" + url.Values{"from": {m.from.UTC().Format(time.RFC3339)}, "to": {m.to.UTC().Format(time.RFC3339)}}.Encode()})
	}
}
