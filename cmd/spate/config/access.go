package config

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"spate"
)

// access reads who may come in: [oidc], [[user]] and [[token]].
func (s *scope) access(c *Config) {
	s.table("oidc", func(t *scope) { t.oidc(&c.OIDC) })
	users := register{}
	s.tables("user", func(t *scope) {
		u := t.user(c.OIDC.Issuer != "")
		if u.Name != "" {
			users.enter(t, "name", u.Name)
		}
		c.Users = append(c.Users, u)
	})
	tokens := register{}
	s.tables("token", func(t *scope) {
		k := t.token()
		if k.Name != "" {
			tokens.enter(t, "name", k.Name)
		}
		c.Tokens = append(c.Tokens, k)
	})
}

func (s *scope) oidc(o *OIDC) {
	read(s, "issuer", &o.Issuer, orEmpty(asURL), plainURL)
	read(s, "client_id", &o.ClientID, asText, line(255))
	secret := s.secret("client_secret", &o.ClientSecret)
	if o.Issuer != "" {
		s.need("client_id", "the id the issuer gave Spate")
		return
	}
	if secret && !s.has("issuer") {
		s.wrong(s.written("client_secret"), "is for nothing without issuer", "oidc.issuer")
	}
}

func (s *scope) role(more ...Role) Role {
	role, words := string(Viewer), []string{string(Viewer), string(Operator), string(Admin)}
	for _, m := range more {
		words = append(words, string(m))
	}
	if s.need("role", alternatives(words)) {
		read(s, "role", &role, asText, oneOf(words...))
	}
	return Role(role)
}

// argonForm is the usual form of an argon2id hash; RFC 9106 names its parts.
var argonForm = regexp.MustCompile(`^\$argon2id\$v=19\$m=[0-9]{1,8},t=[0-9]{1,4},p=[0-9]{1,3}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,172}$`)

func (s *scope) user(byOIDC bool) User {
	var u User
	if s.need("name", "a name of its own") {
		read(s, "name", &u.Name, asText, line(64))
	}
	u.Role = s.role()
	if s.secret("password_hash", &u.PasswordHash) {
		if u.PasswordHash != "" && !argonForm.MatchString(u.PasswordHash.Reveal()) {
			s.wrong(s.written("password_hash"), "is no argon2id hash", "$argon2id$v=19$m=…,t=…,p=…$salt$hash")
		}
	} else if !byOIDC {
		s.wrong("password_hash", "missing", "an argon2id hash, or [oidc] for users without a password")
	}
	return u
}

func (s *scope) token() Token {
	var k Token
	if s.need("name", "a name of its own") {
		read(s, "name", &k.Name, asText, line(64))
	}
	k.Role = s.role(Pusher)
	if k.Role == Pusher && k.Name != "" && !spate.ValidDevice(k.Name) {
		s.wrong("name", quoted(k.Name)+" is no name of a machine", "the machine's name, since role is \"agent\": letters, digits, and . _ - between them")
	}
	sum := s.has("sha256")
	var text spate.Secret
	file := s.has("token_file")
	switch {
	case sum && file:
		s.wrong("token_file", "given beside sha256", "one of them")
	case file:
		s.secretFile("token_file", &text)
		k.SHA256 = sha256.Sum256([]byte(text.Reveal()))
		if text != "" && len(text) < 16 {
			s.wrong("token_file", "has a token of less than 16 characters, which can be guessed", "a longer one, such as: openssl rand -hex 32")
		}
	case sum:
		read(s, "sha256", &k.SHA256, asSum)
	default:
		s.wrong("sha256", "missing", "the SHA-256 of the token, or token_file")
	}
	readList(s, "devices", &k.Devices, asText, glob)
	readList(s, "sites", &k.Sites, asText, line(64))
	return k
}

func asSum(n *node) (sum [32]byte, c complaint) {
	text, c := asText(n)
	if !c.ok() {
		return sum, c
	}
	raw, err := hex.DecodeString(strings.ToLower(text))
	if err != nil || len(raw) != len(sum) {
		return sum, complaint{"is no SHA-256", "64 hexadecimal digits: printf %s TOKEN | sha256sum"}
	}
	copy(sum[:], raw)
	return sum, complaint{}
}
