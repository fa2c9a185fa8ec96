package web

import (
	"cmp"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

// A deviceRow is one line of the list of devices, as text.
type deviceRow struct {
	Name, Href, Site, Model, Ports string
	Busiest, BusiestHref           string
	BusiestRate                    string
	PollMs, Polled, State, Error   string
}

type devicesBody struct {
	Rows  []deviceRow
	Query string
	Next  string // address of the next page; empty on the last
	Total string
	None  bool // nothing is configured
	Down  bool // only those that do not answer
}

func (s *Server) devicesPage(c *gin.Context) error {
	q, now := c.Request.URL.Query(), time.Now()
	from, err := cursorParam(q)
	if err != nil {
		return err
	}
	state, err := wordParam(q, "state", "", "up", "down", "unknown")
	if err != nil {
		return err
	}
	t := s.board.tally(now)
	body := devicesBody{Query: q.Get("q"), Total: plural(t.devices, "device", "devices"), None: t.devices == 0, Down: state == "down"}
	text := strings.ToLower(body.Query)
	for v := range s.board.devicesFrom(from.device) {
		after := q.Get("cursor") == "" || v.device.Name > from.device
		if !after || state != "" && string(v.state) != state || !v.matches(text) || !who(c).sees(&v.device) {
			continue
		}
		if len(body.Rows) == defaultLimit {
			q.Set("cursor", cursor{device: body.Rows[defaultLimit-1].Name}.String())
			body.Next = "/devices?" + q.Encode()
			break
		}
		body.Rows = append(body.Rows, v.row(now))
	}
	if body.Next == "" && q.Get("cursor") == "" {
		slices.SortStableFunc(body.Rows, func(a, b deviceRow) int { return natural(a.Name, b.Name) })
	}
	return s.show(c, http.StatusOK, "devices", page{Title: "Devices", Here: "devices", Body: body})
}

func (v *deviceView) matches(text string) bool {
	for _, s := range [...]string{v.device.Name, v.device.Site, v.device.Address, v.system.Name, v.system.Descr, v.system.Vendor} {
		if containsFold(s, text) {
			return true
		}
	}
	return false
}

func (v *deviceView) row(now time.Time) deviceRow {
	r := deviceRow{
		Name: v.device.Name, Href: deviceHref(v.device.Name), Site: v.device.Site, Model: v.model(), Ports: v.portsWords(),
		Busiest: "-", BusiestRate: "", PollMs: "-", Polled: "-", State: string(v.state), Error: v.err,
	}
	if best, bits := v.busiest(now); best != nil {
		r.Busiest, r.BusiestHref, r.BusiestRate = best.Port.ID.Name, portHref(best.Port.ID), formatBits(bits)
	}
	if !v.answered.IsZero() {
		if v.took > 0 { // a machine that pushes is not polled
			r.PollMs = formatCount(int(v.took.Milliseconds())) + narrow + "ms"
		}
		r.Polled = formatAge(now.Sub(v.answered)) + " ago"
	}
	return r
}

func (v *deviceView) model() string {
	if v.system.Descr != "" {
		return v.system.Descr
	}
	return v.system.Vendor
}

func (v *deviceView) portsWords() string {
	switch {
	case !v.known:
		return "-"
	case v.state != deviceUp:
		return formatCount(v.wires)
	}
	return formatCount(v.up) + " / " + formatCount(v.wires)
}

// busiest is the port with the largest rate now; nil when none has one.
func (v *deviceView) busiest(now time.Time) (best *spate.Reading, bits float64) {
	for i := range v.readings {
		p := portView{v, &v.readings[i], now}
		if b := p.bits(); !math.IsNaN(b) && (best == nil || b > bits) && countedOnce(p) {
			best, bits = p.Reading, b
		}
	}
	return best, bits
}

func deviceHref(name string) string { return "/devices/" + url.PathEscape(name) }

// natural compares names as people order them: sw-9 before sw-10.
func natural(a, b string) int {
	for a != "" && b != "" {
		da, db := digits(a), digits(b)
		if da == 0 || db == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		x, y := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
			return c
		}
		a, b = a[da:], b[db:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
