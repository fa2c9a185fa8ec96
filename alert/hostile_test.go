package alert_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"spate"
	"spate/alert"
	"spate/alert/alerttest"
)

// payloads are what a device, a host or a person may be called to do harm, channel by
// channel. Strings are cleaned where they come in; here they are not, as if that had
// been forgotten.
var payloads = []string{
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "<!--", "</title><style>*{display:none}", "&lt;b&gt;", "javascript:alert(1)", `<a href="http://evil.example">x</a>`,
	"{{.Incident}}", "${7*7}", "%{7*7}",
	"x\r\nBcc: all@example.com", "x\nSubject: other", "x\r\n\r\n<html>", "x\r\n.\r\nMAIL FROM:<a@b>", "=?utf-8?q?=0D=0ABcc:_a@b?=", "\u2028Bcc: a@b", "x\x00y",
	"<!channel>", "<!here>", "<!everyone>", "<@U012AB3CD>", "<#C012AB3CD>", "<https://evil.example|click>", "*bold* _it_ ~no~ `code`", "```", "@channel", "<!date^0^{date}|x>", "&lt;!channel&gt;",
	"=HYPERLINK(\"http://evil\")", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\x1b[31mred\x1b[0m", "\x1b]8;;http://evil\x07x\x1b]8;;\x07", "\x1b]52;c;ZXZpbA==\x07", "\u202egnp.exe", "\u2066x\u2069", "\u200bzero", "\ufeffbom",
	strings.Repeat("A", 5000), strings.Repeat("🚨", 300), "\xff\xfe", "مرحبا", "a\u0301\u0301\u0301",
}

// hostile is an incident in which every word of the network is s.
func hostileIncident(s string) *spate.Incident {
	in := flood("1")
	o := *in.Origin
	o.Device, o.Port, o.Note = s, s, s
	o.Hosts = spate.List[spate.HostNamed]{{MAC: s, IP: s, Name: s, User: s}}
	in.Origin, in.Origins, in.RunnerUp = &o, spate.List[spate.Origin]{o, o}, spate.List[spate.Origin]{o}
	in.Summary = s + " is sending 912 Mb/s, since 14:02:10; leaves by " + s
	in.Path = spate.List[spate.Hop]{{Device: s, Port: s, Direction: "in"}, {Device: s, Port: s, Direction: "out"}}
	in.Victims = spate.List[spate.Place]{{Device: s, Port: s}}
	in.Users = spate.List[spate.UserShare]{{UID: 1042, User: s, Share: 0.97}}
	in.Evidence = spate.List[spate.Evidence]{{Kind: "x", Text: s}}
	in.AcknowledgedBy = &s
	return in
}

func TestNothingThatADeviceIsCalledActsInAMail(t *testing.T) {
	s := alerttest.Mail(t)
	c := post(t, s, nil)
	m := message(alert.Open, hostileIncident("harmless"))
	if _, err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	plain := read(t, s.Mails(t, 1)[0])
	tags, headers := elements(t, plain.html), slices.Sorted(maps.Keys(plain.Header))
	for i, p := range payloads {
		for _, event := range []alert.Event{alert.Open, alert.Update} {
			m := message(event, hostileIncident(p))
			if m.Why = p; event == alert.Open {
				m.Why = ""
			}
			if _, err := c.Send(t.Context(), m); err != nil {
				t.Fatalf("%q: %v", p, err)
			}
		}
		all := s.Mails(t, 2*i+3)
		for _, raw := range all[2*i+1:] {
			l := read(t, raw)
			if got := elements(t, l.html); !maps.Equal(got, tags) {
				t.Errorf("%q: the page is made of %v, want %v", p, got, tags)
			}
			if got := slices.Sorted(maps.Keys(l.Header)); !slices.Equal(got, headers) {
				t.Errorf("%q: headers %v, want %v", p, got, headers)
			}
			if len([]rune(strings.TrimPrefix(l.subject, "Re: "))) > 120 {
				t.Errorf("%q: a subject of %d letters", p, len([]rune(l.subject)))
			}
			for name, text := range map[string]string{"subject": l.subject, "text": strings.ReplaceAll(strings.ReplaceAll(l.text, "\r\n", ""), "\n", ""), "page": strings.ReplaceAll(strings.ReplaceAll(l.html, "\r\n", ""), "\n", "")} {
				if at := strings.IndexFunc(text, acts); at >= 0 {
					t.Errorf("%q: %q in the %s", p, text[at:min(at+4, len(text))], name)
				}
			}
			if n := strings.Count(l.text, "\n"); n > 40 {
				t.Errorf("%q: %d lines", p, n)
			}
		}
	}
}

// acts tells a rune that moves a cursor, turns a line or ends it.
func acts(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029
}

func TestNothingThatADeviceIsCalledActsInSlack(t *testing.T) {
	s := alerttest.NewSlack(t)
	c := slackOf(s, nil)
	for _, p := range payloads {
		if _, err := c.Send(t.Context(), message(alert.Open, hostileIncident(p))); err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		all := s.Messages()
		m := all[len(all)-1]
		if strings.ContainsAny(m.Text, "<>") {
			t.Errorf("%q: the notification reads %s", p, m.Text)
		}
		for _, b := range m.Blocks {
			list := []any{b["text"]}
			if e, ok := b["elements"].([]any); ok {
				list = e
			}
			for _, x := range list {
				text := x.(map[string]any)
				if text["type"] == "mrkdwn" && text["text"] != "<https://spate.example.net/incidents/1|Look, acknowledge it, keep it quiet, or say what it is>" {
					t.Errorf("%q: Slack would read marks in %v", p, text)
				}
				for line := range strings.SplitSeq(text["text"].(string), "\n") {
					if strings.IndexFunc(line, acts) >= 0 {
						t.Errorf("%q: control characters in %q", p, line)
					}
				}
			}
		}
	}
}

func TestNothingThatADeviceIsCalledActsInMachines(t *testing.T) {
	url := alerttest.Alertmanager(t)
	l := listen(t)
	am, pd, hook := alert.NewAlertmanager(spate.Secret(url), alert.NewOutward(nil, nil)), alert.NewPagerDuty(l.url(), "key", alert.NewOutward(nil, nil)), alert.NewWebhook(alert.WebhookConfig{URL: l.url()}, alert.NewOutward(nil, nil))
	for _, p := range payloads {
		in := hostileIncident(p)
		for name, c := range map[string]alert.Channel{"alertmanager": am, "pagerduty": pd, "webhook": hook} {
			if _, err := c.Send(t.Context(), message(alert.Open, in)); err != nil {
				t.Errorf("%s: %q: %v", name, p, err)
			}
		}
	}
	for _, b := range l.bodies {
		if !json.Valid(b) {
			t.Errorf("no JSON: %s", b)
		}
	}
	for _, a := range alerttest.Alerts(t, url) {
		for name, v := range a.Labels {
			if strings.IndexFunc(v, acts) >= 0 || len([]rune(v)) > 1000 {
				t.Errorf("label %s is %q", name, v)
			}
		}
	}
}

// Whatever lies in the outbox and whatever a server answers, Spate starts and goes on.
func FuzzRecords(f *testing.F) {
	f.Add("thread/noc/1", []byte(`{"Target":"noc","Incident":"1","Sent":["2026-01-02T03:04:05Z"]}`))
	f.Add("row/noc/00000000000000000001", []byte(`{"Target":"noc","Seq":1,"Incident":{"id":"1","rate_bps":null}}`))
	f.Add("silence/1", []byte(`{"id":"1","match":{"device":"["},"until":"2036-01-02T03:04:05Z"}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		s := newShelf()
		s.records[key] = value
		c := &channel{}
		o := newOffice(t, s, people("noc", c))
		o.Told(flood("1"))
		o.Decide(time.Now())
		if n := o.Queued(); n > 2 {
			t.Errorf("%d messages of one record", n)
		}
	})
}
