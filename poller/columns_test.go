package poller_test

import (
	"testing"
	"testing/synctest"
	"time"

	"spate"
	"spate/mibs"
	"spate/poller/snmptest"
)

// LibreNMS issues 2376 and 4508: 64-bit packet counters stay at 0 on Cisco
// Small Business switches while the 32-bit ones count.
func TestA64BitColumnThatStandsStillIsLeft(t *testing.T) {
	agent := aSwitch("sw", 4)
	agent.Misbehave(snmptest.Rewrite(func(oid mibs.OID, v snmptest.Value) snmptest.Value {
		if mibs.IfHCInUcastPkts.OID.Contains(oid) {
			return snmptest.C64(0)
		}
		return v
	}))
	agent.RestartedAt(time.Now().Add(-time.Hour)) // it has counted for a while
	round, _ := inMemory(t, agent, "2c")
	for _, r := range round.Readings {
		if r.Port.Wide.Has(spate.InUcastPkts) || !r.Port.Narrow.Has(spate.InUcastPkts) {
			t.Errorf("%s: unicast packets are still read from the 64-bit column", r.Port.ID)
		}
		if !r.Port.Wide.Has(spate.InOctets) || !r.Port.Wide.Has(spate.OutUcastPkts) {
			t.Errorf("%s: sound 64-bit columns were left too", r.Port.ID)
		}
	}
}

func TestA64BitColumnThatWrapsAt32BitsGivesNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		agent := aSwitch("sw", 2)
		agent.Misbehave(snmptest.Rewrite(func(oid mibs.OID, v snmptest.Value) snmptest.Value {
			if mibs.IfHCInOctets.OID.Contains(oid) {
				return snmptest.C64((1<<32 - 600_000_000 + v.Uint) % (1 << 32))
			}
			return v
		}))
		s.add("sw", agent, nil)
		s.run(t, 20*time.Minute)
		for i, r := range s.sink.of("sw") {
			for _, reading := range r.Readings {
				if i > 0 && (reading.Gap != "" || reading.Rate.Over == 0) {
					t.Errorf("round %d, %s: gap %q", i, reading.Port.ID, reading.Gap)
				}
			}
		}
	})
}

// A 10 Gb/s port counts past 2^32 octets in 3.4 s.
func TestFast32BitPortsArePolledInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		config := snmptest.SwitchConfig{Name: "old", Ports: 2, Speed: 10_000, Load: 0.3, Seed: 7}
		agent := snmptest.Switch(config)
		agent.Misbehave(snmptest.Without(mibs.IfHCInOctets.OID, mibs.IfHCOutOctets.OID))
		s.add("old", agent, nil)
		s.run(t, 2*time.Minute)
		rounds := s.sink.of("old")
		if last := rounds[len(rounds)-1]; last.Interval != 3*time.Second {
			t.Errorf("polled every %v, want 3 s", last.Interval)
		}
		for _, r := range rounds[4:] { // a fast poll waits for three rounds that tell a cache from none
			for i, reading := range r.Readings {
				p := snmptest.SwitchProfile(config, i)
				if want, got := mean(&p.In, &reading.Rate), float64(reading.Rate.InBits()); reading.Gap != "" || got < want*0.99 || got > want*1.01 {
					t.Errorf("%s: %v (gap %q), true %v", reading.Port.ID, reading.Rate.InBits(), reading.Gap, spate.BitRate(want))
				}
			}
		}
	})
}
