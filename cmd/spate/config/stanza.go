package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"spate/poller"
)

// Stanza writes t as a [[device]] of config.toml that reads back as the same
// target. Its credentials go by name; keys at their default are left out.
func Stanza(t poller.Target) string {
	var b strings.Builder
	b.WriteString("[[device]]\n")
	put := func(key, value string) { fmt.Fprintf(&b, "%s = %s\n", key, value) }
	put("name", tomlText(t.Device.Name))
	put("address", tomlText(t.Device.Address))
	if t.Credentials.Name != "" && t.Credentials.Name != "default" {
		put("snmp", tomlText(t.Credentials.Name))
	}
	if t.Device.Site != "" {
		put("site", tomlText(t.Device.Site))
	}
	if t.Interval > 0 {
		put("interval", tomlText(FormatDuration(t.Interval)))
	}
	if len(t.Ports) > 0 {
		put("ports", tomlList(t.Ports))
	}
	if len(t.External) > 0 {
		put("external", tomlList(t.External))
	}
	if len(t.Speed) > 0 {
		var pairs []string
		for _, port := range slices.Sorted(maps.Keys(t.Speed)) {
			pairs = append(pairs, fmt.Sprintf("%s = %s", tomlText(port), tomlText(fmt.Sprintf("%.0f", float64(t.Speed[port])))))
		}
		put("speed", "{ "+strings.Join(pairs, ", ")+" }")
	}
	return b.String()
}

func tomlList(items []string) string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = tomlText(item)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// tomlText quotes s as a basic string. Names found by discovery come from the
// network, so whatever does not print is written as its number.
func tomlText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
