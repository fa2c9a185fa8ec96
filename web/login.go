package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"spate"
)

// One password is compared at a time, which takes 64 MiB and a core for a while, and few
// wait: who tries ten thousand must not make the right user wait for all of them.
const mostLogins = 20

// loginPage is shown to who has to log in.
func (s *Server) loginPage(c *gin.Context) error {
	if !s.access.closed() {
		c.Redirect(http.StatusSeeOther, "/")
		return nil
	}
	return s.show(c, http.StatusOK, "login", page{Title: "Log in", Here: "login", Body: s.loginBody(localPath(c.Query("next")), "", false)})
}

// loginBody is what the page offers: a password, single sign-on, or both.
func (s *Server) loginBody(next, name string, wrong bool) map[string]any {
	w := s.access.who.Load()
	passwords := false
	for _, u := range w.Users {
		passwords = passwords || u.Hash != ""
	}
	return map[string]any{"Next": next, "Name": name, "Wrong": wrong, "Passwords": passwords, "OIDC": w.OIDC != nil, "Way": "/login/oidc?" + url.Values{"next": {next}}.Encode()}
}

// localPath is where to go after the login: nowhere else but here.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return u.RequestURI()
}

// login takes a name and a password, as a form or as JSON.
func (s *Server) login(c *gin.Context) error {
	var body struct{ Name, Password, Next string }
	if err := readBody(c, &body); err != nil {
		return err
	}
	if origin := c.GetHeader("Origin"); origin != "" && !s.access.ownOrigin(origin, c.Request.Host) {
		return newProblem(http.StatusForbidden, "Origin", "a login from the page %s is refused", quoted(origin))
	}
	user, ok, err := s.verify(c, body.Name, spate.Secret(body.Password))
	if err != nil {
		return err
	}
	form := c.ContentType() == "application/x-www-form-urlencoded"
	if !ok {
		s.audit(c, "login failed", spate.Clean(body.Name), "")
		if form {
			return s.show(c, http.StatusUnauthorized, "login", page{Title: "Log in", Here: "login", Body: s.loginBody(localPath(body.Next), spate.Clean(body.Name), true)})
		}
		writeProblem(c, newProblem(http.StatusUnauthorized, "", "name or password are wrong"))
		return nil
	}
	s.access.sessions.give(c, session{Name: user.Name, Proof: proofOf(user.Hash)}, s.access.secure(c))
	s.audit(c, "login", user.Name, "")
	if form {
		c.Redirect(http.StatusSeeOther, localPath(body.Next))
		return nil
	}
	return s.writeJSON(c, map[string]string{"name": user.Name, "role": user.Role})
}

// verify checks a password, if one may still be tried from there; a name that is none
// takes as long.
func (s *Server) verify(c *gin.Context, name string, password spate.Secret) (_ User, ok bool, err error) {
	from, guesses, l := remote(c), s.access.guesses, s.strangers
	if guesses.friend(from) {
		l = s.friends
	}
	if wait := guesses.wait(from, s.access.now()); wait > 0 {
		return User{}, false, tooMany(c, wait)
	}
	if err := l.enter(c.Request.Context()); errors.Is(err, errFull) {
		return User{}, false, newProblem(http.StatusTooManyRequests, "", "too many log in at once: try again in a few seconds")
	} else if err != nil {
		return User{}, false, err
	}
	defer l.leave()
	if wait := guesses.wait(from, s.access.now()); wait > 0 { // guesses sent at once all got past the first look
		return User{}, false, tooMany(c, wait)
	}
	user := User{Hash: nobodysHash}
	known := false
	for _, u := range s.access.who.Load().Users {
		if u.Name == name && u.Hash != "" {
			user, known = u, true
		}
	}
	if !verifyPassword(user.Hash, password) || !known {
		guesses.failed(from, s.access.now())
		return User{}, false, nil
	}
	guesses.right(from)
	return user, true, nil
}

// logout ends the session.
func (s *Server) logout(c *gin.Context) error {
	i := who(c)
	if err := s.access.sessions.end(c, i.session, s.access.secure(c)); err != nil {
		s.log.Error("a logout is not kept: the session would count again after a restart", "err", err)
	}
	s.audit(c, "logout", i.name, "")
	c.Redirect(http.StatusSeeOther, "/login")
	return nil
}

// audit notes in the log what a person has done.
func (s *Server) audit(c *gin.Context, what, by, about string) {
	s.log.Info("audit", "what", what, "by", by, "about", about, "from", remote(c))
}

// SetCredentials replaces who may come in, while requests are answered.
func (s *Server) SetCredentials(w Credentials) { s.access.who.Store(&w) }
