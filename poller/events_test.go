package poller_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"spate"
	"spate/mibs"
	"spate/poller"
	"spate/poller/snmptest"
)

// chassis is a device to which things happen. Every port carries traffic of a
// pace of its own, so that a rate of another port's, or of two counters mixed, is
// seen at once.
type chassis struct {
	agent *snmptest.Agent
	walk  *snmptest.Walk
	dice  *rand.Rand
	boot  time.Time
	last  uint32 // ifTableLastChange
	slots []*slot
}

type slot struct {
	name    string
	pace    float64 // octets per second
	wide    bool
	base    uint64
	since   time.Time
	index   int
	missing bool
	disc    uint32
}

func newChassis(seed uint64, ports, narrow int) *chassis {
	c := &chassis{walk: snmptest.NewWalk(), dice: rand.New(rand.NewPCG(seed, 3)), boot: time.Now()}
	for i := range ports {
		c.slots = append(c.slots, &slot{name: fmt.Sprintf("Gi%d/0/%d", 1+i/4, 1+i%4), pace: 1e6 * math.Pow(1.25, float64(i)), wide: i >= narrow, index: i + 1,
			base: c.dice.Uint64() >> 1, since: c.boot})
	}
	c.write()
	c.agent = snmptest.New(c.walk, snmptest.Config{})
	return c
}

// write makes the walk what the chassis is now.
func (c *chassis) write() {
	var old []mibs.OID
	for n := range c.walk.All() {
		old = append(old, n.OID())
	}
	for _, o := range old {
		c.walk.Delete(o)
	}
	w := c.walk
	w.Set(mibs.SysDescr.Instance(0), snmptest.Text("chassis"))
	w.Set(mibs.SysObjectID.Instance(0), snmptest.ObjectID(".0.0"))
	w.Set(mibs.SysName.Instance(0), snmptest.Text("chassis"))
	w.Set(mibs.SysUpTime.Instance(0), snmptest.Uptime(0))
	w.Set(mibs.IfTableLastChange.Instance(0), snmptest.Ticks(c.last))
	for _, s := range c.slots {
		if s.missing {
			continue
		}
		w.Set(mibs.IfIndex.Instance(s.index), snmptest.Int(int64(s.index)))
		w.Set(mibs.IfDescr.Instance(s.index), snmptest.Text(s.name))
		w.Set(mibs.IfName.Instance(s.index), snmptest.Text(s.name))
		w.Set(mibs.IfType.Instance(s.index), snmptest.Int(ethernet))
		w.Set(mibs.IfHighSpeed.Instance(s.index), snmptest.Gauge(1000))
		w.Set(mibs.IfAdminStatus.Instance(s.index), snmptest.Int(1))
		w.Set(mibs.IfOperStatus.Instance(s.index), snmptest.Int(1))
		w.Set(mibs.IfCounterDiscontinuityTime.Instance(s.index), snmptest.Ticks(s.disc))
		w.Set(mibs.IfInOctets.Instance(s.index), s.counter(mibs.Counter32, 1))
		w.Set(mibs.IfOutOctets.Instance(s.index), s.counter(mibs.Counter32, 2))
		if s.wide {
			w.Set(mibs.IfHCInOctets.Instance(s.index), s.counter(mibs.Counter64, 1))
			w.Set(mibs.IfHCOutOctets.Instance(s.index), s.counter(mibs.Counter64, 2))
		}
	}
}

// counter is what the port has counted; out counts half of in.
func (s *slot) counter(syntax mibs.Syntax, part float64) snmptest.Value {
	return snmptest.Value{Syntax: syntax, Func: func(m snmptest.Moment) snmptest.Value {
		n := s.base + uint64(s.pace/part*m.Now.Sub(s.since).Seconds())
		if syntax == mibs.Counter32 {
			n = uint64(uint32(n))
		}
		return snmptest.Value{Syntax: syntax, Uint: n}
	}}
}

func (s *slot) begin(base uint64) { s.base, s.since = base, time.Now() }

// An event is something that happens to a device.
type event struct {
	name    string
	do      func(c *chassis)
	reboots bool
	unsaid  bool
}

var events = []event{
	{"reboot", (*chassis).reboot, true, false},
	{"reboot with new ifIndexes", func(c *chassis) { c.reboot(); c.renumber() }, true, false},
	{"new ifIndexes with ifTableLastChange", func(c *chassis) { c.last = c.uptime(); c.renumber() }, false, false},
	{"two rows swapped without a word", func(c *chassis) {
		a, b := c.dice.IntN(len(c.slots)), c.dice.IntN(len(c.slots))
		c.slots[a].index, c.slots[b].index = c.slots[b].index, c.slots[a].index
	}, false, true},
	{"card reseated", func(c *chassis) {
		c.last = c.uptime()
		for _, s := range c.card() {
			s.begin(0)
			s.disc = c.uptime()
		}
	}, false, false},
	{"card reseated, nothing told of it", func(c *chassis) {
		for _, s := range c.card() {
			s.begin(0)
		}
	}, false, false},
	{"counters about to wrap", func(c *chassis) {
		c.reboot()
		for _, s := range c.slots {
			s.base = math.MaxUint64 - uint64(s.pace*7)
		}
	}, true, false},
	{"card pulled", func(c *chassis) {
		for _, s := range c.card() {
			s.missing = true
		}
	}, false, false},
	{"all cards back", func(c *chassis) {
		c.last = c.uptime()
		for _, s := range c.slots {
			if s.missing {
				s.missing = false
				s.begin(0)
			}
		}
	}, false, false},
}

func (c *chassis) uptime() uint32 { return uint32(time.Since(c.boot) / (10 * time.Millisecond)) }

func (c *chassis) reboot() {
	c.boot = time.Now()
	c.last = 0
	for _, s := range c.slots {
		s.begin(uint64(c.dice.IntN(1000)))
		s.disc = 0
	}
}

func (c *chassis) renumber() {
	for i, to := range c.dice.Perm(len(c.slots)) {
		c.slots[i].index = to + 1
	}
}

// card is four ports that come and go together.
func (c *chassis) card() []*slot {
	n := c.dice.IntN(len(c.slots)/4) * 4
	return c.slots[n : n+4]
}

// TestAThousandEventsGiveNoSpikeAndMixNoPorts lets things happen to a device at
// any moment, also while it is being read, and holds every rate against the one
// its port truly has.
func TestAThousandEventsGiveNoSpikeAndMixNoPorts(t *testing.T) {
	for _, version := range []string{poller.V2c, poller.V1} {
		t.Run("v"+version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 1000
				if version == poller.V1 {
					n = 200
				}
				c := newChassis(11, 16, 4)
				s := newSite()
				s.add("chassis", c.agent, nil)
				s.targets[0].Credentials.Version = version
				happened := map[string]int{}
				var at []time.Time
				var what []string
				s.run(t, time.Duration(n)*40*time.Second, func() {
					for range n {
						e := events[c.dice.IntN(len(events))]
						time.Sleep(time.Duration(25_000+c.dice.IntN(20_000)) * time.Millisecond)
						if e.unsaid { // between two rounds: within one nothing can tell rows read before from rows read after
							into := time.Duration(time.Now().UnixNano()-int64(poller.Phase("chassis", 10*time.Second))) % (10 * time.Second)
							time.Sleep(15*time.Second - into)
						}
						c.agent.Do(func() {
							e.do(c)
							c.write()
						})
						if e.reboots {
							c.agent.Restart()
						}
						happened[e.name]++
						at, what = append(at, time.Now()), append(what, e.name)
					}
				})
				judgeEvents(t, c, s.sink.of("chassis"), at, what, version)
				t.Logf("%d events: %v", len(at), happened)
			})
		})
	}
}

func judgeEvents(t *testing.T, c *chassis, rounds []*spate.Round, at []time.Time, what []string, version string) {
	t.Helper()
	pace := map[string]float64{}
	for _, s := range c.slots {
		pace[s.name] = s.pace
	}
	rates, wrong, missing, next, since := 0, 0, 0, 0, -1
	for _, r := range rounds {
		for next < len(at) && at[next].Before(r.At) {
			next++
			since = 0
		}
		since++
		mute := next > 0 && what[next-1] == "card reseated, nothing told of it" && since == 1
		for _, reading := range r.Readings {
			name := reading.Port.ID.Name
			if reading.Rate.Over > 0 {
				rates++
				in, out := reading.Rate.Values[spate.InBps]/8/pace[name], reading.Rate.Values[spate.OutBps]*2/8/pace[name]
				if mute && in < 1 && out < 1 {
					continue // from 0 it has grown past the old value: nothing can tell, and nothing is too much
				}
				if math.Abs(in-1) > 0.01 || math.Abs(out-1) > 0.01 {
					if wrong++; wrong < 10 {
						t.Errorf("%s at %v, %d rounds after %q: in %.3f and out %.3f of the truth", name, r.At, since, what[max(0, next-1)], in, out)
					}
				}
			} else if since > 3 && what[next-1] == "counters about to wrap" && reading.Gap == spate.GapDiscontinuity {
				t.Errorf("%s at %v: wrapped %d rounds after it was about to", name, r.At, since)
			} else if since > 2 && reading.Gap != spate.GapDiscontinuity && reading.Gap != spate.GapSilent && len(pace) > 0 {
				if missing++; missing < 10 {
					t.Errorf("%s at %v, %d rounds after %q: no rate, gap %q, %v", name, r.At, since, what[max(0, next-3):next], reading.Gap, r.Err)
				}
			}
		}
	}
	t.Logf("v%s: %d rates, %d wrong, %d missing", version, rates, wrong, missing)
	if rates < len(at)*16*2 {
		t.Errorf("only %d rates in all", rates)
	}
}
