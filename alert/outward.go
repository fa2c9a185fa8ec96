package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/publicsuffix"

	"spate"
)

const (
	answerPatience = 20 * time.Second
	largestAnswer  = 1 << 20
)

// An Outward talks HTTP to URLs of the config file and to nothing else. Addresses of
// this link (169.254/16 and its like, where clouds keep their secrets) are never
// spoken to; private ones only where they, or a name of one's own, are written in the
// file; a redirect, or a public name that leads to a private address, only within the
// networks allowed for the target.
type Outward struct {
	client  *http.Client
	secrets []spate.Secret
}

type outwardKey struct{}

// dialling is how one request came to its address.
type dialling struct{ redirected atomic.Bool }

// NewOutward makes one. roots nil: the system's. secrets are taken out of errors.
func NewOutward(allow []netip.Prefix, roots *x509.CertPool, secrets ...spate.Secret) *Outward {
	d := &net.Dialer{Timeout: 10 * time.Second}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			how, _ := ctx.Value(outwardKey{}).(*dialling)
			guarded := *d
			guarded.Control = func(_, to string, _ syscall.RawConn) error {
				return mayDial(host, to, how != nil && how.redirected.Load(), allow)
			}
			return guarded.DialContext(ctx, network, address)
		},
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: answerPatience,
		MaxIdleConns:          4,
		IdleConnTimeout:       30 * time.Second,
		DisableCompression:    true,
	}
	return &Outward{secrets: secrets, client: &http.Client{
		Transport: transport,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(allow) == 0 {
				return errors.New("it redirects elsewhere: write the final URL into the config, or name the network it leads to in allow_networks")
			}
			if len(via) > 3 || via[0].URL.Scheme == "https" && req.URL.Scheme != "https" || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
				return errors.New("it redirects too often, or away from https")
			}
			if how, ok := req.Context().Value(outwardKey{}).(*dialling); ok {
				how.redirected.Store(true)
			}
			return nil
		},
	}}
}

// Client is the same for a library that speaks HTTP itself.
func (o *Outward) Client() *http.Client { return o.client }

var (
	errLinkLocal = errors.New("is an address of this link or of a cloud's metadata, which is never spoken to")
	errPrivate   = errors.New("is a private address behind a public name")
	errRedirect  = errors.New("is where it redirects to")
)

// Cloud metadata outside 169.254/16: AWS over IPv6, Alibaba, Oracle.
var metadata = []netip.Prefix{netip.MustParsePrefix("fd00:ec2::254/128"), netip.MustParsePrefix("100.100.100.200/32"), netip.MustParsePrefix("192.0.0.192/32")}

// mayDial judges an address that a host of the config was resolved to.
func mayDial(host, to string, redirected bool, allow []netip.Prefix) error {
	ap, err := netip.ParseAddrPort(to)
	if err != nil {
		return err
	}
	addr := ap.Addr().Unmap().WithZone("")
	within := func(list []netip.Prefix) bool {
		for _, p := range list {
			if p.Contains(addr) {
				return true
			}
		}
		return false
	}
	switch {
	case addr.IsLinkLocalUnicast(), addr.IsMulticast(), addr.IsUnspecified(), addr.Is4() && addr.As4()[0] == 0, within(metadata):
		return fmt.Errorf("%v %w", addr, errLinkLocal)
	case within(allow):
		return nil
	case redirected:
		return fmt.Errorf("%v %w: name its network in allow_networks", addr, errRedirect)
	case (addr.IsPrivate() || addr.IsLoopback() || shared.Contains(addr)) && publicName(host):
		return fmt.Errorf("%s: %v %w: name its network in allow_networks", host, addr, errPrivate)
	}
	return nil
}

var shared = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// publicName tells whether anybody may own a name: it ends as names of the Internet do.
func publicName(host string) bool {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return false
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if !strings.Contains(host, ".") {
		return false
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	return icann || strings.Contains(suffix, ".")
}

// A reply is a bounded answer.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// post sends a body, and gives the answer whatever its status. The error is a
// *Failure; it names no URL.
func (o *Outward) post(ctx context.Context, to spate.Secret, kind string, header http.Header, body []byte) (*reply, error) {
	return o.ask(ctx, http.MethodPost, to, kind, header, body)
}

func (o *Outward) ask(ctx context.Context, method string, to spate.Secret, kind string, header http.Header, body []byte) (*reply, error) {
	var wrote atomic.Bool
	ctx = context.WithValue(ctx, outwardKey{}, &dialling{})
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(i httptrace.WroteRequestInfo) { wrote.Store(i.Err == nil) }})
	req, err := http.NewRequestWithContext(ctx, method, to.Reveal(), bytes.NewReader(body))
	if err != nil {
		return nil, &Failure{Err: errors.New("the URL cannot be used"), Final: true}
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("User-Agent", "spate")
	resp, err := o.client.Do(req)
	if err != nil {
		return nil, &Failure{Err: o.scrub(req.URL, err), Unsure: wrote.Load() && !errors.Is(err, syscall.ECONNREFUSED)}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer))
	if err != nil && resp.StatusCode < 300 {
		return nil, &Failure{Err: fmt.Errorf("%s: the answer broke off", req.URL.Hostname()), Unsure: true}
	}
	return &reply{resp.StatusCode, resp.Header, got}, nil
}

// scrub turns an error into a sentence without the URL, whose path may be a secret.
func (o *Outward) scrub(u *url.URL, err error) error {
	host := u.Hostname()
	var dns *net.DNSError
	var inner *url.Error
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errLinkLocal), errors.Is(err, errPrivate), errors.Is(err, errRedirect):
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
	case errors.As(err, &dns):
		return fmt.Errorf("%s: the name is not known to the name server", host)
	case errors.As(err, &cert):
		return fmt.Errorf("%s: its certificate is not accepted: %w", host, cert.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: connection refused: is it running, and is port %s right?", host, port(u))
	case errors.As(err, &inner) && inner.Timeout():
		return fmt.Errorf("%s: no answer in time", host)
	case errors.As(err, &inner):
		err = inner.Err
	}
	return hide(fmt.Errorf("%s: %w", host, err), o.secrets)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// hide takes secrets out of an error.
func hide(err error, secrets []spate.Secret) error {
	text := err.Error()
	for _, s := range secrets {
		if len(s) >= 6 {
			text = strings.ReplaceAll(text, s.Reveal(), "***")
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// outcome turns a status into a Failure, nil for 2xx. advice says what to do about
// statuses that a config mends.
func (o *Outward) outcome(r *reply, advice map[int]string) error {
	if r.status >= 200 && r.status < 300 {
		return nil
	}
	said := spate.CleanTo(string(r.body), 200)
	text := "it answers " + strconv.Itoa(r.status) + " " + http.StatusText(r.status)
	if said != "" {
		text += ": " + said
	}
	if a := advice[r.status]; a != "" {
		text += ": " + a
	}
	f := &Failure{Err: hide(errors.New(text), o.secrets)}
	switch r.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		f.After = retryAfter(r.header.Get("Retry-After"), time.Now())
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		f.Final = true
	}
	return f
}

// retryAfter reads the header: seconds or a date (RFC 9110, section 10.2.3); 0 where
// it says nothing.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n > 0 {
		return time.Duration(min(n, 86400)) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
