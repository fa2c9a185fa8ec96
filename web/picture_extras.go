package web

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"spate"
	"spate/graph"
	"spate/host"
)

const (
	mostMarks    = 60 // on one picture
	mostApart    = 64 // ports of a stack that are asked for one by one; of more, the busiest now
	mostShades   = 20 // incidents on one picture
	incidentLong = 14 * 24 * time.Hour
)

// extrasParam reads previous=1, band=1 and marks=1.
func extrasParam(q url.Values) (x extras, err error) {
	for name, to := range map[string]*bool{"previous": &x.previous, "band": &x.band, "marks": &x.marks} {
		word, err := wordParam(q, name, "0", "1")
		if err != nil {
			return x, err
		}
		*to = word == "1"
	}
	return x, nil
}

// stackMetric reads metric= of a stack.
func stackMetric(q url.Values) (spate.Metric, error) {
	word, err := wordParam(q, "metric", "in_bps", "out_bps", "in_pps", "out_pps")
	if err != nil {
		return 0, err
	}
	m, _ := spate.ParseMetric(word)
	return m, nil
}

// addExtras adds to a picture what was asked for beside its data. What cannot be had
// is left out: the data is what counts.
func (s *Server) addExtras(ctx context.Context, p *graph.Picture, o pictureOrder, q spate.Query) error {
	if o.kind == graph.Stack {
		layers, err := s.layers(ctx, o, q)
		p.Layers = layers
		return err
	}
	if o.extras.previous && o.kind != graph.Errors {
		past := q
		span := q.To.Sub(q.From)
		past.From, past.To = q.From.Add(-span), q.From
		if f, err := s.frame(ctx, o.sel, past); err == nil {
			p.Previous = f
		}
	}
	if len(o.sel.ports) != 1 {
		return nil
	}
	if o.extras.band {
		p.Baseline = s.usualBand(o.sel.ports[0], o.kind, p.Frame)
	}
	if o.extras.marks {
		p.Marks = s.marksOf(o.sel.ports[0], o.from, o.to)
		p.Shades = append(p.Shades, s.shadesOf(o.sel.ports[0], o.from, o.to, o.incident)...)
	}
	return nil
}

// usualBand is half to twice what is usual of the busier direction.
func (s *Server) usualBand(id spate.PortID, kind graph.Kind, f *spate.Frame) *graph.Band {
	metrics := [2]spate.Metric{spate.InBps, spate.OutBps}
	switch {
	case s.usual == nil || kind == graph.Errors:
		return nil
	case kind == graph.Packets:
		metrics = [2]spate.Metric{spate.InPps, spate.OutPps}
	}
	at := make([]time.Time, f.Len())
	for i := range at {
		at[i] = f.From.Add(time.Duration(i) * f.Step)
	}
	best, most := []float64(nil), 0.0
	for _, m := range metrics {
		values := s.usual(id, m, at)
		sum := 0.0
		for _, v := range values {
			sum += orZero(v)
		}
		if sum > most {
			best, most = values, sum
		}
	}
	if best == nil {
		return nil
	}
	b := &graph.Band{Low: make([]float64, len(best)), High: make([]float64, len(best))}
	for i, v := range best {
		b.Low[i], b.High[i] = v/2, v*2
	}
	return b
}

// marksOf are the restarts of a port's device and what happened to the port.
func (s *Server) marksOf(id spate.PortID, from, to time.Time) (out []graph.Mark) {
	for _, c := range s.changesOf(id, from, to) {
		out = append(out, graph.Mark{At: c.At, Label: c.Text})
	}
	return out
}

// changesOf are the newest changes of a port and its device in a range, oldest first.
func (s *Server) changesOf(id spate.PortID, from, to time.Time) []spate.Change {
	if s.changes == nil {
		return nil
	}
	list, err := s.changes(id.Device, from, to, 20*mostMarks)
	if err != nil {
		s.log.Error("changes not read: graphs have no marks", "device", id.Device, "err", err)
		return nil
	}
	list = slices.DeleteFunc(list, func(c spate.Change) bool { return c.Port.Name != "" && c.Port.Name != id.Name })
	return list[max(0, len(list)-mostMarks):]
}

// shadesOf are the incidents that a port took part in, without one that is shown
// already.
func (s *Server) shadesOf(id spate.PortID, from, to time.Time, shown *spate.Incident) (out []graph.Shade) {
	for _, in := range s.incidentsOf(id, from, to) {
		if shown == nil || in.ID != shown.ID {
			out = append(out, shade(in))
		}
	}
	return out
}

// incidentsOf are the newest incidents that a port took part in.
func (s *Server) incidentsOf(id spate.PortID, from, to time.Time) (out []*spate.Incident) {
	err := s.incidents.Between(from.Add(-incidentLong), to, "", func(in *spate.Incident) bool {
		if touches(in, id) && (in.EndedAt == nil || in.EndedAt.After(from)) {
			out = append(out, in)
		}
		return len(out) < mostShades
	})
	if err != nil {
		s.log.Error("incidents not read: graphs do not show them", "err", err)
	}
	return out
}

// touches tells whether a port is an origin of an incident or on its way.
func touches(in *spate.Incident, id spate.PortID) bool {
	return slices.ContainsFunc(in.Origins, func(o spate.Origin) bool { return o.ID() == id }) ||
		slices.ContainsFunc(in.Path, func(h spate.Hop) bool { return h.Device == id.Device && h.Port == id.Name })
}

// layers are the ports of a stack, the busiest lowest, and the rest as one.
func (s *Server) layers(ctx context.Context, o pictureOrder, q spate.Query) ([]graph.Layer, error) {
	ports := s.busiestOf(o.sel.ports, o.metric)
	frames := make([]*spate.Frame, len(ports))
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, id := range ports {
		group.Go(func() (err error) {
			frames[i], err = s.frame(each, selection{ports: []spate.PortID{id}, known: true}, q)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	type layer struct {
		graph.Layer
		mean float64
	}
	var all []layer
	oneDevice := !slices.ContainsFunc(o.sel.ports, func(id spate.PortID) bool { return id.Device != o.sel.ports[0].Device })
	for i, f := range frames {
		if len(f.Series) == 1 {
			all = append(all, layer{graph.Layer{Label: layerName(ports[i], oneDevice), Series: f.Series[0]}, orZero(f.Series[0].Stats.Mean)})
		}
	}
	slices.SortStableFunc(all, func(a, b layer) int { return cmp.Compare(b.mean, a.mean) })
	single := min(len(all), graph.MostLayers)
	left := len(o.sel.ports) - single
	if left > 0 {
		single = min(single, graph.MostLayers-1)
		left = len(o.sel.ports) - single
	}
	var out []graph.Layer
	var shown []spate.Series
	for _, l := range all[:single] {
		out = append(out, l.Layer)
		shown = append(shown, l.Series)
	}
	if left == 0 {
		return out, nil
	}
	whole, err := s.frame(ctx, o.sel, q)
	if err != nil || len(whole.Series) != 1 {
		return out, err
	}
	return append(out, graph.Layer{Label: fmt.Sprintf("%d others", left), Series: rest(whole.Series[0], shown)}), nil
}

// rest is a sum without what is shown of it.
func rest(whole spate.Series, shown []spate.Series) spate.Series {
	unknown := math.NaN()
	out := spate.Series{Metric: whole.Metric, Avg: slices.Clone(whole.Avg), Stats: spate.Stats{Last: unknown, Mean: whole.Stats.Mean, Max: unknown, P95: unknown, Total: whole.Stats.Total}}
	for _, s := range shown {
		for i := range min(len(out.Avg), len(s.Avg)) {
			out.Avg[i] -= orZero(s.Avg[i])
		}
		out.Stats.Mean -= orZero(s.Stats.Mean)
		out.Stats.Total -= orZero(s.Stats.Total)
	}
	for i, v := range out.Avg {
		if v < 0 {
			out.Avg[i] = 0 // stored rates are rounded, each for itself
		}
	}
	out.Stats.Mean, out.Stats.Total = max(out.Stats.Mean, 0), max(out.Stats.Total, 0)
	return out
}

// busiestOf is all of a few ports, or those that carry most now.
func (s *Server) busiestOf(ports []spate.PortID, m spate.Metric) []spate.PortID {
	if len(ports) <= mostApart {
		return ports
	}
	now := time.Now()
	rate := func(id spate.PortID) float64 {
		if v, r, ok := s.board.port(id); ok {
			if x := (portView{v, r, now}).rate(); x != nil {
				return orZero(x.values[m])
			}
		}
		return 0
	}
	out := slices.Clone(ports)
	slices.SortStableFunc(out, func(a, b spate.PortID) int { return cmp.Compare(rate(b), rate(a)) })
	return out[:mostApart]
}

// layerName is a port in the legend of a stack: without its device where all are of one.
func layerName(id spate.PortID, oneDevice bool) string {
	if !oneDevice {
		return id.String()
	}
	if host.IsUserPort(id.Name) {
		return strings.TrimPrefix(strings.TrimPrefix(id.Name, "user "), "users ")
	}
	return id.Name
}
