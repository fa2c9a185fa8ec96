package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

// A backtestLine says how far a backtest is; the last one has all of it.
type backtestLine struct {
	Done   float64       `json:"done"` // 0 to 1
	Result *backtestBody `json:"result,omitempty"`
	Error  string        `json:"error,omitempty"`
}

type backtestBody struct {
	From      stamp             `json:"from"`
	To        stamp             `json:"to"`
	Learned   stamp             `json:"learned"`
	Ports     int               `json:"ports"`
	Marks     []pastMark        `json:"marks"`
	MoreMarks int               `json:"more_marks"`
	Incidents []*spate.Incident `json:"incidents"`
}

type pastMark struct {
	Device string `json:"device"`
	Port   string `json:"port"`
	Since  stamp  `json:"since"`
	Until  stamp  `json:"until"`
	Text   string `json:"text"`
}

// mostBacktest is the longest time that is tested at once.
const mostBacktest = 400 * 24 * time.Hour

// runBacktest runs what is stored through the detector, and says a line of how far
// it is now and then. It ends when the caller leaves.
func (s *Server) runBacktest(c *gin.Context) error {
	if s.backtest == nil {
		return newProblem(http.StatusNotFound, "", "this server has no store to test")
	}
	q := c.Request.URL.Query()
	now := time.Now()
	from, err := timeParam(q, "from", "-30d", now)
	if err != nil {
		return err
	}
	to, err := timeParam(q, "to", "now", now)
	if err != nil {
		return err
	}
	if !from.Before(to) || to.Sub(from) > mostBacktest {
		return badParam("from", q.Get("from"), "a time before to, at most 400 days")
	}
	say := saying(c)
	got, err := s.backtest(c.Request.Context(), from, to, q.Get("device"), func(part float64) { say(backtestLine{Done: part}) })
	switch {
	case err != nil && c.Writer.Written():
		say(backtestLine{Error: err.Error()})
		return nil
	case errors.Is(err, c.Request.Context().Err()) && err != nil:
		return err
	case err != nil:
		return newProblem(http.StatusUnprocessableEntity, "", "%v", err)
	}
	body := &backtestBody{From: stamp(got.From), To: stamp(got.To), Learned: stamp(got.Learned), Ports: got.Ports, Marks: []pastMark{}, MoreMarks: got.MoreMarks, Incidents: got.Incidents}
	for _, m := range got.Marks {
		body.Marks = append(body.Marks, pastMark{m.Port.Device, m.Port.Name, stamp(m.Since), stamp(m.Until), m.Text})
	}
	if body.Incidents == nil {
		body.Incidents = []*spate.Incident{}
	}
	say(backtestLine{Done: 1, Result: body})
	return nil
}
