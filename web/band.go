package web

import (
	"fmt"
	"math"
	"strings"
	"time"

	"spate"
)

const (
	mostBands  = 2
	bandLinger = 10 * time.Minute // a flood that has stopped stays on the wall so long
)

// An incidentBand is one incident on the wall: what can be read from five metres.
type incidentBand struct {
	ID    string     `json:"id"`
	Href  string     `json:"href"`
	Level string     `json:"level"` // bad, warn, over
	Glyph string     `json:"glyph"`
	Title string     `json:"title"`
	Rate  string     `json:"rate"`
	Line  string     `json:"line"`
	Since string     `json:"since"`
	Path  []bandStep `json:"path"`

	origin   spate.PortID
	metric   spate.Metric    // of the rate, at the origin
	incident *spate.Incident // what the band is made of
}

// A bandStep is one box of the path, and what flows on from it.
type bandStep struct {
	Name   string `json:"name"`
	Strong bool   `json:"strong"` // part of the origin
	On     string `json:"on"`     // "Te1/1 903 Mb/s", empty at the end
}

// bands are the incidents worth the wall, the worst first, and how many more there are.
func (s *Server) bands(now time.Time) (out []incidentBand, more int) {
	for _, in := range s.incidents.Open() {
		if in.Severity == spate.Info || in.EndedAt != nil && now.Sub(*in.EndedAt) > bandLinger {
			continue
		}
		if len(out) == mostBands {
			more++
			continue
		}
		out = append(out, s.band(in, now))
	}
	return out, more
}

func (s *Server) band(in *spate.Incident, now time.Time) incidentBand {
	b := incidentBand{ID: in.ID, Href: "/incidents/" + in.ID, Level: "bad", Glyph: "▲", Title: headline(in), Line: details(in, float64(in.Factor)), incident: in, metric: spate.InBps, Path: steps(in)}
	if in.Severity != spate.Critical {
		b.Level, b.Glyph = "warn", "◆"
	}
	if in.RateBps.Known() {
		b.Rate = formatBits(float64(in.RateBps))
		if in.Origin != nil && len(in.Origins) == 1 {
			b.origin = in.Origin.ID()
		}
		if in.Kind == spate.KindPacketFlood && in.RatePps.Known() {
			b.metric = spate.InPps
			b.Rate = formatPackets(float64(in.RatePps))
		}
		if len(in.Path) > 0 && in.Path[0].Direction == "out" { // a machine that says itself what it sends
			b.metric ^= 1
		}
	}
	since := in.StartedAt.In(s.cfg.Zone)
	clock := since.Format("15:04")
	if since.YearDay() != now.In(s.cfg.Zone).YearDay() {
		clock = since.Format("Mon 15:04")
	}
	b.Since = "since " + clock + " · " + formatAge(now.Sub(in.StartedAt))
	if in.EndedAt != nil {
		b.Level, b.Glyph, b.Title = "over", "✓", was(b.Title)
		b.Since = "stopped " + formatAge(now.Sub(*in.EndedAt)) + " ago"
	}
	return b
}

// headline is the incident in a few large words.
func headline(in *spate.Incident) string {
	o := in.Origin
	if o == nil {
		return string(in.Kind)
	}
	who := behind(o)
	switch in.Kind {
	case spate.KindDeviceDown:
		if e := in.Evidence; len(e) > 0 && e[0].Kind == string(spate.KindDeviceDown) {
			return e[0].Text // a machine that pushes sends no readings: it may answer for all that is known
		}
		return o.Device + " does not answer"
	case spate.KindLinkDown:
		return o.Device + " " + o.Port + " is down"
	case spate.KindFlap:
		return o.Device + " " + o.Port + " goes up and down"
	case spate.KindOther:
		return "Spate on " + o.Device + " is in trouble"
	case spate.KindThreshold:
		return o.Device + " " + o.Port + " is above its limit"
	case spate.KindLoop:
		return "Loop at " + o.Device + " " + o.Port
	case spate.KindBroadcastStorm:
		return maybe(o, "Broadcast storm from "+who)
	case spate.KindInboundDDoS:
		return maybe(o, "Flood from outside by "+o.Device+" "+o.Port)
	}
	if len(in.Origins) > 1 {
		return fmt.Sprintf("%d ports are flooding, %s the most", len(in.Origins), who)
	}
	return maybe(o, who+" is flooding")
}

// maybe says likely where the origin is not sure.
func maybe(o *spate.Origin, s string) string {
	if o.Confidence < sureOrigin {
		return "Likely " + s
	}
	return s
}

const sureOrigin = 0.7

// behind is the shortest name for who sits behind an origin.
func behind(o *spate.Origin) string {
	if len(o.Hosts) == 1 {
		for _, name := range [...]string{o.Hosts[0].Name, o.Hosts[0].IP, o.Hosts[0].MAC} {
			if name != "" {
				return name
			}
		}
	}
	return o.Device + " " + o.Port
}

// was is a headline of what has stopped, it may be to begin again.
func was(title string) string {
	return strings.NewReplacer(" is flooding", " was flooding", " are flooding", " were flooding").Replace(title)
}

// details is the second line: users, factor, exit.
func details(in *spate.Incident, factor float64) string {
	var parts []string
	if len(in.Users) > 0 && in.Users[0].Share >= 0.5 && in.Users[0].UID >= 0 {
		u := in.Users[0]
		parts = append(parts, fmt.Sprintf("user %s %.0f %%", u.User, u.Share*100))
	}
	if o := in.Origin; o != nil && len(o.Hosts) > 1 {
		parts = append(parts, fmt.Sprintf("one of %d machines", len(o.Hosts)))
	}
	if in.RateBps.Known() && in.UsualBps.Known() && !math.IsNaN(factor) {
		parts = append(parts, "×"+formatTimes(factor)+" normal")
	}
	if o := in.Origin; o != nil && o.Note != "" {
		parts = append(parts, o.Note)
	}
	if len(in.Victims) > 0 {
		v := in.Victims[0]
		words := "to " + v.Device + " " + v.Port
		if n := len(in.Victims); n > 1 {
			words = fmt.Sprintf("felt at %d ports", n)
		}
		switch in.Kind {
		case spate.KindDeviceDown, spate.KindLinkDown:
			words = plural(len(in.Victims), "more behind it", "more behind it")
		}
		parts = append(parts, words)
	}
	if in.AcknowledgedBy != nil {
		parts = append(parts, "taken by "+*in.AcknowledgedBy)
	}
	if len(parts) == 0 {
		return in.Summary
	}
	return strings.Join(parts, " · ")
}

// steps is the path with one box for each device: the host and its port first. How
// much flows stands at both ends: in between it is the same.
func steps(in *spate.Incident) []bandStep {
	var out []bandStep
	if o := in.Origin; o != nil && len(o.Hosts) == 1 {
		out = append(out, bandStep{Name: behind(o), Strong: true, On: formatShort(in.RateBps)})
	}
	for i, h := range in.Path {
		if h.Direction == "in" {
			name := h.Device
			if i == 0 {
				name += " " + h.Port
			}
			out = append(out, bandStep{Name: name, Strong: i == 0})
			continue
		}
		on := h.Port
		if i == len(in.Path)-1 || len(out) == 0 {
			on += " " + formatShort(h.ExcessBps)
		}
		if len(out) == 0 {
			out = append(out, bandStep{Name: h.Device})
		}
		out[len(out)-1].On = on
		if i == len(in.Path)-1 {
			out = append(out, bandStep{Name: "out"})
		}
	}
	if len(out) == 1 && len(in.Path) == 0 {
		return nil
	}
	return out
}

func formatShort(f spate.Figure) string {
	if !f.Known() {
		return ""
	}
	return formatBits(float64(f))
}

// formatTimes is a factor: "24.6", "38".
func formatTimes(f float64) string {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return "-"
	case f >= 99.5:
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.1f", f)
}

// origins are the ports that the wall paints as sources of trouble.
func (s *Server) troubled() map[spate.PortID]string {
	out := map[spate.PortID]string{}
	for _, in := range s.incidents.Open() {
		if in.EndedAt != nil || in.Severity == spate.Info {
			continue
		}
		for i := range in.Origins {
			if id := in.Origins[i].ID(); id.Name != "" {
				out[id] = "bad"
			}
		}
	}
	return out
}
