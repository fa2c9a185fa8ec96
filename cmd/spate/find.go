package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

func findCommand(a *app) *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:   "find MAC|IP|NAME|ALIAS",
		Short: "Say where a host, a port or a device is",
		Long:  "Finds a MAC in any notation, an address, or a part of a name or alias; the port it sits on comes first.",
		Args:  cobra.ExactArgs(1),
		RunE: a.does(func(ctx context.Context, args []string) error {
			if n < 1 || n > 200 {
				return a.misused("-n %d, wanted 1 to 200", n)
			}
			return a.find(ctx, args[0], n)
		}),
	}
	cmd.Flags().IntVarP(&n, "n", "n", 20, "how many")
	return cmd
}

func (a *app) find(ctx context.Context, what string, n int) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	body, err := c.get(ctx, "/api/v1/find", url.Values{"q": {what}, "limit": {strconv.Itoa(n)}}, "application/json")
	if err != nil {
		return err
	}
	if a.json {
		return a.passOn(c, body)
	}
	var got struct {
		Results []struct{ Kind, Text string }
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
	}
	if len(got.Results) == 0 {
		return fmt.Errorf("nothing is known of %s: its switch may not be polled, or its MAC has aged out", printable(what))
	}
	for _, r := range got.Results {
		fmt.Fprintf(a.out, "%-7s %s\n", printable(r.Kind), printable(r.Text))
	}
	return nil
}
