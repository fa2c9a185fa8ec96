package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"spate"
)

const (
	slackPicturePatience = 30 * time.Second // it comes into the thread, after the text
	slackSection         = 2900             // runes; Slack takes 3,000
	sparkWidth           = 40
)

// SlackConfig is a [[notify]] of type slack: a bot's token and a channel, or an
// incoming webhook, which takes no pictures and no edits.
type SlackConfig struct {
	Token      spate.Secret
	Channel    string
	APIURL     string
	WebhookURL spate.Secret
}

// Slack posts to one channel.
type Slack struct {
	cfg SlackConfig
	out *Outward
}

// NewSlack makes one.
func NewSlack(cfg SlackConfig, out *Outward) *Slack { return &Slack{cfg, out} }

// Traits implements Channel.
func (*Slack) Traits() Traits { return Traits{People: true} }

// A slackText is a text object. Slack reads no mentions, links or marks in
// plain_text.
type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

// A slackPost is what chat.postMessage, chat.update and incoming webhooks take.
type slackPost struct {
	Channel     string         `json:"channel,omitempty"`
	TS          string         `json:"ts,omitempty"`
	ThreadTS    string         `json:"thread_ts,omitempty"`
	Text        string         `json:"text"` // of notifications; escaped
	Blocks      []slackBlock   `json:"blocks"`
	UnfurlLinks bool           `json:"unfurl_links"`
	UnfurlMedia bool           `json:"unfurl_media"`
	Metadata    *slackMetadata `json:"metadata,omitempty"`
}

// slackMetadata carries the message's key: twice the same one is a repetition.
type slackMetadata struct {
	EventType    string            `json:"event_type"`
	EventPayload map[string]string `json:"event_payload"`
}

type slackAnswer struct {
	OK               bool   `json:"ok"`
	Error            string `json:"error"`
	Channel          string `json:"channel"`
	TS               string `json:"ts"`
	UploadURL        string `json:"upload_url"`
	FileID           string `json:"file_id"`
	ResponseMetadata struct {
		Messages []string `json:"messages"`
	} `json:"response_metadata"`
}

// escapeSlack makes a text safe in mrkdwn, as Slack documents it.
func escapeSlack(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func section(s string) slackBlock {
	return slackBlock{Type: "section", Text: &slackText{"plain_text", cut(s, slackSection)}}
}

// blocks are the message as Slack shows it.
func (m *Message) blocks(head string) []slackBlock {
	out := []slackBlock{section(head)}
	var lines []string
	for i, in := range m.Digest {
		if i == mostDigest {
			lines = append(lines, fmt.Sprintf("and %d more", len(m.Digest)-i))
			break
		}
		lines = append(lines, m.listed(in))
	}
	for _, f := range m.facts() {
		lines = append(lines, f.Name+": "+f.Text)
	}
	for _, e := range m.evidence() {
		lines = append(lines, "· "+e)
	}
	text := ""
	for _, line := range lines {
		if len([]rune(text))+len([]rune(line)) > slackSection {
			out = append(out, section(text))
			text = ""
		}
		text += line + "\n"
	}
	if text != "" {
		out = append(out, section(strings.TrimSuffix(text, "\n")))
	}
	link := "<" + escapeSlack(m.Link) + "|" + escapeSlack(strings.TrimSuffix(m.asks(), ":")) + ">"
	return append(out, slackBlock{Type: "context", Elements: []slackText{{"mrkdwn", link}}})
}

// headed is the lead with its glyph.
func (m *Message) headed() string {
	switch {
	case m.Event == Resolve:
		return "✓ " + m.lead()
	case m.Incident != nil:
		return glyph(m.Incident) + " " + m.lead()
	}
	return m.lead()
}

func (m *Message) slackPost(ctx context.Context) slackPost {
	head := m.headed()
	p := slackPost{Text: escapeSlack(head), Blocks: m.blocks(head), Metadata: &slackMetadata{"spate_incident", map[string]string{"key": m.Key, "event": string(m.Event)}}}
	if total := m.total(ctx); total != "" {
		p.Blocks = append(p.Blocks[:1:1], append([]slackBlock{section(plain(total))}, p.Blocks[1:]...)...)
	}
	return p
}

// Send implements Channel. ref is "channel timestamp" of the thread's first message.
func (s *Slack) Send(ctx context.Context, m *Message) (string, error) {
	if s.cfg.WebhookURL != "" {
		return "", s.hook(ctx, m)
	}
	p := m.slackPost(ctx)
	p.Channel = s.cfg.Channel
	channel, first, threaded := strings.Cut(m.Ref, " ")
	if threaded {
		p.Channel, p.ThreadTS = channel, first
	}
	got, err := s.call(ctx, "chat.postMessage", p)
	if err != nil {
		return "", err
	}
	ref := m.Ref
	if !threaded {
		ref, channel, first = got.Channel+" "+got.TS, got.Channel, got.TS
	}
	// The text has arrived: what fails from here on is no reason to send it again.
	if m.Event == Resolve && threaded && m.Root != "" && !strings.HasPrefix(m.Root, "digest.") {
		s.edit(ctx, m, channel, first)
	}
	if picture := m.picture(ctx, slackPicturePatience); len(picture) > 0 && (m.First || m.Event == Resolve) {
		if err := s.upload(ctx, channel, first, m, picture); err != nil {
			_ = s.upload(ctx, channel, first, m, picture) // once more; then the link has to do
		}
	}
	return ref, nil
}

// edit has the first message say that it is over.
func (s *Slack) edit(ctx context.Context, m *Message, channel, ts string) {
	p := slackPost{Channel: channel, TS: ts, Text: escapeSlack(m.headed()), Blocks: m.blocks(m.headed())}
	_, _ = s.call(ctx, "chat.update", p) // the reply in the thread says it too
}

// upload puts a picture into a thread, in the three steps that files.upload has been
// replaced by.
func (s *Slack) upload(ctx context.Context, channel, thread string, m *Message, picture []byte) error {
	form := url.Values{"filename": {"traffic.png"}, "length": {strconv.Itoa(len(picture))}, "alt_txt": {cut(plain(m.Incident.Summary), 900)}}
	got, err := s.form(ctx, "files.getUploadURLExternal", form)
	if err != nil {
		return err
	}
	if !s.own(got.UploadURL) {
		return errors.New("slack names an upload URL that is not Slack's")
	}
	r, err := s.out.post(ctx, spate.Secret(got.UploadURL), "application/octet-stream", nil, picture)
	if err != nil {
		return err
	}
	if err := s.out.outcome(r, nil); err != nil {
		return err
	}
	title := ""
	if m.Incident.Origin != nil {
		title = plain(m.Incident.Origin.ID().String())
	}
	_, err = s.call(ctx, "files.completeUploadExternal", map[string]any{
		"files": []map[string]string{{"id": got.FileID, "title": title}}, "channel_id": channel, "thread_ts": thread,
	})
	return err
}

// own tells whether a URL that the API names is Slack's, or of the server that the
// config names in its place.
func (s *Slack) own(text string) bool {
	u, err := url.Parse(text)
	api, err2 := url.Parse(s.cfg.APIURL)
	if err != nil || err2 != nil || u.User != nil {
		return false
	}
	return u.Scheme == api.Scheme && u.Host == api.Host || u.Scheme == "https" && strings.HasSuffix(u.Host, ".slack.com")
}

func (s *Slack) call(ctx context.Context, method string, body any) (*slackAnswer, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, &Failure{Err: err, Final: true}
	}
	return s.ask(ctx, method, "application/json; charset=utf-8", b)
}

func (s *Slack) form(ctx context.Context, method string, form url.Values) (*slackAnswer, error) {
	return s.ask(ctx, method, "application/x-www-form-urlencoded", []byte(form.Encode()))
}

func (s *Slack) ask(ctx context.Context, method, kind string, body []byte) (*slackAnswer, error) {
	header := http.Header{"Authorization": {"Bearer " + s.cfg.Token.Reveal()}}
	r, err := s.out.post(ctx, spate.Secret(s.cfg.APIURL+"/"+method), kind, header, body)
	if err != nil {
		return nil, err
	}
	if err := s.out.outcome(r, nil); err != nil {
		return nil, err
	}
	var a slackAnswer
	if err := json.Unmarshal(r.body, &a); err != nil {
		return nil, &Failure{Err: fmt.Errorf("slack: %s: the answer is no JSON", method)}
	}
	if !a.OK {
		return nil, s.refused(method, &a, r.header)
	}
	return &a, nil
}

// refused says what to do about an error that Slack sends with status 200.
func (s *Slack) refused(method string, a *slackAnswer, h http.Header) error {
	advice := map[string]string{
		"invalid_auth": "check token_file", "not_authed": "check token_file", "account_inactive": "the bot's token was withdrawn: make a new one", "token_revoked": "the bot's token was withdrawn: make a new one",
		"token_expired": "make a new token", "channel_not_found": "check channel, and invite the bot: /invite @name", "not_in_channel": "invite the bot: /invite @name",
		"is_archived": "the channel is archived: name another", "missing_scope": "the bot needs chat:write and files:write", "restricted_action": "the workspace lets the bot not post there",
	}
	name := spate.Clean(a.Error)
	text := fmt.Sprintf("slack: %s: %s", method, name)
	if len(a.ResponseMetadata.Messages) > 0 {
		text += " (" + spate.Clean(a.ResponseMetadata.Messages[0]) + ")"
	}
	if advice[name] != "" {
		text += ": " + advice[name]
	}
	f := &Failure{Err: hide(errors.New(text), []spate.Secret{s.cfg.Token})}
	switch name {
	case "ratelimited", "rate_limited":
		f.After = max(retryAfter(h.Get("Retry-After"), time.Now()), time.Second)
	case "invalid_blocks", "msg_too_long", "invalid_arguments", "msg_blocks_too_long", "no_text", "invalid_json":
		f.Final = true
	}
	return f
}

// hook posts to an incoming webhook: text, the rates in blocks, and a link.
func (s *Slack) hook(ctx context.Context, m *Message) error {
	p := m.slackPost(ctx)
	p.Metadata = nil // webhooks do not take it
	if line := m.sparkline(ctx); line != "" {
		p.Blocks = append(p.Blocks, section(line))
	}
	b, err := json.Marshal(p)
	if err != nil {
		return &Failure{Err: err, Final: true}
	}
	r, err := s.out.post(ctx, s.cfg.WebhookURL, "application/json", nil, b)
	if err != nil {
		return err
	}
	err = s.out.outcome(r, map[int]string{http.StatusForbidden: "check webhook_url", http.StatusNotFound: "the webhook is gone: make a new one", http.StatusGone: "the channel is archived"})
	if err == nil && strings.TrimSpace(string(r.body)) != "ok" && len(r.body) > 0 {
		var a slackAnswer
		if json.Unmarshal(r.body, &a) == nil && !a.OK {
			return s.refused("webhook", &a, r.header)
		}
	}
	return err
}

// sparkline is the traffic since two hours before the start, in characters.
func (m *Message) sparkline(ctx context.Context) string {
	if m.Graphs == nil || m.Incident == nil || m.Incident.Origin == nil || m.Incident.Origin.Port == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, picturePatience)
	defer cancel()
	r, err := m.Graphs.Recent(ctx, m.Incident)
	if err != nil {
		return ""
	}
	return spark(r.Rates, sparkWidth)
}
