// Package poller reads the interface counters of devices over SNMP: it finds a
// device's ports, asks for their counters on a schedule that does not drift,
// and hands each pass on as a [spate.Round].
//
// It is the only room that knows gosnmp.
package poller

import (
	"time"

	"spate"
)

// Config is [poller] of config.toml.
type Config struct {
	Interval    time.Duration // between rounds of one device, 1 s and up
	Timeout     time.Duration // the longest wait for one answer
	Retries     int           // further tries after the first
	KeepRemoved time.Duration // a removed device stays findable so long
}

// DefaultConfig is what config.toml ships with.
func DefaultConfig() Config {
	return Config{Interval: 10 * time.Second, Timeout: 2 * time.Second, Retries: 1, KeepRemoved: 30 * 24 * time.Hour}
}

// SNMP versions as written in config.toml.
const (
	V1  = "1"
	V2c = "2c"
	V3  = "3"
)

// Credentials are one [snmp.NAME] table.
type Credentials struct {
	Name         string // NAME
	Version      string // V1, V2c or V3
	Community    spate.Secret
	User         string
	AuthProtocol string // MD5 SHA SHA224 SHA256 SHA384 SHA512, or empty
	AuthPassword spate.Secret
	PrivProtocol string // DES AES AES192 AES256 AES192C AES256C, or empty
	PrivPassword spate.Secret
	Context      string
}

// A Target is one [[device]] with its credentials resolved.
type Target struct {
	Device      spate.Device
	Credentials Credentials
	Interval    time.Duration            // 0: Config.Interval
	Ports       []string                 // ifName globs (spate.MatchPort); empty: all
	External    []string                 // ifName globs that lead to the outside
	Speed       map[string]spate.BitRate // ifName to the operator's speed
}

// wants tells whether the port is polled.
func (t Target) wants(name string) bool {
	if len(t.Ports) == 0 {
		return true
	}
	for _, pattern := range t.Ports {
		if spate.MatchPort(pattern, name) {
			return true
		}
	}
	return false
}
