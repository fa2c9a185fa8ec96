package alert_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"spate"
	"spate/alert"
	"spate/alert/alerttest"
)

// graphs draw a blank picture.
type graphs struct{ slow time.Duration }

func (g graphs) Picture(ctx context.Context, _ *spate.Incident) ([]byte, error) {
	select {
	case <-time.After(g.slow):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var b bytes.Buffer
	err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 12, 4)))
	return b.Bytes(), err
}

func (graphs) Recent(context.Context, *spate.Incident) (alert.Recent, error) {
	return alert.Recent{Rates: []float64{1, 2, 3, 100, 100}, Total: 187e9}, nil
}

// A letter is a mail taken apart.
type letter struct {
	mail.Header
	subject    string
	text, html string
	picture    []byte
	cid        string
}

func read(t testing.TB, raw []byte) letter {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	l := letter{Header: m.Header}
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	l.part(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), "", m.Body)
	return l
}

func (l *letter) part(t testing.TB, kind, encoding, cid string, body io.Reader) {
	t.Helper()
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(media, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			l.part(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Id"), p)
		}
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	switch media {
	case "text/plain":
		l.text = string(b)
	case "text/html":
		l.html = string(b)
	case "image/png":
		l.picture, l.cid = b, cid
	}
}

func post(t testing.TB, s *alerttest.MailServer, change func(*alert.MailConfig)) *alert.Mail {
	t.Helper()
	cfg := alert.MailConfig{SMTP: s.StartTLS, TLS: "starttls", Username: alerttest.MailUser, Password: alerttest.MailPassword, From: "Spate <spate@example.net>", To: []string{"noc@example.net"}, Roots: s.Roots}
	if change != nil {
		change(&cfg)
	}
	c, err := alert.NewMail(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// message is one of an incident, as a notifier makes it.
func message(event alert.Event, in *spate.Incident) *alert.Message {
	return &alert.Message{Key: in.ID + "." + string(event) + ".1", Event: event, First: true, Incident: in, At: in.DetectedAt, Link: "https://spate.example.net/incidents/" + in.ID, Zone: time.UTC, Graphs: graphs{}}
}

func TestAMailServerTakesAThreadWithPictures(t *testing.T) {
	s := alerttest.Mail(t)
	for _, mode := range []string{"starttls", "tls"} {
		t.Run(mode, func(t *testing.T) {
			had := len(s.Mails(t, 0))
			c := post(t, s, func(cfg *alert.MailConfig) {
				if cfg.TLS = mode; mode == "tls" {
					cfg.SMTP = s.TLS
				}
			})
			in := flood("20260302-140230")
			open := message(alert.Open, in)
			if _, err := c.Send(t.Context(), open); err != nil {
				t.Fatal(err)
			}
			end := message(alert.Resolve, closed(in, in.DetectedAt.Add(28*time.Minute)))
			end.First, end.Root, end.Subject, end.At = false, open.Key, "▲ web-17 (10.2.0.17) on sw-acc-20260302-140230 Gi1/0/2 is sending 912 Mb/s", in.DetectedAt.Add(43*time.Minute)
			if _, err := c.Send(t.Context(), end); err != nil {
				t.Fatal(err)
			}
			all := s.Mails(t, had+2)[had:]
			first, last := read(t, all[0]), read(t, all[1])
			if want := "▲ web-17 (10.2.0.17) on sw-acc-20260302-140230 Gi1/0/2 is sending 912 Mb/s"; first.subject != want || last.subject != "Re: "+want {
				t.Errorf("subjects %q, %q", first.subject, last.subject)
			}
			id := first.Get("Message-Id")
			if id != "<spate."+open.Key+"@example.net>" || last.Get("In-Reply-To") != id || last.Get("References") != id || first.Get("References") != "" {
				t.Errorf("no thread: %s; %s %s", id, last.Get("In-Reply-To"), last.Get("References"))
			}
			for name, l := range map[string]letter{"first": first, "last": last} {
				lead := strings.SplitN(l.text, "\n", 2)[0]
				if !strings.Contains(strings.TrimSpace(lead), strings.TrimSpace(in.Summary)) || !strings.Contains(l.text, "https://spate.example.net/incidents/"+in.ID) {
					t.Errorf("%s: text is %s", name, l.text)
				}
				if l.cid != "<traffic@spate>" || !strings.Contains(l.html, `src="cid:traffic@spate"`) {
					t.Errorf("%s: the picture %q is not in the page", name, l.cid)
				}
				if _, err := png.Decode(bytes.NewReader(l.picture)); err != nil {
					t.Errorf("%s: picture: %v", name, err)
				}
				if l.Get("Auto-Submitted") != "auto-generated" {
					t.Errorf("%s: not marked as sent by a machine", name)
				}
			}
			if !strings.HasPrefix(last.text, "Over, ") || !strings.Contains(last.text, "(28 min 20 s)") {
				t.Errorf("the end begins %.120s", last.text)
			}
		})
	}
}

func TestOneMailboxThatIsGoneKeepsTheMailFromNobodyElse(t *testing.T) {
	s := alerttest.Mail(t)
	c := post(t, s, func(cfg *alert.MailConfig) {
		cfg.To = []string{"gone@example.net", "noc@example.net", "boss@example.net"}
	})
	if _, err := c.Send(t.Context(), message(alert.Open, flood("1"))); err != nil {
		t.Fatal(err)
	}
	got := read(t, s.Mails(t, 1)[0])
	if to := got.Get("To"); strings.Contains(to, "gone") || !strings.Contains(to, "boss@") || !strings.Contains(to, "noc@") {
		t.Errorf("sent to %s", to)
	}
}

func TestMailFailuresSayWhatToDoAndShowNoSecret(t *testing.T) {
	s := alerttest.Mail(t)
	tests := []struct {
		name   string
		change func(*alert.MailConfig)
		want   string
		final  bool
	}{
		{"wrong password", func(c *alert.MailConfig) { c.Password = "hunter2-hunter2" }, "535", false},
		{"certificate nobody knows", func(c *alert.MailConfig) { c.Roots = x509.NewCertPool() }, "its certificate is not accepted", false},
		{"nobody listens", func(c *alert.MailConfig) { c.SMTP = "127.0.0.1:1" }, "connection refused: is it running", false},
		{"no such name", func(c *alert.MailConfig) { c.SMTP = "mail.invalid:587" }, "the name is not known", false},
		{"metadata of a cloud", func(c *alert.MailConfig) { c.SMTP = "169.254.169.254:25" }, "never spoken to", false},
		{"all mailboxes gone", func(c *alert.MailConfig) { c.To = []string{"gone@example.net"} }, "no such mailbox", true},
		{"relay not permitted", func(c *alert.MailConfig) { c.To = []string{"a@elsewhere.example"} }, "relay not permitted", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := post(t, s, tt.change).Send(t.Context(), message(alert.Open, flood("1")))
			var f *alert.Failure
			if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, &f) || f.Final != tt.final || f.Unsure {
				t.Errorf("error %v (%+v), want %s", err, f, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the password is in it: %v", err)
			}
		})
	}
}

func TestAnExpiredCertificateIsNotAccepted(t *testing.T) {
	cert, key := alerttest.Certificate(t, time.Now().Add(-time.Hour))
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	c, err := alert.NewMail(alert.MailConfig{SMTP: l.Addr().String(), TLS: "tls", From: "a@example.net", To: []string{"b@example.net"}, Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), message(alert.Open, flood("1"))); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("error %v", err)
	}
}

// badServer speaks as much SMTP as a script says: what is answered to each line.
func badServer(t *testing.T, answers map[string]string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go converse(c, answers)
		}
	}()
	return l.Addr().String()
}

func converse(c net.Conn, answers map[string]string) {
	defer c.Close()
	reply := func(word, usual string) bool {
		if a, ok := answers[word]; ok {
			usual = a
		}
		if usual != "" {
			fmt.Fprintf(c, "%s\r\n", usual)
		}
		return usual != ""
	}
	if !reply("hello", "220 here") {
		time.Sleep(time.Minute)
		return
	}
	data := false
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := c.Read(b); err != nil {
			return
		}
		if line = append(line, b[0]); b[0] != '\n' {
			continue
		}
		text := strings.TrimSpace(string(line))
		line = nil
		word := strings.ToUpper(strings.SplitN(text, " ", 2)[0])
		switch {
		case data && text == ".":
			data = false
			if !reply("end", "250 taken") {
				return
			}
		case data:
		case word == "DATA":
			data = reply("DATA", "354 go on")
		default:
			if !reply(word, "250 fine") {
				return
			}
		}
	}
}

func TestMailServersThatMisbehave(t *testing.T) {
	tests := []struct {
		name          string
		answers       map[string]string
		want          string
		unsure, final bool
	}{
		{"busy", map[string]string{"MAIL": "451 come back later"}, "451", false, false},
		{"refuses the mail for good", map[string]string{"end": "554 looks like spam"}, "looks like spam", false, true},
		{"full for now", map[string]string{"end": "452 disk full"}, "452", false, false},
		{"takes all of it and says nothing", map[string]string{"end": ""}, "mail server", true, false},
		{"no STARTTLS", map[string]string{}, "STARTTLS", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := alert.MailConfig{SMTP: badServer(t, tt.answers), TLS: "none", From: "a@example.net", To: []string{"b@example.net"}}
			if tt.want == "STARTTLS" {
				cfg.TLS = "starttls"
			}
			c, err := alert.NewMail(cfg)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Send(t.Context(), message(alert.Open, flood("1")))
			var f *alert.Failure
			if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.As(err, &f) || f.Unsure != tt.unsure || f.Final != tt.final {
				t.Errorf("error %v (%+v)", err, f)
			}
		})
	}
}

func TestAPictureThatTakesTooLongDoesNotHoldUpTheMail(t *testing.T) {
	s := alerttest.Mail(t)
	m := message(alert.Open, flood("1"))
	m.Graphs = graphs{slow: time.Minute}
	began := time.Now()
	if _, err := post(t, s, nil).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("sent after %v", took)
	}
	if l := read(t, s.Mails(t, 1)[0]); l.picture != nil || strings.Contains(l.html, "<img") || !strings.Contains(l.html, "912 Mb/s") {
		t.Errorf("it has a picture, or no text: %s", l.html)
	}
}

// elements counts what a page is made of.
func elements(t testing.TB, page string) map[string]int {
	t.Helper()
	out := map[string]int{}
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return out
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			out[tok.Data]++
			for _, a := range tok.Attr {
				out[tok.Data+" "+a.Key]++
			}
		}
	}
}

func TestMailForm(t *testing.T) {
	if os.Getenv("SPATE_LOOK") == "" {
		t.Skip("SPATE_LOOK names no folder to leave the mail in")
	}
	s := alerttest.Mail(t)
	if _, err := post(t, s, nil).Send(t.Context(), message(alert.Open, flood("1"))); err != nil {
		t.Fatal(err)
	}
	raw := s.Mails(t, 1)[0]
	for name, b := range map[string][]byte{"mail.eml": raw, "mail.html": []byte(read(t, raw).html), "mail.txt": []byte(read(t, raw).text)} {
		if err := os.WriteFile(os.Getenv("SPATE_LOOK")+"/"+name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
