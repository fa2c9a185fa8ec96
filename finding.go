package spate

import "time"

// A Finding is one flood as far as it can be told now: what room suspect says of
// the excesses and room incident makes an [Incident] of.
type Finding struct {
	Kind     IncidentKind
	Bits     bool      // traced by bits, else by packets
	Onset    time.Time // estimated
	At       time.Time // end of the newest window that speaks for it
	Origins  []Suspect // largest first
	RunnerUp []Suspect
	Path     []Hop // from the first origin to where it leaves, in before out
	Victims  []PortID
	Seeds    []PortID // marked ports that belong to it
	Evidence []Evidence
	Impact   Impact
}

// A Suspect is a port that may be an origin.
type Suspect struct {
	Port       *Port
	Confidence float64 // 0..1
	External   bool
	OverBps    float64 // excess that comes in, bits per second
	OverPps    float64
	RateBps    float64
	RatePps    float64
	UsualBps   float64 // NaN: no baseline yet
	UsualPps   float64
	FloorBps   float64 // less above the usual is never unusual
	FloorPps   float64
	Factor     float64 // of what comes in, the usual raised to the floor; NaN: none
	Onset      time.Time
	Note       string // why the trace ended here, where it is not the edge
}

// Impact is what makes a flood worth a page.
type Impact struct {
	PortShare   float64 // excess as a share of the line rate of the port it comes in by, or of the one it leaves by
	UplinkShare float64 // largest share of an uplink on the path
	UplinkFull  float64 // how full the fullest uplink on the path is, 0..1
	SmallFrames bool    // mean packet of the excess under 128 octets
	OneWay      bool    // hardly a packet comes back
	TwoWay      bool    // packets come back as in a transfer
	Broadcast   bool    // most of the excess is broadcast or multicast
	Replicated  int     // edge ports that it leaves by
	Discards    bool    // a port on the path drops
}

// Ports are all that a finding touches: their baselines learn nothing of it.
func (f *Finding) Ports() []PortID {
	seen := map[PortID]bool{}
	var out []PortID
	add := func(id PortID) {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	for i := range f.Origins {
		add(f.Origins[i].Port.ID)
	}
	for _, h := range f.Path {
		add(PortID{Device: h.Device, Name: h.Port})
	}
	for _, list := range [][]PortID{f.Seeds, f.Victims} {
		for _, id := range list {
			add(id)
		}
	}
	return out
}
