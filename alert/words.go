package alert

import (
	"fmt"
	"math"
	"strings"
	"time"

	"spate"
)

const (
	longestSubject  = 120  // runes
	longestSentence = 1000 // runes
	mostLines       = 8    // of evidence, hops, victims
	mostDigest      = 40   // incidents that a digest lists
)

// plain makes a text safe to be one line anywhere: no controls, no line ends, no
// marks that turn the direction of what follows.
func plain(s string) string { return spate.CleanTo(s, longestSentence) }

// subject is the sentence up to the rate.
func subject(in *spate.Incident) string {
	s := plain(in.Summary)
	end := len(s)
	if in.RateBps.Known() {
		rate := spate.BitRate(in.RateBps).String()
		if at := strings.Index(s, rate); at >= 0 {
			end = at + len(rate)
			if stop := strings.IndexAny(s[end:], ",;"); stop >= 0 {
				end += stop
			} else {
				end = len(s)
			}
		}
	} else if at := strings.Index(s, ", since "); at > 0 {
		end = at
	}
	return cut(glyph(in)+" "+s[:end], longestSubject)
}

// glyph says how bad it is, for those who do not see colours.
func glyph(in *spate.Incident) string {
	switch in.Severity {
	case spate.Critical:
		return "▲"
	case spate.Warning:
		return "◆"
	}
	return "●"
}

// cut bounds a text to so many runes, with a mark where something is missing.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func digestSubject(list []*spate.Incident) string {
	worst := list[0]
	open := 0
	for _, in := range list {
		if in.Severity.Worse(worst.Severity) {
			worst = in
		}
		if in.State == spate.IncidentOpen {
			open++
		}
	}
	state := fmt.Sprintf("%d open", open)
	if open == 0 {
		state = "all over"
	}
	return cut(fmt.Sprintf("%s %d incidents, %s: %s", glyph(worst), len(list), state, plain(worst.Summary)), longestSubject)
}

// subject is the title of a message as the first of its thread.
func (m *Message) subject() string {
	switch {
	case m.Event == Test:
		return "Spate: a test"
	case m.Incident == nil:
		return digestSubject(m.Digest)
	case m.Subject != "":
		return plain(m.Subject)
	}
	return subject(m.Incident)
}

// lead is the first line: what there is to know.
func (m *Message) lead() string {
	switch {
	case m.Event == Test:
		return "This is a test of Spate: nothing is flooding. A real message begins with the port, the rate and the host."
	case m.Incident == nil:
		return fmt.Sprintf("%d incidents were waiting to be told:", len(m.Digest))
	case m.Event == Resolve:
		return "Over, " + m.lasted(m.Incident) + ": " + plain(m.Incident.Summary)
	case m.Why != "":
		return capital(plain(m.Why)) + ": " + plain(m.Incident.Summary)
	}
	return plain(m.Incident.Summary)
}

// lasted says from when to when and how long.
func (m *Message) lasted(in *spate.Incident) string {
	end := m.At
	if in.EndedAt != nil {
		end = *in.EndedAt
	}
	return fmt.Sprintf("%s to %s (%s)", m.clock(in.StartedAt), m.clock(end), length(end.Sub(in.StartedAt)))
}

// length is a duration as people say it, "28 min 12 s".
func length(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	h, min, s := int(d/time.Hour), int(d/time.Minute)%60, int(d/time.Second)%60
	switch {
	case h >= 48:
		return fmt.Sprintf("%d d %d h", h/24, h%24)
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, min)
	case min > 0:
		return fmt.Sprintf("%d min %d s", min, s)
	}
	return fmt.Sprintf("%d s", s)
}

// clock is a moment in the site's zone, with the day where it is not the message's.
func (m *Message) clock(t time.Time) string {
	t, at := t.In(m.Zone), m.At.In(m.Zone)
	if t.YearDay() == at.YearDay() && t.Year() == at.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("Mon 2 Jan 15:04:05")
}

// A fact is one line under the sentence.
type fact struct{ Name, Text string }

// facts are what a person asks next: where it goes, who feels it, what else it
// could be.
func (m *Message) facts() []fact {
	in := m.Incident
	if in == nil {
		return nil
	}
	out := []fact{{"What", fmt.Sprintf("%s %s, since %s", in.Severity, strings.ReplaceAll(string(in.Kind), "_", " "), m.clock(in.StartedAt))}}
	add := func(name, text string) {
		if text != "" {
			out = append(out, fact{name, plain(text)})
		}
	}
	if in.RateBps.Known() && in.RatePps.Known() {
		add("Rate", fmt.Sprintf("%v, %v", spate.BitRate(in.RateBps), spate.PacketRate(in.RatePps)))
	}
	add("Path", way(in))
	add("Users", users(in))
	add("Also", ports(in.Origins, 1))
	add("Else", elsewhere(in))
	add("Felt at", victims(in))
	if in.AcknowledgedBy != nil {
		add("Taken by", *in.AcknowledgedBy)
	}
	return out
}

// evidence is what speaks for it, one line each.
func (m *Message) evidence() []string {
	var out []string
	if m.Incident == nil || m.Event == Resolve {
		return nil
	}
	for _, e := range m.Incident.Evidence[:min(len(m.Incident.Evidence), mostLines)] {
		out = append(out, plain(e.Text))
	}
	return out
}

func way(in *spate.Incident) string {
	var hops []string
	for i, h := range in.Path {
		if i == mostLines {
			hops = append(hops, "…")
			break
		}
		hops = append(hops, fmt.Sprintf("%s %s %s", h.Device, h.Port, h.Direction))
	}
	return strings.Join(hops, " > ")
}

func users(in *spate.Incident) string {
	var out []string
	for _, u := range in.Users[:min(len(in.Users), 3)] {
		out = append(out, fmt.Sprintf("%s %.0f %%", u.User, 100*u.Share))
	}
	return strings.Join(out, ", ")
}

func ports(list []spate.Origin, from int) string {
	var out []string
	for i := from; i < len(list); i++ {
		if i == from+mostLines {
			out = append(out, fmt.Sprintf("%d more", len(list)-i))
			break
		}
		out = append(out, list[i].Device+" "+list[i].Port)
	}
	return strings.Join(out, ", ")
}

func elsewhere(in *spate.Incident) string {
	var out []string
	for _, o := range in.RunnerUp[:min(len(in.RunnerUp), 3)] {
		out = append(out, fmt.Sprintf("%s %s (%.0f %%)", o.Device, o.Port, 100*o.Confidence))
	}
	return strings.Join(out, ", ")
}

func victims(in *spate.Incident) string {
	var out []string
	for i, v := range in.Victims {
		if i == mostLines {
			out = append(out, fmt.Sprintf("%d more", len(in.Victims)-i))
			break
		}
		out = append(out, strings.TrimSpace(v.Device+" "+v.Port))
	}
	return strings.Join(out, ", ")
}

// listed is one incident of a digest.
func (m *Message) listed(in *spate.Incident) string {
	s := glyph(in) + " " + plain(in.Summary)
	if in.State == spate.IncidentClosed {
		return "✓ Over, " + m.lasted(in) + ": " + plain(in.Summary)
	}
	return s
}

// spark draws rates with eight heights of block, for channels without pictures.
func spark(rates []float64, width int) string {
	const blocks = "▁▂▃▄▅▆▇█"
	levels := []rune(blocks)
	most := 0.0
	for _, v := range rates {
		if !math.IsNaN(v) {
			most = max(most, v)
		}
	}
	if most == 0 || len(rates) == 0 {
		return ""
	}
	width = min(width, len(rates))
	var b strings.Builder
	for i := range width {
		top := math.NaN()
		for _, v := range rates[i*len(rates)/width : (i+1)*len(rates)/width] {
			if !math.IsNaN(v) && !(v <= top) {
				top = v
			}
		}
		if math.IsNaN(top) {
			b.WriteRune(' ')
			continue
		}
		b.WriteRune(levels[min(int(top/most*float64(len(levels))), len(levels)-1)])
	}
	return b.String()
}

func capital(s string) string {
	if s == "" {
		return s
	}
	r := []rune(s)
	return strings.ToUpper(string(r[:1])) + string(r[1:])
}
