package poller_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/mibs"
	"spate/poller"
	"spate/poller/snmptest"
)

// A fixture of every recording replays to the same ports, and holds no text and
// no MAC of the device.
func TestFixturesReplayAndNameNobody(t *testing.T) {
	for name, walk := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			var network snmptest.Network
			address := netip.MustParseAddrPort("192.0.2.1:161")
			network.Attach(address, snmptest.New(walk, snmptest.Config{}), snmptest.ConnConfig{})
			p := poller.New(poller.DefaultConfig(), &network, nil, poller.NewCounts(metrics.NewSet()), slog.New(slog.DiscardHandler))
			target := poller.Target{Device: spate.Device{Name: "sw", Address: address.String()},
				Credentials: poller.Credentials{Name: "test", Version: poller.V2c, Community: "public"}}
			var out bytes.Buffer
			if err := p.Fixture(context.Background(), target, &out, func(string, float64) {}); err != nil {
				t.Fatal(err)
			}
			again, err := snmptest.LoadWalk(bytes.NewReader(out.Bytes()))
			if err != nil || again.Skipped > 0 {
				t.Fatalf("the fixture does not load: %v, %d lines skipped", err, again.Skipped)
			}
			samePorts(t, walk, again)
			nameNobody(t, walk, out.Bytes())
		})
	}
}

func samePorts(t *testing.T, walk, again *snmptest.Walk) {
	t.Helper()
	was, _ := inMemory(t, snmptest.New(walk, snmptest.Config{}), poller.V2c)
	now, _ := inMemory(t, snmptest.New(again, snmptest.Config{}), poller.V2c)
	if len(was.Readings) != len(now.Readings) {
		t.Fatalf("%d ports, and %d from the fixture", len(was.Readings), len(now.Readings))
	}
	for i := range was.Readings {
		a, b := was.Readings[i].Port, now.Readings[i].Port
		if a.IfIndex != b.IfIndex || a.Type != b.Type || a.Speed != b.Speed || a.SpeedSource != b.SpeedSource || a.Wide != b.Wide || a.Narrow != b.Narrow ||
			a.Oper != b.Oper || a.HighLayer != b.HighLayer || (a.Bundle == "") != (b.Bundle == "") || (a.MAC == "") != (b.MAC == "") {
			t.Errorf("%+v\nfrom the fixture %+v", a, b)
		}
	}
}

func nameNobody(t *testing.T, walk *snmptest.Walk, fixture []byte) {
	t.Helper()
	checked := 0
	names := map[string]bool{} // which may say the same as an alias, and stay
	for _, o := range []mibs.Object{mibs.IfName, mibs.IfDescr} {
		for _, v := range rowsOf(walk, o) {
			names[string(v.Bytes)] = true
		}
	}
	for _, o := range []mibs.Object{mibs.SysName, mibs.SysDescr, mibs.SysLocation, mibs.IfAlias, mibs.IfPhysAddress} {
		for n, v := range walk.All() {
			if !o.OID.Contains(n.OID()) || len(v.Bytes) < 4 || names[string(v.Bytes)] || bytes.Equal(v.Bytes, make([]byte, len(v.Bytes))) {
				continue
			}
			checked++
			if strings.Contains(string(fixture), hex.EncodeToString(v.Bytes)+"\n") || bytes.Contains(fixture, v.Bytes) {
				t.Errorf("%s %q stands in the fixture", o.Name, v.Bytes)
			}
		}
	}
	if checked == 0 {
		t.Error("nothing was looked for")
	}
}
