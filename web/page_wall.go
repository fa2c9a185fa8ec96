package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// demoFloods are what the buttons of the demo start.
var demoFloods = []string{"host to Internet", "host to host", "inbound DDoS", "small packets", "VLAN flood", "broadcast storm", "loop", "five bots", "slow ramp", "backup", "flash crowd"}

// startFlood starts a simulated flood of the demo and goes back to the wall.
func (s *Server) startFlood(c *gin.Context) error {
	var body struct{ Kind string }
	if err := readBody(c, &body); err != nil {
		return err
	}
	if body.Kind != "" && !slices.Contains(demoFloods, body.Kind) {
		return badParam("kind", body.Kind, strings.Join(demoFloods, ", "))
	}
	what := s.demo(body.Kind)
	if strings.HasPrefix(c.ContentType(), "application/x-www-form-urlencoded") {
		c.Redirect(http.StatusSeeOther, "/")
		return nil
	}
	return s.writeJSON(c, map[string]string{"flood": what})
}

func (s *Server) wallPage(c *gin.Context) error {
	w := s.wallNow(c.Request.Context())
	p := page{Title: "Wall", Here: "wall", Wall: true, Modules: []string{"wall.js"}, Body: w}
	if s.demo != nil {
		p.Demo = demoFloods
	}
	return s.show(c, http.StatusOK, "wall", p)
}
