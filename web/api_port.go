package web

import (
	"math"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

// portJSON is one port as the API tells it.
type portJSON struct {
	Device      string            `json:"device"`
	Port        string            `json:"port"`
	IfIndex     int               `json:"if_index"`
	Alias       fact              `json:"alias"`
	Descr       fact              `json:"descr"`
	Type        fact              `json:"type"`
	SpeedBps    number            `json:"speed_bps"`
	SpeedSource spate.SpeedSource `json:"speed_source"`
	Admin       spate.Status      `json:"admin"`
	Oper        spate.Status      `json:"oper"`
	Role        string            `json:"role"`
	Neighbour   *neighbourJSON    `json:"neighbour"`
	Hosts       []hostJSON        `json:"hosts"`

	RoleConfidence number   `json:"role_confidence"`
	RoleEvidence   []string `json:"role_evidence"`
	HostCount      int      `json:"host_count"`

	Rate       *rateJSON       `json:"rate"`
	Gap        fact            `json:"gap"`
	GapText    fact            `json:"gap_text"`
	Quarantine *quarantineJSON `json:"quarantine"`
	Bundle     fact            `json:"bundle"`
	Counted    bool            `json:"counted"`
	Usual      *usualJSON      `json:"usual"`
	Factor     number          `json:"factor"`
	Mark       *markJSON       `json:"mark"`
}

// usualJSON is what is usual for this hour of the week.
type usualJSON struct {
	InBps  number `json:"in_bps"`
	OutBps number `json:"out_bps"`
	InPps  number `json:"in_pps"`
	OutPps number `json:"out_pps"`
}

// markJSON says that a port is unusual.
type markJSON struct {
	Since stamp  `json:"since"`
	Text  string `json:"text"`
}

// usual is nil until a baseline exists.
func usual(e *spate.Excess) *usualJSON {
	if e == nil || math.IsNaN(e.Usual[spate.InBps]) && math.IsNaN(e.Usual[spate.OutBps]) {
		return nil
	}
	u := func(m spate.Metric) number { return rounded(m, e.Usual[m]) }
	return &usualJSON{u(spate.InBps), u(spate.OutBps), u(spate.InPps), u(spate.OutPps)}
}

// factor is null until a baseline exists.
func factor(e *spate.Excess) number {
	if e == nil || usual(e) == nil {
		return unknown
	}
	f, _ := e.Factor()
	return number(math.Round(f*100) / 100)
}

func mark(e *spate.Excess) *markJSON {
	if e == nil || e.Mark == nil {
		return nil
	}
	return &markJSON{stamp(e.Mark.Since), e.Mark.Text}
}

// quarantineJSON is the newest reading that was above the port's speed.
type quarantineJSON struct {
	At       stamp  `json:"at"`
	Bps      number `json:"bps"`
	LimitBps number `json:"limit_bps"`
	Count    int    `json:"count"`
}

func quarantined(q *spate.Quarantine) *quarantineJSON {
	if q == nil {
		return nil
	}
	return &quarantineJSON{At: stamp(q.At), Bps: number(math.Round(q.Bps)), LimitBps: number(q.Limit), Count: q.Count}
}

// rateJSON is a rate with its metrics by name.
type rateJSON struct {
	at     time.Time
	age    time.Duration
	values [spate.NumMetrics]float64
}

func (r *rateJSON) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 512), `{"at":"`...)
	b = r.at.UTC().AppendFormat(b, "2006-01-02T15:04:05.999Z07:00")
	b = append(b, `","age_s":`...)
	b = appendNumber(b, math.Round(max(r.age, 0).Seconds()*10)/10)
	for m, v := range r.values {
		b = append(b, ',', '"')
		b = append(b, spate.Metric(m).String()...)
		b = append(b, '"', ':')
		b = appendNumber(b, float64(rounded(spate.Metric(m), v)))
	}
	return append(b, '}'), nil
}

// portStatus gives "unknown" where the device never said.
func portStatus(s spate.Status) spate.Status {
	if s == "" {
		return spate.StatusUnknown
	}
	return s
}

// portView is one port of one device at one moment, as every answer needs it.
type portView struct {
	*deviceView
	*spate.Reading
	now time.Time
}

func (p portView) json() portJSON {
	port := p.Port
	j := portJSON{
		Device: p.device.Name, Port: port.ID.Name, IfIndex: port.IfIndex,
		Alias: fact(port.Alias), Descr: fact(port.Descr), Type: fact(port.Type),
		SpeedBps: unknown, SpeedSource: port.SpeedSource,
		Admin: portStatus(port.Admin), Oper: portStatus(port.Oper),
		Role: "unknown", Hosts: []hostJSON{}, RoleConfidence: unknown, RoleEvidence: []string{}, Gap: fact(p.Gap), Factor: unknown, Rate: p.rate(),
	}
	j.GapText, j.Quarantine, j.Bundle, j.Counted = fact(p.gapText()), quarantined(p.Quarantine), fact(port.Bundle), !port.HighLayer
	j.Usual, j.Mark = usual(p.Excess), mark(p.Excess)
	if j.Rate != nil {
		j.Factor = factor(p.Excess)
	}
	if port.SpeedSource == "" {
		j.SpeedSource = spate.SpeedUnknown
	}
	if p.speed() > 0 {
		j.SpeedBps = number(port.Speed)
	}
	return j
}

// speed is 0 where no percentage can be told.
func (p portView) speed() spate.BitRate {
	if p.Port.SpeedSource == "" || p.Port.SpeedSource == spate.SpeedUnknown {
		return 0
	}
	return p.Port.Speed
}

// rate is nil when there is none to show. A port that is down carries nothing:
// what its counters do not say is 0, not unknown.
func (p portView) rate() *rateJSON {
	if !p.fresh(p.Reading, p.now) {
		return nil
	}
	r := &rateJSON{at: p.Rate.At, age: p.now.Sub(p.Rate.At), values: p.Rate.Values}
	if linkDown(p.Port) {
		for m, v := range r.values {
			if math.IsNaN(v) {
				r.values[m] = 0
			}
		}
	}
	return r
}

// bits is the larger direction; NaN where there is no rate to show.
func (p portView) bits() float64 {
	if !p.fresh(p.Reading, p.now) {
		return math.NaN()
	}
	return float64(p.Rate.Bits())
}

func linkDown(p *spate.Port) bool {
	return p.Oper == spate.StatusDown || p.Oper == spate.StatusLowerLayerDown || p.Oper == spate.StatusNotPresent
}

// matches tells whether the port is meant by a search text, already lower case.
func (p portView) matches(text string) bool {
	for _, s := range [...]string{p.Port.ID.Name, p.Port.Alias, p.Port.Descr, p.device.Name} {
		if containsFold(s, text) {
			return true
		}
	}
	return strings.Contains(text, " ") && containsFold(p.Port.ID.String(), text)
}

// containsFold tells whether s contains text, which is lower case, without
// regard to case: half a million ports are searched without an allocation.
func containsFold(s, text string) bool {
	if text == "" {
		return true
	}
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return strings.Contains(strings.ToLower(s), text)
		}
	}
	for i := 0; i+len(text) <= len(s); i++ {
		n := 0
		for n < len(text) && lower(s[i+n]) == text[n] {
			n++
		}
		if n == len(text) {
			return true
		}
	}
	return false
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// A portFilter is what GET /ports may be asked for.
type portFilter struct {
	device string
	text   string // lower case
	role   string
	by     *identity // who asks; nil: who sees all
}

// ports walks the ports in the order of device, then ifIndex.
func (s *Server) ports(f portFilter, from cursor, now time.Time, yield func(portView) bool) {
	network := s.network()
	for v := range s.board.devicesFrom(from.device) {
		if f.device != "" && v.device.Name != f.device || f.by != nil && !f.by.sees(&v.device) {
			continue
		}
		for i := range v.readings {
			p := portView{v, &v.readings[i], now}
			id := p.Port.ID
			if from.passed(v.device.Name, p.Port.IfIndex, id.Name) || f.text != "" && !p.matches(f.text) || f.role != "" && string(network.Role(id)) != f.role {
				continue
			}
			if !yield(p) {
				return
			}
		}
	}
}

func (s *Server) listPorts(c *gin.Context) error {
	q, now := c.Request.URL.Query(), time.Now()
	limit, err := intParam(q, "limit", defaultLimit, 1, mostLimit)
	if err != nil {
		return err
	}
	from, err := cursorParam(q)
	if err != nil {
		return err
	}
	role, err := wordParam(q, "role", "", "access", "uplink", "external", "lag", "virtual", "unknown")
	if err != nil {
		return err
	}
	f := portFilter{device: q.Get("device"), text: strings.ToLower(q.Get("q")), role: role, by: who(c)}
	if f.device != "" {
		if _, err := s.mustDevice("device", f.device); err != nil {
			return err
		}
		from.device = max(from.device, f.device)
	}
	if wantsCSV(c) {
		list, next := s.portList(f, from, limit, now)
		return s.writePortsCSV(c, list, string(next))
	}
	return s.writeList(c, limit, func() any {
		list, next := s.portList(f, from, limit, now)
		return struct {
			Ports []portJSON `json:"ports"`
			Next  fact       `json:"next"`
		}{list, next}
	})
}

// portList is one page of the ports that are asked for, and where the next begins.
func (s *Server) portList(f portFilter, from cursor, limit int, now time.Time) (list []portJSON, next fact) {
	network := s.network()
	list = make([]portJSON, 0, min(limit, 64))
	s.ports(f, from, now, func(p portView) bool {
		if len(list) == limit {
			last := list[limit-1]
			next = fact(cursor{last.Device, last.IfIndex, last.Port}.String())
			return false
		}
		j := p.json()
		surround(&j, network, p.Port.ID)
		list = append(list, j)
		return true
	})
	return list, next
}
