package web

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
	"spate/graph"
)

// Limits of a picture.
const (
	picturePatience  = 5 * time.Second
	longestFreshness = 5 * time.Minute // a picture is made anew at least so often
)

// A pictureOrder is everything that makes two pictures differ.
type pictureOrder struct {
	sel           selection
	kind          graph.Kind
	theme         graph.Theme
	format        string // png, svg
	from, to      time.Time
	width, height int
	bare          bool            // without title, for a page that has one
	fresh         time.Duration   // how long the picture may be shown
	incident      *spate.Incident // pointed at; nil: none
	extras        extras
	metric        spate.Metric // of a stack
}

// extras are what a picture shows beside its data.
type extras struct {
	previous bool // the same span before
	band     bool // what is usual
	marks    bool // what happened
}

func (o pictureOrder) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %t %v %d %d %d %d %d", o.format, o.kind, o.theme, o.bare, o.extras, o.metric, o.from.UnixMilli(), o.to.UnixMilli(), o.width, o.height)
	fmt.Fprintf(&b, " %q", o.sel.group)
	if in := o.incident; in != nil {
		fmt.Fprintf(&b, " %q %t", in.ID, in.EndedAt != nil)
	}
	for _, p := range o.sel.ports {
		fmt.Fprintf(&b, " %q %q", p.Device, p.Name)
	}
	return b.String()
}

func (s *Server) graphPNG(c *gin.Context) error { return s.showGraph(c, "png", "image/png") }
func (s *Server) graphSVG(c *gin.Context) error { return s.showGraph(c, "svg", "image/svg+xml") }

func (s *Server) showGraph(c *gin.Context, format, contentType string) error {
	o, err := s.pictureParams(c.Request.URL.Query(), format, time.Now())
	if err != nil {
		return err
	}
	pic, err := s.picture(c.Request.Context(), o)
	if err != nil {
		return err
	}
	c.Header("Content-Disposition", `inline; filename="`+fileName(o.sel, format)+`"`)
	cache := fmt.Sprintf("private, max-age=%d", max(1, int(o.fresh/time.Second)))
	return s.writeWithTag(c, contentType, cache, pic.tag, pic.body)
}

func (s *Server) pictureParams(q url.Values, format string, now time.Time) (o pictureOrder, err error) {
	o.format = format
	kind, err := wordParam(q, "kind", "bits", "packets", "errors", "stack")
	if err != nil {
		return
	}
	theme, err := wordParam(q, "theme", "light", "dark")
	if err != nil {
		return
	}
	title, err := wordParam(q, "title", "1", "0")
	if err != nil {
		return
	}
	o.bare = title == "0"
	o.kind, o.theme = graph.Kind(kind), graph.Theme(theme)
	if o.width, err = intParam(q, "w", 1200, graph.MinWidth, graph.MaxWidth); err != nil {
		return
	}
	if o.height, err = intParam(q, "h", 400, graph.MinHeight, graph.MaxHeight); err != nil {
		return
	}
	if o.from, o.to, err = rangeParams(q, now); err != nil {
		return
	}
	o.fresh = o.align()
	if o.extras, err = extrasParam(q); err != nil {
		return
	}
	if o.kind == graph.Stack {
		if o.metric, err = stackMetric(q); err != nil {
			return
		}
	}
	if id := q.Get("incident"); id != "" {
		if o.incident, err = s.mustIncident(id); err != nil {
			return
		}
	}
	o.sel, err = s.selectPorts(q)
	return
}

// align moves the range onto the picture's columns, so that everybody who asks
// within one column's time gets the same picture, and says how long that is.
func (o *pictureOrder) align() time.Duration {
	column := o.to.Sub(o.from) / time.Duration(o.width)
	step := min(max(column.Truncate(time.Second), time.Second), longestFreshness)
	o.from, o.to = o.from.Truncate(step), o.to.Add(step-1).Truncate(step)
	return step
}

// keep is how long the picture stays true: one column's time while its range
// still grows, long once it has passed.
func (o *pictureOrder) keep(now time.Time) time.Duration {
	if now.Sub(o.to) > longestFreshness {
		return time.Hour
	}
	return o.fresh
}

func (s *Server) picture(ctx context.Context, o pictureOrder) (*cachedPicture, error) {
	return s.pictures.get(ctx, o.key(), o.keep(time.Now()), func(ctx context.Context) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, picturePatience)
		defer cancel()
		if err := s.drawing.enter(ctx); err != nil {
			return nil, err
		}
		defer s.drawing.leave()
		q := spate.Query{Metrics: graph.Metrics(o.kind), From: o.from, To: o.to, Width: min(s.painter.Columns(o.width), mostWidth)}
		if o.kind == graph.Stack {
			q.Metrics = []spate.Metric{o.metric}
		}
		f, err := s.frame(ctx, o.sel, q)
		if err != nil {
			return nil, err
		}
		p := s.describe(o, f)
		if err := s.addExtras(ctx, &p, o, q); err != nil {
			return nil, err
		}
		draw := s.painter.PNG
		if o.format == "svg" {
			draw = s.painter.SVG
		}
		var b bytes.Buffer
		err = draw(&b, p)
		return b.Bytes(), err
	})
}

// describe is the picture with its words.
func (s *Server) describe(o pictureOrder, f *spate.Frame) graph.Picture {
	p := graph.Picture{Kind: o.kind, Frame: f, Width: o.width, Height: o.height, Theme: o.theme, Zone: s.cfg.Zone}
	id := o.sel.ports[0]
	switch {
	case o.sel.group != "":
		p.Title = fmt.Sprintf("%s, sum of %d ports", o.sel.group, len(o.sel.ports))
		p.Subtitle = coverage(f)
	case len(o.sel.ports) > 1:
		p.Title = fmt.Sprintf("%s, sum of %d ports", id.Device, len(o.sel.ports))
		p.Subtitle = coverage(f)
	default:
		p.Title = id.String()
		if v, r, ok := s.board.port(id); ok {
			p.Subtitle, p.Speed = r.Port.Alias, portView{v, r, time.Now()}.speed()
		}
	}
	if o.incident != nil {
		p.Shades = []graph.Shade{shade(o.incident)}
	}
	if o.kind == graph.Stack {
		p.Title += ", " + strings.ReplaceAll(o.metric.String(), "_", " ")
	}
	if o.bare {
		p.Title, p.Subtitle = "", ""
	}
	return p
}

func coverage(f *spate.Frame) string {
	if f.Covered == f.Of {
		return ""
	}
	return fmt.Sprintf("%d of %d ports have data", f.Covered, f.Of)
}
