package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"spate/cmd/spate/config"
)

func serveCommand(a *app) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Poll, store, and show it: everything in one process",
		Long:  "Serve polls the configured devices and this machine, stores the rates and shows them. SIGTERM ends it cleanly, SIGHUP reads the config file again.",
		Args:  cobra.NoArgs,
		RunE: a.does(func(ctx context.Context, _ []string) error {
			cfg, note, err := a.load(file)
			if err != nil {
				return err
			}
			log := newLog(cfg.Log, a.err)
			if note != "" {
				log.Info(note)
			}
			return a.serve(ctx, cfg, log, func() (*config.Config, error) {
				next, _, err := a.load(file)
				return next, err
			})
		}),
	}
	configFlag(cmd, &file)
	return cmd
}

// serve runs until ctx ends. reload reads the config file again, for SIGHUP;
// when it fails the old config stays.
func (a *app) serve(ctx context.Context, cfg *config.Config, log *slog.Logger, reload func() (*config.Config, error)) error {
	return errors.New("serve is not part of this build")
}
