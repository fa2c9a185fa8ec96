package web

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
	"spate/host"
	"spate/topology"
)

type topologyJSON struct {
	At      stamp       `json:"at"`
	Devices []tableJSON `json:"devices"`
	Links   []linkJSON  `json:"links"`
	Gone    []linkJSON  `json:"gone"` // stood within the last day
}

func (s *Server) showTopology(c *gin.Context) error {
	v := s.network()
	j := topologyJSON{At: stamp(v.At), Devices: []tableJSON{}, Links: []linkJSON{}, Gone: []linkJSON{}}
	for d := range s.board.devices {
		j.Devices = append(j.Devices, tablesOf(d.device.Name, v.Tables(d.device.Name)))
	}
	for i := range v.Links {
		j.Links = append(j.Links, linkOf(&v.Links[i]))
	}
	for i := range v.Gone {
		j.Gone = append(j.Gone, linkOf(&v.Gone[i]))
	}
	body, err := marshal(j)
	if err != nil {
		return err
	}
	return s.writeTagged(c, "application/json", "private, no-cache", append(body, '\n'))
}

// surveyDevice has the tables around a device read at once; the answer does not wait
// for them.
func (s *Server) surveyDevice(c *gin.Context) error {
	v, err := s.mustDevice("device", c.Param("device"))
	if err != nil {
		return err
	}
	if s.resurvey == nil {
		return newProblem(http.StatusNotFound, "", "this server reads no tables")
	}
	s.resurvey(v.device.Name)
	return s.writeJSON(c, tablesOf(v.device.Name, s.network().Tables(v.device.Name)))
}

// A findResult is one answer to find: the edge port of a host first.
type findResult struct {
	Kind   string  `json:"kind"` // host, port, device, user
	Device string  `json:"device"`
	Port   fact    `json:"port"`
	MAC    fact    `json:"mac"`
	IP     fact    `json:"ip"`
	Name   fact    `json:"name"`
	User   *string `json:"user"`
	SeenAt stamp   `json:"seen_at"`
	Text   string  `json:"text"` // the answer in words
	rank   int
}

const (
	mostFindText    = 255
	mostFindResults = 200
)

// findAnything looks for a MAC in any notation, an IP, or a part of a name.
func (s *Server) findAnything(c *gin.Context) error {
	q := strings.TrimSpace(c.Query("q"))
	if q == "" || len(q) > mostFindText {
		return badParam("q", c.Query("q"), "a MAC, an IP, or a part of a name or alias, at most 255 octets")
	}
	limit, err := intParam(c.Request.URL.Query(), "limit", 50, 1, mostFindResults)
	if err != nil {
		return err
	}
	list := s.look(q, limit)
	return s.writeJSON(c, map[string]any{"results": list})
}

// look finds the nearest first: what is exactly so called, hosts before ports,
// those before devices.
func (s *Server) look(q string, limit int) []findResult {
	v, now := s.network(), time.Now()
	out := []findResult{}
	text := strings.ToLower(q)
	hostsLike(v, q, func(h *spate.Host, rank int) bool {
		out = append(out, hostResult(h, rank))
		return len(out) < 10*mostFindResults
	})
	if len(out) == 0 {
		out = s.remembered(q)
	}
	for d := range s.board.devices {
		if strings.EqualFold(d.device.Name, q) || d.device.Address == q || containsFold(d.device.Name, text) || containsFold(d.system.Name, text) {
			r := findResult{Kind: "device", Device: d.device.Name, Name: fact(d.system.Name), IP: fact(d.device.Address), SeenAt: stamp(d.answered), rank: 2, Text: d.device.Name + " (" + d.device.Address + ")"}
			if strings.EqualFold(d.device.Name, q) || d.device.Address == q {
				r.rank = 0
			}
			out = append(out, r)
		}
	}
	s.ports(portFilter{text: text}, cursor{index: -1}, now, func(p portView) bool {
		id := p.Port.ID
		if host.IsUser(p.Port) {
			return true // see users
		}
		r := findResult{Kind: "port", Device: id.Device, Port: fact(id.Name), Name: fact(p.Port.Alias), MAC: fact(p.Port.MAC), SeenAt: stamp(p.answered), rank: 5, Text: portText(v, id, p.Port.Alias)}
		if strings.EqualFold(p.Port.Alias, q) || strings.EqualFold(id.Name, q) || strings.EqualFold(id.String(), q) {
			r.rank = 1
		}
		out = append(out, r)
		return len(out) < 10*mostFindResults
	})
	out = append(out, s.usersLike(q, text)...)
	slices.SortStableFunc(out, func(a, b findResult) int { return cmp.Compare(a.rank, b.rank) })
	return out[:min(len(out), limit)]
}

// usersLike are the accounts that a text means, by name or uid, on machines that push.
func (s *Server) usersLike(q, text string) (out []findResult) {
	if s.agents == nil {
		return nil
	}
	for _, m := range s.agents.Machines() {
		for i := range m.Users {
			u := &m.Users[i]
			exact := strings.EqualFold(u.Name, q) || strconv.FormatInt(u.UID, 10) == q
			if u.UID < 0 || !exact && !containsFold(u.Name, text) || len(out) >= mostFindResults {
				continue
			}
			name := u.Name
			r := findResult{Kind: "user", Device: m.Device, Port: fact(u.Port), Name: fact(m.Name), User: &name, SeenAt: stamp(u.At), rank: 3,
				Text: "user " + u.Name + " (uid " + strconv.FormatInt(u.UID, 10) + ") on " + m.Name}
			if u.Bps > 0 {
				r.Text += " sends " + spate.BitRate(u.Bps).String()
			}
			if exact {
				r.rank = 0
			}
			out = append(out, r)
		}
	}
	return out
}

// remembered is where a MAC was last, when nobody sees it any more.
func (s *Server) remembered(q string) []findResult {
	mac, err := spate.ParseMAC(q)
	if err != nil || s.history == nil {
		return []findResult{}
	}
	list, err := s.history.Of(mac)
	if err != nil || len(list) == 0 {
		return []findResult{}
	}
	x := &list[0]
	r := findResult{Kind: "host", Device: x.Port.Device, Port: fact(x.Port.Name), MAC: fact(mac.String()), Name: fact(x.Name), SeenAt: stamp(x.Until)}
	who := x.Name
	if len(x.IPs) > 0 {
		r.IP = fact(x.IPs[0].String())
	}
	if who == "" {
		who = mac.String()
	}
	r.Text = who + " was on " + x.Port.String() + " until " + s.dateWords(x.Until)
	return []findResult{r}
}

// hostsLike runs over the hosts that a text means: 0 exactly, more for a part.
func hostsLike(v *topology.View, q string, yield func(h *spate.Host, rank int) bool) {
	mac, macErr := spate.ParseMAC(q)
	ip, ipErr := netip.ParseAddr(q)
	text := strings.ToLower(q)
	for i := range v.Hosts {
		h := &v.Hosts[i]
		rank := -1
		switch {
		case macErr == nil && h.MAC == mac, ipErr == nil && slices.Contains(h.IPs, ip.WithZone("").Unmap()), strings.EqualFold(h.Name, q):
			rank = 0
		case macErr != nil && ipErr != nil && (containsFold(h.Name, text) || containsFold(h.Customer, text)):
			rank = 3
		case len(text) >= 4 && strings.HasPrefix(h.MAC.String(), text):
			rank = 4
		}
		if rank >= 0 && !yield(h, rank) {
			return
		}
	}
}

// hostsFound are the hosts that a text means, those exactly so first.
func (s *Server) hostsFound(q string, most int) []*spate.Host {
	type ranked struct {
		h    *spate.Host
		rank int
	}
	var all []ranked
	hostsLike(s.network(), q, func(h *spate.Host, rank int) bool {
		all = append(all, ranked{h, rank})
		return len(all) < 10*most
	})
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	out := make([]*spate.Host, 0, most)
	for _, r := range all[:min(len(all), most)] {
		out = append(out, r.h)
	}
	return out
}

func hostResult(h *spate.Host, rank int) findResult {
	r := findResult{Kind: "host", Device: h.Port.Device, Port: fact(h.Port.Name), MAC: fact(h.MAC.String()), Name: fact(h.Name), SeenAt: stamp(h.SeenAt), rank: rank}
	who := h.Name
	if who == "" {
		who = h.MAC.String()
	}
	if len(h.IPs) > 0 {
		r.IP = fact(h.IPs[0].String())
		who += " (" + h.IPs[0].String() + ")"
	}
	r.Text = who + " on " + h.Port.String()
	if h.Behind != "" {
		r.Text += ", " + h.Behind
	}
	return r
}

// portText says what is behind a port.
func portText(v *topology.View, id spate.PortID, alias string) string {
	text := id.String()
	if alias != "" {
		text += " “" + alias + "”"
	}
	if l, ok := v.Neighbour(id); ok {
		far := l.B
		if l.B.Device == id.Device {
			far = l.A
		}
		return text + " leads to " + far.String()
	}
	switch hosts := v.HostsAt(id); {
	case len(hosts) == 1:
		return text + ": " + hostWords(&hosts[0])
	case len(hosts) > 1:
		return text + ": " + plural(len(hosts), "host", "hosts")
	}
	return text
}

// hostWords is who a host is, in few words.
func hostWords(h *spate.Host) string {
	who := h.Name
	if len(h.IPs) > 0 {
		if who == "" {
			return h.IPs[0].String()
		}
		return who + " (" + h.IPs[0].String() + ")"
	}
	if who == "" {
		return h.MAC.String()
	}
	return who
}
