package main

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"spate/alert"
	"spate/cmd/spate/config"
	"spate/storage"
	"spate/web"
)

// logins keep the key that signs the cookies of logins, and which of them have ended.
type logins struct {
	shelf *storage.Shelf

	mu    sync.Mutex
	ended map[string]time.Time // until when each would have counted
}

const (
	sessionKeyName = "key"
	endedPrefix    = "ended/"
)

func newLogins(state *storage.State) (*logins, error) {
	l := &logins{shelf: state.Access(), ended: map[string]time.Time{}}
	var old []string
	err := l.shelf.Each(endedPrefix, func(key string, value []byte) bool {
		s, err := strconv.ParseInt(string(value), 10, 64)
		if until := time.Unix(s, 0); err == nil && until.After(time.Now()) {
			l.ended[key[len(endedPrefix):]] = until
		} else {
			old = append(old, key)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if len(old) > 0 {
		err = l.shelf.Change(nil, old...)
	}
	return l, err
}

// key is the one of this site, made at its first start.
func (l *logins) key() ([]byte, error) {
	var key []byte
	err := l.shelf.Each(sessionKeyName, func(_ string, value []byte) bool {
		key = append([]byte(nil), value...)
		return false
	})
	if err != nil || len(key) == 32 {
		return key, err
	}
	key = make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	if err := l.shelf.Change(map[string][]byte{sessionKeyName: key}); err != nil {
		return nil, fmt.Errorf("keep the key of logins: %w", err)
	}
	return key, nil
}

// Revoke implements web.Revoked.
func (l *logins) Revoke(id string, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended[id] = until
	return l.shelf.Change(map[string][]byte{endedPrefix + id: strconv.AppendInt(nil, until.Unix(), 10)})
}

// Revoked implements web.Revoked.
func (l *logins) Revoked(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ended := l.ended[id]
	return ended
}

// credentials are those of the config in web's form.
func credentials(cfg *config.Config) web.Credentials {
	out := web.Credentials{WallAllow: cfg.Web.WallAllow}
	if o := cfg.OIDC; o.Issuer != "" {
		everywhere := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")} // but for where clouds keep their secrets
		out.OIDC = &web.SingleSignOn{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, Client: alert.NewOutward(everywhere, nil, o.ClientSecret).Client()}
	}
	for _, t := range cfg.Tokens {
		out.Tokens = append(out.Tokens, web.Token{Name: t.Name, Role: string(t.Role), SHA256: t.SHA256, Devices: t.Devices, Sites: t.Sites})
	}
	for _, u := range cfg.Users {
		out.Users = append(out.Users, web.User{Name: u.Name, Role: string(u.Role), Hash: u.PasswordHash})
	}
	return out
}
