package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

// A role is what a caller must be to use a route. The zero value lets nobody
// in: a route without a role is refused.
type role int

const (
	nobody   role = iota
	everyone      // no credential needed: health, assets
	pusher        // spate agent on a machine: it may push that machine's figures, and read nothing
	viewer
	operator
	admin
)

// roleOf reads the words of the config.
func roleOf(word string) role {
	switch word {
	case "agent":
		return pusher
	case "viewer":
		return viewer
	case "operator":
		return operator
	case "admin":
		return admin
	}
	return nobody
}

// Credentials are who may come in. Without any, every caller on this machine may do
// everything.
type Credentials struct {
	Tokens []Token
	Users  []User
	OIDC   *SingleSignOn // nil: none
	// WallAllow are the networks that see the wall without login.
	WallAllow []netip.Prefix
}

// A Token lets a program in, or a screen.
type Token struct {
	Name, Role string
	SHA256     [32]byte
	Devices    []string // globs of devices it sees; empty: all
	Sites      []string // of sites; empty: all
}

// A User logs in with a password.
type User struct {
	Name, Role string
	Hash       spate.Secret // argon2id in its usual $ form
}

// An identity is who asks.
type identity struct {
	name    string // as in the log
	role    role
	session *session // of a cookie; nil: another way
	token   *Token   // nil: not by token
	wall    bool     // comes from a network of web.wall_allow, and sees the wall only
}

// narrow tells whether it sees some devices only.
func (i *identity) narrow() bool {
	return i.token != nil && len(i.token.Devices)+len(i.token.Sites) > 0
}

// sees tells whether a device is one of those it sees.
func (i *identity) sees(d *spate.Device) bool {
	if !i.narrow() {
		return true
	}
	within := func(list []string, text string, same func(pattern, text string) bool) bool {
		if len(list) == 0 {
			return true
		}
		for _, p := range list {
			if same(p, text) {
				return true
			}
		}
		return false
	}
	glob := func(p, s string) bool { ok, err := path.Match(p, s); return err == nil && ok }
	return within(i.token.Devices, d.Name, glob) && within(i.token.Sites, d.Site, func(p, s string) bool { return p == s })
}

// access decides who may call.
type access struct {
	base     *url.URL // server.base_url; nil: none
	who      atomic.Pointer[Credentials]
	sessions *sessions
	guesses  *guesses
	now      func() time.Time
}

func newAccess(baseURL string, who Credentials, key []byte, revoked Revoked) *access {
	a := &access{sessions: newSessions(key, revoked), guesses: newGuesses(), now: time.Now}
	if u, err := url.Parse(baseURL); err == nil && u.Host != "" {
		a.base = u
	}
	a.who.Store(&who)
	return a
}

// closed tells whether anybody has to log in.
func (a *access) closed() bool {
	w := a.who.Load()
	return len(w.Tokens)+len(w.Users) > 0 || w.OIDC != nil
}

const identityKey = "identity"

// who is the caller of a request that was let in.
func who(c *gin.Context) *identity {
	if v, ok := c.Get(identityKey); ok {
		if i, ok := v.(*identity); ok {
			return i
		}
	}
	return &identity{}
}

func (a *access) check(c *gin.Context, r *route) error {
	if r.need == nobody {
		return newProblem(http.StatusForbidden, "", "this route has no role: nobody may use it")
	}
	if r.need == everyone {
		return nil
	}
	i, err := a.identify(c, r)
	if err != nil {
		return err
	}
	c.Set(identityKey, i)
	switch {
	case r.need == pusher && i.role != pusher && a.closed():
		return newProblem(http.StatusForbidden, "", `this takes a token of role "agent", named after its machine: spate token add -role agent NAME`)
	case i.role < r.need:
		return newProblem(http.StatusForbidden, "", "this needs a higher role than %s has", i.name)
	case i.wall && !r.wall:
		return a.unauthorized(c)
	case i.wall && strings.HasSuffix(r.path, "/events") && c.Query("only") != "wall":
		return a.unauthorized(c)
	case i.narrow() && !r.narrow:
		return newProblem(http.StatusForbidden, "", "%s sees some devices only, and this is about all", i.name)
	}
	return nil
}

// identify says who calls: by bearer token, by ?token= on what a screen shows, by the
// cookie of a login, or from a network that sees the wall.
func (a *access) identify(c *gin.Context, r *route) (*identity, error) {
	if !a.closed() {
		return &identity{name: "local", role: admin}, a.local(c)
	}
	if h := c.GetHeader("Authorization"); h != "" {
		kind, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(kind, "Bearer") {
			return nil, a.unauthorized(c)
		}
		return a.byToken(c, strings.TrimSpace(token))
	}
	if token := c.Query("token"); token != "" && a.takesTokenInURL(c) {
		i, err := a.byToken(c, token)
		if err == nil && isPage(c.Request.URL.Path) {
			a.sessions.give(c, session{Name: i.token.Name, Token: true}, a.secure(c)) // so that the pictures of the page come too
		}
		return i, err
	}
	if i := a.byCookie(c); i != nil {
		return i, a.sameSite(c, i)
	}
	if a.fromWall(c) && r.wall {
		return &identity{name: "wall", role: viewer, wall: true}, nil
	}
	return nil, a.unauthorized(c)
}

// takesTokenInURL tells what a screen without a keyboard asks for.
func (a *access) takesTokenInURL(c *gin.Context) bool {
	if c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead {
		return false
	}
	p := c.Request.URL.Path
	return isPage(p) || p == "/api/v1/events" || strings.HasPrefix(p, "/api/v1/graph.")
}

// byToken compares in a time that does not depend on the token. The right one comes in
// however many wrong ones came from its address: it is too long to be guessed.
func (a *access) byToken(c *gin.Context, text string) (*identity, error) {
	sum := sha256.Sum256([]byte(text))
	var found *Token
	w := a.who.Load()
	for k := range w.Tokens {
		if subtle.ConstantTimeCompare(sum[:], w.Tokens[k].SHA256[:]) == 1 {
			found = &w.Tokens[k]
		}
	}
	if found == nil || roleOf(found.Role) == nobody {
		from := remote(c)
		if wait := a.guesses.wait(from, a.now()); wait > 0 {
			return nil, tooMany(c, wait)
		}
		a.guesses.failed(from, a.now())
		return nil, a.unauthorized(c)
	}
	return &identity{name: "token " + found.Name, role: roleOf(found.Role), token: found}, nil
}

// byCookie is who has logged in; nil: nobody, or not any more.
func (a *access) byCookie(c *gin.Context) *identity {
	s := a.sessions.read(c, a.now())
	if s == nil {
		return nil
	}
	w := a.who.Load()
	if s.Token {
		for k := range w.Tokens {
			if w.Tokens[k].Name == s.Name {
				return &identity{name: "token " + s.Name, role: roleOf(w.Tokens[k].Role), token: &w.Tokens[k], session: s}
			}
		}
		return nil
	}
	for k := range w.Users {
		u := &w.Users[k]
		if u.Name == s.Name && s.Proof == proofOf(u.Hash) { // a new password ends old logins
			a.sessions.renew(c, s, a.now(), a.secure(c))
			return &identity{name: u.Name, role: roleOf(u.Role), session: s}
		}
	}
	return nil
}

// sameSite refuses what another page has a browser do in the name of who is logged in.
func (a *access) sameSite(c *gin.Context, i *identity) error {
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if origin := c.GetHeader("Origin"); origin != "" && !a.ownOrigin(origin, c.Request.Host) {
		return newProblem(http.StatusForbidden, "Origin", "a request from the page %s is refused", quoted(origin))
	}
	token := c.GetHeader("X-Spate-CSRF")
	if token == "" && c.ContentType() == "application/x-www-form-urlencoded" {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, mostBody)
		if err := c.Request.ParseForm(); err == nil {
			token = c.Request.PostForm.Get("csrf")
		}
	}
	if !a.sessions.guards(i.session, token) {
		return newProblem(http.StatusForbidden, "csrf", "the page is too old, or the request does not come from it: load the page anew")
	}
	return nil
}

// local lets in who comes by a loopback name, so that no foreign page can reach in
// through a browser (DNS rebinding, cross-site requests).
func (a *access) local(c *gin.Context) error {
	if host := c.Request.Host; !a.ownHost(host) {
		return newProblem(http.StatusForbidden, "Host", "the name %s is not ours: use localhost or 127.0.0.1, or set server.base_url to it", quoted(host))
	}
	if origin := c.GetHeader("Origin"); origin != "" && !a.ownOrigin(origin, c.Request.Host) {
		return newProblem(http.StatusForbidden, "Origin", "a request from the page %s is refused", quoted(origin))
	}
	return nil
}

// unauthorized is 401; a browser is shown the login.
func (a *access) unauthorized(c *gin.Context) error {
	c.Header("WWW-Authenticate", `Bearer realm="spate"`)
	return newProblem(http.StatusUnauthorized, "", "this wants a login, or a token: Authorization: Bearer …")
}

func tooMany(c *gin.Context, wait time.Duration) error {
	c.Header("Retry-After", fmt.Sprint(int(wait/time.Second)+1))
	return newProblem(http.StatusTooManyRequests, "", "too many wrong guesses from this address: wait %d s", int(wait/time.Second)+1)
}

// fromWall tells whether the caller's own address is in a network that sees the wall.
// Headers that proxies add are not believed, and a name that is not ours is not
// answered: a foreign page may have made it lead here.
func (a *access) fromWall(c *gin.Context) bool {
	if _, err := netip.ParseAddr(hostName(c.Request.Host)); err != nil && !a.ownHost(c.Request.Host) {
		return false
	}
	from := remote(c)
	for _, p := range a.who.Load().WallAllow {
		if p.Contains(from) {
			return true
		}
	}
	return false
}

func remote(c *gin.Context) netip.Addr {
	ap, err := netip.ParseAddrPort(c.Request.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// secure tells whether a cookie may be kept to https.
func (a *access) secure(c *gin.Context) bool {
	return c.Request.TLS != nil || a.base != nil && a.base.Scheme == "https"
}

func (a *access) ownHost(hostport string) bool {
	host := hostName(hostport)
	return isLoopbackName(host) || a.base != nil && strings.EqualFold(host, a.base.Hostname())
}

// ownOrigin takes the page's own origin only: another port of this machine is
// another program.
func (a *access) ownOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return false
	}
	if a.base != nil && strings.EqualFold(u.Host, a.base.Host) && u.Scheme == a.base.Scheme {
		return true
	}
	return strings.EqualFold(u.Host, host)
}

func hostName(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

func isLoopbackName(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
