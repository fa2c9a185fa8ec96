package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/user"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"spate"
)

// silenceFlags are what `spate silence` asks for.
type silenceFlags struct {
	device, port, kind, severity, from, until, lasts, by, reason, end string
}

func silenceCommand(a *app) *cobra.Command {
	var f silenceFlags
	cmd := &cobra.Command{
		Use:   "silence",
		Short: "Keep incidents from being told for a time, or list what is kept quiet",
		Long:  "Without flags it lists the silences. With -device, -port, -kind or -severity it begins one, which needs -for or -until, and -reason. With -end ID it ends one.",
		Args:  cobra.NoArgs,
		RunE:  a.does(func(ctx context.Context, _ []string) error { return a.silence(ctx, &f) }),
	}
	for name, to := range map[string]struct {
		to   *string
		help string
	}{
		"device": {&f.device, "devices, a pattern: sw-acc-*"}, "port": {&f.port, "ports, a pattern"}, "kind": {&f.kind, "kind of incident: flood, device_down, …"}, "severity": {&f.severity, "critical, warning or info"},
		"from": {&f.from, "when it begins: RFC 3339 or now+1h (default now)"}, "until": {&f.until, "when it ends: RFC 3339 or now+4h"}, "for": {&f.lasts, "how long: 4h"},
		"by": {&f.by, "who wants it (default: your login name)"}, "reason": {&f.reason, "why"}, "end": {&f.end, "end the silence of this ID"},
	} {
		cmd.Flags().StringVar(to.to, name, "", to.help)
	}
	return cmd
}

func (a *app) silence(ctx context.Context, f *silenceFlags) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	switch {
	case f.end != "":
		return a.endSilence(ctx, c, f.end)
	case f.device+f.port+f.kind+f.severity == "":
		return a.listSilences(ctx, c)
	case f.lasts == "" && f.until == "":
		return a.misused("neither -for nor -until: every silence ends")
	case f.reason == "":
		return a.misused("no -reason: say why, for those who wonder")
	}
	if f.by == "" {
		if u, err := user.Current(); err == nil {
			f.by = u.Username
		}
	}
	asked := map[string]any{
		"match": map[string]string{"device": f.device, "port": f.port, "kind": f.kind, "severity": f.severity},
		"from":  f.from, "until": f.until, "for": f.lasts, "by": f.by, "reason": f.reason,
	}
	b, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("/api/v1/silences").String(), bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("ask %s: %w", c, err)
	}
	req.Header.Set("Content-Type", "application/json")
	body, err := c.do(req, "application/json", askTimeout)
	if err != nil {
		return err
	}
	if a.json {
		return a.passOn(c, body)
	}
	var s spate.Silence
	if err := json.Unmarshal(body, &s); err != nil {
		return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
	}
	fmt.Fprintf(a.out, "%s: quiet until %s\n", printable(s.ID), s.Until.Local().Format("2 Jan 2006 15:04 MST"))
	return nil
}

func (a *app) endSilence(ctx context.Context, c *client, id string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, c.base.JoinPath("/api/v1/silences", url.PathEscape(id)).String(), nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", c, err)
	}
	if _, err := c.do(req, "", askTimeout); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"id": id, "ended": true})
	}
	fmt.Fprintf(a.out, "%s has ended\n", printable(id))
	return nil
}

func (a *app) listSilences(ctx context.Context, c *client) error {
	body, err := c.get(ctx, "/api/v1/silences", nil, "application/json")
	if err != nil {
		return err
	}
	if a.json {
		return a.passOn(c, body)
	}
	var got struct{ Silences []spate.Silence }
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
	}
	if len(got.Silences) == 0 {
		fmt.Fprintln(a.out, "Nothing is kept quiet.")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSTATE\tDEVICE\tPORT\tKIND\tSEVERITY\tUNTIL\tBY\tREASON")
	now := time.Now()
	for _, s := range got.Silences {
		state := "over"
		switch {
		case now.Before(s.From):
			state = "planned"
		case now.Before(s.Until):
			state = "quiet"
		}
		m := s.Match
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", printable(s.ID), state, all(m.Device), all(m.Port), all(string(m.Kind)), all(string(m.Severity)), s.Until.Local().Format("2 Jan 15:04"), printable(s.By), printable(s.Reason))
	}
	return w.Flush()
}

func all(s string) string {
	if s == "" {
		return "*"
	}
	return printable(s)
}
