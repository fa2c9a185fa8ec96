package poller_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/VictoriaMetrics/metrics"

	"spate"
	"spate/poller"
	"spate/poller/snmptest"
)

// FuzzAnswers plays with the answers to a whole first round, from datagram to
// reading: one of them comes with foreign bytes before it, or with some of its own
// overwritten. Whatever it is, the round ends within bounds, and what it says of
// ports is sound: names are clean, single and not empty.
func FuzzAnswers(f *testing.F) {
	f.Add(uint8(1), []byte{0x30, 0x03, 0x02, 0x01, 0x00}, uint16(0), []byte{}, true)
	f.Add(uint8(3), []byte{}, uint16(40), []byte{0xff, 0xff, 0xff, 0xff}, false)
	f.Add(uint8(2), []byte{}, uint16(2), []byte{0x02, 0x01, 0x03}, true) // SNMPv3
	f.Add(uint8(9), []byte{}, uint16(17), []byte{0x00, 0x00, 0x00, 0x00}, false)
	f.Add(uint8(5), []byte{}, uint16(60), []byte{0x84, 0x7f, 0xff, 0xff, 0xff}, false) // a length of 2 GB
	f.Fuzz(func(t *testing.T, at uint8, raw []byte, offset uint16, patch []byte, v1 bool) {
		synctest.Test(t, func(t *testing.T) {
			sent := 0
			script := func(n int, _, answer []byte) []snmptest.Answer {
				sent = n
				if n != int(at%24)+1 || answer == nil {
					return []snmptest.Answer{{Data: answer}}
				}
				var out []snmptest.Answer
				if len(raw) > 0 {
					out = append(out, snmptest.Answer{Data: raw})
				}
				bent := append([]byte(nil), answer...)
				copy(bent[min(int(offset), len(bent)):], patch)
				return append(out, snmptest.Answer{Data: bent}, snmptest.Answer{Data: answer, Delay: time.Millisecond})
			}
			conn := snmptest.NewConn(aSwitch("sw", 4), snmptest.ConnConfig{Latency: time.Millisecond, Script: script})
			version := poller.V2c
			if v1 {
				version = poller.V1
			}
			target := poller.Target{Device: spate.Device{Name: "sw", Address: "192.0.2.1"},
				Credentials: poller.Credentials{Name: "test", Version: version, Community: "public"}}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			round, _, err := poller.Round(ctx, conn, target, poller.DefaultConfig(), poller.NewCounts(metrics.NewSet()))
			if err != nil || round == nil {
				return
			}
			if sent > 600 {
				t.Errorf("%d requests for a switch of four ports", sent)
			}
			names := map[string]bool{}
			for _, r := range round.Readings {
				p := r.Port
				if p.ID.Name == "" || names[p.ID.Name] {
					t.Errorf("a port is called %q, and another so too: %v", p.ID.Name, names[p.ID.Name])
				}
				names[p.ID.Name] = true
				for _, s := range [...]string{p.ID.Name, p.Alias, p.Descr, p.Type, round.System.Name, round.System.Descr} {
					if !utf8.ValidString(s) || utf8.RuneCountInString(s) > 300 {
						t.Errorf("text from the device is not clean: %.100q", s)
					}
				}
				if r.Rate.Over != 0 {
					t.Errorf("%s has a rate of %v after one reading", p.ID, r.Rate.InBits())
				}
				if p.Speed < 0 || p.Speed > 1.7e12 {
					t.Errorf("%s has a speed of %v", p.ID, p.Speed)
				}
			}
		})
	})
}
