package web

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"spate"
	"spate/graph"
)

const (
	beforeIncident = 2 * time.Hour // of its chart
	afterIncident  = 15 * time.Minute
	trafficWidth   = 240 // values
)

var errNoPort = errors.New("the incident names no port: there is nothing to draw")

// incidentRange is what a chart of an incident shows.
func incidentRange(in *spate.Incident, now time.Time) (from, to time.Time) {
	from, to = in.StartedAt.Add(-beforeIncident), now
	if in.EndedAt != nil && now.Sub(*in.EndedAt) > afterIncident {
		to = in.EndedAt.Add(afterIncident)
	}
	return from, to
}

// incidentKind is which rates tell of an incident.
func incidentKind(in *spate.Incident) graph.Kind {
	if in.Kind == spate.KindPacketFlood || in.Kind == spate.KindBroadcastStorm {
		return graph.Packets
	}
	return graph.Bits
}

// shade points at an incident in a picture.
func shade(in *spate.Incident) graph.Shade {
	s := graph.Shade{From: in.StartedAt, Label: strings.ReplaceAll(string(in.Kind), "_", " ")}
	if in.EndedAt != nil {
		s.To = *in.EndedAt
	}
	return s
}

// IncidentPicture is a PNG of the origin's port from two hours before the start on,
// on light ground: for mails and chats.
func (s *Server) IncidentPicture(ctx context.Context, in *spate.Incident) ([]byte, error) {
	if in.Origin == nil || in.Origin.Port == "" {
		return nil, errNoPort
	}
	o := pictureOrder{sel: selection{ports: []spate.PortID{in.Origin.ID()}, known: true}, kind: incidentKind(in), theme: graph.Light, format: "png", width: 1200, height: 400, incident: in, extras: extras{band: true}}
	o.from, o.to = incidentRange(in, time.Now())
	o.fresh = o.align()
	pic, err := s.picture(ctx, o)
	if err != nil {
		return nil, err
	}
	return pic.body, nil
}

// IncidentTraffic is what the origin's port took in from two hours before the start
// on, in bits/s, NaN in gaps, and the octets since the start, NaN where they are not
// known.
func (s *Server) IncidentTraffic(ctx context.Context, in *spate.Incident) (rates []float64, total spate.Octets, err error) {
	if in.Origin == nil || in.Origin.Port == "" {
		return nil, 0, errNoPort
	}
	from, to := incidentRange(in, time.Now())
	if in.EndedAt != nil {
		to = *in.EndedAt
	}
	sel := selection{ports: []spate.PortID{in.Origin.ID()}, known: true}
	f, err := s.frame(ctx, sel, spate.Query{Metrics: []spate.Metric{spate.InBps}, From: from, To: to, Width: trafficWidth})
	if err != nil || len(f.Series) == 0 {
		return nil, spate.Octets(math.NaN()), err
	}
	rates = f.Series[0].Avg
	known := false
	for i, v := range rates {
		if !f.From.Add(time.Duration(i+1)*f.Step).After(in.StartedAt) || math.IsNaN(v) {
			continue
		}
		known = true
		total += spate.Octets(v / 8 * f.Step.Seconds())
	}
	if !known {
		total = spate.Octets(math.NaN())
	}
	return rates, total, nil
}
