package host_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"spate"
	"spate/host"
)

// As kernels write them: IPv4 and IPv6, with and without the time since the start.
const (
	logged4 = "[ 4711.815] shop-out: IN= OUT=eth0 SRC=10.2.0.17 DST=203.0.113.9 LEN=1028 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=UDP SPT=40000 DPT=53 LEN=1008 UID=1042 GID=1042"
	logged6 = "IN= OUT=eth0 SRC=2001:db8::17 DST=2001:db8::9 LEN=80 TC=0 HOPLIMIT=64 FLOWLBL=1 PROTO=TCP SPT=5 DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0 UID=33 GID=33"
	loggedI = "IN=eth0 OUT= MAC=02:00 SRC=203.0.113.9 DST=10.2.0.17 LEN=40 PROTO=TCP SPT=1 DPT=2 UID=1"
)

func TestKernelLinesNameTheUser(t *testing.T) {
	udp := host.LogLine{Host: "web-17", UID: 1042, Src: "10.2.0.17", Dst: "203.0.113.9", Protocol: "udp", Port: 53, Octets: 1028}
	tcp := host.LogLine{Host: "web-17.example.net", UID: 33, Src: "2001:db8::17", Dst: "2001:db8::9", Protocol: "tcp", Port: 443, Octets: 80}
	tests := []struct {
		name, message string
		want          host.LogLine
		no            bool
	}{
		{name: "RFC 3164", message: "<4>Nov 26 00:10:01 web-17 kernel: " + logged4, want: udp},
		{name: "RFC 3164, day below ten", message: "<4>Nov  6 00:10:01 web-17 kernel: " + logged4, want: udp},
		{name: "RFC 5424", message: "<4>1 2026-11-26T00:10:01.5Z web-17.example.net kernel - - - " + logged6, want: tcp},
		{name: "rsyslog with an ISO time", message: "<4>2026-11-26T00:10:01.5+01:00 web-17 kernel: " + logged4, want: udp},
		{name: "no header", message: logged6, want: func() host.LogLine { l := tcp; l.Host = ""; return l }()},
		{name: "no user", message: "<4>Nov 26 00:10:01 web-17 kernel: " + strings.Split(logged4, " UID")[0], no: true},
		{name: "received, not sent", message: loggedI, no: true},
		{name: "an address that is none", message: strings.Replace(logged6, "DST=2001:db8::9", "DST=evil", 1), no: true},
		{name: "something else", message: "<38>Nov 26 00:10:01 web-17 sshd[1]: Failed password for UID=0", no: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := host.ReadLog(tt.message)
			if ok == tt.no {
				t.Fatalf("taken: %t", ok)
			}
			if diff := cmp.Diff(tt.want, got); ok && diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzKernelLines(f *testing.F) {
	for _, s := range []string{logged4, logged6, loggedI, "<4>Nov 26 00:10:01 web-17 kernel: " + logged4, "<4>1 - - - - -", "1 a b", "<"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, ok := host.ReadLog(s)
		if !ok {
			return
		}
		if _, err := netip.ParseAddr(l.Dst); err != nil || l.Host != spate.Clean(l.Host) || l.Protocol != spate.Clean(l.Protocol) || l.Octets < 0 || l.Port < 0 || l.Port > 65535 {
			t.Errorf("%+v", l)
		}
		book := host.NewLogBook()
		book.Note(netip.MustParseAddr("192.0.2.1"), &l)
		for _, e := range book.Evidence(&spate.Origin{Hosts: spate.List[spate.HostNamed]{{IP: l.Src, Name: l.Host}}}) {
			if e.Text != spate.CleanTo(e.Text, 1000) {
				t.Errorf("evidence %q", e.Text)
			}
		}
	})
}

// However a stream is cut, it ends, and no message is longer than what is allowed.
func FuzzFrames(f *testing.F) {
	for _, s := range []string{"5 hello3 abc", "a\nb\n", "99999999999 x", "3 ab", "0 \n", "8193 " + strings.Repeat("x", 9000)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bufio.NewScanner(bytes.NewReader(b))
		in.Buffer(nil, 8192+16)
		in.Split(host.Frames)
		sum := 0
		for n := 0; in.Scan(); n++ {
			if sum += len(in.Bytes()); sum > len(b) || n > len(b) || len(in.Bytes()) > 8192+16 {
				t.Fatalf("%d messages of %d octets out of %d", n, sum, len(b))
			}
		}
	})
}

// syslogAt runs a receiver until the test ends.
func syslogAt(t *testing.T) (*host.Syslog, *host.LogBook, string) {
	t.Helper()
	book := host.NewLogBook()
	s := host.NewSyslog(book, slog.New(slog.DiscardHandler))
	udp, tcp, err := host.ListenSyslog("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, udp, tcp) }()
	t.Cleanup(func() {
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, book, tcp.Addr().String()
}

// Lines come by UDP and by both framings of TCP, and become one sentence.
func TestLinesOfAllTransportsBecomeEvidence(t *testing.T) {
	s, book, address := syslogAt(t)
	line := "<4>Nov 26 00:10:01 web-17 kernel: " + logged4
	udp, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for range 10 {
		_, _ = io.WriteString(udp, line)
		_, _ = io.WriteString(udp, "<4>Nov 26 00:10:01 web-17 kernel: something else")
	}
	for _, framed := range []string{line + "\n" + line + "\n", fmt.Sprintf("%d %s%d %s", len(line), line, len(line), line), line} {
		tcp, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(tcp, framed)
		_ = tcp.Close()
	}
	for range 200 {
		if s.Seen(host.LogNoted) == 15 && s.Seen(host.LogOther) == 10 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if s.Seen(host.LogNoted) != 15 || s.Seen(host.LogOther) != 10 {
		t.Errorf("%d noted, %d others, want 15 and 10", s.Seen(host.LogNoted), s.Seen(host.LogOther))
	}
	for what, o := range map[string]*spate.Origin{"address": {Hosts: spate.List[spate.HostNamed]{{IP: "10.2.0.17"}}}} {
		e := book.Evidence(o)
		if len(e) != 1 || !strings.Contains(e[0].Text, "15 lines") || !strings.Contains(e[0].Text, "by uid 1042, most of it to 203.0.113.9 UDP/53") {
			t.Errorf("by its %s: %+v", what, e)
		}
	}
	if e := book.Evidence(&spate.Origin{Hosts: spate.List[spate.HostNamed]{{IP: "10.2.0.18", Name: "web-18"}}}); len(e) != 0 {
		t.Errorf("of another machine: %+v", e)
	}
}

// A sender that says too much is heard up to a bound, and hides nobody else.
func TestAFloodOfLogsHidesNobody(t *testing.T) {
	s, book, address := syslogAt(t)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	line := "<4>Nov 26 00:10:01 web-17 kernel: " + logged4 + "\n"
	if _, err := io.WriteString(conn, strings.Repeat(line, 30000)); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if s.Seen(host.LogNoted)+s.Seen(host.LogLimited) == 30000 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if noted := s.Seen(host.LogNoted); noted < 2000 || s.Seen(host.LogLimited) < 10000 {
		t.Errorf("%d noted, %d refused", noted, s.Seen(host.LogLimited))
	}
	_ = conn.Close()
	other, _ := host.ReadLog("<4>Nov 26 00:10:01 web-18 kernel: " + strings.ReplaceAll(logged4, "10.2.0.17", "10.2.0.18"))
	book.Note(netip.MustParseAddr("10.2.0.18"), &other)
	if e := book.Evidence(&spate.Origin{Hosts: spate.List[spate.HostNamed]{{IP: "10.2.0.18"}}}); len(e) != 1 {
		t.Errorf("of another machine: %+v", e)
	}
	// An endless line ends its connection, and no other.
	bad, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	_, _ = io.WriteString(bad, strings.Repeat("x", 1<<20))
	_ = bad.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := bad.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("a line without end: %v", err)
	}
}
