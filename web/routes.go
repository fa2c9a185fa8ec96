package web

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// A route is one line of the table of contents.
type route struct {
	method, path string
	handle       func(*gin.Context) error
	need         role
}

// routes is everything that is answered. A path under /api is described in
// openapi.yaml; a test walks this table and that file.
func (s *Server) routes() []route {
	const get = http.MethodGet
	routes := append(s.prometheusRoutes(), []route{
		// The API.
		{get, "/api/v1/devices", s.listDevices, viewer},
		{get, "/api/v1/devices/:device", s.showDevice, viewer},
		{http.MethodPost, "/api/v1/devices/:device/survey", s.surveyDevice, operator},
		{get, "/api/v1/ports", s.listPorts, viewer},
		{get, "/api/v1/top", s.listTop, viewer},
		{get, "/api/v1/series", s.showSeries, viewer},
		{get, "/api/v1/changes", s.listChanges, viewer},
		{get, "/api/v1/groups", s.listGroups, viewer},
		{get, "/api/v1/report", s.showReport, viewer},
		{get, "/api/v1/graph.png", s.graphPNG, viewer},
		{get, "/api/v1/graph.svg", s.graphSVG, viewer},
		{get, "/api/v1/incidents", s.listIncidents, viewer},
		{get, "/api/v1/incidents/:id", s.showIncident, viewer},
		{http.MethodPost, "/api/v1/incidents/:id/ack", s.ackIncident, operator},
		{http.MethodPost, "/api/v1/incidents/:id/verdict", s.judgeIncident, operator},
		{get, "/api/v1/suspects", s.listSuspects, viewer},
		{get, "/api/v1/silences", s.listSilences, viewer},
		{http.MethodPost, "/api/v1/silences", s.beginSilence, operator},
		{http.MethodDelete, "/api/v1/silences/:id", s.endSilence, operator},
		{get, "/api/v1/notifiers", s.listNotifiers, viewer},
		{http.MethodPost, "/api/v1/notifiers/:name/test", s.testNotifier, operator},
		{get, "/api/v1/backtest", s.runBacktest, operator},
		{get, "/api/v1/creep", s.showCreep, viewer},
		{get, "/api/v1/topology", s.showTopology, viewer},
		{get, "/api/v1/find", s.findAnything, viewer},
		{get, "/api/v1/hosts", s.listHosts, viewer},
		{get, "/api/v1/status", s.showStatus, viewer},
		{get, "/api/v1/events", s.showEvents, viewer},
		{http.MethodPost, "/api/v1/import", s.importHistory, admin},
		{http.MethodPost, "/api/v1/backup", s.makeBackup, admin},
		{get, "/api/openapi.yaml", s.showOpenAPI, viewer},

		// The pages.
		{get, "/", s.wallPage, viewer},
		{get, "/devices", s.devicesPage, viewer},
		{get, "/devices/:device", s.devicePage, viewer},
		{get, "/port", s.portPage, viewer},
		{get, "/search", s.searchPage, viewer},
		{get, "/map", s.mapPage, viewer},
		{get, "/alerts", s.alertsPage, viewer},
		{get, "/incidents/:id", s.incidentPage, viewer},
		{http.MethodPost, "/silences/:id/end", s.endSilencePost, operator}, // a form cannot send DELETE
		{get, "/status", s.statusPage, viewer},
		{get, "/groups", s.groupsPage, viewer},
		{get, "/groups/:group", s.groupPage, viewer},
		{get, "/docs/", s.docsIndex, viewer},
		{get, "/docs/:page", s.docsPage, viewer},
		{get, "/assets/*name", s.showAsset, everyone},

		// Its own health.
		{get, "/metrics", s.showMetrics, viewer},
		{get, "/-/healthy", s.healthy, everyone},
		{get, "/-/ready", s.ready, everyone},
	}...)
	if s.demo != nil {
		routes = append(routes, route{http.MethodPost, "/demo/flood", s.startFlood, operator})
	}
	return routes
}

func (s *Server) engine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false
	if err := e.SetTrustedProxies(nil); err != nil {
		s.log.Error("trusted proxies not cleared", "err", err)
	}
	e.Use(s.outer)
	for _, r := range s.routes() {
		e.Handle(r.method, r.path, s.handle(r))
		if r.method == http.MethodGet {
			e.Handle(http.MethodHead, r.path, s.handle(r))
		}
	}
	e.NoRoute(s.handle(route{handle: s.noRoute, need: viewer}))
	e.NoMethod(s.handle(route{handle: s.noMethod, need: viewer}))
	return e
}

func (s *Server) noRoute(c *gin.Context) error {
	return newProblem(http.StatusNotFound, "", "nothing lives at %s", quoted(c.Request.URL.Path))
}

func (s *Server) noMethod(c *gin.Context) error {
	return newProblem(http.StatusMethodNotAllowed, "", "%s does not take %s", quoted(c.Request.URL.Path), quoted(c.Request.Method))
}
