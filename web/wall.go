package web

import (
	"context"
	"math"
	"net/url"
	"strings"
	"time"

	"spate"
)

const (
	wallRows     = 24               // more than the tallest screen shows
	wallBeat     = 2 * time.Second  // the wall is told anew so often
	holdPlace    = 30 * time.Second // rows keep their place so long
	keepStale    = 15 * time.Minute // a silent port stays on the wall so long
	sparkNews    = 3 * wallBeat     // events carry new sparklines so long
	wallPatience = 400 * time.Millisecond
)

// A wallView is the wall at one moment, the same for all who watch.
type wallView struct {
	Ports    string         `json:"ports"`
	Devices  string         `json:"devices"`
	Silent   string         `json:"silent"` // empty: all answer
	Polled   string         `json:"polled"`
	Old      string         `json:"old"`   // empty: the data is fresh
	Store    string         `json:"store"` // empty: what is measured is kept
	Quiet    string         `json:"quiet"`
	Clock    string         `json:"clock"`
	ClockISO string         `json:"clock_iso"`
	Bands    []incidentBand `json:"bands"`
	More     string         `json:"more"` // incidents that have no place
	Rows     []wallRow      `json:"rows"`
	Empty    bool           `json:"empty"` // no device is configured
	Trouble  int            `json:"trouble"`
}

// A wallRow is one port on the wall, as text.
type wallRow struct {
	id      spate.PortID
	spark   *spark
	Href    string   `json:"href"`
	Name    string   `json:"name"`
	Where   string   `json:"where"`
	Note    string   `json:"note"`
	In      string   `json:"in"`
	Out     string   `json:"out"`
	Factor  string   `json:"factor"`
	Level   string   `json:"level"` // bad: the origin of a flood; warn: unusual
	Percent string   `json:"percent"`
	Fill    int      `json:"fill"` // of 100
	Band    string   `json:"band"`
	Stale   bool     `json:"stale"`
	Version int64    `json:"v"`               // of the sparkline
	Paths   []string `json:"paths,omitempty"` // in, out, words; only while new
}

// Class is how the row is painted.
func (r *wallRow) Class() string {
	if r.Stale {
		return strings.TrimSpace(r.Level + " stale")
	}
	return r.Level
}

// Spark is the sparkline for the template; nil: none yet.
func (r *wallRow) Spark() *spark {
	if r.spark == nil || r.spark.failed {
		return nil
	}
	return r.spark
}

// places is the order of the wall's rows.
type places struct {
	order  []spate.PortID
	sorted time.Time
}

// settle puts ports in their places: sorted anew every holdPlace, else each
// stays where it is, and a port that has fallen out gives its place to one that
// clearly carries more. best comes largest first.
func (p *places) settle(best []ranked, now time.Time) []ranked {
	if now.Sub(p.sorted) >= holdPlace || len(best) != len(p.order) {
		p.sorted = now
	} else {
		best = p.hold(best)
	}
	p.order = p.order[:0]
	for i := range best {
		p.order = append(p.order, best[i].Port.ID)
	}
	return best
}

// hold keeps the order as it was as far as it can.
func (p *places) hold(best []ranked) []ranked {
	where := make(map[spate.PortID]int, len(best))
	for i, id := range p.order {
		where[id] = i
	}
	kept := make([]ranked, len(best))
	var newcomers []ranked
	for _, r := range best {
		if i, ok := where[r.Port.ID]; ok {
			kept[i] = r
		} else {
			newcomers = append(newcomers, r)
		}
	}
	for i := range kept {
		if kept[i].Reading == nil && len(newcomers) > 0 {
			kept[i], newcomers = newcomers[0], newcomers[1:]
		}
	}
	return kept
}

// wallNow is the wall at this moment; it may be up to half a beat old.
func (s *Server) wallNow(ctx context.Context) *wallView {
	s.wallMu.Lock()
	defer s.wallMu.Unlock()
	now := time.Now()
	if s.wallMade.IsZero() || now.Sub(s.wallMade) >= wallBeat/2 {
		s.wall, s.wallMade = s.makeWall(ctx, now), now
	}
	return s.wall
}

func (s *Server) makeWall(ctx context.Context, now time.Time) *wallView {
	t := s.board.tally(now)
	troubled := s.troubled()
	best := s.wallPlaces.settle(s.board.busiest(wallRows, now, troubled), now)
	ids := make([]spate.PortID, len(best))
	for i := range best {
		ids[i] = best[i].Port.ID
	}
	s.fillSparks(ctx, ids, wallPatience)
	w := &wallView{
		Ports: plural(t.ports, "port", "ports"), Devices: plural(t.devices, "device", "devices"),
		Polled: polledWords(t, now), Old: oldWords(t, now), Store: storeWords(s.storeStatus()), Quiet: quietWords(t), Empty: t.devices == 0,
	}
	more := 0
	if w.Bands, more = s.bands(now); more > 0 {
		w.More = plural(more, "more incident", "more incidents")
	}
	w.Trouble = s.trouble()
	if len(w.Bands) > 0 {
		w.Quiet = ""
	} else if t.down == 0 && t.unknown == 0 && t.devices > 0 {
		w.Quiet += s.lastWords(now)
	}
	if t.down > 0 {
		w.Silent = formatCount(t.down) + " not answering"
	}
	w.Clock, w.ClockISO = clock(now.In(s.cfg.Zone))
	for i := range best {
		w.Rows = append(w.Rows, s.wallRow(best[i].portView, now, troubled))
		w.agree(&best[i], &w.Rows[i])
	}
	return w
}

// agree has the band of a flood say what the row of its port says: both are of one
// reading.
func (w *wallView) agree(p *ranked, row *wallRow) {
	if row.Stale {
		return
	}
	for i := range w.Bands {
		b := &w.Bands[i]
		if b.origin != p.Port.ID || b.Level == "over" || b.Rate == "" {
			continue
		}
		bits := spate.InBps + b.metric&1
		b.Rate = formatBits(p.Rate.Values[bits])
		if b.metric != bits {
			b.Rate = formatPackets(p.Rate.Values[b.metric])
		}
		if len(b.Path) > 0 && b.Path[0].Strong && b.Path[0].On != "" && len(b.Path) > 1 && b.Path[1].Strong {
			b.Path[0].On = formatBits(p.Rate.Values[bits])
		}
		e := p.Excess
		if e == nil || math.IsNaN(e.Usual[b.metric]) {
			continue
		}
		rate, usual := p.Rate.Values[b.metric], e.Usual[b.metric]
		if f := rate / math.Max(usual, e.Floor[b.metric]); !math.IsNaN(f) {
			row.Factor = "×" + formatTimes(f)
			b.Line = details(b.incident, f)
		}
		if rate <= usual+e.Floor[b.metric] { // it stops before anybody is sure that it has
			b.Title = was(b.Title)
		}
	}
}

func clock(now time.Time) (text, iso string) {
	return now.Format("Mon 2 Jan 15:04 MST"), now.Format(time.RFC3339)
}

// busiest is the ports by the larger direction; one that fell silent a short
// while ago keeps the figure it had.
func (b *Board) busiest(n int, now time.Time, troubled map[spate.PortID]string) []ranked {
	return b.topBy(func(rd *spate.Reading) float64 { return worry(rd, troubled) }, n, now, func(p portView) bool { return countedOnce(p) && p.Rate.Over > 0 && now.Sub(p.Rate.At) < keepStale })
}

func (s *Server) wallRow(p portView, now time.Time, troubled map[spate.PortID]string) wallRow {
	share := p.share(p.Rate.Values[spate.InBps], p.Rate.Values[spate.OutBps])
	row := wallRow{
		id: p.Port.ID, Href: portHref(p.Port.ID), Name: p.Port.Alias, Where: p.Port.ID.String(),
		In: formatBits(p.Rate.Values[spate.InBps]), Out: formatBits(p.Rate.Values[spate.OutBps]),
		Factor: "-", Level: troubled[p.Port.ID], Percent: formatPercent(share),
		Fill: fill(share), Band: band(share), Stale: !p.fresh(p.Reading, now), spark: s.sparks.get(p.Port.ID),
	}
	if row.Name == "" {
		row.Name, row.Where = row.Where, ""
	}
	if e := p.Excess; e != nil && !row.Stale {
		if f := float64(factor(e)); !math.IsNaN(f) {
			row.Factor = "×" + formatTimes(f)
		}
		if e.Mark != nil && row.Level == "" {
			row.Level = "warn"
		}
	}
	switch age := now.Sub(p.Rate.At); {
	case row.Stale:
		row.Note = "no poll for " + formatAge(age)
	case age > 2*p.interval:
		row.Note = "last " + formatAge(age) + " ago"
	}
	if sp := row.Spark(); sp != nil {
		row.Version = sp.version
		if now.Sub(sp.made) < sparkNews {
			row.Paths = []string{sp.In, sp.Out, sp.Label}
		}
	}
	return row
}

// worry is what the wall is sorted by: origins of floods, then what is unusual, by
// how far, then load.
func worry(rd *spate.Reading, troubled map[spate.PortID]string) float64 {
	load := orZero(float64(rd.Rate.Bits()))
	e := rd.Excess
	if troubled[rd.Port.ID] == "" && (e == nil || e.Mark == nil) {
		return load
	}
	f := 1.0
	if e != nil {
		f = math.Max(1, orZero(float64(factor(e))))
	}
	if troubled[rd.Port.ID] != "" {
		return 1e18 * f
	}
	return 1e14 * math.Min(f, 9e3)
}

// share is the larger direction in percent of the speed; NaN without one.
func (p portView) share(in, out float64) float64 {
	speed := float64(p.speed())
	if speed <= 0 {
		return math.NaN()
	}
	return math.Max(orZero(in), orZero(out)) / speed * 100
}

func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

func fill(percent float64) int {
	if math.IsNaN(percent) {
		return 0
	}
	return int(math.Round(min(max(percent, 0), 100)))
}

func portHref(id spate.PortID) string {
	return "/port?device=" + url.QueryEscape(id.Device) + "&port=" + url.QueryEscape(id.Name)
}

func polledWords(t tally, now time.Time) string {
	if t.newest.IsZero() {
		return "not polled yet"
	}
	return "polled " + formatAge(now.Sub(t.newest)) + " ago"
}

// oldWords is the headline when no device has brought anything for 3 polls.
func oldWords(t tally, now time.Time) string {
	if t.newest.IsZero() || t.interval == 0 || now.Sub(t.newest) <= staleAfter*t.interval {
		return ""
	}
	return "Data is " + formatAge(now.Sub(t.newest)) + " old: has the poller stopped?"
}

// quietWords is the line where floods will be told.
func quietWords(t tally) string {
	switch {
	case t.devices == 0:
		return "No device yet"
	case t.down > 0:
		return plural(t.down, "device does not answer", "devices do not answer") + " · the busiest ports of the others are below"
	case t.unknown == t.devices:
		return "Waiting for the first answers"
	case t.unknown > 0:
		return "Waiting for " + plural(t.unknown, "device", "devices") + " · the busiest ports of the others are below"
	}
	return "All calm · every device answers, no port is far from its usual"
}

// lastWords is how long ago the last incident was that people were told of.
func (s *Server) lastWords(now time.Time) (words string) {
	err := s.incidents.Between(now.Add(-incidentsBack), now, "", func(in *spate.Incident) bool {
		if in.Severity == spate.Info {
			return true
		}
		words = " · last incident " + formatAge(now.Sub(in.StartedAt)) + " ago"
		return false
	})
	if err != nil {
		s.log.Error("incidents not read", "err", err)
	}
	return words
}

// beat tells the wall to those who watch it, until ctx ends.
func (s *Server) beat(ctx context.Context) {
	tick := time.NewTicker(wallBeat)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			if s.wallFeed.watching() > 0 {
				s.emit(s.wallFeed, now, "wall", "", s.wallNow(ctx))
				s.wallFeed.tell()
			}
		case <-ctx.Done():
			return
		}
	}
}
