package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

const (
	sessionCookie  = "spate_session"
	sessionIdle    = 12 * time.Hour
	sessionLongest = 7 * 24 * time.Hour
	sessionRenew   = 10 * time.Minute // of age a cookie is given anew
)

// A session is what a cookie says, signed. Nothing in it is secret.
type session struct {
	ID    string    `json:"i"`
	Name  string    `json:"n"`
	Token bool      `json:"k,omitempty"` // of a token in a URL, not of a user
	Proof string    `json:"p,omitempty"` // of the password it began with
	Began time.Time `json:"b"`
	At    time.Time `json:"a"` // when the cookie was made
}

// Revoked are the sessions that were ended before their time; they are forgotten once
// they would have ended by themselves. *storage.Shelf is kept behind it.
type Revoked interface {
	Revoke(id string, until time.Time) error
	Revoked(id string) bool
}

type sessions struct {
	key     []byte
	revoked Revoked // nil: a logout lasts until the next start
}

// newSessions signs with a key; without one the logins end with the process.
func newSessions(key []byte, revoked Revoked) *sessions {
	if len(key) < 32 {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails (crypto/rand)
	}
	return &sessions{key: key, revoked: revoked}
}

// proofOf is a word for a password's hash that does not give the hash away.
func proofOf(hash spate.Secret) string {
	sum := sha256.Sum256([]byte("spate session " + hash.Reveal()))
	return hex.EncodeToString(sum[:8])
}

func (s *sessions) sign(purpose, text string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(purpose + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// give begins a session.
func (s *sessions) give(c *gin.Context, x session, secure bool) {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	x.ID, x.Began = hex.EncodeToString(id), time.Now().UTC().Truncate(time.Second)
	s.write(c, x, x.Began, secure)
}

func (s *sessions) write(c *gin.Context, x session, now time.Time, secure bool) {
	x.At = now.UTC().Truncate(time.Second)
	b, err := json.Marshal(x)
	if err != nil {
		return
	}
	text := base64.RawURLEncoding.EncodeToString(b)
	http.SetCookie(c.Writer, &http.Cookie{Name: sessionCookie, Value: text + "." + s.sign("session", text), Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode, MaxAge: int(sessionLongest / time.Second)})
}

// read is the session of a request; nil: none that counts.
func (s *sessions) read(c *gin.Context, now time.Time) *session {
	value, err := c.Cookie(sessionCookie)
	if err != nil || len(value) > 2048 {
		return nil
	}
	text, mac, _ := strings.Cut(value, ".")
	if !hmac.Equal([]byte(mac), []byte(s.sign("session", text))) {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	var x session
	if err != nil || json.Unmarshal(b, &x) != nil || x.ID == "" {
		return nil
	}
	old := now.Sub(x.At) > sessionIdle || now.Sub(x.Began) > sessionLongest
	if x.Token {
		old = false // as long as the token is there: a wall has no keyboard
	}
	if old || x.At.After(now.Add(time.Hour)) || s.revoked != nil && s.revoked.Revoked(x.ID) {
		return nil
	}
	return &x
}

// renew gives a cookie in use a new time.
func (s *sessions) renew(c *gin.Context, x *session, now time.Time, secure bool) {
	if now.Sub(x.At) > sessionRenew {
		s.write(c, *x, now, secure)
	}
}

// end takes a session back.
func (s *sessions) end(c *gin.Context, x *session, secure bool) error {
	http.SetCookie(c.Writer, &http.Cookie{Name: sessionCookie, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode, MaxAge: -1})
	if s.revoked == nil || x == nil {
		return nil
	}
	return s.revoked.Revoke(x.ID, x.Began.Add(sessionLongest))
}

// guard is what a page of a session sends along with a form.
func (s *sessions) guard(x *session) string {
	if x == nil {
		return ""
	}
	return s.sign("form", x.ID)
}

func (s *sessions) guards(x *session, token string) bool {
	return x != nil && token != "" && hmac.Equal([]byte(token), []byte(s.guard(x)))
}
