package host

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	mostMessage     = 8192 // octets of a syslog message
	mostTalking     = 256  // TCP connections at once
	syslogIdle      = 5 * time.Minute
	messagesAtOnce  = 2000 // of one sender, and so many more each second
	mostSources     = 4096
	syslogReadAfter = 64 << 10
)

// A Syslog receives messages by UDP (RFC 5426) and TCP (RFC 6587, both framings) and
// notes those that name a user. All others are counted and forgotten.
type Syslog struct {
	book *LogBook
	log  *slog.Logger

	mu      sync.Mutex
	sources map[netip.Addr]*bucket
	seen    [numOutcomes]uint64
	talking chan struct{}
}

// Outcomes of a message.
const (
	LogNoted   = iota // it names a user
	LogOther          // it does not
	LogLimited        // its sender says too much
	numOutcomes
)

// bucket lets messagesAtOnce through, and as many more each second.
type bucket struct {
	left float64
	at   time.Time
}

// NewSyslog makes a receiver that writes into a book.
func NewSyslog(book *LogBook, log *slog.Logger) *Syslog {
	return &Syslog{book: book, log: log, sources: map[netip.Addr]*bucket{}, talking: make(chan struct{}, mostTalking)}
}

// Seen is how many messages have had an outcome.
func (s *Syslog) Seen(outcome int) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[outcome]
}

// ListenSyslog opens both sockets at an address. Port 0 is one that is free for both.
func ListenSyslog(address string) (net.PacketConn, net.Listener, error) {
	for try := 1; ; try++ {
		udp, err := net.ListenPacket("udp", address)
		if err != nil {
			return nil, nil, fmt.Errorf("syslog.listen: %w", err)
		}
		at := udp.LocalAddr().String()
		tcp, err := net.Listen("tcp", at)
		if err == nil {
			return udp, tcp, nil
		}
		err = errors.Join(fmt.Errorf("syslog.listen: %w", err), udp.Close())
		if _, port, _ := net.SplitHostPort(address); port != "0" || try == 20 {
			return nil, nil, err
		}
	}
}

// Run receives until ctx ends.
func (s *Syslog) Run(ctx context.Context, udp net.PacketConn, tcp net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _, _ = udp.Close(), tcp.Close() })
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { s.accept(ctx, tcp, &all) })
	if c, ok := udp.(*net.UDPConn); ok {
		_ = c.SetReadBuffer(4 << 20) // a hint: the kernel's bound may be lower
	}
	buf := make([]byte, syslogReadAfter)
	for {
		n, from, err := udp.ReadFrom(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive syslog: %w", err)
		}
		if a, ok := from.(*net.UDPAddr); ok {
			s.message(a.AddrPort().Addr().Unmap(), string(buf[:min(n, mostMessage)]))
		}
	}
}

func (s *Syslog) accept(ctx context.Context, tcp net.Listener, all *sync.WaitGroup) {
	for {
		c, err := tcp.Accept()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond): // no file left, say
			}
			continue
		}
		select {
		case s.talking <- struct{}{}:
		default:
			_ = c.Close()
			continue
		}
		all.Go(func() {
			defer func() { <-s.talking }()
			stop := context.AfterFunc(ctx, func() { _ = c.Close() })
			defer stop()
			defer c.Close()
			if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
				s.stream(c, a.AddrPort().Addr().Unmap())
			}
		})
	}
}

// stream reads the messages of one connection, until it says nothing for long.
func (s *Syslog) stream(c net.Conn, from netip.Addr) {
	in := bufio.NewScanner(c)
	in.Buffer(nil, mostMessage+16)
	in.Split(frames)
	for {
		if err := c.SetReadDeadline(time.Now().Add(syslogIdle)); err != nil || !in.Scan() {
			return
		}
		s.message(from, in.Text())
	}
}

// frames cuts a stream into messages: "LENGTH SP MESSAGE" (octet counting), or lines.
func frames(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if len(data) == 0 {
		return 0, nil, nil
	}
	if data[0] >= '1' && data[0] <= '9' {
		at := bytes.IndexByte(data[:min(len(data), 8)], ' ')
		if at < 0 && len(data) < 8 && !atEOF {
			return 0, nil, nil
		}
		if at > 0 {
			if n, err := strconv.Atoi(string(data[:at])); err == nil && n <= mostMessage {
				if len(data) >= at+1+n {
					return at + 1 + n, data[at+1 : at+1+n], nil
				}
				if atEOF {
					return 0, nil, io.ErrUnexpectedEOF
				}
				return 0, nil, nil
			}
		}
	}
	if at := bytes.IndexByte(data, '\n'); at >= 0 {
		return at + 1, data[:at], nil
	}
	if atEOF {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// message notes one message.
func (s *Syslog) message(from netip.Addr, text string) {
	if !s.may(from) {
		return
	}
	l, ok := ReadLog(strings.TrimRight(text, "\r\n\x00"))
	s.mu.Lock()
	if ok {
		s.seen[LogNoted]++
	} else {
		s.seen[LogOther]++
	}
	s.mu.Unlock()
	if ok {
		s.book.Note(from, &l)
	}
}

// may tells whether a sender may say one thing more.
func (s *Syslog) may(from netip.Addr) bool {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.sources[from]
	if b == nil {
		if len(s.sources) >= mostSources {
			for a, old := range s.sources {
				if now.Sub(old.at) > time.Second {
					delete(s.sources, a)
				}
			}
		}
		if len(s.sources) >= mostSources {
			s.seen[LogLimited]++
			return false
		}
		b = &bucket{left: messagesAtOnce, at: now}
		s.sources[from] = b
	}
	b.left = min(messagesAtOnce, b.left+now.Sub(b.at).Seconds()*messagesAtOnce)
	b.at = now
	if b.left < 1 {
		s.seen[LogLimited]++
		return false
	}
	b.left--
	return true
}
