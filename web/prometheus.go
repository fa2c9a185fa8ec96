package web

import (
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

// prometheusRoutes are those of Prometheus' API that are answered; see docs/grafana.md.
func (s *Server) prometheusRoutes() (list []route) {
	if s.prometheus == nil {
		return nil
	}
	for _, path := range [...]string{
		"query", "query_range", "series", "labels", "label/:name/values", "metadata", "status/buildinfo", "rules", "alerts",
	} {
		for _, method := range [...]string{http.MethodGet, http.MethodPost} {
			list = append(list, route{method: method, path: prometheusBase + path, handle: s.askPrometheus, need: viewer})
		}
	}
	return list
}

const prometheusBase = "/prometheus/api/v1/"

// askPrometheus hands on a question; whoever asks may.
func (s *Server) askPrometheus(c *gin.Context) error {
	s.prometheus.ServeHTTP(c.Writer, c.Request)
	return nil
}

// isPrometheus tells whether a program that speaks Prometheus' API asks.
func isPrometheus(path string) bool { return strings.HasPrefix(path, "/prometheus/") }

// A LivePort is a port of the board.
type LivePort struct {
	Port   *spate.Port
	Device spate.Device
	Polled time.Time // when the device last answered; zero: never
}

// Ports runs over all ports, by device and ifIndex.
func (b *Board) Ports() iter.Seq[LivePort] {
	return func(yield func(LivePort) bool) {
		for v := range b.devices {
			for i := range v.readings {
				if !yield(LivePort{v.readings[i].Port, v.device, v.answered}) {
					return
				}
			}
		}
	}
}
