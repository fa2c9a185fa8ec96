package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

// listSilences answers those that are kept, the newest last; ended ones are kept for
// thirty days.
func (s *Server) listSilences(c *gin.Context) error {
	list := s.notices.Silences()
	if list == nil {
		list = []spate.Silence{}
	}
	return s.writeJSON(c, struct {
		Silences []spate.Silence `json:"silences"`
		Next     fact            `json:"next"`
	}{list, ""})
}

// silenceRequest is what POST takes; For is a duration in place of Until.
type silenceRequest struct {
	Match                        spate.SilenceMatch
	From, Until, For, By, Reason string
}

// beginSilence answers 201 with the silence. A form's fields are those of match and
// the others side by side.
func (s *Server) beginSilence(c *gin.Context) error {
	r, form, err := readSilence(c)
	if err != nil {
		return err
	}
	if r.By == "" && s.access.closed() {
		r.By = who(c).name
	}
	asked, err := r.silence(time.Now())
	if err != nil {
		return err
	}
	made, err := s.notices.Silence(asked)
	if err == nil {
		s.audit(c, "silence", who(c).name, made.ID)
	}
	var no Refusal
	switch {
	case errors.As(err, &no):
		return newProblem(http.StatusBadRequest, "", "%s", no)
	case err != nil:
		return err
	case form:
		c.Redirect(http.StatusSeeOther, "/alerts#silences")
		return nil
	}
	return s.writeJSONAs(c, http.StatusCreated, made)
}

func readSilence(c *gin.Context) (r silenceRequest, form bool, err error) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, mostBody)
	if c.ContentType() == "application/x-www-form-urlencoded" {
		if err := c.Request.ParseForm(); err != nil {
			return r, true, newProblem(http.StatusBadRequest, "", "the form cannot be read: %v", err)
		}
		f := c.Request.PostForm
		r = silenceRequest{Match: spate.SilenceMatch{Device: f.Get("device"), Port: f.Get("port"), Kind: spate.IncidentKind(f.Get("kind")), Severity: spate.Severity(f.Get("severity"))},
			From: f.Get("from"), Until: f.Get("until"), For: f.Get("for"), By: f.Get("by"), Reason: f.Get("reason")}
		return r, true, nil
	}
	b, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return r, false, newProblem(http.StatusRequestEntityTooLarge, "", "the body is larger than %d octets", mostBody)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, false, newProblem(http.StatusBadRequest, "", `the body is no silence: %v; wanted {"match":{"device":"sw-*"},"from":"now","until":"2026-01-02T03:00:00Z","by":"…","reason":"…"}`, err)
	}
	return r, false, nil
}

func (r *silenceRequest) silence(now time.Time) (spate.Silence, error) {
	out := spate.Silence{Match: r.Match, From: now, By: r.By, Reason: r.Reason}
	for _, f := range []struct {
		name, text string
		at         *time.Time
	}{{"from", r.From, &out.From}, {"until", r.Until, &out.Until}} {
		if f.text == "" {
			continue
		}
		at, ok := ParseTime(f.text, now)
		if !ok {
			return out, badParam(f.name, f.text, wantTime)
		}
		*f.at = at
	}
	if r.For != "" {
		if r.Until != "" {
			return out, newProblem(http.StatusBadRequest, "for", "for and until are both given, wanted one of them")
		}
		d, ok := parseDuration(r.For)
		if !ok {
			return out, badParam("for", r.For, `a duration such as "2h"`)
		}
		out.Until = out.From.Add(d)
	}
	return out, nil
}

// endSilence is DELETE; endSilencePost is the same for a form.
func (s *Server) endSilence(c *gin.Context) error {
	if err := s.stopSilence(c.Param("id")); err != nil {
		return err
	}
	s.audit(c, "silence ended", who(c).name, c.Param("id"))
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

func (s *Server) endSilencePost(c *gin.Context) error {
	if err := s.stopSilence(c.Param("id")); err != nil {
		return err
	}
	s.audit(c, "silence ended", who(c).name, c.Param("id"))
	c.Redirect(http.StatusSeeOther, "/alerts#silences")
	return nil
}

func (s *Server) stopSilence(id string) error {
	err := s.notices.EndSilence(id)
	if errors.Is(err, ErrNoSilence) {
		return newProblem(http.StatusNotFound, "", "there is no silence %s", quoted(id))
	}
	return err
}

type notifierAnswer struct {
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	Queued     int             `json:"queued"`
	Oldest     stamp           `json:"oldest"`
	QuietUntil stamp           `json:"quiet_until"`
	Last       *spate.Delivery `json:"last"`
}

func (s *Server) listNotifiers(c *gin.Context) error {
	list := []notifierAnswer{}
	for _, n := range s.notices.Notifiers() {
		list = append(list, notifierAnswer{n.Name, n.Type, n.Queued, stamp(n.Oldest), stamp(n.QuietUntil), n.Last})
	}
	return s.writeJSON(c, struct {
		Notifiers []notifierAnswer `json:"notifiers"`
		Next      fact             `json:"next"`
	}{list, ""})
}

// testNotifier answers what became of a test message: 200 with ok, and why not.
func (s *Server) testNotifier(c *gin.Context) error {
	name := c.Param("name")
	err := s.notices.TestNotifier(c.Request.Context(), name)
	if errors.Is(err, ErrNoNotifier) {
		return newProblem(http.StatusNotFound, "", "there is no [[notify]] %s: GET /api/v1/notifiers lists them", quoted(name))
	}
	if strings.HasPrefix(c.ContentType(), "application/x-www-form-urlencoded") {
		c.Redirect(http.StatusSeeOther, "/alerts#told")
		return nil
	}
	d := spate.Delivery{Name: name, At: time.Now().UTC(), OK: err == nil}
	if err != nil {
		d.Error = err.Error()
	}
	return s.writeJSON(c, d)
}
