package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"spate/cmd/spate/config"
)

func walkCommand(a *app) *cobra.Command {
	var file, output string
	cmd := &cobra.Command{
		Use:   "walk DEVICE|ADDRESS",
		Short: "Show what a device answers: tables, quirks, chosen columns",
		Args:  cobra.ExactArgs(1),
		RunE: a.does(func(ctx context.Context, args []string) error {
			cfg, _, err := a.load(file)
			if err != nil {
				return err
			}
			return a.walk(ctx, cfg, args[0], output)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVarP(&output, "o", "o", "", "write an anonymised fixture to this file")
	return cmd
}

// walk reads one device, by its name in cfg or by address with [snmp.default].
func (a *app) walk(ctx context.Context, cfg *config.Config, device, output string) error {
	return errors.New("walk is not part of this build")
}
