package main

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

const certificateLook = 10 * time.Second // at the files, while somebody asks

// certificate is the server's own, read again when its files have changed: those who
// renew certificates do not restart servers.
type certificate struct {
	certFile, keyFile string

	mu     sync.Mutex
	pair   *tls.Certificate
	made   [2]time.Time // of the files
	looked time.Time
}

func newCertificate(certFile, keyFile string) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	c.pair, c.made, c.looked = &pair, c.times(), time.Now()
	return c, nil
}

func (c *certificate) times() (t [2]time.Time) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			t[i] = info.ModTime()
		}
	}
	return t
}

// get gives the newest pair. One that cannot be read, or whose key does not fit yet,
// leaves the old one in place.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < certificateLook {
		return c.pair, nil
	}
	c.looked = time.Now()
	if now := c.times(); now != c.made {
		if pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile); err == nil {
			c.pair, c.made = &pair, now
		}
	}
	return c.pair, nil
}
