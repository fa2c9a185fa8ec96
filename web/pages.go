package web

import "github.com/gin-gonic/gin"

func (s *Server) errorPage(c *gin.Context, p *problem) { writeProblem(c, p) }
