package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed" // the form of the mail
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/mail"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	gomail "github.com/wneessen/go-mail"

	"spate"
)

const (
	picturePatience = 5 * time.Second // then the text goes alone
	mailPatience    = 30 * time.Second
	pictureID       = "traffic@spate"
)

// MailConfig is a [[notify]] of type email.
type MailConfig struct {
	SMTP     string // host:port
	TLS      string // starttls, tls or none
	Username string
	Password spate.Secret
	From     string
	To       []string
	Roots    *x509.CertPool // nil: the system's
}

// Mail sends mails. Each incident is one thread: messages refer to the first one.
type Mail struct {
	cfg    MailConfig
	host   string
	port   int
	domain string // of Message-IDs
}

// NewMail checks the addresses.
func NewMail(cfg MailConfig) (*Mail, error) {
	host, port, err := net.SplitHostPort(cfg.SMTP)
	if err != nil {
		return nil, fmt.Errorf("smtp %q: %w", cfg.SMTP, err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("smtp %q: port %w", cfg.SMTP, err)
	}
	from, err := mail.ParseAddress(cfg.From)
	if err != nil {
		return nil, fmt.Errorf("from %q: %w", cfg.From, err)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	return &Mail{cfg: cfg, host: host, port: number, domain: domain}, nil
}

// Traits implements Channel.
func (*Mail) Traits() Traits { return Traits{People: true} }

// Send implements Channel.
func (c *Mail) Send(ctx context.Context, m *Message) (string, error) {
	msg, err := c.compose(ctx, m)
	if err != nil {
		return "", &Failure{Err: err, Final: true}
	}
	client, err := c.connect(ctx)
	if err != nil {
		return "", c.failed(err, nil)
	}
	defer client.Close()
	refused, err := deliver(client, msg)
	if err != nil {
		return "", c.failed(err, refused)
	}
	return "", nil
}

// deliver sends to all, or to those the server takes: one mailbox that is gone must
// not keep a mail from the others.
func deliver(client *gomail.Client, msg *gomail.Msg) (refused []string, err error) {
	for {
		err = client.Send(msg)
		var f *gomail.SendError
		if err == nil || !errors.As(err, &f) || f.Reason != gomail.ErrSMTPRcptTo || f.IsTemp() {
			return refused, err
		}
		left := msg.GetTo()
		kept := left[:0:0]
		for _, to := range left {
			if strings.Contains(err.Error(), to.Address) {
				refused = append(refused, to.Address)
			} else {
				kept = append(kept, to)
			}
		}
		if len(kept) == 0 || len(kept) == len(left) {
			return refused, err
		}
		addresses := make([]string, len(kept))
		for i, to := range kept {
			addresses[i] = to.String()
		}
		if err := msg.To(addresses...); err != nil {
			return refused, err
		}
	}
}

// connect dials and logs in.
func (c *Mail) connect(ctx context.Context) (*gomail.Client, error) {
	ways := []gomail.SMTPAuthType{gomail.SMTPAuthAutoDiscover}
	if c.cfg.TLS == "tls" { // the library does not know that what we dialled is encrypted, and would send no password
		ways = []gomail.SMTPAuthType{gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc}
	}
	for i, way := range ways {
		client, err := c.client(way)
		if err != nil {
			return nil, err
		}
		err = client.DialWithContext(ctx)
		if err == nil {
			return client, nil
		}
		if i == len(ways)-1 || !errors.Is(err, gomail.ErrPlainAuthNotSupported) {
			return nil, err
		}
	}
	return nil, errors.New("no way to log in")
}

func (c *Mail) client(way gomail.SMTPAuthType) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(c.port), gomail.WithTimeout(mailPatience), gomail.WithTLSConfig(&tls.Config{ServerName: c.host, MinVersion: tls.VersionTLS12, RootCAs: c.cfg.Roots}),
		gomail.WithDialContextFunc(c.dial),
	}
	switch c.cfg.TLS {
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case "tls":
		options = append(options, gomail.WithSSL())
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if c.cfg.Username != "" {
		options = append(options, gomail.WithSMTPAuth(way), gomail.WithUsername(c.cfg.Username), gomail.WithPassword(c.cfg.Password.Reveal()))
	}
	return gomail.NewClient(c.host, options...)
}

// dial lets a mail server be anywhere but where clouds keep their secrets: a relay in
// the rack is normal, under a public name too.
func (c *Mail) dial(ctx context.Context, network, address string) (net.Conn, error) {
	everywhere := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	d := net.Dialer{Timeout: 10 * time.Second, Control: func(_, to string, _ syscall.RawConn) error {
		return mayDial(c.host, to, false, everywhere)
	}}
	if c.cfg.TLS != "tls" {
		return d.DialContext(ctx, network, address)
	}
	conn, err := (&tls.Dialer{NetDialer: &d, Config: &tls.Config{ServerName: c.host, MinVersion: tls.VersionTLS12, RootCAs: c.cfg.Roots}}).DialContext(ctx, network, address)
	return conn, err
}

// failed says what to do about an error of SMTP.
func (c *Mail) failed(err error, refused []string) error {
	f := &Failure{Err: fmt.Errorf("mail server %s: %w", c.cfg.SMTP, err)}
	var sent *gomail.SendError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		f.Err = fmt.Errorf("mail server %s: the name is not known to the name server", c.cfg.SMTP)
	case errors.As(err, &cert):
		f.Err = fmt.Errorf("mail server %s: its certificate is not accepted: %w", c.cfg.SMTP, cert.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Err = fmt.Errorf("mail server %s: connection refused: is it running, and is the port right?", c.cfg.SMTP)
	case errors.As(err, &sent):
		// Where the end of the mail was sent and no answer came, it may be there.
		f.Unsure = sent.Reason == gomail.ErrSMTPDataClose && sent.ErrorCode() == 0
		f.Final = !sent.IsTemp() && sent.ErrorCode() >= 500 && sent.Reason != gomail.ErrSMTPMailFrom
	}
	if len(refused) > 0 {
		f.Err = fmt.Errorf("%w; refused: %s", f.Err, strings.Join(refused, ", "))
	}
	f.Err = hide(f.Err, []spate.Secret{c.cfg.Password})
	return f
}

//go:embed mail.html
var mailHTML string

var mailForm = template.Must(template.New("mail").Parse(mailHTML))

// compose writes the mail: text for a terminal, HTML with the picture inside.
func (c *Mail) compose(ctx context.Context, m *Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(c.cfg.From); err != nil {
		return nil, err
	}
	if err := msg.To(c.cfg.To...); err != nil {
		return nil, err
	}
	title := m.subject()
	if m.Root != "" {
		title = "Re: " + title
	}
	msg.Subject(title)
	msg.SetMessageIDWithValue(c.messageID(m.Key))
	msg.SetDateWithValue(m.At.In(m.Zone))
	if m.Root != "" {
		root := "<" + c.messageID(m.Root) + ">"
		msg.SetGenHeader(gomail.HeaderInReplyTo, root)
		msg.SetGenHeader(gomail.HeaderReferences, root)
	}
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notes, please
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if m.Incident != nil {
		msg.SetGenHeader("X-Spate-Incident", plain(m.Incident.ID))
		if m.Incident.Severity == spate.Critical && m.Event != Resolve {
			msg.SetImportance(gomail.ImportanceHigh)
		}
	}
	picture := m.picture(ctx, picturePatience)
	total := m.total(ctx)
	msg.SetBodyString(gomail.TypeTextPlain, m.text(total))
	var html bytes.Buffer
	if err := mailForm.Execute(&html, m.page(total, len(picture) > 0)); err != nil {
		return nil, err
	}
	msg.AddAlternativeString(gomail.TypeTextHTML, html.String())
	if len(picture) > 0 {
		if err := msg.EmbedReader("traffic.png", bytes.NewReader(picture), gomail.WithFileContentID("<"+pictureID+">"), gomail.WithFileContentType("image/png")); err != nil {
			return nil, err
		}
	}
	return msg, nil
}

func (c *Mail) messageID(key string) string { return "spate." + key + "@" + c.domain }

// picture draws what belongs to the message; nothing where there is none in time.
func (m *Message) picture(ctx context.Context, patience time.Duration) []byte {
	if m.Graphs == nil || m.Incident == nil || m.Incident.Origin == nil || m.Incident.Origin.Port == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	drawn := make(chan []byte, 1)
	go func() {
		b, err := m.Graphs.Picture(ctx, m.Incident)
		if err != nil {
			b = nil
		}
		drawn <- b
	}()
	select {
	case b := <-drawn:
		return b
	case <-ctx.Done():
		return nil
	}
}

// total is how much the origin sent, for the message of the end.
func (m *Message) total(ctx context.Context) string {
	if m.Graphs == nil || m.Event != Resolve || m.Incident == nil || m.Incident.Origin == nil || m.Incident.Origin.Port == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, picturePatience)
	defer cancel()
	r, err := m.Graphs.Recent(ctx, m.Incident)
	if err != nil || !(r.Total > 0) {
		return ""
	}
	return fmt.Sprintf("%v came in by %v meanwhile", r.Total, m.Incident.Origin.ID())
}

// text is the mail as plain text.
func (m *Message) text(total string) string {
	var b strings.Builder
	b.WriteString(m.lead() + "\n")
	if total != "" {
		b.WriteString("\n" + plain(total) + "\n")
	}
	for i, in := range m.Digest {
		if i == mostDigest {
			fmt.Fprintf(&b, "\nand %d more\n", len(m.Digest)-i)
			break
		}
		b.WriteString("\n" + m.listed(in) + "\n")
	}
	facts := m.facts()
	if len(facts) > 0 {
		b.WriteString("\n")
	}
	for _, f := range facts {
		fmt.Fprintf(&b, "%-9s %s\n", f.Name, f.Text)
	}
	if evidence := m.evidence(); len(evidence) > 0 {
		b.WriteString("\nWhat speaks for it\n")
		for _, e := range evidence {
			b.WriteString("- " + e + "\n")
		}
	}
	b.WriteString("\n" + m.asks() + "\n" + m.Link + "\n")
	return b.String()
}

// asks says what to do next.
func (m *Message) asks() string {
	switch {
	case m.Event == Test:
		return "Messages lead to the page of the incident; this one leads to all of them:"
	case m.Incident == nil:
		return "All incidents:"
	case m.Event == Resolve && m.Incident.Verdict == nil:
		return "Was it an attack, or was it expected? Your word decides what is learned:"
	case m.Event == Resolve:
		return "What happened:"
	}
	return "Look, acknowledge it, keep it quiet, or say what it is:"
}

// A mailPage is what mail.html shows.
type mailPage struct {
	Lead, Total, Level, Asks, Link string
	Picture                        template.URL // of a part of the mail; empty: none
	Alt                            string
	Listed                         []string
	More                           int
	Facts                          []fact
	Evidence                       []string
}

func (m *Message) page(total string, picture bool) mailPage {
	p := mailPage{Lead: m.lead(), Total: plain(total), Level: "#6b7280", Asks: m.asks(), Link: m.Link, Facts: m.facts(), Evidence: m.evidence()}
	for i, in := range m.Digest {
		if i == mostDigest {
			p.More = len(m.Digest) - i
			break
		}
		p.Listed = append(p.Listed, m.listed(in))
	}
	if in := m.Incident; in != nil && m.Event != Resolve {
		switch in.Severity {
		case spate.Critical:
			p.Level = "#c0272d"
		case spate.Warning:
			p.Level = "#b45309"
		}
	}
	if picture {
		p.Picture = "cid:" + pictureID
		p.Alt = "What " + plain(m.Incident.Origin.ID().String()) + " carried from two hours before the start on"
	}
	return p
}
