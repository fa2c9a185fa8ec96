package web

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
	"spate/topology"
)

// Measures of the map in units of its picture.
const (
	mapBoxWidth  = 132.0
	mapBoxHeight = 30.0
	mapColumnX   = 158.0 // from one column to the next
	mapLayerY    = 96.0
	mapEdge      = 24.0
	mapName      = 17 // letters that a box takes
	mostMapped   = 2000
)

// A mapBox is a device on the map.
type mapBox struct {
	Name, Href, State string
	Text, Title       string
	X, Y, W, H        float64
	TextX, TextY      float64
	hung              bool
}

// A mapLine is the links between two devices.
type mapLine struct {
	Path        string
	Band        string // colour by use
	Width       float64
	Title, Href string
	From, To    string
	Dashed      bool // not announced by the devices themselves
	Cross       bool // beside the tree: a second way
}

type mapBody struct {
	Boxes         []mapBox
	Lines         []mapLine
	Rows          []mapRowText // the same as a list, for those who do not see it
	Width, Height float64
	Devices, Lost int // without a link
	Links         int
	More          int
}

// A mapRowText is one line of the list below the picture.
type mapRowText struct {
	A, AHref, B, BHref, Speed, Use, Source string
	Gone                                   bool
}

func (s *Server) mapPage(c *gin.Context) error {
	body := s.drawMap(s.network(), time.Now())
	return s.show(c, http.StatusOK, "map", page{Title: "Map", Here: "map", Modules: []string{"map.js"}, Body: body})
}

func (s *Server) drawMap(v *topology.View, now time.Time) mapBody {
	var body mapBody
	joined := map[string][]string{}
	for i := range v.Links {
		l := &v.Links[i]
		joined[l.A.Device] = append(joined[l.A.Device], l.B.Device)
		joined[l.B.Device] = append(joined[l.B.Device], l.A.Device)
	}
	var names []string
	outside := map[string]bool{}
	states := map[string]*deviceView{}
	for d := range s.board.devices {
		if len(names) == mostMapped {
			body.More++
			continue
		}
		names = append(names, d.device.Name)
		states[d.device.Name] = d
		for i := range d.readings {
			outside[d.device.Name] = outside[d.device.Name] || v.Role(d.readings[i].Port.ID) == spate.RoleExternal
		}
	}
	f := grow(names, joined, outside)
	spots, width, height := f.place()
	body.Width, body.Height, body.Devices = 2*mapEdge+width*mapColumnX, 2*mapEdge+(height-1)*mapLayerY+mapBoxHeight, len(names)
	at := map[string]int{}
	for _, name := range names {
		p, d := spots[name], states[name]
		box := mapBox{
			Name: name, Text: shortened(name, mapName), Href: deviceHref(name), State: string(d.state), hung: p.hung,
			Title: name + ", " + string(d.state) + ", " + plural(len(joined[name]), "link", "links"),
			X:     mapEdge + p.x*mapColumnX + (mapColumnX-mapBoxWidth)/2, Y: mapEdge + p.y*mapLayerY, W: mapBoxWidth, H: mapBoxHeight,
		}
		box.TextX, box.TextY = box.X+box.W/2, box.Y+box.H/2+5
		at[name] = len(body.Boxes)
		body.Boxes = append(body.Boxes, box)
	}
	for _, name := range names {
		if len(joined[name]) == 0 {
			body.Lost++
		}
	}
	s.mapLines(&body, v, f, at, now)
	for i := range v.Gone {
		l := &v.Gone[i]
		body.Rows = append(body.Rows, mapRowText{A: l.A.String(), AHref: portHref(l.A), B: l.B.String(), BHref: portHref(l.B), Speed: "-", Use: "-", Gone: true,
			Source: "gone, last seen " + formatAge(now.Sub(l.SeenAt)) + " ago"})
	}
	body.Links = len(v.Links)
	return body
}

// shortened leaves the middle out: names differ at their ends.
func shortened(name string, most int) string {
	r := []rune(name)
	if len(r) <= most {
		return name
	}
	return string(r[:most/2]) + "…" + string(r[len(r)-(most-1-most/2):])
}

// mapLines joins the boxes: one line for all links of a pair, coloured by the
// busiest of them.
func (s *Server) mapLines(body *mapBody, v *topology.View, f *forest, at map[string]int, now time.Time) {
	type pair struct{ a, b string }
	lines := map[pair]int{}
	for i := range v.Links {
		l := &v.Links[i]
		ai, okA := at[l.A.Device]
		bi, okB := at[l.B.Device]
		if !okA || !okB || ai == bi {
			continue
		}
		use, speed := s.linkUse(l, now)
		row := mapRowText{A: l.A.String(), AHref: portHref(l.A), B: l.B.String(), BHref: portHref(l.B), Speed: "-", Use: formatPercent(use), Source: fmt.Sprintf("%s, %d %%", l.Source, int(math.Round(l.Confidence*100)))}
		if speed > 0 {
			row.Speed = formatBits(float64(speed))
		}
		body.Rows = append(body.Rows, row)
		k := pair{l.A.Device, l.B.Device}
		j, had := lines[k]
		if !had {
			line := mapLine{Band: "none", Width: 2, From: l.A.Device, To: l.B.Device, Href: portHref(l.A)}
			line.Path, line.Cross = mapPath(&body.Boxes[ai], &body.Boxes[bi], f)
			j = len(body.Lines)
			lines[k] = j
			body.Lines = append(body.Lines, line)
		} else {
			body.Lines[j].Width = 4
		}
		line := &body.Lines[j]
		line.Dashed = line.Dashed || l.Source == spate.LinkFDB || l.Source == spate.LinkInferred
		if hotter(band(use), line.Band) {
			line.Band = band(use)
		}
		if line.Title != "" {
			line.Title += "\n"
		}
		line.Title += row.A + " to " + row.B + ": " + row.Use + " of " + row.Speed
	}
}

// mapPath is the way of a line: straight between layers, along the column to one
// that hangs under its parent.
func mapPath(a, b *mapBox, f *forest) (path string, cross bool) {
	if a.Y > b.Y || f.parent[a.Name] == b.Name {
		a, b = b, a
	}
	ax, ay, bx, by := a.X+a.W/2, a.Y+a.H, b.X+b.W/2, b.Y
	switch tree := f.parent[b.Name] == a.Name; {
	case tree && b.hung:
		return fmt.Sprintf("M%.1f %.1fV%.1fH%.1fV%.1fH%.1f", ax, ay, ay+12, b.X-9, b.Y+b.H/2, b.X), false
	case a.Y == b.Y:
		if ax > bx {
			a, b = b, a
		}
		return fmt.Sprintf("M%.1f %.1fH%.1f", a.X+a.W, a.Y+a.H/2, b.X), !tree
	default:
		return fmt.Sprintf("M%.1f %.1fL%.1f %.1f", ax, ay, bx, by), !tree
	}
}

func hotter(a, b string) bool {
	heat := []string{"none", "low", "half", "high", "full"}
	return slices.Index(heat, a) > slices.Index(heat, b)
}

// linkUse is the use in percent of the busier direction, as either end sees it;
// NaN: not known.
func (s *Server) linkUse(l *spate.Link, now time.Time) (use float64, speed spate.BitRate) {
	use = math.NaN()
	for _, id := range [...]spate.PortID{l.A, l.B} {
		v, r, ok := s.board.port(id)
		if !ok {
			continue
		}
		p := portView{v, r, now}
		if speed == 0 {
			speed = p.speed()
		}
		rate := p.rate()
		if rate == nil {
			continue
		}
		if share := p.share(rate.values[spate.InBps], rate.values[spate.OutBps]); share == share && !(use >= share) {
			use = share
		}
	}
	return use, speed
}
