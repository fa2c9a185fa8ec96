package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"spate"
)

// Exposed is what an agent tells other programs on its machine of users.
type Exposed struct {
	Backend string
	Users   []UserCount
	Others  UserCount
}

const (
	askPatience = time.Second // snmpd waits as long, and answers nobody meanwhile
	askAgain    = time.Second // an answer serves so long: a walk asks for each cell
	askLater    = 2 * time.Second
	mostExposed = 4 << 20 // octets of an answer
)

// An Asker asks the agent that listens at an address of this machine.
type Asker struct {
	url    string
	client *http.Client
	last   Exposed
	err    error
	again  time.Time
}

// NewAsker asks at agent.listen.
func NewAsker(listen string) *Asker {
	return &Asker{url: "http://" + listen + "/metrics", client: &http.Client{Timeout: askPatience, Transport: &http.Transport{Proxy: nil, MaxIdleConns: 1}}}
}

// Users asks, unless it has just asked.
func (a *Asker) Users(ctx context.Context) (Exposed, error) {
	now := time.Now()
	if now.Before(a.again) {
		return a.last, a.err
	}
	a.last, a.err = a.ask(ctx)
	a.again = time.Now().Add(askAgain)
	if a.err != nil {
		a.again = time.Now().Add(askLater)
	}
	return a.last, a.err
}

func (a *Asker) ask(ctx context.Context) (Exposed, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return Exposed{}, err
	}
	res, err := a.client.Do(req)
	if err != nil {
		return Exposed{}, fmt.Errorf("%w: does spate agent run, with this agent.listen?", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Exposed{}, fmt.Errorf("%s answers %s: it is no spate agent", a.url, res.Status)
	}
	return ReadExposed(io.LimitReader(res.Body, mostExposed))
}

// ReadExposed reads what writeMetrics writes. Another program on the port is not
// believed: names are cleaned, and no more users are taken than an agent names.
func ReadExposed(r io.Reader) (e Exposed, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<10)
	at := map[uint32]int{}
	for lines.Scan() {
		name, labels, value, ok := metric(lines.Text())
		if !ok {
			continue
		}
		switch name {
		case "spate_agent_info":
			e.Backend = spate.CleanTo(labels["backend"], 64)
		case "spate_agent_user_tx_octets_total", "spate_agent_user_tx_packets_total":
			u := &e.Others
			if uid := labels["uid"]; uid != "" {
				n, err := strconv.ParseUint(uid, 10, 32)
				if err != nil {
					continue
				}
				i, known := at[uint32(n)]
				if !known {
					if len(e.Users) == mostNamed {
						return Exposed{}, errors.New("more users than an agent names")
					}
					i = len(e.Users)
					at[uint32(n)] = i
					e.Users = append(e.Users, UserCount{UID: uint32(n)})
				}
				u = &e.Users[i]
			}
			u.Name = spate.CleanTo(labels["user"], 64)
			if strings.HasSuffix(name, "octets_total") {
				u.Octets = value
			} else {
				u.Packets = value
			}
		}
	}
	if err := lines.Err(); err != nil {
		return Exposed{}, fmt.Errorf("read the agent's answer: %w", err)
	}
	return e, nil
}

// metric reads one line of Prometheus' text format: NAME{LABEL="…",…} VALUE.
func metric(line string) (name string, labels map[string]string, value uint64, ok bool) {
	name, rest, ok := strings.Cut(line, "{")
	if !ok || strings.HasPrefix(name, "#") {
		return "", nil, 0, false
	}
	labels = map[string]string{}
	for !strings.HasPrefix(rest, "}") {
		var key, text string
		if key, rest, ok = strings.Cut(rest, `="`); !ok {
			return "", nil, 0, false
		}
		if text, rest, ok = unlabel(rest); !ok {
			return "", nil, 0, false
		}
		labels[key] = text
		rest = strings.TrimPrefix(rest, ",")
	}
	value, err := strconv.ParseUint(strings.TrimPrefix(rest, "} "), 10, 64)
	return name, labels, value, err == nil
}

// unlabel undoes label, up to the quote that ends it.
func unlabel(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s):
			i++
			if c = s[i]; c == 'n' {
				c = '\n'
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
