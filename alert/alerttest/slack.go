package alerttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// SlackToken is the bot's, SlackChannel where it is a member.
const (
	SlackToken   = "xoxb-0000-secret"
	SlackChannel = "#noc"
	channelID    = "C0NOC"
)

// A SlackMessage is one in the channel.
type SlackMessage struct {
	TS, Thread, Text string
	Blocks           []map[string]any
	Key              string // of its metadata
	Edited           int
	Files            [][]byte
}

// Slack stands in for Slack's Web API: chat.postMessage, chat.update and the three
// steps of an upload, with the arguments, types and limits of its documentation.
type Slack struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	messages []*SlackMessage
	uploads  map[string][]byte
	lengths  map[string]string
	fail     []func(w http.ResponseWriter) // answers to the next calls
	hooked   []map[string]any              // what came to the incoming webhook
	seconds  int
}

// NewSlack starts one that the test ends.
func NewSlack(t testing.TB) *Slack {
	s := &Slack{t: t, uploads: map[string][]byte{}, lengths: map[string]string{}, seconds: int(time.Now().Unix())}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/chat.postMessage", s.json(s.post))
	mux.HandleFunc("POST /api/chat.update", s.json(s.update))
	mux.HandleFunc("POST /api/files.completeUploadExternal", s.json(s.complete))
	mux.HandleFunc("POST /api/files.getUploadURLExternal", s.start)
	mux.HandleFunc("POST /upload/{id}", s.take)
	mux.HandleFunc("POST /hook", s.hook)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// Next has the next call answered in another way.
func (s *Slack) Next(answer func(w http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = append(s.fail, answer)
}

// Messages are what stands in the channel.
func (s *Slack) Messages() []SlackMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []SlackMessage
	for _, m := range s.messages {
		out = append(out, *m)
	}
	return out
}

// Hooked is what came to the incoming webhook at /hook.
func (s *Slack) Hooked() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hooked
}

func (s *Slack) failing(w http.ResponseWriter) bool {
	if len(s.fail) == 0 {
		return false
	}
	s.fail[0](w)
	s.fail = s.fail[1:]
	return true
}

type no string

// json wraps a method that takes JSON: Slack wants the charset, and the token in a
// header.
func (s *Slack) json(do func(args map[string]json.RawMessage) (map[string]any, no)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failing(w) {
			return
		}
		var args map[string]json.RawMessage
		switch {
		case r.Header.Get("Content-Type") != "application/json; charset=utf-8":
			answer(w, nil, "invalid_post_type")
		case r.Header.Get("Authorization") != "Bearer "+SlackToken:
			answer(w, nil, "invalid_auth")
		case json.NewDecoder(r.Body).Decode(&args) != nil:
			answer(w, nil, "invalid_json")
		default:
			got, wrong := do(args)
			answer(w, got, wrong)
		}
	}
}

// answer is with 200 whatever became of the call, as Slack's is.
func answer(w http.ResponseWriter, fields map[string]any, wrong no) {
	if fields == nil {
		fields = map[string]any{}
	}
	fields["ok"] = wrong == ""
	if wrong != "" {
		fields["error"] = string(wrong)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(fields)
}

func text(args map[string]json.RawMessage, name string) string {
	var v string
	_ = json.Unmarshal(args[name], &v)
	return v
}

// blocks checks the limits that Slack documents.
func blocks(args map[string]json.RawMessage) ([]map[string]any, no) {
	var list []map[string]any
	if json.Unmarshal(args["blocks"], &list) != nil || len(list) > 50 {
		return nil, "invalid_blocks"
	}
	for _, b := range list {
		switch b["type"] {
		case "section":
			t, ok := b["text"].(map[string]any)
			if !ok || !textObject(t) {
				return nil, "invalid_blocks"
			}
		case "context":
			elements, ok := b["elements"].([]any)
			if !ok || len(elements) == 0 || len(elements) > 10 {
				return nil, "invalid_blocks"
			}
			for _, e := range elements {
				if t, ok := e.(map[string]any); !ok || !textObject(t) {
					return nil, "invalid_blocks"
				}
			}
		default:
			return nil, "invalid_blocks"
		}
	}
	return list, ""
}

func textObject(t map[string]any) bool {
	s, _ := t["text"].(string)
	return (t["type"] == "plain_text" || t["type"] == "mrkdwn") && s != "" && utf8.RuneCountInString(s) <= 3000
}

func (s *Slack) post(args map[string]json.RawMessage) (map[string]any, no) {
	if c := text(args, "channel"); c != SlackChannel && c != channelID {
		return nil, "channel_not_found"
	}
	list, wrong := blocks(args)
	if wrong != "" {
		return nil, wrong
	}
	if text(args, "text") == "" && len(list) == 0 {
		return nil, "no_text"
	}
	s.seconds++
	m := &SlackMessage{TS: fmt.Sprintf("%d.000100", s.seconds), Thread: text(args, "thread_ts"), Text: text(args, "text"), Blocks: list}
	var meta struct {
		EventType    string            `json:"event_type"`
		EventPayload map[string]string `json:"event_payload"`
	}
	if json.Unmarshal(args["metadata"], &meta) == nil {
		m.Key = meta.EventPayload["key"]
	}
	s.messages = append(s.messages, m)
	return map[string]any{"channel": channelID, "ts": m.TS}, ""
}

func (s *Slack) find(ts string) *SlackMessage {
	for _, m := range s.messages {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

func (s *Slack) update(args map[string]json.RawMessage) (map[string]any, no) {
	m := s.find(text(args, "ts"))
	if text(args, "channel") != channelID { // a name will not do here
		return nil, "channel_not_found"
	}
	if m == nil {
		return nil, "message_not_found"
	}
	list, wrong := blocks(args)
	if wrong != "" {
		return nil, wrong
	}
	m.Text, m.Blocks = text(args, "text"), list
	m.Edited++
	return map[string]any{"channel": channelID, "ts": m.TS}, ""
}

// start takes a form only.
func (s *Slack) start(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing(w) {
		return
	}
	b, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(b))
	switch {
	case r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || err != nil:
		answer(w, nil, "invalid_form_data")
	case r.Header.Get("Authorization") != "Bearer "+SlackToken:
		answer(w, nil, "invalid_auth")
	case form.Get("filename") == "" || form.Get("length") == "":
		answer(w, nil, "invalid_arguments")
	default:
		id := fmt.Sprintf("F%06d", len(s.lengths)+1)
		s.lengths[id] = form.Get("length")
		answer(w, map[string]any{"upload_url": s.URL + "/upload/" + id, "file_id": id}, "")
	}
}

func (s *Slack) take(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing(w) {
		return
	}
	b, _ := io.ReadAll(r.Body)
	id := r.PathValue("id")
	if s.lengths[id] != fmt.Sprint(len(b)) || r.Header.Get("Authorization") != "" {
		http.Error(w, "length or token", http.StatusBadRequest)
		return
	}
	s.uploads[id] = b
	fmt.Fprintf(w, "OK - %d", len(b))
}

func (s *Slack) complete(args map[string]json.RawMessage) (map[string]any, no) {
	var files []struct{ ID, Title string }
	if json.Unmarshal(args["files"], &files) != nil || len(files) == 0 {
		return nil, "invalid_arguments"
	}
	thread := s.find(text(args, "thread_ts"))
	if text(args, "channel_id") != channelID || thread == nil {
		return nil, "channel_not_found"
	}
	for _, f := range files {
		b, there := s.uploads[f.ID]
		if !there {
			return nil, "file_not_found"
		}
		if _, err := png.Decode(bytes.NewReader(b)); err != nil {
			s.t.Errorf("slack: the upload is no PNG: %v", err)
		}
		thread.Files = append(thread.Files, b)
	}
	return map[string]any{"files": []any{}}, ""
}

// hook is an incoming webhook: it answers "ok", or a word with a status.
func (s *Slack) hook(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing(w) {
		return
	}
	var args map[string]json.RawMessage
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") || json.NewDecoder(r.Body).Decode(&args) != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	if _, wrong := blocks(args); wrong != "" {
		http.Error(w, string(wrong), http.StatusBadRequest)
		return
	}
	all := map[string]any{}
	for name, raw := range args {
		var v any
		_ = json.Unmarshal(raw, &v)
		all[name] = v
	}
	s.hooked = append(s.hooked, all)
	fmt.Fprint(w, "ok")
}
