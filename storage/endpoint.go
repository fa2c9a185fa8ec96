package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"spate"
)

// An endpoint is one URL of a VictoriaMetrics. Neither its password and token
// nor its query, where keys are put too, get into a sentence.
type endpoint struct {
	key    string // of config.toml, for sentences
	url    string // without user and password
	shown  string // scheme, host and path
	auth   string // the Authorization header
	hidden []string
	client *http.Client
}

// newEndpoint reads a URL from the config; more is a path to add.
func newEndpoint(key string, text, token spate.Secret, more string, client *http.Client) (*endpoint, error) {
	u, err := url.Parse(text.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("storage: %s is no URL: want http://host:8428/… or https://…", key) // the parser's words repeat it, password and all
	}
	e := &endpoint{key: key, client: client}
	if u.User != nil {
		password, _ := u.User.Password()
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(u.User.Username(), password)
		e.auth = r.Header.Get("Authorization")
		e.hidden = append(e.hidden, password, strings.TrimPrefix(e.auth, "Basic "))
	}
	if token != "" {
		e.auth = "Bearer " + token.Reveal()
		e.hidden = append(e.hidden, token.Reveal())
	}
	u.User, u.Fragment = nil, ""
	if more != "" {
		u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/")+more, ""
	}
	for _, values := range u.Query() {
		e.hidden = append(e.hidden, values...)
	}
	e.url = u.String()
	e.shown = u.Scheme + "://" + u.Host + u.EscapedPath()
	return e, nil
}

// post sends a body. A redirect is an answer like any other: nobody is sent on
// to where the config does not say.
func (e *endpoint) post(ctx context.Context, kind string, header map[string]string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return nil, e.failed(err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("User-Agent", "spate")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	if e.auth != "" {
		req.Header.Set("Authorization", e.auth)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, e.failed(err)
	}
	return resp, nil
}

// failed is why no answer came, in a sentence that names the place.
func (e *endpoint) failed(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s (%s) did not answer in time: is VictoriaMetrics there well?", e.shown, e.key)
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens at %s (%s): is VictoriaMetrics running?", e.shown, e.key)
	}
	return fmt.Errorf("%s (%s): %s", e.shown, e.key, e.clean(err.Error()))
}

// A statusError is an answer that is none.
type statusError struct {
	code  int
	after time.Duration // Retry-After; 0 where it does not say
	text  string
}

func (e *statusError) Error() string { return e.text }

// bad is an error for a response that is not a success, with the first words of
// its body.
func (e *endpoint) bad(resp *http.Response) *statusError {
	words, _ := io.ReadAll(io.LimitReader(resp.Body, 512)) // half a sentence is better than none
	s := &statusError{code: resp.StatusCode}
	s.text = fmt.Sprintf("%s (%s) answered %d %s", e.shown, e.key, resp.StatusCode, http.StatusText(resp.StatusCode))
	if said := e.clean(string(words)); said != "" {
		s.text += fmt.Sprintf(": %q", said)
	}
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		s.text += ": it sends elsewhere, where Spate does not go: correct " + e.key
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		s.text += ": check the user and password in " + e.key + ", or storage.victoriametrics.token"
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusMethodNotAllowed:
		s.text += ": check the path of " + e.key
	}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		s.after = time.Duration(min(n, 3600)) * time.Second
	}
	return s
}

// clean makes foreign words fit for a sentence.
func (e *endpoint) clean(words string) string {
	for _, secret := range e.hidden {
		if secret != "" {
			words = strings.ReplaceAll(words, secret, "***")
		}
	}
	return spate.Clean(words)
}

// newClient is an HTTP client that goes where it was sent and nowhere else.
func newClient(timeout time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: min(timeout, 10*time.Second), Control: refuseLinkLocal}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			ResponseHeaderTimeout:  timeout,
			TLSHandshakeTimeout:    min(timeout, 10*time.Second),
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    8,
			IdleConnTimeout:        30 * time.Second, // shorter than a server's, which would cut a request
			DisableCompression:     true,             // an answer would be packed and unpacked at more cost than it has on the wire
			ForceAttemptHTTP2:      true,
		},
	}
}

// refuseLinkLocal keeps requests from the addresses at which clouds hand out
// their machines' secrets.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := ap.Addr().Unmap(); ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return fmt.Errorf("%s is a link-local address, where no VictoriaMetrics is", ip)
	}
	return nil
}
