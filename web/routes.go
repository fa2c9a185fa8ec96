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
	wall         bool // is part of the wall, for networks that see it without login
	narrow       bool // shows devices one by one: for tokens that see some of them
}

// onTheWall and oneByOne mark routes; a new route is neither.
func onTheWall(r route) route { r.wall = true; return r }
func oneByOne(r route) route  { r.narrow = true; return r }

// routes is everything that is answered. A path under /api is described in
// openapi.yaml; a test walks this table and that file.
func (s *Server) routes() []route {
	const get = http.MethodGet
	routes := append(s.prometheusRoutes(), []route{
		// The API.
		oneByOne(route{method: get, path: "/api/v1/devices", handle: s.listDevices, need: viewer}),
		oneByOne(route{method: get, path: "/api/v1/devices/:device", handle: s.showDevice, need: viewer}),
		{method: http.MethodPost, path: "/api/v1/devices/:device/survey", handle: s.surveyDevice, need: operator},
		{method: http.MethodPost, path: "/api/v1/devices/:device/rename", handle: s.renameDevice, need: admin},
		oneByOne(route{method: get, path: "/api/v1/ports", handle: s.listPorts, need: viewer}),
		{method: get, path: "/api/v1/top", handle: s.listTop, need: viewer},
		oneByOne(route{method: get, path: "/api/v1/series", handle: s.showSeries, need: viewer}),
		oneByOne(route{method: get, path: "/api/v1/changes", handle: s.listChanges, need: viewer}),
		{method: get, path: "/api/v1/groups", handle: s.listGroups, need: viewer},
		oneByOne(route{method: get, path: "/api/v1/report", handle: s.showReport, need: viewer}),
		oneByOne(route{method: get, path: "/api/v1/graph.png", handle: s.graphPNG, need: viewer}),
		oneByOne(route{method: get, path: "/api/v1/graph.svg", handle: s.graphSVG, need: viewer}),
		{method: get, path: "/api/v1/incidents", handle: s.listIncidents, need: viewer},
		{method: get, path: "/api/v1/incidents/:id", handle: s.showIncident, need: viewer},
		{method: http.MethodPost, path: "/api/v1/incidents/:id/ack", handle: s.ackIncident, need: operator},
		{method: http.MethodPost, path: "/api/v1/incidents/:id/verdict", handle: s.judgeIncident, need: operator},
		{method: get, path: "/api/v1/suspects", handle: s.listSuspects, need: viewer},
		{method: get, path: "/api/v1/silences", handle: s.listSilences, need: viewer},
		{method: http.MethodPost, path: "/api/v1/silences", handle: s.beginSilence, need: operator},
		{method: http.MethodDelete, path: "/api/v1/silences/:id", handle: s.endSilence, need: operator},
		{method: get, path: "/api/v1/notifiers", handle: s.listNotifiers, need: viewer},
		{method: http.MethodPost, path: "/api/v1/notifiers/:name/test", handle: s.testNotifier, need: operator},
		{method: get, path: "/api/v1/backtest", handle: s.runBacktest, need: operator},
		{method: get, path: "/api/v1/creep", handle: s.showCreep, need: viewer},
		{method: get, path: "/api/v1/topology", handle: s.showTopology, need: viewer},
		{method: get, path: "/api/v1/find", handle: s.findAnything, need: viewer},
		{method: get, path: "/api/v1/hosts", handle: s.listHosts, need: viewer},
		{method: get, path: "/api/v1/status", handle: s.showStatus, need: viewer},
		onTheWall(route{method: get, path: "/api/v1/events", handle: s.showEvents, need: viewer}),
		{method: http.MethodPost, path: "/api/v1/agent", handle: s.takePush, need: pusher},
		{method: get, path: "/api/v1/agents", handle: s.listAgents, need: viewer},
		{method: http.MethodPost, path: "/api/v1/import", handle: s.importHistory, need: admin},
		{method: http.MethodPost, path: "/api/v1/backup", handle: s.makeBackup, need: admin},
		oneByOne(route{method: get, path: "/api/openapi.yaml", handle: s.showOpenAPI, need: viewer}),

		// The pages.
		onTheWall(route{method: get, path: "/", handle: s.wallPage, need: viewer}),
		oneByOne(route{method: get, path: "/devices", handle: s.devicesPage, need: viewer}),
		oneByOne(route{method: get, path: "/devices/:device", handle: s.devicePage, need: viewer}),
		{method: get, path: "/devices/:device/users", handle: s.usersPage, need: viewer},
		oneByOne(route{method: get, path: "/port", handle: s.portPage, need: viewer}),
		{method: get, path: "/search", handle: s.searchPage, need: viewer},
		{method: get, path: "/map", handle: s.mapPage, need: viewer},
		{method: get, path: "/alerts", handle: s.alertsPage, need: viewer},
		{method: get, path: "/incidents/:id", handle: s.incidentPage, need: viewer},
		{method: http.MethodPost, path: "/silences/:id/end", handle: s.endSilencePost, need: operator}, // a form cannot send DELETE
		{method: get, path: "/status", handle: s.statusPage, need: viewer},
		{method: get, path: "/groups", handle: s.groupsPage, need: viewer},
		{method: get, path: "/groups/:group", handle: s.groupPage, need: viewer},
		oneByOne(route{method: get, path: "/docs/", handle: s.docsIndex, need: viewer}),
		oneByOne(route{method: get, path: "/docs/:page", handle: s.docsPage, need: viewer}),
		{method: get, path: "/login", handle: s.loginPage, need: everyone},
		{method: http.MethodPost, path: "/login", handle: s.login, need: everyone},
		{method: get, path: "/login/oidc", handle: s.leave, need: everyone},
		{method: get, path: "/login/callback", handle: s.comeBack, need: everyone},
		{method: http.MethodPost, path: "/logout", handle: s.logout, need: viewer},
		{method: get, path: "/assets/*name", handle: s.showAsset, need: everyone},

		// Its own health.
		{method: get, path: "/metrics", handle: s.showMetrics, need: viewer},
		{method: get, path: "/-/healthy", handle: s.healthy, need: everyone},
		{method: get, path: "/-/ready", handle: s.ready, need: everyone},
	}...)
	if s.demo != nil {
		routes = append(routes, route{method: http.MethodPost, path: "/demo/flood", handle: s.startFlood, need: operator})
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
