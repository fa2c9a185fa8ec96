package web

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"spate"
)

// SingleSignOn is [oidc]: an OpenID provider says who somebody is; the [[user]] of that
// name says what they may.
type SingleSignOn struct {
	Issuer, ClientID string
	ClientSecret     spate.Secret
	Client           *http.Client // that may speak to the issuer; nil: the default one
}

const (
	ssoCookie   = "spate_login"
	ssoPatience = 10 * time.Second
	ssoLasts    = 10 * time.Minute // between the way out and the way back
)

// sso talks to the provider, which is asked for its addresses at the first login.
type sso struct {
	mu       sync.Mutex
	of       *SingleSignOn
	provider *oidc.Provider
}

// ready is the provider of the config that counts now.
func (s *sso) ready(ctx context.Context, want *SingleSignOn) (*oidc.Provider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider != nil && s.of == want {
		return s.provider, nil
	}
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), want.client()) // the keys are fetched with it later
	ready := make(chan error, 1)
	var p *oidc.Provider
	go func() {
		var err error
		p, err = oidc.NewProvider(ctx, want.Issuer)
		ready <- err
	}()
	select {
	case err := <-ready:
		if err != nil {
			return nil, err
		}
	case <-time.After(ssoPatience):
		return nil, errors.New("no answer in time")
	}
	s.of, s.provider = want, p
	return p, nil
}

func (o *SingleSignOn) client() *http.Client {
	if o.Client != nil {
		return o.Client
	}
	return &http.Client{Timeout: ssoPatience}
}

// An errand is what a browser carries to the provider and back, signed.
type errand struct {
	State, Nonce, Verifier, Next string
	Until                        time.Time
}

func (s *Server) oauth(c *gin.Context, want *SingleSignOn, p *oidc.Provider) (*oauth2.Config, error) {
	base := s.cfg.BaseURL
	if base == "" {
		if !isLoopbackName(hostName(c.Request.Host)) {
			return nil, newProblem(http.StatusInternalServerError, "", "server.base_url is not set: the provider would not know where to lead back to")
		}
		base = "http://" + c.Request.Host
	}
	return &oauth2.Config{ClientID: want.ClientID, ClientSecret: want.ClientSecret.Reveal(), Endpoint: p.Endpoint(), RedirectURL: base + "/login/callback", Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}, nil
}

// leave sends a browser to the provider.
func (s *Server) leave(c *gin.Context) error {
	want := s.access.who.Load().OIDC
	if want == nil {
		return newProblem(http.StatusNotFound, "", "no [oidc] is configured")
	}
	p, err := s.sso.ready(c.Request.Context(), want)
	if err != nil {
		s.log.Error("the OpenID provider cannot be asked", "issuer", want.Issuer, "err", err)
		return newProblem(http.StatusBadGateway, "", "the OpenID provider does not answer: try again, or log in with a password; the log of spate says why")
	}
	cfg, err := s.oauth(c, want, p)
	if err != nil {
		return err
	}
	e := errand{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Next: localPath(c.Query("next")), Until: time.Now().Add(ssoLasts)}
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	text := base64.RawURLEncoding.EncodeToString(b)
	http.SetCookie(c.Writer, &http.Cookie{Name: ssoCookie, Value: text + "." + s.access.sessions.sign("errand", text), Path: "/login", HttpOnly: true, Secure: s.access.secure(c), SameSite: http.SameSiteLaxMode, MaxAge: int(ssoLasts / time.Second)})
	c.Redirect(http.StatusSeeOther, cfg.AuthCodeURL(e.State, oidc.Nonce(e.Nonce), oauth2.S256ChallengeOption(e.Verifier)))
	return nil
}

func random() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// errandOf is what the browser has brought back; false: nothing of ours.
func (s *Server) errandOf(c *gin.Context) (e errand, ok bool) {
	value, err := c.Cookie(ssoCookie)
	if err != nil {
		return e, false
	}
	text, mac, _ := strings.Cut(value, ".")
	if mac == "" || mac != s.access.sessions.sign("errand", text) {
		return e, false
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	return e, err == nil && json.Unmarshal(b, &e) == nil && time.Now().Before(e.Until)
}

// comeBack takes what the provider says.
func (s *Server) comeBack(c *gin.Context) error {
	want := s.access.who.Load().OIDC
	if want == nil {
		return newProblem(http.StatusNotFound, "", "no [oidc] is configured")
	}
	e, ok := s.errandOf(c)
	http.SetCookie(c.Writer, &http.Cookie{Name: ssoCookie, Path: "/login", HttpOnly: true, MaxAge: -1})
	if !ok || c.Query("state") == "" || c.Query("state") != e.State {
		return newProblem(http.StatusBadRequest, "", "this login was not begun here, or took too long: begin again at /login")
	}
	if wrong := c.Query("error"); wrong != "" {
		return newProblem(http.StatusForbidden, "", "the provider says %s: %s", quoted(wrong), quoted(c.Query("error_description")))
	}
	name, err := s.claimed(c, want, &e)
	if err != nil {
		var p *problem
		if errors.As(err, &p) {
			return p
		}
		s.log.Error("what the OpenID provider says is not believed", "issuer", want.Issuer, "err", err)
		return newProblem(http.StatusForbidden, "", "what the provider says is not believed; the log of spate says why")
	}
	for _, u := range s.access.who.Load().Users {
		for _, n := range name {
			if u.Name == n {
				s.access.sessions.give(c, session{Name: u.Name, Proof: proofOf(u.Hash)}, s.access.secure(c))
				s.audit(c, "login", u.Name, "oidc")
				c.Redirect(http.StatusSeeOther, localPath(e.Next))
				return nil
			}
		}
	}
	s.audit(c, "login failed", spate.Clean(strings.Join(name, " ")), "oidc")
	return newProblem(http.StatusForbidden, "", "the provider knows you as %s, and there is no [[user]] of that name", quoted(strings.Join(name, " or ")))
}

// claimed are the names the provider vouches for: a verified address, and the user's.
func (s *Server) claimed(c *gin.Context, want *SingleSignOn, e *errand) (names []string, err error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(c.Request.Context(), want.client()), ssoPatience)
	defer cancel()
	p, err := s.sso.ready(ctx, want)
	if err != nil {
		return nil, err
	}
	cfg, err := s.oauth(c, want, p)
	if err != nil {
		return nil, err
	}
	token, err := cfg.Exchange(ctx, c.Query("code"), oauth2.VerifierOption(e.Verifier))
	if err != nil {
		return nil, fmt.Errorf("exchange the code: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("the answer has no id_token")
	}
	id, err := p.Verifier(&oidc.Config{ClientID: want.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if id.Nonce != e.Nonce {
		return nil, errors.New("the id_token is of another login")
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
		Username string `json:"preferred_username"`
	}
	if err := id.Claims(&claims); err != nil {
		return nil, err
	}
	if claims.Email != "" && claims.Verified {
		names = append(names, claims.Email)
	}
	if claims.Username != "" {
		names = append(names, claims.Username)
	}
	if len(names) == 0 {
		return nil, newProblem(http.StatusForbidden, "", "the provider tells no verified email and no preferred_username")
	}
	return names, nil
}
