package web

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

func (s *Server) wallPage(c *gin.Context) error {
	w := s.wallNow(c.Request.Context())
	return s.show(c, http.StatusOK, "wall", page{Title: "Wall", Here: "wall", Wall: true, Modules: []string{"wall.js"}, Body: w})
}
