package main

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"spate/alert/alerttest"
)

func TestARenewedCertificateIsTakenOverWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(until time.Time) {
		cert, key := alerttest.Certificate(t, until)
		for name, text := range map[string][]byte{certFile: cert, keyFile: key} {
			if err := os.WriteFile(name, text, 0o600); err != nil {
				t.Fatal(err)
			}
			at := time.Now().Add(-time.Until(until) / 1000) // another time than before
			if err := os.Chtimes(name, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	first, second := time.Now().Add(time.Hour).UTC().Truncate(time.Second), time.Now().Add(90*24*time.Hour).UTC().Truncate(time.Second)
	write(first)
	c, err := newCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	until := func() time.Time {
		c.looked = time.Time{} // as if ten seconds had passed
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.NotAfter
	}
	if got := until(); !got.Equal(first) {
		t.Errorf("until %v, want %v", got, first)
	}
	if err := os.WriteFile(certFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := until(); !got.Equal(first) {
		t.Errorf("with a broken file: until %v, want the old one", got)
	}
	write(second)
	if got := until(); !got.Equal(second) {
		t.Errorf("renewed: until %v, want %v", got, second)
	}
	if _, err := newCertificate(filepath.Join(dir, "none"), keyFile); err == nil {
		t.Error("a file that is not there was taken at the start")
	}
}
