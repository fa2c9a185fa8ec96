package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"spate"
)

func statusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say how a running Spate fares",
		Args:  cobra.NoArgs,
		RunE:  a.does(func(ctx context.Context, _ []string) error { return a.status(ctx) }),
	}
}

func (a *app) status(ctx context.Context) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	body, err := c.get(ctx, "/api/v1/status", nil, "application/json")
	if err != nil {
		return err
	}
	if a.json {
		return a.passOn(c, body)
	}
	var got struct {
		Version string
		Store   struct {
			Backend, Reason *string
			ReadOnly        bool       `json:"read_only"`
			Bytes           *float64   `json:"bytes"`
			Year            *float64   `json:"forecast_year_bytes"`
			Oldest          *time.Time `json:"oldest"`
		}
		Poller struct {
			Devices, Down int
			Late          *float64 `json:"late_p99_ms"`
		}
		Notifier struct{ Queued int }
		Agents   []struct {
			Name   string
			Silent bool
		}
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	line := func(name, text string) { fmt.Fprintf(w, "%s\t%s\n", name, printable(text)) }
	line("version", got.Version)
	line("devices", fmt.Sprintf("%d, %d not answering", got.Poller.Devices, got.Poller.Down))
	if got.Poller.Late != nil {
		line("rounds late by", fmt.Sprintf("%.1f ms (99th percentile)", *got.Poller.Late))
	}
	if s := got.Store; s.Backend != nil {
		text := *s.Backend
		if s.Bytes != nil {
			text += ", " + spate.Octets(*s.Bytes).String()
		}
		if s.Year != nil {
			text += ", " + spate.Octets(*s.Year).String() + " in a year at this rate"
		}
		if s.Oldest != nil {
			text += ", since " + s.Oldest.Local().Format("2 Jan 2006")
		}
		line("store", text)
	}
	if n := len(got.Agents); n > 0 {
		silent := 0
		for _, a := range got.Agents {
			if a.Silent {
				silent++
			}
		}
		line("agents", fmt.Sprintf("%d, %d silent", n, silent))
	}
	line("messages waiting", fmt.Sprint(got.Notifier.Queued))
	if err := w.Flush(); err != nil {
		return err
	}
	if got.Store.ReadOnly {
		why := "the store does not write"
		if got.Store.Reason != nil {
			why += ": " + printable(*got.Store.Reason)
		}
		return fmt.Errorf("%s", why)
	}
	return nil
}
