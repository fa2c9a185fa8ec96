package snmptest_test

import (
	"context"
	"math"
	"net"
	"net/netip"
	"testing"
	"time"

	"spate/mibs"
	"spate/poller/snmptest"
)

func TestSwitchCountsItsTrafficAsAFunctionOfTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)
	cfg := snmptest.SwitchConfig{Ports: 4, Seed: 7, Agent: snmptest.Config{Clock: func() time.Time { return now }}}
	agent := snmptest.Switch(cfg)
	flow := snmptest.SwitchProfile(cfg, 2).In
	read := func() (wide, narrow uint64) {
		got := ask(t, agent, request(snmptest.V2c, snmptest.Get, mibs.IfHCInOctets.Instance(3), mibs.IfInOctets.Instance(3)))
		return got.Vars[0].Value.Uint, got.Vars[1].Value.Uint
	}
	last, total := uint64(0), 0.0
	for range 1000 {
		const step = 37 * time.Second
		mid := flow.Rate(now.Add(step / 2))
		now = now.Add(step)
		total += mid * step.Seconds()
		wide, narrow := read()
		if wide < last || uint64(uint32(wide)) != narrow {
			t.Fatalf("at %s: %d after %d, 32-bit %d", now, wide, last, narrow)
		}
		last = wide
	}
	if math.Abs(float64(last)-total) > total/200 {
		t.Errorf("counted %d octets in 10 h, the rate says %.0f", last, total)
	}
	agent.Restart()
	if wide, _ := read(); wide != 0 {
		t.Errorf("%d octets right after a restart", wide)
	}
	now = now.AddDate(1, 0, 0)
	first, _ := read()
	now = now.Add(time.Second)
	second, _ := read()
	if got, want := float64(second-first), flow.Rate(now); math.Abs(got-want) > want/50 {
		t.Errorf("after a year: %g octets in a second, want %g", got, want)
	}
}

func TestSwitchHasEveryObjectOnEveryPort(t *testing.T) {
	agent := snmptest.Switch(snmptest.SwitchConfig{Name: "sw-1", Ports: 3, Uplinks: 1, First: 10101, Down: func(i int) bool { return i == 1 }})
	for _, o := range mibs.Objects() {
		if o == mibs.IfStackStatus || o == mibs.Dot3adAggPortAttachedAggID {
			continue // it has no port over another
		}
		for _, row := range []int{10101, 10102, 10103} {
			got := ask(t, agent, request(snmptest.V2c, snmptest.Get, o.Instance(row)))
			if got.Vars[0].Value.Syntax != o.Syntax {
				t.Errorf("%s row %d is %s, want %s", o.Name, row, got.Vars[0].Value.Syntax, o.Syntax)
			}
		}
	}
	got := ask(t, agent, request(snmptest.V2c, snmptest.Get, mibs.IfName.Instance(10103), mibs.IfHighSpeed.Instance(10103), mibs.IfSpeed.Instance(10103), mibs.IfOperStatus.Instance(10102), mibs.IfIndex.Instance(10102)))
	v := got.Vars
	if string(v[0].Value.Bytes) != "Te1/1/1" || v[1].Value.Uint != 10000 || v[2].Value.Uint != 1<<32-1 || v[3].Value.Uint != 2 || v[4].Value.Uint != 10102 {
		t.Errorf("uplink and down port: %+v", v)
	}
}

func TestServeUDPAnswersAndEndsWithItsContext(t *testing.T) {
	conn, err := snmptest.ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	agent := snmptest.Switch(snmptest.SwitchConfig{Ports: 2})
	agent.Misbehave(snmptest.Doubled(time.Millisecond))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- agent.ServeUDP(ctx, conn) }()
	client, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	m := request(snmptest.V2c, snmptest.Get, mibs.IfName.Instance(2))
	if _, err := client.Write(m.Append(nil)); err != nil {
		t.Fatal(err)
	}
	_ = client.SetDeadline(time.Now().Add(10 * time.Second))
	for range 2 {
		buf := make([]byte, 1000)
		n, err := client.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := snmptest.Decode(buf[:n]); err != nil || string(got.Vars[0].Value.Bytes) != "Gi1/0/2" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ServeUDP ended with %v, want nil", err)
	}
}
