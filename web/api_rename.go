package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
)

// A Renaming is a device that gets another name, with its history.
type Renaming struct {
	From, To string
	Done     bool   // else it waits for the old name to leave the config
	Text     string // what was done, or what is to be done
}

// A Rename renames; the site joins it. An error that is a Refusal, a Missing or a Conflict
// is the caller's.
type Rename func(ctx context.Context, from, to string) (Renaming, error)

// A Missing is a sentence that says that something is not there.
type Missing string

func (m Missing) Error() string { return string(m) }

// A Conflict is a sentence that says what stands in the way.
type Conflict string

func (c Conflict) Error() string { return string(c) }

// renameDevice answers with what was done, in words too.
func (s *Server) renameDevice(c *gin.Context) error {
	if s.rename == nil {
		return newProblem(http.StatusNotFound, "", "this server renames nothing")
	}
	var body struct{ To string }
	if err := readBody(c, &body); err != nil {
		return err
	}
	from := c.Param("device")
	r, err := s.rename(c.Request.Context(), from, body.To)
	var no Refusal
	var missing Missing
	var conflict Conflict
	switch {
	case errors.As(err, &no):
		return newProblem(http.StatusBadRequest, "to", "%s", no)
	case errors.As(err, &missing):
		return newProblem(http.StatusNotFound, "device", "%s", missing)
	case errors.As(err, &conflict):
		return newProblem(http.StatusConflict, "to", "%s", conflict)
	case err != nil:
		return err
	}
	s.audit(c, "rename", who(c).name, r.From+" to "+r.To)
	state := "waiting"
	if r.Done {
		state = "done"
	}
	return s.writeJSON(c, struct {
		From  string `json:"from"`
		To    string `json:"to"`
		State string `json:"state"`
		Text  string `json:"text"`
	}{r.From, r.To, state, r.Text})
}
