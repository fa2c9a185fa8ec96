package host

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"spate"
)

const (
	pushPatience = 10 * time.Second
	pushOctets   = 2 << 20 // of lines in one push
	pushLines    = 1000
	backoffFirst = time.Second
	backoffMost  = time.Minute
	answerMost   = 64 << 10
)

// A pusher posts to one server.
type pusher struct {
	url    string
	token  spate.Secret
	client *http.Client
	zip    *gzip.Writer // one for all pushes: it takes most of a megabyte
	log    *slog.Logger
}

func newPusher(cfg AgentConfig, log *slog.Logger) (*pusher, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("agent.url is no URL, wanted https://spate.example.net")
	}
	if u.Scheme == "http" && !cfg.Plain && !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("agent.url: http:// would show the token to everybody on the way to %s: wanted https://, or agent.plain_http = true", u.Hostname())
	}
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("agent.ca_file: %w", err)
		}
		tlsConfig.RootCAs = x509.NewCertPool()
		if !tlsConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("agent.ca_file: %s holds no certificate", cfg.CAFile)
		}
	}
	transport := &http.Transport{TLSClientConfig: tlsConfig, Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true}
	return &pusher{
		url: strings.TrimSuffix(cfg.URL, "/") + "/api/v1/agent", token: cfg.Token, zip: gzip.NewWriter(nil), log: log,
		client: &http.Client{Transport: transport, Timeout: pushPatience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

func isLoopback(name string) bool {
	if name == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.IsLoopback()
}

// randomMark is an id that no other run has.
func randomMark() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// refused is an answer other than 200.
type refused struct {
	status int
	text   string
	after  time.Duration
}

func (r *refused) Error() string { return fmt.Sprintf("the server answers %d: %s", r.status, r.text) }

// hopeless tells that the same lines would be refused again.
func (r *refused) hopeless() bool {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests, http.StatusRequestTimeout:
		return false // a token or a URL may be put right
	}
	return r.status >= 400 && r.status < 500
}

// post pushes some lines and gives the server's answer. Nobody else pushes meanwhile.
func (p *pusher) post(ctx context.Context, head *Header, lines [][]byte) (Answer, error) {
	var answer Answer
	var body bytes.Buffer
	p.zip.Reset(&body)
	first, err := json.Marshal(head)
	if err != nil {
		return answer, err
	}
	for _, line := range append([][]byte{first}, lines...) {
		_, _ = p.zip.Write(line) // a Buffer takes everything
		_, _ = p.zip.Write([]byte{'\n'})
	}
	if err := p.zip.Close(); err != nil {
		return answer, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, &body)
	if err != nil {
		return answer, err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Content-Encoding", "gzip")
	req.Header.Set("User-Agent", "spate-agent")
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token.Reveal())
	}
	res, err := p.client.Do(req)
	if err != nil {
		return answer, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, answerMost))
	if err != nil {
		return answer, err
	}
	if res.StatusCode != http.StatusOK {
		return answer, refusal(res, text)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("the answer of %s is not Spate's: %w", p.url, err)
	}
	return answer, nil
}

func refusal(res *http.Response, text []byte) error {
	var problem struct{ Detail string }
	_ = json.Unmarshal(text, &problem) // where it is no problem+json, the status says it
	r := &refused{status: res.StatusCode, text: spate.Clean(problem.Detail)}
	if r.text == "" {
		r.text = http.StatusText(res.StatusCode)
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		r.after = min(time.Duration(s)*time.Second, 10*backoffMost)
	}
	return r
}

// deliver pushes what is in the spool until ctx ends, and what is there then once more.
func (a *Agent) deliver(ctx context.Context, news <-chan struct{}, wishes chan Answer) {
	backoff, failed := time.Duration(0), ""
	first := true
	for {
		select {
		case <-ctx.Done():
			last, end := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer end()
			_, _ = a.pushOnce(last) // what remains waits in the spool
			return
		case <-news:
		}
		if first { // a hundred agents started by one timer do not come together
			first = false
			pause(ctx, time.Duration(mathrand.Int64N(int64(min(a.cfg.Interval/4, time.Second)))))
		}
		for ctx.Err() == nil {
			more, err := a.pushOnce(ctx, wishes)
			a.slim.giveBack()
			if ctx.Err() != nil {
				break
			}
			if err != nil {
				if err.Error() != failed {
					failed = err.Error()
					a.log.Warn("not pushed; it is kept and tried again", "url", a.push.url, "err", err, "waiting", a.waiting())
				}
				backoff = min(max(2*backoff, backoffFirst), backoffMost)
				pause(ctx, patienceFor(err, backoff))
				continue
			}
			if failed != "" {
				a.log.Info("pushed again", "url", a.push.url)
			}
			backoff, failed = 0, ""
			if !more {
				break
			}
		}
	}
}

// patienceFor is how long to wait after a push that failed. Where the server has said when
// to come again, not before, and not all agents at once then.
func patienceFor(err error, backoff time.Duration) time.Duration {
	var r *refused
	if errors.As(err, &r) && r.after > 0 {
		return r.after + time.Duration(mathrand.Int64N(int64(max(r.after, backoff))))
	}
	return backoff/2 + time.Duration(mathrand.Int64N(int64(backoff/2)+1))
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (a *Agent) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.spool.len()
}

// pushOnce pushes the oldest lines, and tells whether there are more.
func (a *Agent) pushOnce(ctx context.Context, wishes ...chan Answer) (more bool, err error) {
	a.mu.Lock()
	lines, err := a.spool.first(pushOctets, pushLines)
	lost := a.spool.lost
	a.mu.Unlock()
	if err != nil || len(lines) == 0 {
		return false, err
	}
	answer, err := a.push.post(ctx, a.header(), lines)
	var r *refused
	switch {
	case errors.As(err, &r) && r.hopeless():
		a.log.Error("snapshots thrown away: the server does not take them", "snapshots", len(lines), "err", err)
	case err != nil:
		return true, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if gone := a.spool.lost - lost; gone == 0 { // else those sent may be gone already
		err = a.spool.drop(len(lines))
	}
	if r == nil {
		if answer.Note != "" {
			a.log.Warn("the server says", "note", spate.Clean(answer.Note))
		}
		for _, to := range wishes {
			select {
			case <-to: // an older wish that nobody has read
			default:
			}
			to <- answer
		}
	}
	return a.spool.len() > 0, err
}
