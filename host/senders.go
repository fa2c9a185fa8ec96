package host

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"spate"
)

const (
	usersTold   = 5
	talkersTold = 10
	leastShare  = 0.02 // of the excess, to be told
	freshFor    = 30 * time.Second
	apartAt     = 0.2 // of the port's rate: machine and port do not say the same
)

// shared are accounts under which web servers run the sites of all customers.
var shared = map[string]bool{"www-data": true, "apache": true, "httpd": true, "nginx": true, "http": true, "wwwrun": true, "nobody": true}

// Places are the names by which the machines behind an origin may be found.
func Places(o *spate.Origin) []string {
	places := []string{"name:" + o.Device}
	for _, h := range o.Hosts {
		short, _, _ := strings.Cut(h.Name, ".")
		places = append(places, h.MAC, h.IP, "name:"+h.Name, "name:"+short)
	}
	return slices.DeleteFunc(places, func(p string) bool { return p == "" || p == "name:" })
}

// Senders says which users send what is unusual at an origin. What a user sends beyond
// the usual counts; the whole is what the machines' interfaces send beyond theirs, or
// all users together where that is more. Nothing is known of machines without agent.
func (f *Fleet) Senders(o *spate.Origin) (out spate.Senders) {
	now := f.now()
	whole, sum, told := 0.0, 0.0, 0.0
	var machines []Machine
	for _, name := range f.Behind(Places(o)) {
		if m, ok := f.Machine(name); ok && !m.Silent && now.Sub(m.SeenAt) < max(freshFor, 2*m.Interval) {
			machines = append(machines, m)
		}
	}
	for i := range machines {
		m := &machines[i]
		excess, all := 0.0, 0.0
		for k := range m.Users {
			u := &m.Users[k]
			over := u.over()
			excess += over
			if u.UID >= 0 {
				all += orZero(u.Bps)
			}
			if u.UID == Unattributed || over <= 0 {
				continue
			}
			out.Users = append(out.Users, spate.UserShare{UID: int(u.UID), User: u.called(), Host: m.Name, Share: over, TxBps: spate.Figure(math.Round(u.Bps))})
		}
		whole, sum, told = whole+excess, sum+all, told+orZero(m.OutBps)
	}
	if len(machines) == 0 || whole <= 0 {
		return spate.Senders{}
	}
	for i := range out.Users {
		out.Users[i].Share = math.Round(1000*out.Users[i].Share/whole) / 1000
	}
	slices.SortStableFunc(out.Users, func(a, b spate.UserShare) int { return cmp.Compare(b.Share, a.Share) })
	out.Users = slices.DeleteFunc(out.Users, func(u spate.UserShare) bool { return u.Share < leastShare })
	out.Users = out.Users[:min(len(out.Users), usersTold)]
	for i := range machines {
		out.Talkers = append(out.Talkers, machines[i].talkers(whole)...)
		out.Evidence = append(out.Evidence, machines[i].evidence(&out)...)
	}
	slices.SortStableFunc(out.Talkers, func(a, b spate.Talker) int { return cmp.Compare(b.Share, a.Share) })
	out.Talkers = out.Talkers[:min(len(out.Talkers), talkersTold)]
	out.Evidence = append(out.Evidence, compared(o, told, sum))
	return out
}

// over is what a user sends beyond the usual, in b/s.
func (u *UserRate) over() float64 {
	bps := orZero(u.Bps)
	if math.IsNaN(u.UsualBps) {
		return bps
	}
	return max(0, bps-u.UsualBps)
}

func (u *UserRate) called() string {
	if u.UID == Others {
		return "other users"
	}
	return u.Name
}

func (m *Machine) talkers(whole float64) (out []spate.Talker) {
	for _, f := range m.Flows {
		if share := f.Bps / whole; share >= leastShare {
			out = append(out, spate.Talker{Src: f.Src, Dst: f.Dst, Protocol: f.Protocol, DstPort: f.Port, Share: min(1, math.Round(1000*share)/1000), Samples: uint64(math.Round(f.Pps * m.Interval.Seconds()))})
		}
	}
	return out
}

// evidence is what one machine's agent says, in words.
func (m *Machine) evidence(s *spate.Senders) (out []spate.Evidence) {
	add := func(format string, args ...any) {
		out = append(out, spate.Evidence{Kind: "agent", Text: fmt.Sprintf(format, args...)})
	}
	if m.Backend == "" {
		add("the agent on %s counts interfaces only: %s", m.Name, cmp.Or(m.Why, "users are not to be counted"))
		return out
	}
	first := -1
	for i := range s.Users {
		if s.Users[i].Host == m.Name {
			first = i
			break
		}
	}
	if first < 0 {
		return out
	}
	u := &s.Users[first]
	to := ""
	for _, f := range m.Flows {
		if int(f.UID) == u.UID {
			to = ", most of it to " + f.Dst
			if f.Port > 0 {
				to += fmt.Sprintf(" %s/%d", strings.ToUpper(f.Protocol), f.Port)
			}
			break
		}
	}
	add("the agent on %s (%s) counts %v of user %s (uid %d), %s of what is above usual%s", m.Name, m.Backend, spate.BitRate(u.TxBps), u.User, u.UID, percent(u.Share), to)
	if shared[u.User] {
		add("%s is one account for all sites of %s (mod_php?): the web server's own log has to say which", u.User, m.Name)
	}
	if m.Doubt != "" {
		add("%s", m.Doubt)
	}
	return out
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// compared checks what the machines say they send against what the port says comes in.
func compared(o *spate.Origin, told, users float64) spate.Evidence {
	port := float64(o.RateBps)
	text := fmt.Sprintf("users %v and interfaces %v on the machine, %v at the port", spate.BitRate(users), spate.BitRate(told), spate.BitRate(port))
	most := max(told, users)
	if port > 0 && math.Abs(port-most) > apartAt*max(port, most) {
		text += fmt.Sprintf(": they are %s apart, so something else sends here too, or the readings are of different moments", percent(math.Abs(port-most)/max(port, most)))
	}
	return spate.Evidence{Kind: "agent_sum", Text: text}
}
