package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"spate"
	"spate/host"
	"spate/lab/fabric"
)

// demoServer is a web server of the simulated network with `spate agent` on it: its
// counters are those of its switch port, seen from the other end of the cable.
type demoServer struct {
	at      *fabric.Host
	began   time.Time
	last    time.Time
	sum     [2]float64 // octets and packets of layer 3 that it has sent
	normal  [2]float64 // per second, without what one user sends too much of
	users   []demoUser
	flows   []host.FlowCount // of the newest step
	counted spate.Sample
	steps   int // taken: after two it is known what is normal
}

type demoUser struct {
	uid   uint32
	name  string
	share float64 // of what is normal
	sent  [2]float64
}

const (
	demoEthernet = 14   // octets of a frame that are not IP's
	demoTooMuch  = 4    // times what is normal: one user's doing
	demoLittle   = 2e5  // octets per second that are never too much
	demoLearns   = 0.05 // of the newest rate in what is normal
	demoRun      = "simulated"
)

// demoAccounts are what the customers of a web server are called, by how much they send.
var demoAccounts = [...]struct {
	name  string
	share float64
}{{"shop", 0.45}, {"forum", 0.25}, {"blog", 0.15}, {"wiki", 0.1}, {"mail", 0.05}}

// demoServers are the web servers that are alone on their ports.
func demoServers(n *fabric.Net) []*demoServer {
	var out []*demoServer
	for i, h := range n.Hosts {
		if !strings.HasPrefix(h.Name, "web-") || len(h.Port.Hosts) != 1 {
			continue
		}
		s := &demoServer{at: h}
		for k, a := range demoAccounts {
			s.users = append(s.users, demoUser{uid: uint32(1000 + 10*i + k), name: fmt.Sprintf("%s%d", a.name, i+1), share: a.share})
		}
		out = append(out, s)
	}
	return out
}

// step takes the counters of the switch port and says which user has sent what: all
// share what is normal, and what is far more is the first one's doing.
func (s *demoServer) step(c spate.Sample, now time.Time) {
	packets := float64(c.Values[spate.InUcastPkts] + c.Values[spate.InMcastPkts] + c.Values[spate.InBcastPkts])
	sum := [2]float64{float64(c.Values[spate.InOctets]) - demoEthernet*packets, packets}
	before, seconds := s.sum, now.Sub(s.last).Seconds()
	first := s.last.IsZero()
	s.steps++
	s.counted, s.flows, s.sum, s.last = c, nil, sum, now
	if first {
		s.began = now
		return
	}
	if seconds <= 0 {
		return
	}
	flooded := s.normal[0] > 0 && (sum[0]-before[0])/seconds > demoTooMuch*s.normal[0]+demoLittle
	var excess [2]float64
	for q := range sum {
		usual := max(0, sum[q]-before[q])
		switch rate := usual / seconds; {
		case flooded:
			excess[q] = max(0, usual-s.normal[q]*seconds)
			usual -= excess[q]
		case s.normal[q] == 0:
			s.normal[q] = rate
		default:
			s.normal[q] += demoLearns * (rate - s.normal[q])
		}
		for i := range s.users {
			s.users[i].sent[q] += usual * s.users[i].share
		}
		s.users[0].sent[q] += excess[q]
	}
	if flooded {
		s.flows = []host.FlowCount{{UID: s.users[0].uid, Protocol: 17, Dst: netip.MustParseAddr("203.0.113.9"), Port: 53, // RFC 5737
			Octets: uint64(excess[0]), Packets: uint64(excess[1])}}
	}
}

// report is what its agent pushes.
func (s *demoServer) report(interval time.Duration, destinations bool) ([]byte, error) {
	at, up := s.last.UnixMilli(), s.last.Sub(s.began).Milliseconds()+1
	head := host.Header{Version: host.Protocol, Host: s.at.Name, Boot: demoRun, Run: demoRun, At: at, Up: up, IntervalS: interval.Seconds(), Backend: "ebpf", System: "a simulated web server"}
	c := s.counted.Values
	snap := host.Snapshot{At: at, Up: up, Boot: demoRun, Run: demoRun, IntervalS: interval.Seconds(), Interfaces: []host.Interface{{
		Name: "eth0", Index: 2, Type: "ethernetCsmacd", SpeedBps: float64(s.at.Port.Speed), Admin: "up", Oper: "up", MAC: s.at.MAC.String(), IPs: []string{s.at.IP.String()},
		Counters: map[string]uint64{
			"in_octets": c[spate.OutOctets], "out_octets": c[spate.InOctets],
			"in_ucast_pkts": c[spate.OutUcastPkts], "out_ucast_pkts": c[spate.InUcastPkts] + c[spate.InMcastPkts] + c[spate.InBcastPkts],
		},
	}}}
	for i := range s.users {
		u := &s.users[i]
		snap.Users = append(snap.Users, host.UserCount{UID: u.uid, Name: u.name, Octets: uint64(u.sent[0]), Packets: uint64(u.sent[1])})
	}
	if destinations {
		snap.Flows = s.flows
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	if err := enc.Encode(head); err != nil {
		return nil, err
	}
	err := enc.Encode(snap)
	return out.Bytes(), err
}

// serve has the web servers push to Spate until ctx ends, each as often as it is asked.
// ready is closed once each of them knows what is normal.
func (d *demo) serve(ctx context.Context, ready chan<- struct{}) error {
	servers := d.servers
	wait, wishes := make([]time.Duration, len(servers)), make([]host.Answer, len(servers)) // of each server
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		now := d.net.Now() // which brings its counters to the present
		for i, s := range servers {
			if wait[i] -= time.Second; wait[i] > 0 {
				continue
			}
			d.net.Net(func(n *fabric.Net) { s.step(n.Counters(s.at.Port), now) })
			interval := time.Duration(max(1, wishes[i].IntervalS) * float64(time.Second))
			body, err := s.report(interval, wishes[i].Destinations)
			if err != nil {
				return err
			}
			if wishes[i], err = d.site.agents.fleet.Take(ctx, s.at.Name, bytes.NewReader(body)); err != nil {
				return fmt.Errorf("%s pushes: %w", s.at.Name, err)
			}
			wait[i] = time.Duration(wishes[i].IntervalS * float64(time.Second))
		}
		if ready != nil && !slices.ContainsFunc(servers, func(s *demoServer) bool { return s.steps < 2 }) {
			close(ready)
			ready = nil
		}
	}
}
