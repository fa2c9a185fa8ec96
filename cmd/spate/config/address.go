package config

import (
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var labelForm = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)
var onlyDigits = regexp.MustCompile(`^[0-9]+$`)

// isHostname follows RFC 1123, section 2.1, and lets the underscore pass that
// some name switches with. A last label of digits is a mistyped IPv4 address.
func isHostname(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if !labelForm.MatchString(label) {
			return false
		}
	}
	return !onlyDigits.MatchString(labels[len(labels)-1])
}

// splitHostPort takes "host", "host:port", "[v6]:port" and a bare v6 address
// apart; port is "" where there is none.
func splitHostPort(s string) (host, port string, ok bool) {
	if inner, found := strings.CutPrefix(s, "["); found {
		host, rest, closed := strings.Cut(inner, "]")
		addr, err := netip.ParseAddr(host)
		if !closed || err != nil || !addr.Is6() {
			return "", "", false
		}
		port, colon := strings.CutPrefix(rest, ":")
		return host, port, colon && port != ""
	}
	if strings.Count(s, ":") > 1 {
		_, err := netip.ParseAddr(s)
		return s, "", err == nil
	}
	host, port, colon := strings.Cut(s, ":")
	return host, port, !colon || port != ""
}

func isPort(s string, low int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && onlyDigits.MatchString(s) && n >= low && n <= 65535
}

// asDeviceAddress is host, host:port or [v6]:port of something to talk to.
func asDeviceAddress(n *node) (string, complaint) {
	const wanted = "host, host:port or [v6]:port"
	text, c := asText(n)
	if !c.ok() {
		return "", c
	}
	host, port, ok := splitHostPort(text)
	if !ok || port != "" && !isPort(port, 1) {
		return "", complaint{quoted(text) + " is no address", wanted}
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.IsUnspecified() || addr.IsMulticast() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			return "", complaint{quoted(text) + " is not the address of one device", "a unicast address"}
		}
		return text, complaint{}
	}
	if !isHostname(host) {
		return "", complaint{quoted(text) + " is no address", wanted}
	}
	return text, complaint{}
}

// asListen is an address to listen on: "host:port", "[v6]:port" or ":port".
// Port 0 lets the system choose.
func asListen(n *node) (string, complaint) {
	const wanted = `host:port or :port, such as "127.0.0.1:8080"`
	text, c := asText(n)
	if !c.ok() {
		return "", c
	}
	host, port, ok := splitHostPort(text)
	if !ok || !isPort(port, 0) {
		return "", complaint{quoted(text) + " is no address to listen on", wanted}
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !isHostname(host) {
		return "", complaint{quoted(text) + " is no address to listen on", wanted}
	}
	return text, complaint{}
}

// loopback tells whether only this machine can reach a listen address.
func loopback(listen string) bool {
	host, _, _ := splitHostPort(listen)
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}

// asHostPort is a service that others run, "mail.example.net:587".
func asHostPort(n *node) (string, complaint) {
	text, c := asDeviceAddress(n)
	if !c.ok() {
		return "", complaint{c.what, "host:port"}
	}
	if _, port, _ := splitHostPort(text); port == "" {
		return "", complaint{quoted(text) + " has no port", "host:port"}
	}
	return text, complaint{}
}

// asURL is an http or https URL. A wrong one is not shown in the message: it
// may carry a password or a token.
func asURL(n *node) (string, complaint) {
	const wanted = "http://… or https://…"
	text, c := asText(n)
	if !c.ok() {
		return "", c
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", complaint{"is no URL", wanted}
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return "", complaint{"has the scheme " + quoted(u.Scheme), wanted}
	}
	host := u.Hostname()
	addr, err := netip.ParseAddr(host)
	if err != nil && !isHostname(host) || u.Port() != "" && !isPort(u.Port(), 1) {
		return "", complaint{"has no usable host and port", wanted}
	}
	if err == nil && addr.Unmap().IsLinkLocalUnicast() {
		return "", complaint{"leads to the link-local address " + host + ", where clouds keep their secrets", "another address"}
	}
	return text, complaint{}
}

// asNetwork is a CIDR with no bits set behind the mask.
func asNetwork(n *node) (p netip.Prefix, c complaint) {
	const wanted = `a network such as "192.0.2.0/24"`
	text, c := asText(n)
	if !c.ok() {
		return p, c
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		if addr, e := netip.ParseAddr(text); e == nil && addr.Zone() == "" {
			return p, complaint{quoted(text) + " is an address", strconv.Quote(netip.PrefixFrom(addr, addr.BitLen()).String())}
		}
		return p, complaint{quoted(text) + " is no network", wanted}
	}
	if p.Masked() != p {
		return p, complaint{quoted(text) + " has bits set behind the mask", strconv.Quote(p.Masked().String())}
	}
	return p, complaint{}
}

// asMailAddress is one mailbox, "Spate <spate@example.net>" or the bare address.
func asMailAddress(n *node) (string, complaint) {
	text, c := asText(n)
	if !c.ok() {
		return "", c
	}
	if _, err := mail.ParseAddress(text); err != nil || strings.ContainsAny(text, "\r\n") {
		return "", complaint{quoted(text) + " is no mail address", `one such as "noc@example.net"`}
	}
	return text, complaint{}
}
