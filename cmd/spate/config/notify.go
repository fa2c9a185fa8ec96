package config

import (
	"crypto/x509"
	"regexp"
	"slices"
	"strconv"
	"time"

	"spate/alert"
)

// notifyKeys says which keys belong to which type of [[notify]]; the others are
// for all.
func notifyKeys() map[string][]string {
	return map[string][]string{
		"email":        {"smtp", "tls", "username", "password", "password_file", "from", "to"},
		"slack":        {"token", "token_file", "channel", "webhook_url", "api_url"},
		"webhook":      {"url", "secret", "secret_file", "template_file", "content_type"},
		"alertmanager": {"url"},
		"pagerduty":    {"url", "routing_key", "routing_key_file"},
	}
}

func notifyTypes() []string {
	return []string{"email", "slack", "webhook", "alertmanager", "pagerduty"}
}

// notifiers reads every [[notify]], and then whether the names they call each
// other by are there.
func (s *scope) notifiers(out *[]Notify) {
	names := register{}
	var all []string
	var later []func()
	s.tables("notify", func(t *scope) {
		n := t.notify()
		if n.Name != "" && names.enter(t, "name", n.Name) {
			all = append(all, n.Name)
		}
		*out = append(*out, n)
		later = append(later, func() { t.references(n, all) })
	})
	for _, check := range later {
		check()
	}
}

func (s *scope) references(n Notify, all []string) {
	known := defined(`[[notify]] name = "%s"`, all)
	if n.Fallback != "" {
		c := known(n.Fallback)
		if n.Fallback == n.Name {
			c = complaint{"falls back on itself", "another notifier"}
		}
		if !c.ok() {
			s.fail(s.place("fallback"), s.path+"fallback", c)
		}
	}
	for i, e := range n.Escalate {
		if c := known(e.To); !c.ok() {
			s.fail(s.get("escalate").items[i].at, s.path+"escalate", c)
		}
	}
}

func (s *scope) notify() Notify {
	n := Notify{Severities: []Severity{Critical, Warning}, Reminder: time.Hour, TLS: "starttls"}
	if s.need("name", "a name of its own") {
		read(s, "name", &n.Name, asName)
	}
	typeKnown := s.need("type", alternatives(notifyTypes()))
	if typeKnown {
		read(s, "type", &n.Type, asText, oneOf(notifyTypes()...))
	}
	readList(s, "severities", &n.Severities, asSeverity)
	read(s, "reminder", &n.Reminder, orEmpty(asDuration), orZero(between(time.Minute, 30*Day)))
	s.escalations(&n.Escalate)
	readList(s, "quiet", &n.Quiet, asClockRange)
	read(s, "fallback", &n.Fallback, asText)
	readList(s, "allow_networks", &n.AllowNetworks, asNetwork)
	s.roots(&n)
	s.email(&n)
	s.slack(&n)
	s.posts(&n)
	s.foreignKeys(n.Type)
	return n
}

// foreignKeys complains of keys that belong to another type.
func (s *scope) foreignKeys(typ string) {
	mine, known := notifyKeys()[typ]
	if !known {
		return
	}
	for _, other := range notifyTypes() {
		for _, key := range notifyKeys()[other] {
			if s.has(key) && !slices.Contains(mine, key) && s.firstOwner(key) == other {
				s.wrong(key, "is for type "+other, "it removed, or type = "+strconv.Quote(other))
			}
		}
	}
}

// firstOwner keeps a key that several other types have from being told twice.
func (s *scope) firstOwner(key string) string {
	for _, typ := range notifyTypes() {
		if slices.Contains(notifyKeys()[typ], key) {
			return typ
		}
	}
	return ""
}

func (s *scope) escalations(out *[]Escalation) {
	s.tables("escalate", func(t *scope) {
		var e Escalation
		if t.need("after", `a duration such as "15m"`) {
			read(t, "after", &e.After, asDuration, between(time.Second, 30*Day))
		}
		if t.need("to", "the name of another [[notify]]") {
			read(t, "to", &e.To, asText)
		}
		*out = append(*out, e)
	})
}

var clockForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])$`)

func asClockRange(n *node) (ClockRange, complaint) {
	text, c := asText(n)
	if !c.ok() {
		return ClockRange{}, c
	}
	m := clockForm.FindStringSubmatch(text)
	if m == nil {
		return ClockRange{}, complaint{quoted(text) + " is no part of a day", `one such as "22:00-06:00"`}
	}
	at := func(hour, minute string) time.Duration {
		h, _ := strconv.Atoi(hour) // two digits, says clockForm
		m, _ := strconv.Atoi(minute)
		return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	}
	return ClockRange{From: at(m[1], m[2]), To: at(m[3], m[4])}, complaint{}
}

func (s *scope) email(n *Notify) {
	read(s, "smtp", &n.SMTP, orEmpty(asHostPort))
	read(s, "tls", &n.TLS, asText, oneOf("starttls", "tls", "none"))
	read(s, "username", &n.Username, asText, line(255))
	password := s.secret("password", &n.Password)
	read(s, "from", &n.From, orEmpty(asMailAddress))
	readList(s, "to", &n.To, asMailAddress)
	if n.Type != "email" {
		return
	}
	s.need("smtp", "host:port of the mail server")
	s.need("from", `an address such as "spate@example.net"`)
	if s.need("to", `a list such as ["noc@example.net"]`) && len(s.get("to").items) == 0 {
		s.wrong("to", "is empty", `a list such as ["noc@example.net"]`)
	}
	if password && !s.has("username") {
		s.wrong(s.written("password"), "is for nothing without username", "username")
	}
}

func (s *scope) slack(n *Notify) {
	token := s.secret("token", &n.Token)
	read(s, "channel", &n.Channel, asText, line(255))
	hook := s.secretURL("webhook_url", &n.WebhookURL)
	n.APIURL = "https://slack.com/api"
	read(s, "api_url", &n.APIURL, asURL)
	if n.Type != "slack" {
		return
	}
	switch {
	case token && hook:
		s.wrong("webhook_url", "given beside token", "one of them")
	case token:
		s.need("channel", `a channel such as "#noc"`)
	case !hook:
		s.wrong("token_file", "missing", "token_file and channel, or webhook_url")
	}
}

// roots reads the certificates that the target's own must lead to.
func (s *scope) roots(n *Notify) {
	var path string
	s.filePath("ca_file", &path)
	if path == "" {
		return
	}
	text, _, err := s.ReadFile(path, largestText)
	if err != nil {
		s.wrong("ca_file", "cannot be read: "+reason(path, err), "a file of certificates in PEM form")
		return
	}
	n.Roots = x509.NewCertPool()
	if !n.Roots.AppendCertsFromPEM(text) {
		s.wrong("ca_file", "has no certificate", "a file of certificates in PEM form")
	}
}

const largestText = 1 << 20

// template reads the form of a webhook's body.
func (s *scope) template(n *Notify) {
	var path string
	s.filePath("template_file", &path)
	read(s, "content_type", &n.MediaType, orEmpty(asText), line(100))
	if path == "" {
		return
	}
	text, _, err := s.ReadFile(path, largestText)
	if err != nil {
		s.wrong("template_file", "cannot be read: "+reason(path, err), "a Go template")
		return
	}
	if n.Template, err = alert.ParseTemplate(string(text)); err != nil {
		s.wrong("template_file", "cannot be used: "+printable(err.Error()), "a Go template")
	}
}

func (s *scope) posts(n *Notify) {
	given := s.secretURL("url", &n.URL)
	s.secret("secret", &n.Secret)
	s.template(n)
	key := s.secret("routing_key", &n.RoutingKey)
	switch n.Type {
	case "webhook", "alertmanager":
		if !given {
			s.need("url", "http://… or https://…")
		}
	case "pagerduty":
		if !key {
			s.need("routing_key", "routing_key_file with the integration key")
		}
		if !given {
			n.URL = "https://events.pagerduty.com/v2/enqueue"
		}
	}
}
