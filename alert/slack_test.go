package alert_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"spate"
	"spate/alert"
	"spate/alert/alerttest"
)

func slackOf(s *alerttest.Slack, change func(*alert.SlackConfig)) *alert.Slack {
	cfg := alert.SlackConfig{Token: alerttest.SlackToken, Channel: alerttest.SlackChannel, APIURL: s.URL + "/api"}
	if change != nil {
		change(&cfg)
	}
	return alert.NewSlack(cfg, alert.NewOutward(nil, nil, cfg.Token, cfg.WebhookURL))
}

// words are all texts of a message's blocks.
func words(blocks []map[string]any) string {
	var b strings.Builder
	for _, block := range blocks {
		if t, ok := block["text"].(map[string]any); ok {
			fmt.Fprintln(&b, t["text"])
		}
		if list, ok := block["elements"].([]any); ok {
			for _, e := range list {
				fmt.Fprintln(&b, e.(map[string]any)["text"])
			}
		}
	}
	return b.String()
}

func TestSlackHoldsOneThreadWithThePictureInIt(t *testing.T) {
	s := alerttest.NewSlack(t)
	c := slackOf(s, nil)
	in := flood("1")
	open := message(alert.Open, in)
	ref, err := c.Send(t.Context(), open)
	if err != nil {
		t.Fatal(err)
	}
	worse := message(alert.Update, in)
	worse.First, worse.Root, worse.Ref, worse.Why = false, open.Key, ref, "risen to 2 Gb/s"
	if _, err := c.Send(t.Context(), worse); err != nil {
		t.Fatal(err)
	}
	end := message(alert.Resolve, closed(in, in.DetectedAt.Add(28*time.Minute)))
	end.First, end.Root, end.Ref = false, open.Key, ref
	if _, err := c.Send(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	got := s.Messages()
	if len(got) != 3 || got[0].Thread != "" || got[1].Thread != got[0].TS || got[2].Thread != got[0].TS {
		t.Fatalf("not one thread: %+v", got)
	}
	if got[0].Key != open.Key || got[2].Key != end.Key {
		t.Errorf("keys %q, %q", got[0].Key, got[2].Key)
	}
	if len(got[0].Files) != 2 {
		t.Errorf("%d pictures in the thread, want one with the beginning and one with the end", len(got[0].Files))
	}
	if got[0].Edited != 1 || !strings.HasPrefix(got[0].Text, "✓ Over, ") {
		t.Errorf("the first message does not say that it is over: %d %s", got[0].Edited, got[0].Text)
	}
	if text := words(got[1].Blocks); !strings.Contains(text, "Risen to 2 Gb/s: "+in.Summary) || !strings.Contains(text, "nobody answers what it sends") || !strings.Contains(text, "<https://spate.example.net/incidents/1|") {
		t.Errorf("blocks: %s", text)
	}
	if text := words(got[2].Blocks); !strings.Contains(text, "187 GB came in by sw-acc-1 Gi1/0/2") {
		t.Errorf("the end does not say how much: %s", text)
	}
}

func TestSlackErrorsThatComeWithStatus200(t *testing.T) {
	s := alerttest.NewSlack(t)
	tests := []struct {
		name   string
		change func(*alert.SlackConfig)
		next   func(http.ResponseWriter)
		want   string
		after  time.Duration
		final  bool
	}{
		{"wrong token", func(c *alert.SlackConfig) { c.Token = "xoxb-9999-other" }, nil, "invalid_auth: check token_file", 0, false},
		{"channel of others", func(c *alert.SlackConfig) { c.Channel = "#other" }, nil, "channel_not_found: check channel, and invite the bot", 0, false},
		{"too many", nil, func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "429", 30 * time.Second, false},
		{"too many, in words", nil, func(w http.ResponseWriter) { fmt.Fprint(w, `{"ok":false,"error":"ratelimited"}`) }, "ratelimited", time.Second, false},
		{"blocks it does not like", nil, func(w http.ResponseWriter) {
			fmt.Fprint(w, `{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] no more than 50 items"]}}`)
		}, "no more than 50 items", 0, true},
		{"fell over", nil, func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, "502", 0, false},
		{"a page of a proxy", nil, func(w http.ResponseWriter) { fmt.Fprint(w, "<html>log in first</html>") }, "the answer is no JSON", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.next != nil {
				s.Next(tt.next)
			}
			_, err := slackOf(s, tt.change).Send(t.Context(), message(alert.Open, flood("1")))
			var f *alert.Failure
			if err == nil || !errors.As(err, &f) || !strings.Contains(err.Error(), tt.want) || f.After != tt.after || f.Final != tt.final {
				t.Errorf("error %v (%+v), want %s", err, f, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "xoxb") {
				t.Errorf("the token is in it: %v", err)
			}
		})
	}
	if n := len(s.Messages()); n != 0 {
		t.Errorf("%d messages were posted", n)
	}
}

func TestAnUploadThatFailsIsNoReasonToSendTheTextAgain(t *testing.T) {
	s := alerttest.NewSlack(t)
	c := slackOf(s, nil)
	m := message(alert.Open, flood("1"))
	m.Graphs = failingGraphs{s}
	if ref, err := c.Send(t.Context(), m); err != nil || ref == "" {
		t.Errorf("%q %v", ref, err)
	}
	if got := s.Messages(); len(got) != 1 || len(got[0].Files) != 0 {
		t.Errorf("in the channel: %+v", got)
	}
}

// failingGraphs have Slack fail from the picture on.
type failingGraphs struct{ s *alerttest.Slack }

func (g failingGraphs) Picture(ctx context.Context, in *spate.Incident) ([]byte, error) {
	for range 2 {
		g.s.Next(func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
	}
	return graphs{}.Picture(ctx, in)
}

func (failingGraphs) Recent(ctx context.Context, in *spate.Incident) (alert.Recent, error) {
	return graphs{}.Recent(ctx, in)
}

func TestAnIncomingWebhookTakesTextAndRates(t *testing.T) {
	s := alerttest.NewSlack(t)
	c := slackOf(s, func(cfg *alert.SlackConfig) { cfg.WebhookURL = spate.Secret(s.URL + "/hook") })
	in := flood("1")
	if _, err := c.Send(t.Context(), message(alert.Open, in)); err != nil {
		t.Fatal(err)
	}
	got := s.Hooked()
	if len(got) != 1 || !strings.Contains(got[0]["text"].(string), in.Summary) {
		t.Fatalf("hooked %v", got)
	}
	var blocks []map[string]any
	for _, b := range got[0]["blocks"].([]any) {
		blocks = append(blocks, b.(map[string]any))
	}
	if text := words(blocks); !strings.Contains(text, "▁▁▁██") {
		t.Errorf("no rates: %s", text)
	}
	s.Next(func(w http.ResponseWriter) { http.Error(w, "no_service", http.StatusNotFound) })
	if _, err := c.Send(t.Context(), message(alert.Open, in)); err == nil || !strings.Contains(err.Error(), "no_service: the webhook is gone") {
		t.Errorf("error %v", err)
	}
}
