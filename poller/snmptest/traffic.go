package snmptest

import (
	"math"
	"time"
)

// A Profile is the traffic of one port as a function of time: two flows, in
// and out, whose rate follows the hour of the day and a faster ripple.
type Profile struct {
	In, Out Flow
}

// A Flow is one direction of a port. Its rate at time t is Octets times a
// shape around 1 that depends on t alone: reading twice gives the same, and
// nothing has to be done in between.
type Flow struct {
	Octets     float64 // mean, per second
	Size       float64 // octets per packet
	Multicast  float64 // share of the packets
	Broadcast  float64 // share of the packets
	Errors     float64 // packets per second
	Discards   float64 // packets per second
	Daily      float64 // how far the day bends the rate, 0..0.7 of the mean
	PeakHour   float64 // UTC hour of the day's peak
	Ripple     float64 // how far the ripple bends it, 0..0.25
	RippleTime float64 // period of the ripple in seconds, of which a day has a whole number; 0 is none
}

const day = 86400.0

// volume is the integral of the shape from start to now, in seconds: how long
// the mean rate takes to bring as much. It never falls, because Daily and
// Ripple together stay below 1, which their ranges promise.
func (f *Flow) volume(start, now time.Time) float64 {
	from := secondOfDay(start)
	to := from + now.Sub(start).Seconds()
	return to - from + f.wave(to) - f.wave(from)
}

func secondOfDay(t time.Time) float64 {
	return float64(t.Unix()%86400) + float64(t.Nanosecond())/1e9
}

// wave is the integral of the shape without its mean.
func (f *Flow) wave(t float64) float64 {
	w := 2 * math.Pi / day
	sum := f.Daily / w * math.Sin(w*(t-f.PeakHour*3600))
	if f.RippleTime > 0 {
		w *= math.Round(day / f.RippleTime)
		sum += f.Ripple / w * math.Sin(w*t)
	}
	return sum
}

// Shape is the rate at t as a multiple of the mean.
func (f *Flow) Shape(t time.Time) float64 {
	s := secondOfDay(t)
	shape := 1 + f.Daily*math.Cos(2*math.Pi/day*(s-f.PeakHour*3600))
	if f.RippleTime > 0 {
		shape += f.Ripple * math.Cos(2*math.Pi/day*math.Round(day/f.RippleTime)*s)
	}
	return shape
}

// meter is a flow that is read: the columns of one row, which come in one
// request, need its volume once.
type meter struct {
	Flow
	start, now time.Time
	volume     float64
}

// count is what a counter with this mean per second has reached.
func (f *meter) count(perSecond float64, m Moment) uint64 {
	if perSecond <= 0 || !m.Now.After(m.Start) {
		return 0
	}
	if f.now != m.Now || f.start != m.Start {
		f.start, f.now, f.volume = m.Start, m.Now, f.Flow.volume(m.Start, m.Now)
	}
	return uint64(perSecond * f.volume)
}

// packets is the mean of all packets per second.
func (f *Flow) packets() float64 {
	if f.Size <= 0 {
		return 0
	}
	return f.Octets / f.Size
}

// unicast is the mean of unicast packets per second.
func (f *Flow) unicast() float64 { return f.packets() * (1 - f.Multicast - f.Broadcast) }

// seeded draws a port's traffic: a few busy ports, many quiet ones, as on a
// real switch. The same seed gives the same traffic.
func seeded(d *dice, speed, load float64) Profile {
	var p Profile
	for _, f := range [...]*Flow{&p.In, &p.Out} {
		share := load * math.Exp(1.2*d.normal()-0.72) // log-normal with mean load
		*f = Flow{
			Octets: speed / 8 * min(share, 0.5), Size: 200 + 1100*d.float(),
			Multicast: 0.01 * d.float(), Broadcast: 0.004 * d.float(),
			Daily: 0.3 + 0.4*d.float(), PeakHour: 12 + 8*d.float(),
			Ripple: 0.05 + 0.2*d.float(), RippleTime: 60 + 840*d.float(),
		}
		if d.float() < 0.05 {
			f.Errors, f.Discards = 0.2*d.float(), 2*d.float()
		}
	}
	return p
}

// dice are reproducible random numbers (SplitMix64).
type dice struct{ state uint64 }

func (d *dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// float is in [0, 1).
func (d *dice) float() float64 { return float64(d.next()>>11) / (1 << 53) }

// normal has mean 0 and deviation 1 (Box-Muller).
func (d *dice) normal() float64 {
	return math.Sqrt(-2*math.Log(1-d.float())) * math.Cos(2*math.Pi*d.float())
}
