package web

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"spate"
)

// endpoint is an address with its port as people write it; port 0 is none.
func endpoint(address string, port int) string {
	if port == 0 {
		return address
	}
	return net.JoinHostPort(address, strconv.Itoa(port))
}

// ruledOut says what else it might have been, and is not: the search for the origin
// tries these before it names one.
func ruledOut(in *spate.Incident) []string {
	switch in.Kind {
	case spate.KindDeviceDown, spate.KindLinkDown, spate.KindFlap, spate.KindThreshold, spate.KindOther, spate.KindScan:
		return nil
	}
	var out []string
	if in.Kind != spate.KindBroadcastStorm && in.Kind != spate.KindUnicastFlood && in.Kind != spate.KindLoop {
		out = append(out, "a broadcast storm, unknown unicast: what is in excess is not copied to the ports of a VLAN")
	}
	if in.Kind != spate.KindLoop {
		out = append(out, "a loop: no two edge ports take in and send out the same excess")
	}
	if in.Kind != spate.KindInboundDDoS {
		out = append(out, "an attack from outside: no external port takes in as much")
	}
	if in.Kind == spate.KindInboundDDoS {
		out = append(out, "a machine of one's own: the excess comes in by an external port")
	}
	return out
}

// ticket is the incident as plain text, to be pasted into a ticket.
func (s *Server) ticket(in *spate.Incident, now time.Time) string {
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, text)
		}
	}
	clock := func(t time.Time) string { return t.In(s.cfg.Zone).Format("2006-01-02 15:04:05 MST") }
	b.WriteString(in.Summary + "\n\n")
	line("Incident", in.ID+", "+string(in.Severity)+", "+string(in.State))
	line("Started", clock(in.StartedAt))
	if in.EndedAt != nil {
		line("Stopped", clock(*in.EndedAt)+", after "+formatAge(in.EndedAt.Sub(in.StartedAt)))
	}
	for i := range in.Origins {
		o := &in.Origins[i]
		r := suspectOf(o, false)
		line("Origin", strings.TrimSpace(fmt.Sprintf("%s, sure to %.0f %%%s", r.Where, o.Confidence*100, comma(r.Who))))
	}
	for i := range in.RunnerUp {
		line("Else", suspectOf(&in.RunnerUp[i], true).Where)
	}
	if in.RateBps.Known() {
		line("Rate", spate.BitRate(in.RateBps).String()+", "+spate.PacketRate(in.RatePps).String())
	}
	var hops []string
	for _, h := range in.Path {
		hops = append(hops, h.Device+" "+h.Port+" "+h.Direction)
	}
	line("Path", strings.Join(hops, " > "))
	for _, u := range in.Users {
		line("User", fmt.Sprintf("%s (uid %d), %.0f %%", u.User, u.UID, 100*u.Share))
	}
	for _, e := range in.Evidence {
		line("Evidence", e.Text)
	}
	if s.cfg.BaseURL != "" {
		line("Page", s.cfg.BaseURL+"/incidents/"+in.ID)
	}
	return b.String()
}

func comma(s string) string {
	if s == "" {
		return ""
	}
	return ", behind it " + s
}
