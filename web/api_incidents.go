package web

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

const (
	mostBody      = 64 << 10
	incidentsBack = 365 * 24 * time.Hour // where from= is not given
)

// listIncidents answers newest first; the cursor is an incident's ID.
func (s *Server) listIncidents(c *gin.Context) error {
	q, now := c.Request.URL.Query(), time.Now()
	limit, err := intParam(q, "limit", defaultLimit, 1, mostLimit)
	if err != nil {
		return err
	}
	state, err := wordParam(q, "state", "all", "open", "closed")
	if err != nil {
		return err
	}
	from, to, err := s.incidentRange(c, now)
	if err != nil {
		return err
	}
	before := q.Get("cursor")
	if !incidentID(before) && before != "" {
		return badParam("cursor", before, "what an earlier answer gave as next")
	}
	list, next := []*spate.Incident{}, fact("")
	err = s.incidents.Between(from, to, before, func(in *spate.Incident) bool {
		if state != "all" && string(in.State) != state {
			return true
		}
		if len(list) == limit {
			next = fact(list[limit-1].ID)
			return false
		}
		list = append(list, in)
		return true
	})
	if err != nil {
		return err
	}
	return s.writeJSON(c, struct {
		Incidents []*spate.Incident `json:"incidents"`
		Next      fact              `json:"next"`
	}{list, next})
}

func (s *Server) incidentRange(c *gin.Context, now time.Time) (from, to time.Time, err error) {
	q := c.Request.URL.Query()
	from, to = now.Add(-incidentsBack), now.Add(time.Minute)
	for name, at := range map[string]*time.Time{"from": &from, "to": &to} {
		text := q.Get(name)
		if text == "" || name == "to" && text == "now" {
			continue
		}
		t, ok := ParseTime(text, now)
		if !ok {
			return from, to, badParam(name, text, wantTime)
		}
		*at = t
	}
	if !from.Before(to) {
		return from, to, badParam("from", q.Get("from"), "a time before to")
	}
	return from, to, nil
}

// incidentID tells whether a text may be an incident's.
func incidentID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "0123456789-") == ""
}

func (s *Server) mustIncident(id string) (*spate.Incident, error) {
	if incidentID(id) {
		if in, ok := s.incidents.Incident(id); ok {
			return in, nil
		}
	}
	return nil, newProblem(http.StatusNotFound, "", "there is no incident %s", quoted(id))
}

func (s *Server) showIncident(c *gin.Context) error {
	in, err := s.mustIncident(c.Param("id"))
	if err != nil {
		return err
	}
	return s.writeJSON(c, in)
}

// ackIncident and judgeIncident are the person's word; both answer with the
// incident as it is then.
func (s *Server) ackIncident(c *gin.Context) error {
	var body struct{ By, Note string }
	if err := readBody(c, &body); err != nil {
		return err
	}
	if body.By == "" && s.access.closed() {
		body.By = who(c).name
	}
	if strings.TrimSpace(body.By) == "" {
		return newProblem(http.StatusBadRequest, "", `by is missing: say who looks after it, {"by":"name","note":""}`)
	}
	return s.changeIncident(c, func(id string) (*spate.Incident, error) { return s.incidents.Ack(id, body.By, body.Note) })
}

func (s *Server) judgeIncident(c *gin.Context) error {
	var body struct{ Verdict, By string }
	if err := readBody(c, &body); err != nil {
		return err
	}
	if body.By == "" && s.access.closed() {
		body.By = who(c).name
	}
	if body.Verdict != "attack" && body.Verdict != "expected" {
		return newProblem(http.StatusBadRequest, "", `verdict is %s, wanted "attack" or "expected"`, quoted(body.Verdict))
	}
	return s.changeIncident(c, func(id string) (*spate.Incident, error) { return s.incidents.Verdict(id, body.Verdict, body.By) })
}

func (s *Server) changeIncident(c *gin.Context, do func(id string) (*spate.Incident, error)) error {
	was, err := s.mustIncident(c.Param("id"))
	if err != nil {
		return err
	}
	in, err := do(was.ID)
	if err == nil {
		s.audit(c, c.FullPath()[strings.LastIndexByte(c.FullPath(), '/')+1:], who(c).name, was.ID)
	}
	switch {
	case errors.Is(err, ErrNoIncident):
		return newProblem(http.StatusUnprocessableEntity, "", "incident %s is closed: there is nothing to acknowledge any more", was.ID)
	case err != nil:
		return err
	}
	if strings.HasPrefix(c.GetHeader("Accept"), "text/html") || strings.HasPrefix(c.ContentType(), "application/x-www-form-urlencoded") {
		c.Redirect(http.StatusSeeOther, "/incidents/"+in.ID)
		return nil
	}
	return s.writeJSON(c, in)
}

// readBody reads a JSON object, or a form of the same names.
func readBody(c *gin.Context, into any) error {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, mostBody)
	if c.ContentType() == "application/x-www-form-urlencoded" {
		if err := c.Request.ParseForm(); err != nil {
			return newProblem(http.StatusBadRequest, "", "the form cannot be read: %v", err)
		}
		fields := map[string]string{}
		for name, values := range c.Request.PostForm {
			fields[name] = values[0]
		}
		b, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		return json.Unmarshal(b, into)
	}
	b, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return newProblem(http.StatusRequestEntityTooLarge, "", "the body is larger than %d octets", mostBody)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return newProblem(http.StatusBadRequest, "", "the body is no JSON object of texts: %v", err)
	}
	return nil
}

type suspectJSON struct {
	Device     string            `json:"device"`
	Port       string            `json:"port"`
	Hosts      []spate.HostNamed `json:"hosts"`
	Users      []spate.UserShare `json:"users"`
	RateBps    number            `json:"rate_bps"`
	RatePps    number            `json:"rate_pps"`
	Factor     number            `json:"factor"`
	Confidence number            `json:"confidence"`
	Since      stamp             `json:"since"`
	Incident   fact              `json:"incident"`
	Summary    string            `json:"summary"`
}

// listSuspects answers the question that Spate is for.
func (s *Server) listSuspects(c *gin.Context) error {
	list := []suspectJSON{}
	for _, x := range s.incidents.Suspects() {
		list = append(list, suspectJSON{
			x.Port.Device, x.Port.Name, append([]spate.HostNamed{}, x.Hosts...), append([]spate.UserShare{}, x.Users...),
			number(math.Round(x.RateBps)), number(math.Round(x.RatePps)), number(math.Round(x.Factor*10) / 10), number(math.Round(x.Confidence*100) / 100),
			stamp(x.Since), fact(x.Incident), x.Summary,
		})
	}
	return s.writeJSON(c, map[string]any{"suspects": list})
}

// TellIncident streams an incident that is new or has changed.
func (s *Server) TellIncident(in *spate.Incident) {
	device := ""
	if in.Origin != nil {
		device = in.Origin.Device
	}
	s.emit(s.rounds, time.Now(), "incident", device, in)
	s.rounds.tell()
}

// noIncidents is what is known where nobody looks for floods.
type noIncidents struct{}

func (noIncidents) Open() []*spate.Incident                     { return nil }
func (noIncidents) Incident(string) (*spate.Incident, bool)     { return nil, false }
func (noIncidents) Suspects() []Suspect                         { return nil }
func (noIncidents) Ack(_, _, _ string) (*spate.Incident, error) { return nil, ErrNoIncident }
func (noIncidents) Verdict(_, _, _ string) (*spate.Incident, error) {
	return nil, ErrNoIncident
}
func (noIncidents) Between(time.Time, time.Time, string, func(*spate.Incident) bool) error {
	return nil
}
