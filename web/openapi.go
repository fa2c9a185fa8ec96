package web

import (
	_ "embed"

	"github.com/gin-gonic/gin"
)

//go:embed openapi.yaml
var openapi []byte

func (s *Server) showOpenAPI(c *gin.Context) error {
	return s.writeTagged(c, "application/yaml; charset=utf-8", "public, max-age=300", openapi)
}
