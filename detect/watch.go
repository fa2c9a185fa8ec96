package detect

import (
	"math"
	"sync"
	"time"

	"spate"
)

// Config of room detect.
type Config struct {
	FloorPercent float64        // of a port's speed: less above the usual is never unusual
	Zone         *time.Location // the site's: hours of the week are people's
}

// DefaultConfig is what the config file says where it is silent.
func DefaultConfig() Config { return Config{FloorPercent: 2, Zone: time.Local} }

const (
	leastFloorBps = 2e6   // bits per second
	leastFloorPps = 3e3   // packets per second
	unknownSpeed  = 100e6 // least that a port without a speed is taken to carry, b/s
	unitBps       = 256.0 // code 0
	unitPps       = 1.0
	frameOnWire   = 84 * 8 // bits of the smallest frame with preamble and gap (IEEE 802.3)
)

// A Watch is the memory of all ports of a site. It asks no clock: rounds tell it.
// Methods may be called from many goroutines; rounds of one device come in order.
type Watch struct {
	cfg     Config
	mu      sync.RWMutex
	devices map[string]*deviceMemory
}

// New makes a Watch that has seen nothing.
func New(cfg Config) *Watch {
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	return &Watch{cfg: cfg, devices: map[string]*deviceMemory{}}
}

// deviceMemory is one device's ports.
type deviceMemory struct {
	mu     sync.Mutex
	ports  map[string]*portMemory
	frozen map[string]bool // ports that belong to an open incident; nil: none
}

// portMemory is one port: a series for each metric that has a baseline.
type portMemory struct {
	series [spate.NumUsual]Series
	habits habits
	burst  *gathered // rates of short windows that wait to make a usual one
	mark   *spate.Mark
	marked spate.Metric // what the mark is of
}

// gathered are the rates of short windows.
type gathered struct {
	from  time.Time
	secs  float64
	sum   [spate.NumUsual]float64
	known [spate.NumUsual]float64 // s that had a rate
}

// Judge takes one round and says what each port carries beyond its usual. A round
// that brought nothing gives nothing: unreachable is not silent.
func (w *Watch) Judge(r *spate.Round) []spate.Excess {
	if r.Err != nil || len(r.Readings) == 0 {
		return nil
	}
	d := w.device(r.Device.Name)
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]spate.Excess, 0, len(r.Readings))
	hours := hoursOf(w.cfg.Zone)
	for i := range r.Readings {
		rd := &r.Readings[i]
		if rd.Port == nil || rd.Gap == "" && rd.Rate.Over == 0 {
			continue // nothing new of this port
		}
		p := d.ports[rd.Port.ID.Name]
		if p == nil {
			p = &portMemory{}
			d.ports[rd.Port.ID.Name] = p
		}
		out = append(out, p.judge(r, rd, w.cfg, hours, d.frozen[rd.Port.ID.Name]))
	}
	return out
}

func (w *Watch) device(name string) *deviceMemory {
	w.mu.RLock()
	d := w.devices[name]
	w.mu.RUnlock()
	if d != nil {
		return d
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if d = w.devices[name]; d == nil {
		d = &deviceMemory{ports: map[string]*portMemory{}}
		w.devices[name] = d
	}
	return d
}

// Retain forgets the devices that are polled no longer.
func (w *Watch) Retain(names map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.devices {
		if !names[name] {
			delete(w.devices, name)
		}
	}
}

// Freeze names the ports that belong to open incidents: they learn nothing until
// they are named no longer.
func (w *Watch) Freeze(ports []spate.PortID) {
	byDevice := map[string]map[string]bool{}
	for _, id := range ports {
		if byDevice[id.Device] == nil {
			byDevice[id.Device] = map[string]bool{}
		}
		byDevice[id.Device][id.Name] = true
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	for name, d := range w.devices {
		d.mu.Lock()
		d.frozen = byDevice[name]
		d.mu.Unlock()
	}
}

// Page notes that what is unusual of these ports was told to people: it is not
// learned when it is over.
func (w *Watch) Page(ports []spate.PortID) {
	w.each(ports, func(s *Series) { s.Page() })
}

// Accept learns what these ports did: an operator has called it expected.
func (w *Watch) Accept(ports []spate.PortID) {
	w.each(ports, func(s *Series) { s.Accept() })
}

// Reject forgets what these ports did today: an operator has called it an attack.
func (w *Watch) Reject(ports []spate.PortID) {
	w.each(ports, func(s *Series) { s.Reject() })
}

func (w *Watch) each(ports []spate.PortID, do func(*Series)) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, id := range ports {
		d := w.devices[id.Device]
		if d == nil {
			continue
		}
		d.mu.Lock()
		if p := d.ports[id.Name]; p != nil {
			for m := range p.series {
				do(&p.series[m])
			}
		}
		d.mu.Unlock()
	}
}

// hoursOf gives the hour of the week, 0 is the first of Monday, and the number of
// the day in a zone. A day has one number whatever the clocks do in it, and the
// hour that is there twice in autumn is learned twice.
func hoursOf(zone *time.Location) func(at time.Time) (hour, day int) {
	return func(at time.Time) (hour, day int) {
		t := at.In(zone)
		y, m, d := t.Date()
		day = int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
		return (int(t.Weekday())+6)%7*24 + t.Hour(), day
	}
}

// limits are what the port can do in bits or packets. Where no speed is known, the
// port's own record stands in for it.
func (p *portMemory) limits(port *spate.Port, m spate.Metric, percent float64) Limits {
	speed := float64(port.Speed)
	known := speed > 0 && port.SpeedSource != spate.SpeedUnknown && port.SpeedSource != ""
	l := Limits{Unit: unitBps}
	if !m.IsBits() {
		l.Unit = unitPps
	}
	base := speed
	if !known {
		base = max(p.most(), unknownSpeed)
	}
	least := leastFloorBps
	if !m.IsBits() {
		base, least, speed = base/frameOnWire, leastFloorPps, speed/frameOnWire
	}
	l.Floor = math.Max(least, percent/100*base)
	if known {
		l.Speed = speed
	}
	return l
}

// most is the highest rate that the port has kept up, b/s.
func (p *portMemory) most() float64 {
	most := uint16(0)
	for m := range 2 {
		most = max(most, p.series[m].record[0])
	}
	return unitBps * math.Exp2(float64(most)/octave)
}
