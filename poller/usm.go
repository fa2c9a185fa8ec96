package poller

import (
	"crypto"
	"crypto/hmac"
	_ "crypto/md5"    // RFC 3414: HMAC-MD5-96
	_ "crypto/sha1"   // RFC 3414: HMAC-SHA-96
	_ "crypto/sha256" // RFC 7860: SHA-224, SHA-256
	_ "crypto/sha512" // RFC 7860: SHA-384, SHA-512
	"time"

	"github.com/gosnmp/gosnmp"
)

// setUSM fills in the user-based security model (RFC 3414; AES: RFC 3826;
// SHA-2: RFC 7860). AES192 and AES256 extend keys as draft-blumenthal-aes-usm
// does, AES192C and AES256C as Cisco does (draft-reeder-snmpv3-usm-3desede).
func setUSM(g *gosnmp.GoSNMP, cred Credentials) {
	g.Version, g.SecurityModel, g.ContextName = gosnmp.Version3, gosnmp.UserSecurityModel, cred.Context
	g.MsgFlags = gosnmp.NoAuthNoPriv
	usm := &gosnmp.UsmSecurityParameters{UserName: cred.User}
	if auth, ok := authProtocols[cred.AuthProtocol]; ok {
		g.MsgFlags = gosnmp.AuthNoPriv
		usm.AuthenticationProtocol, usm.AuthenticationPassphrase = auth.gosnmp, cred.AuthPassword.Reveal()
		if priv, ok := privProtocols[cred.PrivProtocol]; ok {
			g.MsgFlags = gosnmp.AuthPriv
			usm.PrivacyProtocol, usm.PrivacyPassphrase = priv, cred.PrivPassword.Reveal()
		}
	}
	g.SecurityParameters = usm
}

// authProtocol is a digest: its hash, and how many octets of it travel.
type authProtocol struct {
	gosnmp gosnmp.SnmpV3AuthProtocol
	hash   crypto.Hash
	octets int
}

var authProtocols = map[string]authProtocol{
	"MD5": {gosnmp.MD5, crypto.MD5, 12}, "SHA": {gosnmp.SHA, crypto.SHA1, 12},
	"SHA224": {gosnmp.SHA224, crypto.SHA224, 16}, "SHA256": {gosnmp.SHA256, crypto.SHA256, 24},
	"SHA384": {gosnmp.SHA384, crypto.SHA384, 32}, "SHA512": {gosnmp.SHA512, crypto.SHA512, 48},
}

var privProtocols = map[string]gosnmp.SnmpV3PrivProtocol{
	"DES": gosnmp.DES, "AES": gosnmp.AES, "AES192": gosnmp.AES192, "AES256": gosnmp.AES256,
	"AES192C": gosnmp.AES192C, "AES256C": gosnmp.AES256C,
}

// usmHeader is what USM writes in front of every message, never encrypted (RFC
// 3414, section 2.4).
type usmHeader struct {
	engine      string // msgAuthoritativeEngineID
	boots, time int64
	user        string
	digest      []byte // msgAuthenticationParameters, as they stand in the datagram
}

// read reads the UsmSecurityParameters.
func (u *usmHeader) read(security *ber) error {
	fields, ok := security.want(0x30)
	if !ok {
		return errGarbage
	}
	engine, okEngine := fields.want(0x04)
	boots, okBoots := fields.integer()
	seconds, okTime := fields.integer()
	user, okUser := fields.want(0x04)
	digest, okDigest := fields.want(0x04)
	if !okEngine || !okBoots || !okTime || !okUser || !okDigest {
		return errGarbage
	}
	*u = usmHeader{string(engine.b), boots, seconds, string(user.b), digest.b}
	return nil
}

// authentic tells whether the digest of a datagram is right under a localised key.
// The digest stands in the datagram itself and is put back.
func (a authProtocol) authentic(datagram []byte, u *usmHeader, key []byte) bool {
	if len(u.digest) != a.octets || len(key) == 0 {
		return false
	}
	said := append([]byte(nil), u.digest...)
	clear(u.digest) // it counts as zeros (RFC 3414, section 6.3.2)
	mac := hmac.New(a.hash.New, key)
	mac.Write(datagram)
	copy(u.digest, said)
	return hmac.Equal(said, mac.Sum(nil)[:a.octets])
}

// engineClock is what authentic messages have told of an engine's clock (RFC
// 3414, section 2.3).
type engineClock struct {
	boots, time int64
	at          time.Time // when that was heard; zero: never
}

const (
	timeWindow = 150       // seconds that a message may be old (RFC 3414, section 2.2.3)
	mostBoots  = 1<<31 - 1 // snmpEngineBoots that has run out: nothing is believed any more
)

// now is the engine's time in seconds, as we reckon it.
func (c *engineClock) now() int64 { return c.time + int64(time.Since(c.at)/time.Second) }

// stale tells whether an authentic message is too old to be believed: a replay
// (RFC 3414, section 3.2, step 7b).
func (c *engineClock) stale(u *usmHeader) bool {
	switch {
	case u.boots == mostBoots:
		return true
	case c.at.IsZero():
		return false
	}
	return u.boots < c.boots || u.boots == c.boots && u.time < c.now()-timeWindow
}

// hear takes over what an authentic message tells.
func (c *engineClock) hear(u *usmHeader) {
	if c.at.IsZero() || u.boots > c.boots || u.boots == c.boots && u.time > c.time {
		*c = engineClock{u.boots, u.time, time.Now()}
	}
}
