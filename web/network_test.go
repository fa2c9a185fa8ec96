package web_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"spate"
)

// A network40 is a provider's: 40 devices, about 1,400 ports, names as people
// give them, some trouble.
type network40 struct {
	devices []spate.Device
	rnd     *rand.Rand
	loads   map[spate.PortID]float64
	aliases map[spate.PortID]string
}

func newNetwork() *network40 {
	n := &network40{rnd: rand.New(rand.NewPCG(7, 11)), loads: map[spate.PortID]float64{}, aliases: map[spate.PortID]string{}}
	for i := range 40 {
		name := fmt.Sprintf("sw-acc-%d", i+1)
		switch {
		case i < 2:
			name = fmt.Sprintf("bdr-%d", i+1)
		case i < 4:
			name = fmt.Sprintf("sw-core-%d", i-1)
		case i == 17:
			name = "distribution-switch-of-the-old-building-second-floor-west"
		}
		n.devices = append(n.devices, spate.Device{Name: name, Address: fmt.Sprintf("192.0.2.%d", i+1), Site: []string{"hall-1", "hall-2", "tower"}[i%3]})
	}
	return n
}

func (n *network40) ports(d int) int {
	if d < 4 {
		return 16
	}
	return 37
}

var words = []string{"web-host-17", "uplink-tr-1", "cust-55", "web-host-18", "mgmt", "cdn-1", "cust-412", "web-host-15", "backup", "mail-2", "", "", ""}

// round is one pass over device d.
func (n *network40) round(d int, at time.Time) *spate.Round {
	dev := n.devices[d]
	r := &spate.Round{Device: dev, At: at, Took: time.Duration(8+n.rnd.IntN(60)) * time.Millisecond, Interval: 10 * time.Second, Late: time.Duration(n.rnd.IntN(9)) * time.Millisecond}
	r.System = spate.System{Name: dev.Name + ".example.net", Vendor: "Example Networks", Uptime: 1200 * time.Hour,
		Descr: "Example Networks EX-4848 48-port switch, software version 15.2(7)E4, compiled for the long and detailed description that devices like to give"}
	for i := range n.ports(d) {
		r.Readings = append(r.Readings, n.reading(d, i, at))
	}
	return r
}

func (n *network40) reading(d, i int, at time.Time) spate.Reading {
	dev := n.devices[d]
	p := port(dev.Name, fmt.Sprintf("Gi1/0/%d", i+1), 10101+i)
	if d < 4 {
		p = port(dev.Name, fmt.Sprintf("xe-0/0/%d", i), 500+i)
		p.Speed = 10e9
	}
	p.MAC = fmt.Sprintf("02:00:00:00:%02x:%02x", d, i)
	if _, known := n.loads[p.ID]; !known {
		n.loads[p.ID] = float64(p.Speed) * math.Pow(n.rnd.Float64(), 9) * 0.9
		n.aliases[p.ID] = words[n.rnd.IntN(len(words))]
	}
	p.Alias = n.aliases[p.ID]
	if d == 1 && i == 0 {
		p.Alias = "IP transit, primary, 10G, circuit TR-00417/B, noc@transit.example +49 30 555 0100, ticket 2291-C"
	}
	load := n.loads[p.ID] * (0.95 + 0.1*n.rnd.Float64())
	rd := spate.Reading{Port: p, Rate: rate(at, load, load*0.3)}
	for m := spate.InErrorsPs; m < spate.NumMetrics; m++ {
		rd.Rate.Values[m] = 0
	}
	switch {
	case i%11 == 5:
		p.Oper = spate.StatusDown
		rd.Rate = rate(at, 0, 0)
		clear(rd.Rate.Values[:])
	case i%17 == 9:
		p.Admin, p.Oper = spate.StatusDown, spate.StatusDown
		clear(rd.Rate.Values[:])
	case d == 6 && i == 3:
		rd.Rate, rd.Gap = spate.Rate{}, spate.GapOverSpeed
	case d == 6 && i == 7:
		rd.Rate.Values[spate.InErrorsPs] = 41.3
	case d == 6 && i == 8:
		p.Speed, p.SpeedSource = 0, spate.SpeedUnknown
	}
	return rd
}

// fill brings the board to where it stands after hours: one device silent for
// six minutes, one that has never answered.
func (n *network40) fill(ctx context.Context, accept func(context.Context, *spate.Round), now time.Time) {
	for d := range n.devices {
		switch d {
		case 9:
			accept(ctx, n.round(d, now.Add(-6*time.Minute)))
			for i := range 5 {
				accept(ctx, silent(n.devices[d].Name, now.Add(time.Duration(i-5)*time.Minute)))
			}
		case 31:
			accept(ctx, silent(n.devices[d].Name, now))
		default:
			accept(ctx, n.round(d, now.Add(-time.Duration(d%10)*time.Second)))
		}
	}
}
