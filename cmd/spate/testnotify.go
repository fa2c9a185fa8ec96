package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

func testNotifyCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "test-notify NAME",
		Short: "Send a test message to one [[notify]] and say whether it arrived",
		Long:  "Has a running Spate send a message that says it is a test to the [[notify]] of that name, and prints what became of it.",
		Args:  cobra.ExactArgs(1),
		RunE:  a.does(func(ctx context.Context, args []string) error { return a.testNotify(ctx, args[0]) }),
	}
}

func (a *app) testNotify(ctx context.Context, name string) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("/api/v1/notifiers", url.PathEscape(name), "test").String(), nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", c, err)
	}
	body, err := c.do(req, "application/json", 2*time.Minute)
	if err != nil {
		return err
	}
	var got struct {
		OK    bool
		Error string
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
	}
	if a.json {
		if err := a.passOn(c, body); err != nil {
			return err
		}
	}
	switch {
	case !got.OK:
		return errors.New(printable(name) + ": not delivered: " + printable(got.Error))
	case !a.json:
		fmt.Fprintf(a.out, "%s has taken the test message.\n", printable(name))
	}
	return nil
}
