package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"spate"
)

const (
	defaultURL    = "http://127.0.0.1:8080"
	askTimeout    = 60 * time.Second
	largestAnswer = 64 << 20 // bytes of JSON or picture
)

// A client asks a running Spate over its API.
type client struct {
	base  *url.URL
	token spate.Secret
	http  *http.Client
}

// newClient takes SPATE_URL and SPATE_TOKEN from the environment.
func (a *app) newClient() (*client, error) {
	where, _ := a.env("SPATE_URL")
	if where == "" {
		where = defaultURL
	}
	base, err := url.Parse(where)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("SPATE_URL is no URL, wanted one such as %s", defaultURL)
	}
	token, _ := a.env("SPATE_TOKEN")
	return &client{base: base, token: spate.Secret(token), http: &http.Client{
		// A redirect means a login page or another program; neither answers.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// get asks for a path and gives the body when it is of the wanted media type.
func (c *client) get(ctx context.Context, path string, query url.Values, wanted string) ([]byte, error) {
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c, err)
	}
	return c.do(req, wanted, askTimeout)
}

// follow asks for an answer that comes line by line.
func (c *client) follow(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c, err)
	}
	return c.streamed(req)
}

func (c *client) do(req *http.Request, wanted string, patience time.Duration) ([]byte, error) {
	ctx, end := context.WithTimeout(req.Context(), patience)
	defer end()
	req = req.WithContext(ctx)
	req.Header.Set("Accept", wanted)
	c.dress(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err, patience)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", c, err)
	}
	if len(body) > largestAnswer {
		return nil, fmt.Errorf("the answer of %s is larger than 64 MiB: ask for less", c)
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated:
	case http.StatusNoContent:
		return nil, nil
	default:
		return nil, c.refused(resp, body)
	}
	if got, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); got != wanted {
		return nil, fmt.Errorf("%s answers, but not as Spate does (%q, want %s): check SPATE_URL", c, spate.Clean(got), wanted)
	}
	return body, nil
}

// dress says who asks.
func (c *client) dress(req *http.Request) {
	req.Header.Set("User-Agent", "spate/"+version)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
}

// post sends a body that is packed with gzip, and gives the JSON of the answer.
func (c *client) post(ctx context.Context, path, kind string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(path).String(), body)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c, err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Content-Encoding", "gzip")
	return c.do(req, "application/json", 10*time.Minute)
}

// String is the server's address without a password.
func (c *client) String() string { return c.base.Redacted() }

// unreachable says why nobody answered and what to try.
func (c *client) unreachable(err error, patience time.Duration) error {
	var dns *net.DNSError
	var uerr *url.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no server at %s: connection refused: is `spate serve` running? set SPATE_URL", c)
	case errors.As(err, &dns):
		return fmt.Errorf("no server at %s: host %s is not known: set SPATE_URL", c, printable(dns.Name))
	case errors.As(err, &uerr) && uerr.Timeout():
		return fmt.Errorf("no answer from %s in %v: is it busy, or behind a firewall? set SPATE_URL", c, patience)
	case errors.As(err, &uerr):
		err = uerr.Err // without the URL, which may hold a password
	}
	return fmt.Errorf("no server at %s: %w: set SPATE_URL", c, err)
}

// refused turns an error answer into a sentence; the API's own are RFC 9457.
func (c *client) refused(resp *http.Response, body []byte) error {
	var problem struct{ Title, Detail string }
	_ = json.Unmarshal(body, &problem) // not ours when it fails: then the status has to do
	said := spate.Clean(problem.Detail)
	if said == "" {
		said = spate.Clean(problem.Title)
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized && c.token == "":
		return fmt.Errorf("%s wants a login: set SPATE_TOKEN", c)
	case resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%s does not know this token: check SPATE_TOKEN", c)
	case resp.StatusCode == http.StatusForbidden && said == "":
		return fmt.Errorf("%s: this token may not do that: ask for a higher role", c)
	case said != "":
		return fmt.Errorf("%s: %s", c, said)
	}
	return fmt.Errorf("%s answers %s: check SPATE_URL", c, strings.TrimSpace(spate.Clean(resp.Status)))
}
