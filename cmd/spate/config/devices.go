package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"spate"
	"spate/poller"
)

// devices reads [snmp.NAME], [[device]] and [[link]], which name each other.
func (s *scope) devices(c *Config) {
	credentialNames := []string{"default"}
	s.named("snmp", func(name string, t *scope) {
		if name != "default" {
			credentialNames = append(credentialNames, name)
		}
		if !nameForm.MatchString(name) && !t.outline {
			t.fail(t.at, strings.TrimSuffix(t.path, "."), complaint{quoted(name) + " is no name", "[snmp.NAME] with letters, digits, . _ and -"})
		}
		c.Credentials[name] = t.credentials(name)
	})
	names := register{}
	host := s.hostName(c.Host.Enabled)
	s.tables("device", func(t *scope) {
		c.Targets = append(c.Targets, t.device(c, names, credentialNames, host))
	})
	known := map[string]bool{}
	for _, t := range c.Targets {
		known[t.Device.Name] = true
	}
	if host != "" {
		known[host] = true
	}
	s.tables("link", func(t *scope) { c.Links = append(c.Links, t.link(known)) })
}

// hostName is how this machine's own device will be called, "" where it is off.
func (s *scope) hostName(enabled bool) string {
	if !enabled {
		return ""
	}
	name, err := s.Hostname()
	if err != nil {
		return ""
	}
	name, _, _ = strings.Cut(name, ".")
	return name
}

func (s *scope) device(c *Config, names register, credentials []string, host string) poller.Target {
	var t poller.Target
	if s.need("name", "a name of its own") {
		read(s, "name", &t.Device.Name, asName)
		if t.Device.Name != "" && names.enter(s, "name", t.Device.Name) && strings.EqualFold(t.Device.Name, host) {
			s.wrong("name", quoted(t.Device.Name)+" is this machine's own name", "another name, or host.enabled = false")
		}
	}
	if s.need("address", "host, host:port or [v6]:port") {
		read(s, "address", &t.Device.Address, asDeviceAddress)
	}
	use := "default"
	read(s, "snmp", &use, orEmpty(asText), defined("[snmp.%s]", credentials))
	if use == "" {
		use = "default"
	}
	t.Credentials = c.Credentials[use]
	read(s, "site", &t.Device.Site, asText, line(64))
	read(s, "interval", &t.Interval, orEmpty(asDuration), orZero(between(time.Second, Day)))
	readList(s, "ports", &t.Ports, asText, glob)
	readList(s, "external", &t.External, asText, glob)
	s.speeds(&t.Speed)
	return t
}

// defined accepts a name that is defined elsewhere, or "".
func defined(form string, names []string) func(string) complaint {
	return func(v string) complaint {
		if v == "" || slices.Contains(names, v) {
			return complaint{}
		}
		return complaint{quoted(v) + " is not there", nearest(v, names) + ", or " + strings.Replace(form, "%s", bareKey(v), 1) + " added"}
	}
}

// orZero lets 0, an empty string in the file, pass a rule.
func orZero[T comparable](rule func(T) complaint) func(T) complaint {
	return func(v T) complaint {
		var zero T
		if v == zero {
			return complaint{}
		}
		return rule(v)
	}
}

func (s *scope) speeds(dst *map[string]spate.BitRate) {
	n := s.get("speed")
	if n == nil {
		return
	}
	if n.kind != kindTable {
		s.wrong("speed", "is "+string(n.kind), `a table such as { "Gi1/0/9" = "100M" }`)
		return
	}
	out := make(map[string]spate.BitRate, len(n.order))
	for _, port := range n.order {
		v, c := asSpeed(n.keys[port])
		if c.ok() {
			c = glob(port)
		}
		if !c.ok() {
			s.fail(n.keys[port].at, s.path+"speed."+bareKey(port), c)
			continue
		}
		out[port] = v
	}
	*dst = out
}

func (s *scope) link(devices map[string]bool) Link {
	var l Link
	end := func(key string, dst *spate.PortID) {
		if !s.need(key, `"device ifName"`) {
			return
		}
		read(s, key, dst, asPortID, func(id spate.PortID) complaint {
			if devices[id.Device] {
				return complaint{}
			}
			c := complaint{"device " + quoted(id.Device) + " is not configured", "a [[device]] of that name"}
			if best, ok := closest(id.Device, slices.Sorted(maps.Keys(devices))); ok {
				c.wanted = quoted(best) + " or " + c.wanted
			}
			return c
		})
	}
	end("a", &l.A)
	end("b", &l.B)
	if l.A == l.B && l.A.Device != "" {
		s.wrong("b", "is the same port as a", "the other end")
	}
	return l
}

// Protocols of SNMPv3: RFC 3414, RFC 7860 and RFC 3826; AES192 and AES256 after
// the Blumenthal draft, with C after Cisco's key extension.
func authProtocols() []string {
	return []string{"", "MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"}
}

func privProtocols() []string {
	return []string{"", "DES", "AES", "AES192", "AES256", "AES192C", "AES256C"}
}

func (s *scope) credentials(name string) poller.Credentials {
	c := poller.Credentials{Name: name, Version: poller.V2c}
	read(s, "version", &c.Version, asText, oneOf(poller.V1, poller.V2c, poller.V3))
	community := s.secret("community", &c.Community)
	v3 := c.Version == poller.V3
	if name == "default" && !community && !v3 {
		c.Community = defaultCredentials().Community
		community = true
	}
	switch {
	case v3 && community:
		s.wrong(s.written("community"), "is not for version 3", "user, auth_protocol and priv_protocol")
	case !v3 && !community && !s.outline:
		s.wrong("community", "missing", "community or community_file for version "+c.Version)
	}
	s.usm(&c)
	if v3 {
		return c
	}
	for _, key := range []string{"user", "auth_protocol", "auth_password", "auth_password_file", "priv_protocol", "priv_password", "priv_password_file", "context"} {
		if s.has(key) {
			s.wrong(key, "is for version 3 only", `version = "3", or this key removed`)
		}
	}
	return c
}

// usm reads the keys of the user based security model (RFC 3414).
func (s *scope) usm(c *poller.Credentials) {
	read(s, "user", &c.User, orEmpty(asText), octets(32))
	read(s, "auth_protocol", &c.AuthProtocol, asText, oneOf(authProtocols()...))
	auth := s.secret("auth_password", &c.AuthPassword)
	read(s, "priv_protocol", &c.PrivProtocol, asText, oneOf(privProtocols()...))
	priv := s.secret("priv_password", &c.PrivPassword)
	read(s, "context", &c.Context, asText, octets(32))
	if c.Version != poller.V3 {
		return
	}
	s.need("user", "the user's name on the device")
	s.passphrase("auth", auth, c.AuthPassword)
	s.passphrase("priv", priv, c.PrivPassword)
	if s.has("priv_protocol") && !s.has("auth_protocol") {
		s.wrong("priv_protocol", "encrypts without proving who asks, which SNMPv3 does not have", "auth_protocol too")
	}
}

// passphrase checks that protocol and password come together and that the
// password is long enough: RFC 3414, section 11.2, asks for 8 characters, and
// devices refuse less.
func (s *scope) passphrase(kind string, given bool, password spate.Secret) {
	key := kind + "_password"
	switch {
	case s.has(kind+"_protocol") && !given:
		s.wrong(kind+"_protocol", "needs a password", key+" or "+key+"_file")
	case given && !s.has(kind+"_protocol"):
		s.wrong(s.written(key), "is for nothing without "+kind+"_protocol", kind+`_protocol such as "`+example(kind)+`"`)
	case password != "" && len(password.Reveal()) < 8:
		s.wrong(s.written(key), "is shorter than 8 characters", "8 or more (RFC 3414, section 11.2)")
	}
}

func example(kind string) string {
	if kind == "auth" {
		return "SHA256"
	}
	return "AES"
}

// octets limits an SnmpAdminString, whose length counts octets of UTF-8.
func octets(most int) func(string) complaint {
	return func(v string) complaint {
		if len(v) > most {
			return complaint{quoted(v) + " is too long", strconv.Itoa(most) + " octets at most"}
		}
		return line(most)(v)
	}
}
