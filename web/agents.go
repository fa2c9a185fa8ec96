package web

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
	"spate/host"
)

// Bounds of POST /api/v1/agent.
const (
	mostPush         = 8 << 20  // octets of a body
	mostPushUnpacked = 64 << 20 // octets of it unpacked
	usualPush        = 64 << 10 // octets of a body; room for larger ones is not kept
	largePush        = 16 << 10 // octets of a body; one reading of 256 users is less
	backlogsAtOnce   = 2        // of large ones
	backlogsWaiting  = 8
	backlogsRetry    = 30 // s; one of an hour takes about half a second
)

// Agents are the machines that push.
type Agents interface {
	// Take reads a report of the machine called name; "" where the report's own name
	// counts.
	Take(ctx context.Context, name string, body io.Reader) (host.Answer, error)
	Machines() []host.Machine
	// Behind are the machines that have one of these MACs ("aa:bb:cc:dd:ee:ff"),
	// addresses, or names ("name:web-17").
	Behind(places []string) []string
	// Machine is one by its name, or its device's.
	Machine(name string) (host.Machine, bool)
}

// takePush takes what `spate agent` has read. A token of role agent writes its own
// machine, the one it is named after.
func (s *Server) takePush(c *gin.Context) error {
	if s.agents == nil {
		return newProblem(http.StatusNotFound, "", "this server takes no pushes of agents")
	}
	if kind, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || kind != "application/x-ndjson" {
		return newProblem(http.StatusUnsupportedMediaType, "Content-Type", "Content-Type: wanted application/x-ndjson, as spate agent sends it")
	}
	if n := c.Request.ContentLength; n < 0 || n > largePush {
		// What was kept for long, and after an outage a thousand machines come with that at
		// once: before a body is read.
		if err := s.backlogs.enter(c.Request.Context()); errors.Is(err, errFull) {
			c.Header("Retry-After", strconv.Itoa(backlogsRetry))
			return newProblem(http.StatusTooManyRequests, "", "other machines push what they kept, as this one does: keep it, it is taken later")
		} else if err != nil {
			return err
		}
		defer s.backlogs.leave()
	}
	// All of it first: a report is taken under the lock of its machine, which a slow line
	// shall not hold.
	r := s.receivers.take()
	defer s.receivers.give(r)
	whole := &r.whole
	if n := c.Request.ContentLength; n >= 0 {
		whole.Grow(int(min(n, mostPush)) + bytes.MinRead)
	} else {
		whole.Grow(mostPush / 15) // doubled four times it is enough for the largest
	}
	if _, err := whole.ReadFrom(http.MaxBytesReader(c.Writer, c.Request.Body, mostPush)); errors.As(err, new(*http.MaxBytesError)) {
		return newProblem(http.StatusRequestEntityTooLarge, "", "a push of more than 8 MiB, or 64 MiB unpacked")
	} else if err != nil {
		return newProblem(http.StatusBadRequest, "", "the push broke off: %v", err)
	}
	body := io.Reader(whole)
	if c.GetHeader("Content-Encoding") == "gzip" {
		if err := r.unzip.Reset(body); err != nil {
			return newProblem(http.StatusBadRequest, "Content-Encoding", "the body is not gzip: %v", err)
		}
		body = http.MaxBytesReader(c.Writer, io.NopCloser(&r.unzip), mostPushUnpacked)
	}
	name := ""
	if t := who(c).token; t != nil {
		name = t.Name
	}
	answer, err := s.agents.Take(c.Request.Context(), name, body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return newProblem(http.StatusRequestEntityTooLarge, "", "a push of more than 8 MiB, or 64 MiB unpacked")
	case host.IsMalformed(err):
		return newProblem(http.StatusBadRequest, "", "%v", err)
	case err != nil:
		return err
	}
	return s.writeJSON(c, answer)
}

// A receiver is what taking a push needs: 40 KiB of gzip's, and room for the body. It is
// lent from push to push.
type receiver struct {
	whole bytes.Buffer
	unzip gzip.Reader
}

// receivers lends them.
type receivers struct{ idle sync.Pool }

func (p *receivers) take() *receiver {
	if r, ok := p.idle.Get().(*receiver); ok {
		return r
	}
	return &receiver{}
}

func (p *receivers) give(r *receiver) {
	if r.whole.Cap() > usualPush {
		return
	}
	r.whole.Reset()
	p.idle.Put(r)
}

type agentJSON struct {
	Name      string      `json:"name"`
	Device    string      `json:"device"`
	Backend   fact        `json:"backend"`
	Why       fact        `json:"why"`
	Doubt     fact        `json:"doubt"`
	Release   fact        `json:"release"`
	SeenAt    stamp       `json:"seen_at"`
	IntervalS number      `json:"interval_s"`
	Silent    bool        `json:"silent"`
	Error     fact        `json:"error"`
	OutBps    number      `json:"out_bps"`
	Users     []agentUser `json:"users"`
	Flows     []agentFlow `json:"destinations"`
}

type agentUser struct {
	UID      *int64 `json:"uid"` // null: no user
	User     string `json:"user"`
	Port     string `json:"port"` // under which /series knows the rates
	TxBps    number `json:"tx_bps"`
	TxPps    number `json:"tx_pps"`
	UsualBps number `json:"usual_bps"`
}

type agentFlow struct {
	UID      uint32 `json:"uid"`
	User     string `json:"user"`
	Src      fact   `json:"src"`
	Dst      string `json:"dst"`
	Protocol string `json:"protocol"`
	DstPort  int    `json:"dst_port"`
	TxBps    number `json:"tx_bps"`
	TxPps    number `json:"tx_pps"`
}

func agentOf(m *host.Machine, whole bool) agentJSON {
	out := agentJSON{Name: m.Name, Device: m.Device, Backend: fact(m.Backend), Why: fact(m.Why), Doubt: fact(m.Doubt), Release: fact(m.Release), SeenAt: stamp(m.SeenAt),
		IntervalS: number(m.Interval.Seconds()), Silent: m.Silent, Error: fact(m.Error), OutBps: number(m.OutBps), Users: []agentUser{}, Flows: []agentFlow{}}
	if !whole {
		return out
	}
	for i := range m.Users {
		u := &m.Users[i]
		x := agentUser{User: u.Name, Port: u.Port, TxBps: number(u.Bps), TxPps: number(u.Pps), UsualBps: number(u.UsualBps)}
		if u.UID >= 0 {
			x.UID = &u.UID
		}
		out.Users = append(out.Users, x)
	}
	for _, f := range m.Flows {
		out.Flows = append(out.Flows, agentFlow{f.UID, f.User, fact(f.Src), f.Dst, f.Protocol, f.Port, number(f.Bps), number(f.Pps)})
	}
	return out
}

func (s *Server) machines(whole bool) []agentJSON {
	out := []agentJSON{}
	if s.agents == nil {
		return out
	}
	for _, m := range s.agents.Machines() {
		out = append(out, agentOf(&m, whole))
	}
	return out
}

// listAgents answers all machines that push, with their users.
func (s *Server) listAgents(c *gin.Context) error {
	return s.writeJSON(c, struct {
		Agents []agentJSON `json:"agents"`
		Next   fact        `json:"next"`
	}{s.machines(true), ""})
}

// sendersAt are the machines behind a port whose users are known.
func (s *Server) sendersAt(id spate.PortID) (out []leads) {
	if s.agents == nil {
		return nil
	}
	o := spate.Origin{Device: id.Device, Port: id.Name}
	for _, h := range s.network().HostsAt(id) {
		named := spate.HostNamed{MAC: h.MAC.String(), Name: h.Name}
		if len(h.IPs) > 0 {
			named.IP = h.IPs[0].String()
		}
		o.Hosts = append(o.Hosts, named)
	}
	for _, name := range s.agents.Behind(host.Places(&o)) {
		if m, ok := s.agents.Machine(name); ok && len(out) < 8 {
			out = append(out, leads{Text: m.Name, Href: usersHref(m.Device)})
		}
	}
	return out
}

// mustMachine is the machine that a device is.
func (s *Server) mustMachine(device string) (host.Machine, error) {
	if s.agents != nil {
		if m, ok := s.agents.Machine(device); ok {
			return m, nil
		}
	}
	return host.Machine{}, notFound("device", "machine with spate agent", device, "docs/servers.md says how to set one up")
}

func usersHref(device string) string { return "/devices/" + url.PathEscape(device) + "/users" }

const mostUserRows = 60

type usersBody struct {
	Device, Href  string
	Trouble       string
	Facts         []labelled
	Rows          []senderRow
	More          int
	Flows         []destinationRow
	Ranges        []rangeLink
	Light, Dark   string // the stack
	PNG, JSON     string
	Empty, Shared string
}

type senderRow struct {
	Href, Name, UID, Rate, Packets, Usual, Share, Total string
	Fill                                                int
}

type destinationRow struct{ Href, User, To, Protocol, Rate, Packets string }

// usersPage says who sends on one machine.
func (s *Server) usersPage(c *gin.Context) error {
	m, err := s.mustMachine(c.Param("device"))
	if err != nil {
		return err
	}
	now := time.Now()
	from := c.Query("from")
	if _, _, err := rangeParams(url.Values{"from": {from}}, now); err != nil || from == "" {
		from = "-24h"
	}
	b := usersBody{Device: m.Device, Href: "/devices/" + url.PathEscape(m.Device)}
	for _, r := range ranges {
		b.Ranges = append(b.Ranges, rangeLink{Text: r, Here: from == "-"+r, Href: usersHref(m.Device) + "?from=-" + r})
	}
	switch {
	case m.Silent:
		b.Trouble = "No push for " + formatAge(now.Sub(m.SeenAt)) + ": does spate agent run there?"
	case m.Error != "":
		b.Trouble = m.Error
	}
	b.facts(&m, now)
	b.rows(&m)
	b.stack(from)
	return s.show(c, http.StatusOK, "users", page{Title: "Who sends on " + m.Device, Here: "devices", Body: b})
}

func (b *usersBody) facts(m *host.Machine, now time.Time) {
	counted := map[string]string{
		"ebpf": "eBPF: each packet as it leaves, also after a program has ended", "nftables": "nftables, a table of its own", "iptables": "the iptables rules that are there", "file": "counters of iptables rules, from a file", "": "not at all",
	}[m.Backend]
	b.Facts = []labelled{{"Users are counted by", counted}}
	if m.Why != "" {
		b.Facts = append(b.Facts, labelled{"Not in a better way because", m.Why})
	}
	if m.Doubt != "" {
		b.Facts = append(b.Facts, labelled{"To be known", m.Doubt})
	}
	b.Facts = append(b.Facts, labelled{"Its interfaces send", formatBits(m.OutBps)}, labelled{"Last push", formatAge(now.Sub(m.SeenAt)) + " ago, each " + formatAge(m.Interval)})
}

func (b *usersBody) rows(m *host.Machine) {
	sum := 0.0
	for i := range m.Users {
		if v := m.Users[i].Bps; v > 0 {
			sum += v
		}
	}
	for i := range m.Users {
		u := &m.Users[i]
		if len(b.Rows) == mostUserRows {
			b.More = len(m.Users) - i
			break
		}
		r := senderRow{Href: portHref(spate.PortID{Device: m.Device, Name: u.Port}), Name: cmp.Or(u.Name, strings.TrimPrefix(u.Port, "users ")), UID: "-", Rate: formatBits(u.Bps), Packets: formatPackets(u.Pps), Usual: formatBits(u.UsualBps), Share: "-", Total: spate.Octets(u.Today).String()}
		if u.UID >= 0 {
			r.UID = strconv.FormatInt(u.UID, 10)
		}
		if sum > 0 && !math.IsNaN(u.Bps) {
			r.Share, r.Fill = formatPercent(100*u.Bps/sum), fill(100*u.Bps/sum)
		}
		b.Rows = append(b.Rows, r)
	}
	for _, f := range m.Flows {
		to := f.Dst
		if f.Port > 0 {
			to += " port " + strconv.Itoa(f.Port)
		}
		b.Flows = append(b.Flows, destinationRow{portHref(spate.PortID{Device: m.Device, Name: "user " + f.User}), f.User, to, f.Protocol, formatBits(f.Bps), formatPackets(f.Pps)})
	}
	if m.Backend == "" {
		b.Empty = "Users are not counted on this machine."
	} else if len(b.Rows) == 0 {
		b.Empty = "The first figures are here after two pushes."
	}
}

// stack is the picture of all users, one upon the other.
func (b *usersBody) stack(from string) {
	if len(b.Rows) == 0 {
		return
	}
	q := url.Values{"device": {b.Device}, "from": {from}, "kind": {"stack"}, "metric": {"out_bps"}}
	for i := range b.Rows[:min(len(b.Rows), 50)] {
		u, err := url.Parse(b.Rows[i].Href)
		if err == nil {
			q.Add("port", u.Query().Get("port"))
		}
	}
	q.Set("w", "1100")
	q.Set("h", "360")
	q.Set("title", "0")
	b.Light, b.Dark = "/api/v1/graph.svg?"+q.Encode()+"&theme=light", "/api/v1/graph.svg?"+q.Encode()+"&theme=dark"
	b.PNG = "/api/v1/graph.png?" + q.Encode()
}
