package spate

import "log/slog"

// A Secret is a community, passphrase or token. It prints as "***" wherever a
// formatter, encoder or logger meets it; only Reveal gives the text.
type Secret string

// Reveal is the secret itself, for the place that must send it.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from JSON and TOML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
