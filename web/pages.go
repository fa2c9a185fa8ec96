package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

//go:embed templates
var templateFiles embed.FS

// pageSet holds the pages, each with the frame around it.
type pageSet struct {
	byName map[string]*template.Template
	assets *assetSet
}

func newPageSet() *pageSet {
	set := &pageSet{byName: map[string]*template.Template{}, assets: newAssetSet()}
	functions := template.FuncMap{"asset": set.assets.link, "age": formatAge, "count": formatCount, "pair": twoThemes}
	for _, name := range []string{"wall", "devices", "device", "port", "search", "status", "map", "alerts", "incident", "docs", "groups", "group", "users", "login", "error"} {
		t := template.New("frame.html").Funcs(functions)
		set.byName[name] = template.Must(t.ParseFS(templateFiles, "templates/frame.html", "templates/parts.html", "templates/"+name+".html"))
	}
	return set
}

// twoThemes is a picture for light and dark ground.
func twoThemes(theme, light, dark, alt string) map[string]string {
	small := func(address string) string { // for a phone: fewer pixels, so that its letters can be read
		return strings.NewReplacer("w=1100", "w=560", "h=300", "h=320", "h=360", "h=380").Replace(address)
	}
	return map[string]string{"Theme": theme, "Light": light, "Dark": dark, "Alt": alt, "SmallLight": small(light), "SmallDark": small(dark)}
}

// A page is what the frame needs; Body is the page's own.
type page struct {
	Title    string
	Here     string // which part of the navigation is lit
	Theme    string // auto, light, dark
	Version  string
	Query    string // what was searched for
	Polled   string
	Old      string
	Store    string // why nothing is recorded; empty: it is
	User     string // who is logged in; empty: nobody has to
	CSRF     string // goes along with every form
	Trouble  int    // open incidents that people are told of
	Clock    string
	ClockISO string
	Wall     bool
	Demo     []string // floods that a button starts; nil: the network is real
	Modules  []string // own modules beside page.js
	Styles   []string
	Body     any
}

// show renders a page as a whole before the first octet leaves, so that an error
// in the middle is still an error.
func (s *Server) show(c *gin.Context, status int, name string, p page) error {
	now := time.Now()
	t := s.board.tally(now)
	p.Theme, p.Version = theme(c, p.Wall), s.cfg.Version
	p.Polled, p.Old, p.Store = polledWords(t, now), oldWords(t, now), storeWords(s.storeStatus())
	p.Clock, p.ClockISO = clock(now.In(s.cfg.Zone))
	i := who(c)
	if s.access.closed() && i.role < viewer {
		p.Polled, p.Old, p.Store = "", "", "" // nothing of the network is told to who is not let in
	}
	if i.session != nil {
		p.User, p.CSRF = i.name, s.access.sessions.guard(i.session)
	}
	if p.Trouble = s.trouble(); s.access.closed() && i.role < viewer || i.narrow() {
		p.Trouble = 0
	}
	var b bytes.Buffer
	if err := s.pages.byName[name].ExecuteTemplate(&b, "frame.html", p); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	c.Header("Cache-Control", "no-store")
	return s.send(c, status, "text/html; charset=utf-8", b.Bytes())
}

// trouble is how many incidents are open that people are told of: it stands in the
// title and colours the icon.
func (s *Server) trouble() (n int) {
	for _, in := range s.incidents.Open() {
		if in.Severity != spate.Info && in.EndedAt == nil {
			n++
		}
	}
	return n
}

const themeCookie = "spate_theme"

// theme is what the reader has chosen; the wall is dark unless told otherwise.
func theme(c *gin.Context, wall bool) string {
	if asked := c.Query("theme"); asked == "light" || asked == "dark" {
		return asked
	}
	chosen, err := c.Cookie(themeCookie)
	if err == nil && (chosen == "light" || chosen == "dark") {
		return chosen
	}
	if wall {
		return "dark"
	}
	return "auto"
}

// errorPage answers a browser. It must not fail: what it cannot render it says
// as a problem.
func (s *Server) errorPage(c *gin.Context, p *problem) {
	if err := s.show(c, p.Status, "error", page{Title: p.Title, Body: p}); err != nil {
		s.log.Error("error page not rendered", "err", err)
		writeProblem(c, p)
	}
}

func (s *Server) showAsset(c *gin.Context) error {
	name := strings.TrimPrefix(c.Param("name"), "/")
	a, ok := s.pages.assets.byName[name]
	if !ok {
		return newProblem(http.StatusNotFound, "", "no file %s is served", quoted(name))
	}
	cache := "public, no-cache"
	if c.Query("v") == a.version {
		cache = "public, max-age=31536000, immutable"
	}
	return s.writeWithTag(c, a.contentType, cache, a.tag, a.body)
}
