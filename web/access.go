package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
)

// A role is what a caller must be to use a route. The zero value lets nobody
// in: a route without a role is refused.
type role int

const (
	nobody   role = iota
	everyone      // no credential needed: health, assets
	viewer
	operator
	admin
)

// access decides who may call. Tokens, users and single sign-on will be asked
// here; while none is configured every caller is admin, as long as it comes by
// a loopback name, so that no foreign page can reach in through a browser (DNS
// rebinding, cross-site requests).
type access struct {
	base *url.URL // server.base_url; nil: none
}

func newAccess(baseURL string) access {
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "" {
		return access{}
	}
	return access{base: u}
}

func (a access) check(c *gin.Context, need role) error {
	if need == nobody {
		return newProblem(http.StatusForbidden, "", "this route has no role: nobody may use it")
	}
	if need == everyone {
		return nil
	}
	if host := c.Request.Host; !a.ownHost(host) {
		return newProblem(http.StatusForbidden, "Host", "the name %s is not ours: use localhost or 127.0.0.1, or set server.base_url to it", quoted(host))
	}
	if origin := c.GetHeader("Origin"); origin != "" && !a.ownOrigin(origin, c.Request.Host) {
		return newProblem(http.StatusForbidden, "Origin", "a request from the page %s is refused", quoted(origin))
	}
	if a.callerRole() < need {
		return newProblem(http.StatusForbidden, "", "the caller's role is too low")
	}
	return nil
}

// callerRole is admin for all while no credential is configured.
func (a access) callerRole() role { return admin }

func (a access) ownHost(hostport string) bool {
	host := hostName(hostport)
	return isLoopbackName(host) || a.base != nil && strings.EqualFold(host, a.base.Hostname())
}

// ownOrigin takes the page's own origin only: another port of this machine is
// another program.
func (a access) ownOrigin(origin, host string) bool {
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
