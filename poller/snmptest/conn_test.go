package snmptest_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"spate/poller/snmptest"
)

func TestConnDeliversWhenTheScriptSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := snmptest.New(smallWalk(), snmptest.Config{})
		conn := snmptest.NewConn(agent, snmptest.ConnConfig{
			Latency: 10 * time.Millisecond,
			Script: func(n int, _, response []byte) []snmptest.Answer {
				switch n {
				case 1: // lost
					return nil
				case 2: // late and doubled
					return []snmptest.Answer{{Delay: time.Second, Data: response}, {Delay: 2 * time.Second, Data: response}}
				}
				return []snmptest.Answer{{Data: []byte("other")}, {Data: response}}
			},
		})
		defer conn.Close()
		m := request(snmptest.V2c, snmptest.Get, ".1.3.1.1.0")
		start := time.Now()
		for range 3 {
			if _, err := conn.Write(m.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		buf := make([]byte, 2000)
		var sizes []int
		var times []time.Duration
		for range 4 {
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			sizes, times = append(sizes, n), append(times, time.Since(start))
		}
		late := []time.Duration{10 * time.Millisecond, 10 * time.Millisecond, 1010 * time.Millisecond, 2010 * time.Millisecond}
		for i := range late {
			if times[i] != late[i] {
				t.Errorf("datagram %d came after %s, want %s", i, times[i], late[i])
			}
		}
		if sizes[2] != sizes[3] || sizes[2] < 20 {
			t.Errorf("sizes %v, want the last two alike", sizes)
		}
	})
}

func TestConnKeepsDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := snmptest.NewConn(nil, snmptest.ConnConfig{})
		buf := make([]byte, 10)
		read := func() (time.Duration, error) {
			start := time.Now()
			_, err := conn.Read(buf)
			return time.Since(start), err
		}
		_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
		if took, err := read(); took != 3*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("gave up after %s with %v, want 3s", took, err)
		}
		if took, err := read(); took != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after the deadline: %s, %v, want it at once", took, err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Hour))
		time.AfterFunc(time.Second, func() { _ = conn.SetDeadline(time.Now()) })
		if took, err := read(); took != time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline moved to now ended the Read after %s with %v, want 1s", took, err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		time.AfterFunc(500*time.Millisecond, func() { _ = conn.SetDeadline(time.Now().Add(5 * time.Second)) })
		if took, err := read(); took != 5500*time.Millisecond || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline moved away ended the Read after %s with %v, want 5.5s", took, err)
		}
		_ = conn.SetDeadline(time.Time{})
		time.AfterFunc(time.Minute, func() { _ = conn.Close() })
		if took, err := read(); took != time.Minute || !errors.Is(err, net.ErrClosed) {
			t.Errorf("Close ended the Read after %s with %v, want 1m", took, err)
		}
		if _, err := conn.Write(buf); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write after Close: %v", err)
		}
	})
}

func TestNetworkFindsAgentsByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network snmptest.Network
		here, nobody := netip.MustParseAddrPort("192.0.2.1:161"), netip.MustParseAddrPort("192.0.2.2:161")
		network.Attach(here, snmptest.New(smallWalk(), snmptest.Config{}), snmptest.ConnConfig{})
		m := request(snmptest.V2c, snmptest.Get, ".1.3.1.1.0")
		for _, at := range []netip.AddrPort{here, nobody} {
			conn, err := network.Dial(at)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(time.Second))
			if _, err := conn.Write(m.Append(nil)); err != nil {
				t.Fatal(err)
			}
			_, err = conn.Read(make([]byte, 1000))
			if (err == nil) != (at == here) {
				t.Errorf("%s: %v", at, err)
			}
			if got := conn.RemoteAddr().String(); got != at.String() {
				t.Errorf("RemoteAddr is %s, want %s", got, at)
			}
			_ = conn.Close()
		}
	})
}
