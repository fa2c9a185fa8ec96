package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"spate"
	"spate/cmd/spate/config"
	"spate/poller"
)

func discoverCommand(a *app) *cobra.Command {
	var file, version, community string
	cmd := &cobra.Command{
		Use:   "discover CIDR…",
		Short: "Find devices in networks and print their [[device]] stanzas",
		Args:  cobra.MinimumNArgs(1),
		RunE: a.does(func(ctx context.Context, args []string) error {
			networks, err := parseNetworks(args)
			if err != nil {
				return a.misused("%w", err)
			}
			cfg, _, err := a.load(file)
			if err != nil {
				return err
			}
			credentials, err := triedCredentials(cfg, version, community)
			if err != nil {
				return a.misused("%w", err)
			}
			return a.discover(ctx, cfg, networks, credentials)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&version, "version", "", "SNMP version to try with -community: 1 or 2c")
	cmd.Flags().StringVar(&community, "community", "", "community to try instead of the configured credentials")
	return cmd
}

func parseNetworks(args []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, arg := range args {
		if addr, err := netip.ParseAddr(arg); err == nil && addr.Zone() == "" {
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(arg)
		if err != nil {
			return nil, fmt.Errorf("%q is no network, wanted one such as 192.0.2.0/24", arg)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// triedCredentials are those of the command line, else all of the config file,
// [snmp.default] first.
func triedCredentials(cfg *config.Config, version, community string) ([]poller.Credentials, error) {
	if version == "" && community == "" {
		return cfg.CredentialList(), nil
	}
	if version == "" {
		version = poller.V2c
	}
	if version != poller.V1 && version != poller.V2c {
		return nil, fmt.Errorf("-version %q, wanted 1 or 2c; for version 3 write [snmp.default] into the config file", version)
	}
	if community == "" {
		return nil, fmt.Errorf("-version %s wants -community too", version)
	}
	return []poller.Credentials{{Name: "default", Version: version, Community: spate.Secret(community)}}, nil
}

// discover tries the credentials on every address of the networks and prints a
// stanza for each device that answers.
func (a *app) discover(ctx context.Context, cfg *config.Config, networks []netip.Prefix, credentials []poller.Credentials) error {
	return errors.New("discover is not part of this build")
}
