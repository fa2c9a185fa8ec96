package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spate"
	"spate/cmd/spate/config"
	"spate/poller"
)

func discoverCommand(a *app) *cobra.Command {
	var file, version, community string
	var neighbours, arp bool
	cmd := &cobra.Command{
		Use:   "discover [-neighbours] [-arp] CIDR…",
		Short: "Find devices in networks and print their [[device]] stanzas",
		Long: "Asks every address of the networks, at a polite rate, and prints stanzas for those that answer; nothing is\n" +
			"written. -neighbours adds the addresses that LLDP and CDP of the configured devices tell, -arp those of their\n" +
			"ARP tables.",
		RunE: a.does(func(ctx context.Context, args []string) error {
			if len(args) == 0 && !neighbours && !arp {
				return a.misused("where to look is missing: a network such as 192.0.2.0/24, or -neighbours")
			}
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
			if neighbours || arp {
				more, err := a.around(ctx, cfg, neighbours, arp)
				if err != nil {
					return err
				}
				networks = append(networks, more...)
			}
			return a.discover(ctx, cfg, networks, credentials)
		}),
	}
	configFlag(cmd, &file)
	cmd.Flags().StringVar(&version, "version", "", "SNMP version to try with -community: 1 or 2c")
	cmd.Flags().BoolVar(&neighbours, "neighbours", false, "also where LLDP and CDP of the configured devices lead")
	cmd.Flags().BoolVar(&arp, "arp", false, "also what the ARP tables of the configured devices hold")
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
// stanza for each device that answers. Nothing is written anywhere.
func (a *app) discover(ctx context.Context, cfg *config.Config, networks []netip.Prefix, credentials []poller.Credentials) error {
	if len(credentials) == 0 {
		return errors.New("nothing to try: write [snmp.default] into the config file, or give -version and -community")
	}
	asking := newAsking(cfg.Poller)
	defer asking.sockets.Close()
	found := map[netip.Addr]discovered{}
	for _, cred := range credentials {
		bar := a.progress("snmp." + cred.Name)
		err := asking.poller.Scan(ctx, networks, cred, func(f poller.Found) {
			if _, before := found[f.Address]; !before {
				found[f.Address] = discovered{f, cred.Name}
			}
		}, bar.count)
		bar.done()
		if err != nil {
			return err
		}
	}
	return a.printDiscovered(cfg, found)
}

// discovered is a device that answered, and the credentials that it answered to.
type discovered struct {
	poller.Found
	snmp string
}

func (a *app) printDiscovered(cfg *config.Config, found map[netip.Addr]discovered) error {
	known, names := map[string]string{}, map[string]bool{}
	for _, t := range cfg.Targets {
		known[t.Device.Address], names[t.Device.Name] = t.Device.Name, true
	}
	all := slices.SortedFunc(maps.Values(found), func(x, y discovered) int { return x.Address.Compare(y.Address) })
	if a.json {
		return a.discoveredJSON(all, known)
	}
	if len(all) == 0 {
		return errors.New("no address answered: is UDP 161 open, and are version and community right?")
	}
	for _, d := range all {
		if name, is := known[d.Address.String()]; is {
			fmt.Fprintf(a.out, "# %s is [[device]] %s already\n\n", d.Address, name)
			continue
		}
		fmt.Fprintf(a.out, "# %s\n[[device]]\nname = %q\naddress = %q\nsnmp = %q\n\n",
			printable(d.System.Descr), deviceName(d, names), d.Address, d.snmp)
	}
	return nil
}

func (a *app) discoveredJSON(all []discovered, known map[string]string) error {
	type device struct {
		Address    string  `json:"address"`
		SysName    string  `json:"sys_name"`
		SysDescr   string  `json:"sys_descr"`
		Vendor     string  `json:"vendor"`
		SNMP       string  `json:"snmp"`
		Configured *string `json:"configured_as"` // null: not yet
	}
	out := []device{}
	for _, d := range all {
		one := device{Address: d.Address.String(), SysName: d.System.Name, SysDescr: d.System.Descr, Vendor: d.System.Vendor, SNMP: d.snmp}
		if name, is := known[one.Address]; is {
			one.Configured = &name
		}
		out = append(out, one)
	}
	return json.NewEncoder(a.out).Encode(map[string]any{"devices": out})
}

// deviceName makes a name that [[device]] takes from sysName's first label, or
// from the address; a second device of that name gets a number.
func deviceName(d discovered, taken map[string]bool) string {
	host, _, _ := strings.Cut(d.System.Name, ".")
	clean := strings.Trim(strings.Map(func(r rune) rune {
		if r < 128 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_') {
			return r
		}
		return '-'
	}, host), "-_")
	if clean == "" {
		clean = "device-" + strings.NewReplacer(".", "-", ":", "-").Replace(d.Address.String())
	}
	clean = clean[:min(len(clean), 56)]
	name := clean
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s-%d", clean, i)
	}
	taken[name] = true
	return name
}
