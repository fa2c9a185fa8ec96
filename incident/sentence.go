package incident

import (
	"fmt"
	"math"
	"strings"
	"time"

	"spate"
)

// sentence says what happens, who does it and where it leaves, in one sentence that
// a person reads at three in the morning.
func (d *Desk) sentence(m *matter, at time.Time) string {
	in, f := &m.record, &m.best
	o := in.Origin
	likely := ""
	if o.Confidence < sure {
		likely = "likely "
	}
	var s strings.Builder
	switch {
	case in.Kind == spate.KindLoop && len(in.Origins) > 1:
		fmt.Fprintf(&s, "%sa loop between %s and %s: %s of it comes in again", likely, place(o), place(&in.Origins[1]), rate(f))
	case in.Kind == spate.KindInboundDDoS:
		fmt.Fprintf(&s, "%s comes in from outside by %s%s", rate(f), likely, place(o))
		if who := d.victim(m); who != "" {
			s.WriteString(" to " + who)
		}
	case len(in.Origins) > 1:
		fmt.Fprintf(&s, "%d ports are sending together, %s%s the most: %s", len(in.Origins), likely, who(o), rate(f))
	default:
		fmt.Fprintf(&s, "%s%s is sending %s", likely, who(o), rate(f))
	}
	s.WriteString(manner(in.Kind, f.Impact.Replicated))
	s.WriteString(d.usual(in, f, at))
	s.WriteString(", since " + d.clock(in.StartedAt, at))
	if len(in.Origins) > 2 {
		s.WriteString("; also " + others(in.Origins[1:]))
	}
	if user := userNamed(in); user != "" {
		fmt.Fprintf(&s, "; %s %.0f %%", user, 100*in.Users[0].Share)
		if in.Users[0].Host != "" && len(o.Hosts) != 1 {
			s.WriteString(" on " + in.Users[0].Host)
		}
	}
	if exit := leaves(in); exit != "" {
		s.WriteString("; leaves by " + exit)
	}
	if o.Confidence < sure && len(in.RunnerUp) > 0 {
		s.WriteString("; else " + place(&in.RunnerUp[0]))
	}
	if o.Note != "" {
		s.WriteString("; " + o.Note)
	}
	return capital(s.String())
}

// who is the host behind the origin, and where: "web-17 (10.2.0.17) on sw-acc-1 Gi1/0/2".
func who(o *spate.Origin) string {
	switch len(o.Hosts) {
	case 0:
		return place(o)
	case 1:
		return host(&o.Hosts[0]) + " on " + place(o)
	}
	names := []string{}
	for i := range o.Hosts[:min(2, len(o.Hosts))] {
		names = append(names, short(&o.Hosts[i]))
	}
	if len(o.Hosts) > 2 {
		names = append(names, "…")
	}
	return fmt.Sprintf("one of %d machines (%s) on %s", len(o.Hosts), strings.Join(names, ", "), place(o))
}

func place(o *spate.Origin) string { return o.Device + " " + o.Port }

// host is a name with its address, or what of them is known.
func host(h *spate.HostNamed) string {
	switch {
	case h.Name != "" && h.IP != "":
		return h.Name + " (" + h.IP + ")"
	case h.Name != "":
		return h.Name
	case h.IP != "":
		return h.IP
	}
	return h.MAC
}

func short(h *spate.HostNamed) string {
	for _, s := range [...]string{h.Name, h.IP} {
		if s != "" {
			return s
		}
	}
	return h.MAC
}

// rate is what the origin sends, in the unit that was traced.
func rate(f *spate.Finding) string {
	o := &f.Origins[0]
	if f.Bits && !f.Impact.SmallFrames {
		return spate.BitRate(o.RateBps).String()
	}
	return fmt.Sprintf("%v (%v)", spate.PacketRate(o.RatePps), spate.BitRate(o.RateBps))
}

func manner(k spate.IncidentKind, ports int) string {
	switch {
	case k == spate.KindPacketFlood:
		return " in small packets"
	case k == spate.KindBroadcastStorm && ports == 0:
		return " of broadcast"
	case k == spate.KindBroadcastStorm:
		return fmt.Sprintf(" of broadcast that goes to %d ports", ports)
	case k == spate.KindUnicastFlood && ports > 0:
		return fmt.Sprintf(" that is copied to %d ports", ports)
	}
	return ""
}

// usual is the factor and the level it is a factor of, for this hour of the week.
func (d *Desk) usual(in *spate.Incident, f *spate.Finding, at time.Time) string {
	o := &f.Origins[0]
	level, floor, now, words := float64(in.UsualBps), o.FloorBps, float64(in.RateBps), func(v float64) string { return spate.BitRate(v).String() }
	if !f.Bits || f.Impact.SmallFrames {
		level, floor, now, words = float64(in.UsualPps), o.FloorPps, float64(in.RatePps), func(v float64) string { return spate.PacketRate(v).String() }
	}
	hour := in.StartedAt.In(d.cfg.Zone).Format("Mon 15:00")
	factor := times(now / math.Max(level, floor))
	switch {
	case math.IsNaN(level) || !(now > 0):
		return ", and nothing is known of its usual yet"
	case now < level, now < floor:
		return "" // what comes in is not what is unusual there
	case level < floor:
		return fmt.Sprintf(", %s what is normal there (under %s for %s)", factor, words(floor), hour)
	}
	return fmt.Sprintf(", %s its usual %s for %s", factor, words(level), hour)
}

func times(f float64) string {
	if f >= 9.95 {
		return fmt.Sprintf("%.0fx", f)
	}
	return fmt.Sprintf("%.1fx", f)
}

// clock is a moment as people say it: the day only where it is another.
func (d *Desk) clock(t, now time.Time) string {
	t, now = t.In(d.cfg.Zone), now.In(d.cfg.Zone)
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return t.Format("15:04:05")
	case now.Sub(t) < 6*24*time.Hour:
		return t.Format("Mon 15:04")
	}
	return t.Format("2 Jan 15:04")
}

// leaves is the last port of the path where the flood leaves the network.
func leaves(in *spate.Incident) string {
	if in.Kind == spate.KindInboundDDoS || in.Kind == spate.KindBroadcastStorm || in.Kind == spate.KindUnicastFlood || in.Kind == spate.KindLoop || len(in.Path) < 2 {
		return ""
	}
	last := in.Path[len(in.Path)-1]
	if last.Direction != "out" || last.Device == in.Origin.Device && len(in.Path) == 2 && last.Port == in.Origin.Port {
		return ""
	}
	return last.Device + " " + last.Port
}

// victim is who is flooded from outside.
func (d *Desk) victim(m *matter) string {
	if len(m.best.Victims) == 0 {
		return ""
	}
	id := m.best.Victims[0]
	if m.around != nil {
		if hosts := m.around.HostsAt(id); len(hosts) == 1 {
			h := named(&hosts[0])
			return host(&h) + " on " + id.String()
		}
	}
	return id.String()
}

func others(rest []spate.Origin) string {
	names := []string{}
	for i := range rest[:min(3, len(rest))] {
		names = append(names, place(&rest[i]))
	}
	if len(rest) > 3 {
		names = append(names, fmt.Sprintf("%d more", len(rest)-3))
	}
	return strings.Join(names, ", ")
}

func capital(s string) string {
	if strings.HasPrefix(s, "likely ") || strings.HasPrefix(s, "a loop") || strings.HasPrefix(s, "one of") {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}
