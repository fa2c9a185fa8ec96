package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

const mostFound = 100 // of each kind

type searchBody struct {
	Query   string
	Devices []deviceRow
	Ports   []portRow
	Hosts   []hostRow
	More    bool
}

func (s *Server) searchPage(c *gin.Context) error {
	now := time.Now()
	body := searchBody{Query: strings.TrimSpace(c.Query("q"))}
	if body.Query != "" {
		s.find(&body, strings.ToLower(body.Query), now)
	}
	return s.show(c, http.StatusOK, "search", page{Title: "Search", Here: "search", Query: body.Query, Body: body})
}

func (s *Server) find(body *searchBody, text string, now time.Time) {
	for v := range s.board.devices {
		if v.matches(text) && len(body.Devices) < mostFound {
			body.Devices = append(body.Devices, v.row(now))
		}
	}
	for _, h := range s.hostsFound(body.Query, mostFound) {
		body.Hosts = append(body.Hosts, s.hostRow(h, now))
	}
	f := portFilter{text: text}
	s.ports(f, cursor{index: -1}, now, func(p portView) bool {
		body.More = len(body.Ports) == mostFound
		if !body.More {
			body.Ports = append(body.Ports, p.row())
		}
		return !body.More
	})
}
