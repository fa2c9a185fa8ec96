package config

import (
	"maps"
	"slices"

	"spate/poller"
)

// CredentialList is every [snmp.NAME], "default" first, then by name.
func (c *Config) CredentialList() []poller.Credentials {
	out := []poller.Credentials{c.Credentials["default"]}
	for _, name := range slices.Sorted(maps.Keys(c.Credentials)) {
		if name != "default" {
			out = append(out, c.Credentials[name])
		}
	}
	return out
}
