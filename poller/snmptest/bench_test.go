package snmptest_test

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"spate/mibs"
	"spate/poller/snmptest"
)

// pollPDU asks for ten columns of five rows, sysUpTime first, as the poller does.
func pollPDU() []byte {
	m := bulk(1, 5, ".1.3.6.1.2.1.1.3",
		mibs.IfHCInOctets.Instance(5), mibs.IfHCOutOctets.Instance(5), mibs.IfHCInUcastPkts.Instance(5), mibs.IfHCOutUcastPkts.Instance(5),
		mibs.IfHCInMulticastPkts.Instance(5), mibs.IfHCOutMulticastPkts.Instance(5), mibs.IfHCInBroadcastPkts.Instance(5), mibs.IfHCOutBroadcastPkts.Instance(5),
		mibs.IfInErrors.Instance(5), mibs.IfInDiscards.Instance(5))
	return m.Append(nil)
}

func BenchmarkRespond(b *testing.B) {
	agent := snmptest.Switch(snmptest.SwitchConfig{})
	ask, buf := pollPDU(), make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if len(agent.Respond(ask, buf)) < 600 {
			b.Fatal("short answer")
		}
	}
	perVar(b, 51)
}

func BenchmarkServeUDP(b *testing.B) {
	conn, err := snmptest.ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- snmptest.Switch(snmptest.SwitchConfig{}).ServeUDP(ctx, conn) }()
	client, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		b.Fatal(err)
	}
	ask, buf := pollPDU(), make([]byte, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Write(ask); err != nil {
			b.Fatal(err)
		}
		if n, err := client.Read(buf); err != nil || n < 600 {
			b.Fatal(n, err)
		}
	}
	perVar(b, 51)
	_ = client.Close()
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

func perVar(b *testing.B, n int) {
	vars := float64(b.N * n)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/vars, "ns/varbind")
	b.ReportMetric(vars/b.Elapsed().Seconds(), "varbinds/s")
}
