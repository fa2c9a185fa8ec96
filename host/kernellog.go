package host

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"spate"
)

// A LogLine is what a kernel says of one packet, by an iptables rule with
// -j LOG --log-uid or its nftables kin (netfilter's nf_log_syslog.c).
type LogLine struct {
	Host     string // as the line's sender calls itself; empty: it does not
	UID      uint32
	Src, Dst string
	Protocol string
	Port     int // of the destination; 0 none
	Octets   int // LEN, of layer 3
}

// ReadLog finds such a line in a syslog message of RFC 5424 or RFC 3164; false: it is
// something else.
func ReadLog(message string) (LogLine, bool) {
	var l LogLine
	host, text := syslogHost(message)
	at := strings.Index(text, " OUT=")
	if at < 0 || strings.Contains(text, " OUT= ") || !strings.Contains(text, "UID=") {
		return l, false
	}
	uid := false
	for _, f := range strings.Fields(text[at:]) {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			continue
		}
		switch key {
		case "UID":
			n, err := strconv.ParseUint(value, 10, 32)
			l.UID, uid = uint32(n), err == nil
		case "SRC", "DST":
			a, err := netip.ParseAddr(value)
			if err != nil {
				return l, false
			}
			if key == "SRC" {
				l.Src = a.WithZone("").String()
			} else {
				l.Dst = a.WithZone("").String()
			}
		case "PROTO":
			l.Protocol = strings.ToLower(spate.CleanTo(value, 10))
		case "DPT":
			if n, err := strconv.ParseUint(value, 10, 16); err == nil {
				l.Port = int(n)
			}
		case "LEN":
			if n, err := strconv.ParseUint(value, 10, 17); err == nil && l.Octets == 0 { // UDP has a second one
				l.Octets = int(n)
			}
		}
	}
	l.Host = host
	return l, uid && l.Dst != ""
}

// syslogHost is the name of the sender in a syslog message, and the rest of it.
func syslogHost(message string) (host, text string) {
	text = message
	if strings.HasPrefix(text, "<") {
		if _, rest, ok := strings.Cut(text, ">"); ok {
			text = rest
		}
	}
	if rest, ok := strings.CutPrefix(text, "1 "); ok { // RFC 5424: timestamp host app procid msgid
		f := strings.SplitN(rest, " ", 3)
		if len(f) == 3 {
			return validHost(f[1]), f[2]
		}
		return "", text
	}
	// RFC 3164: "Mmm dd hh:mm:ss host tag: …"; rsyslog may write an ISO time instead.
	if len(text) > 16 && text[3] == ' ' && text[6] == ' ' && text[15] == ' ' {
		f := strings.SplitN(text[16:], " ", 2)
		if len(f) == 2 && !strings.HasSuffix(f[0], ":") {
			return validHost(f[0]), f[1]
		}
		return "", text[16:]
	}
	if f := strings.SplitN(text, " ", 3); len(f) == 3 && len(f[0]) > 18 && f[0][4] == '-' && f[0][10] == 'T' {
		return validHost(f[1]), f[2]
	}
	return "", text
}

// validHost is a host name or address that may be looked up; else "".
func validHost(s string) string {
	if s == "-" || len(s) > 255 || spate.Clean(s) != s {
		return ""
	}
	return s
}

const (
	bookWindow  = time.Minute // lines of the last one to two of them count
	mostSenders = 4096        // machines whose lines are kept
	mostLogged  = 256         // users of a machine
	mostTargets = 64          // destinations of a user
)

// A LogBook counts what kernels' logs say of users, for a minute or two.
type LogBook struct {
	now func() time.Time

	mu       sync.Mutex
	machines map[string]*pages
}

// pages are the lines of one machine: of this window, and of the one before.
type pages struct {
	began time.Time
	users [2]map[uint32]*logged
}

type logged struct {
	lines, octets int
	to            map[string]int // octets
}

// NewLogBook makes an empty one.
func NewLogBook() *LogBook { return &LogBook{now: time.Now, machines: map[string]*pages{}} }

// Note takes a line that came from an address. The machine is known by that, and by
// what it calls itself only for those behind a relay.
func (b *LogBook) Note(from netip.Addr, l *LogLine) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	short, _, _ := strings.Cut(l.Host, ".")
	if _, err := netip.ParseAddr(l.Host); err == nil {
		short = l.Host
	}
	key := cmp.Or(l.Src, short, from.String()) // what the packet itself says is the machine's own address
	p := b.machines[key]
	if p == nil {
		b.sweep(now)
		if len(b.machines) >= mostSenders {
			return
		}
		p = &pages{began: now}
		b.machines[key] = p
	}
	p.turn(now)
	users := p.users[0]
	u := users[l.UID]
	if u == nil {
		if len(users) >= mostLogged {
			return
		}
		u = &logged{to: map[string]int{}}
		users[l.UID] = u
	}
	u.lines++
	u.octets += l.Octets
	to := l.Dst
	if l.Port > 0 {
		to += fmt.Sprintf(" %s/%d", strings.ToUpper(l.Protocol), l.Port)
	}
	if _, known := u.to[to]; known || len(u.to) < mostTargets {
		u.to[to] += l.Octets
	}
}

func (p *pages) turn(now time.Time) {
	switch age := now.Sub(p.began); {
	case age > 2*bookWindow:
		p.began, p.users = now, [2]map[uint32]*logged{}
	case age > bookWindow:
		p.began, p.users[1], p.users[0] = now, p.users[0], nil
	}
	if p.users[0] == nil {
		p.users[0] = map[uint32]*logged{}
	}
}

func (b *LogBook) sweep(now time.Time) {
	for key, p := range b.machines {
		if now.Sub(p.began) > 2*bookWindow {
			delete(b.machines, key)
		}
	}
}

// Evidence is what the kernels' logs say of the machines behind an origin.
func (b *LogBook) Evidence(o *spate.Origin) []spate.Evidence {
	keys := []string{o.Device}
	for _, h := range o.Hosts {
		short, _, _ := strings.Cut(h.Name, ".")
		keys = append(keys, h.IP, short)
	}
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []spate.Evidence
	for _, key := range keys {
		p := b.machines[key]
		if p == nil || key == "" || now.Sub(p.began) > 2*bookWindow {
			continue
		}
		sum := map[uint32]*logged{}
		lines := 0
		for _, users := range p.users {
			for uid, u := range users {
				s := sum[uid]
				if s == nil {
					s = &logged{to: map[string]int{}}
					sum[uid] = s
				}
				s.lines, s.octets, lines = s.lines+u.lines, s.octets+u.octets, lines+u.lines
				for to, n := range u.to {
					s.to[to] += n
				}
			}
		}
		if e, ok := said(key, sum, lines); ok {
			out = append(out, e)
		}
	}
	return out
}

// said words it: the user with the most octets.
func said(key string, sum map[uint32]*logged, lines int) (spate.Evidence, bool) {
	uids := make([]uint32, 0, len(sum))
	for uid := range sum {
		uids = append(uids, uid)
	}
	if len(uids) == 0 {
		return spate.Evidence{}, false
	}
	slices.SortFunc(uids, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(sum[b].octets, sum[a].octets), cmp.Compare(a, b))
	})
	u := sum[uids[0]]
	to, most := "", -1
	for name, n := range u.to {
		if n > most || n == most && name < to {
			to, most = name, n
		}
	}
	return spate.Evidence{Kind: "kernel_log", Text: fmt.Sprintf("the kernel log of %s has %d lines of packets sent in the last minutes, %d of them (%s) by uid %d, most of it to %s",
		key, lines, u.lines, spate.FormatSI(float64(u.octets), "B"), uids[0], to)}, true
}
