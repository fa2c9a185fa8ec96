package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the pages that packages carry. They have no date: the same
// commit gives the same octets.
func manCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages into a folder",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.does(func(context.Context, []string) error {
				if err := os.MkdirAll(args[0], 0o755); err != nil {
					return fmt.Errorf("write manual pages: %w", err)
				}
				root := cmd.Root()
				root.DisableAutoGenTag = true
				at := time.Unix(0, 0).UTC()
				if text, ok := a.env("SOURCE_DATE_EPOCH"); ok { // of the commit, in a release
					if s, err := strconv.ParseInt(text, 10, 64); err == nil {
						at = time.Unix(s, 0).UTC()
					}
				}
				return doc.GenManTree(root, &doc.GenManHeader{Title: "SPATE", Section: "1", Source: "spate " + version, Manual: "Spate", Date: &at}, args[0])
			})(cmd, args)
		},
	}
}
