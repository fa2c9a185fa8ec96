package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"spate"
)

// errFlood ends `spate who` with its own exit code: a flood lasts.
var errFlood = errors.New("a flood lasts")

func whoCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "who",
		Short: "Say which port is flooding, and who is behind it",
		Long:  "Asks a running Spate and prints the answer in a sentence. Exits with 0 when all is calm, with 2 while a flood lasts, with 1 when there is no answer.",
		Args:  cobra.NoArgs,
		RunE:  a.does(func(ctx context.Context, _ []string) error { return a.who(ctx) }),
	}
}

type suspectAnswer struct {
	Device, Port, Summary string
	Incident              *string
}

func (a *app) who(ctx context.Context) error {
	c, err := a.newClient()
	if err != nil {
		return err
	}
	body, err := c.get(ctx, "/api/v1/suspects", nil, "application/json")
	if err != nil {
		return err
	}
	var got struct{ Suspects []suspectAnswer }
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("%s answers, but not as Spate does: check SPATE_URL", c)
	}
	var told []suspectAnswer
	for _, s := range got.Suspects {
		if s.Incident != nil {
			told = append(told, s)
		}
	}
	switch {
	case a.json:
		if err := a.passOn(c, body); err != nil {
			return err
		}
	case len(got.Suspects) == 0:
		fmt.Fprintln(a.out, "All calm: no port is flooding.")
	default:
		a.sentences(got.Suspects)
	}
	if len(told) > 0 {
		return errFlood
	}
	return nil
}

// sentences prints each incident once, and what is only suspected so far.
func (a *app) sentences(all []suspectAnswer) {
	said := map[string]bool{}
	for _, s := range all {
		text := spate.CleanTo(s.Summary, 1000) // a sentence is longer than a name
		if s.Incident == nil {
			text = "Not told yet, under watch: " + text
		}
		if !said[text] {
			said[text] = true
			fmt.Fprintln(a.out, text)
		}
	}
}
