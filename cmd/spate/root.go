package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newRoot is the tree of commands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "spate",
		Short:         "Find the port a flood comes from",
		Long:          "Spate polls the interface counters of switches, keeps their history and names the port a flood comes from.",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.AddCommand(
		serveCommand(a), demoCommand(a), checkCommand(a), walkCommand(a), discoverCommand(a),
		topCommand(a), whoCommand(a), backtestCommand(a), testNotifyCommand(a), statusCommand(a), silenceCommand(a), renameCommand(a), manCommand(a), userCommand(a), tokenCommand(a), agentCommand(a), findCommand(a), graphCommand(a), backupCommand(a), restoreCommand(a), exportCommand(a), importCommand(a), versionCommand(a),
	)
	return root
}

// configFlag adds -config to a command.
func configFlag(cmd *cobra.Command, dst *string) {
	cmd.Flags().StringVar(dst, "config", "", "config file (default ./config.toml, else /etc/spate/config.toml)")
	_ = cmd.MarkFlagFilename("config", "toml") // for completion; fails only for a flag that is not there
}

// doubleDashes turns -name of a known long flag into --name, so that long flags
// work with one dash and two. Values stay as they are: in `-from -24h` the
// second word belongs to the first.
func doubleDashes(root *cobra.Command, args []string) []string {
	out := make([]string, 0, len(args))
	cmd, positional := root, false
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(out, args[i:]...)
		}
		if len(arg) < 2 || arg[0] != '-' {
			if sub := subcommand(cmd, arg); sub != nil && !positional {
				cmd = sub
			} else {
				positional = true
			}
			out = append(out, arg)
			continue
		}
		name, _, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		flag := lookup(cmd, name)
		if flag != nil {
			arg = "--" + strings.TrimLeft(arg, "-")
		}
		out = append(out, arg)
		if flag != nil && flag.NoOptDefVal == "" && !joined && i+1 < len(args) {
			i++
			out = append(out, args[i])
		}
	}
	return out
}

func subcommand(cmd *cobra.Command, name string) *cobra.Command {
	for _, sub := range cmd.Commands() {
		if sub.Name() == name {
			return sub
		}
	}
	return nil
}

// lookup finds a long flag of cmd. Before the command is named, those of any
// command are known.
func lookup(cmd *cobra.Command, name string) *pflag.Flag {
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags(), cmd.InheritedFlags()} {
		if flag := set.Lookup(name); flag != nil {
			return flag
		}
	}
	if cmd.HasParent() {
		return nil
	}
	for _, sub := range cmd.Commands() {
		if flag := sub.Flags().Lookup(name); flag != nil {
			return flag
		}
	}
	return nil
}
