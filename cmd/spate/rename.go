package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func renameCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Give a device another name, with its history",
		Long: "Rename has a running Spate keep the history of a device under its new name: graphs, months, incidents, what is usual, hosts and changes. " +
			"The config stays yours: change the name of the device there too and send a SIGHUP, before or after. Needs a token of role admin.",
		Args: cobra.ExactArgs(2),
		RunE: a.does(func(ctx context.Context, args []string) error { return a.rename(ctx, args[0], args[1]) }),
	}
}

func (a *app) rename(ctx context.Context, from, to string) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	asked, err := json.Marshal(map[string]string{"to": to})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("/api/v1/devices", url.PathEscape(from), "rename").String(), bytes.NewReader(asked))
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
	var got struct{ Text string }
	if err := json.Unmarshal(body, &got); err != nil || got.Text == "" {
		return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
	}
	fmt.Fprintln(a.out, printable(got.Text))
	return nil
}
