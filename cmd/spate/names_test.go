package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestReverseNamesComeLaterAndNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		asked := map[string]int{}
		away := false
		n := newNamer()
		n.lookup = func(_ context.Context, a string) ([]string, error) {
			asked[a]++
			time.Sleep(500 * time.Millisecond)
			if away || a != "10.0.0.7" {
				return nil, errors.New("no such host")
			}
			return []string{"web-17.example.net.\x1b[31m"}, nil
		}
		go n.run(ctx)
		web, nobody := netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("10.0.0.8")
		for range 3 {
			if n.name(web) != "" || n.name(nobody) != "" {
				t.Fatal("a name before it was asked for")
			}
		}
		time.Sleep(5 * time.Second)
		if got := n.name(web); got != "web-17.example.net.[31m" && got != "web-17.example.net" || asked["10.0.0.7"] != 1 || asked["10.0.0.8"] != 1 {
			t.Errorf("%q after %v questions, want one each", got, asked)
		}
		away = true
		time.Sleep(25 * time.Hour)
		n.name(web)
		time.Sleep(5 * time.Second)
		if n.name(web) == "" || asked["10.0.0.7"] != 2 {
			t.Errorf("the name is gone with the resolver, %d questions", asked["10.0.0.7"])
		}
	})
}

func TestNamesOfHostsAreReadFromAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts.csv")
	text := "# who is who\n0200.0000.0007,web-17,Example Shop\n10.0.0.8, desk\n2001:db8::1,six\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	names, err := readHosts(path)
	if err != nil || len(names) != 3 || names["02:00:00:00:00:07"].Customer != "Example Shop" || names["10.0.0.8"].Name != "desk" || names["2001:db8::1"].Name != "six" {
		t.Errorf("%v, %v", names, err)
	}
	if err := os.WriteFile(path, []byte(text+"nobody,x\n10.0.0.9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err = readHosts(path); err == nil || !strings.Contains(err.Error(), "line") || len(names) != 3 {
		t.Errorf("two lines that are none: %v, %v", names, err)
	}
	if _, err = readHosts(path + ".absent"); err == nil {
		t.Error("an absent file is no error")
	}
}
