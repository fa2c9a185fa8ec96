package poller_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/poller"
	"spate/poller/snmptest/snmpd"
)

func users() []snmpd.User {
	return []snmpd.User{
		{Name: "plain", Level: "noauth"},
		{Name: "md5", Auth: "MD5", Level: "auth"},
		{Name: "sha", Auth: "SHA", Level: "auth"},
		{Name: "sha224", Auth: "SHA224", Level: "auth"},
		{Name: "sha256", Auth: "SHA256", Level: "auth"},
		{Name: "sha384", Auth: "SHA384", Level: "auth"},
		{Name: "sha512", Auth: "SHA512", Level: "auth"},
		{Name: "des", Auth: "MD5", Priv: "DES", Level: "priv"},
		{Name: "aes", Auth: "SHA", Priv: "AES", Level: "priv"},
		{Name: "aes192", Auth: "SHA256", Priv: "AES192", Level: "priv"},
		{Name: "aes256", Auth: "SHA512", Priv: "AES256", Level: "priv"},
		{Name: "aes192c", Auth: "SHA", Priv: "AES192C", Level: "priv"},
		{Name: "aes256c", Auth: "SHA256", Priv: "AES256C", Level: "priv"},
	}
}

func credentials(u snmpd.User) poller.Credentials {
	c := poller.Credentials{Name: u.Name, Version: poller.V3, User: u.Name, AuthProtocol: u.Auth, PrivProtocol: u.Priv}
	if u.Auth != "" {
		c.AuthPassword = snmpd.AuthPassword
	}
	if u.Priv != "" {
		c.PrivPassword = snmpd.PrivPassword
	}
	return c
}

func community(version string) poller.Credentials {
	return poller.Credentials{Name: "test", Version: version, Community: snmpd.Community}
}

// one does a single round against address.
func one(t *testing.T, address string, cred poller.Credentials) (*spate.Round, *poller.Table) {
	t.Helper()
	counts := poller.NewCounts(metrics.NewSet())
	sockets := poller.NewSockets(counts.Reject)
	t.Cleanup(func() { sockets.Close() })
	conn, err := sockets.Dial(netip.MustParseAddrPort(address))
	if err != nil {
		t.Fatal(err)
	}
	cfg := poller.DefaultConfig()
	cfg.Timeout = time.Second
	target := poller.Target{Device: spate.Device{Name: "agent", Address: address}, Credentials: cred}
	round, table, err := poller.Round(context.Background(), conn, target, cfg, counts)
	if err != nil {
		t.Fatal(err)
	}
	return round, table
}

func TestSnmpdAnswersEveryVersionAndLevelAlike(t *testing.T) {
	address := snmpd.Start(t, snmpd.Config{Users: users()})
	creds := []poller.Credentials{community(poller.V1), community(poller.V2c)}
	for _, u := range users() {
		creds = append(creds, credentials(u))
	}
	for _, cred := range creds {
		t.Run(cred.Version+" "+cred.Name, func(t *testing.T) {
			round, _ := one(t, address, cred)
			if round.Err != nil {
				t.Fatal(round.Err)
			}
			lo := port(t, round, "lo")
			if lo.Type != "softwareLoopback" || lo.Oper != spate.StatusUp {
				t.Errorf("lo is %s %s, want softwareLoopback up", lo.Type, lo.Oper)
			}
			if lo.SpeedSource != spate.SpeedUnknown || lo.Speed != 0 {
				t.Errorf("lo has speed %v from %s; net-snmp's 10 Mb/s for it is no speed", lo.Speed, lo.SpeedSource)
			}
			if wide := lo.Wide.Has(spate.InOctets); wide != (cred.Version != poller.V1) {
				t.Errorf("64-bit octets of lo: %v; SNMPv1 has no Counter64, the others do", wide)
			}
		})
	}
}

func port(t *testing.T, r *spate.Round, name string) *spate.Port {
	t.Helper()
	for _, reading := range r.Readings {
		if reading.Port.ID.Name == name {
			return reading.Port
		}
	}
	t.Fatalf("no port %s in %d readings", name, len(r.Readings))
	return nil
}

func TestWrongCredentialsAreToldApart(t *testing.T) {
	address := snmpd.Start(t, snmpd.Config{Users: users()})
	aes := credentials(snmpd.User{Name: "aes", Auth: "SHA", Priv: "AES"})
	tests := []struct {
		name   string
		change func(*poller.Credentials)
		want   error
		says   string
	}{
		{"wrong community", func(c *poller.Credentials) {
			*c = poller.Credentials{Name: "x", Version: poller.V2c, Community: "wrong"}
		},
			poller.ErrNoAnswer, "snmp.x.community"},
		{"unknown user", func(c *poller.Credentials) { c.User = "nobody-here" }, poller.ErrUnknownUser, "snmp.aes.user"},
		{"wrong authentication password", func(c *poller.Credentials) { c.AuthPassword = "wrong-password" }, poller.ErrWrongDigest, "auth_password"},
		{"wrong authentication protocol", func(c *poller.Credentials) { c.AuthProtocol = "MD5" }, poller.ErrWrongDigest, "auth_protocol"},
		{"wrong privacy password", func(c *poller.Credentials) { c.PrivPassword = "wrong-password" }, nil, "priv_password"},
		{"privacy missing", func(c *poller.Credentials) { c.PrivProtocol, c.PrivPassword = "", "" }, nil, "privacy"},
		{"level of a user without authentication", func(c *poller.Credentials) {
			*c = credentials(snmpd.User{Name: "plain", Auth: "SHA", Priv: "AES"})
		}, poller.ErrSecurityLevel, "snmp.plain"},
		{"unknown context", func(c *poller.Credentials) { c.Context = "vlan-12" }, nil, "context"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cred := aes
			tt.change(&cred)
			round, _ := one(t, address, cred)
			if round.Err == nil {
				t.Fatal("the round succeeded")
			}
			t.Log(round.Err)
			if tt.want != nil && !errors.Is(round.Err, tt.want) {
				t.Errorf("error is %q, want %q", round.Err, tt.want)
			}
			text := round.Err.Error()
			if !strings.HasPrefix(text, "agent: ") || !strings.Contains(text, tt.says) || !strings.HasSuffix(text, "try: spate walk agent") {
				t.Errorf("%q should begin with the device, name %q and end with what to try", text, tt.says)
			}
			for _, secret := range []spate.Secret{cred.AuthPassword, cred.PrivPassword, snmpd.Community} {
				if secret != "" && strings.Contains(text, secret.Reveal()) {
					t.Errorf("%q holds a secret", text)
				}
			}
		})
	}
}
