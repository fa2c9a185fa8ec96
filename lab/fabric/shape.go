package fabric

import (
	"math/rand/v2"
	"time"
)

// A Shape says how large a network is and what is missing in it.
type Shape struct {
	Seed    uint64
	Start   time.Time     // the network's clock begins here
	Step    time.Duration // traffic changes so often; 0 is 10 s
	Borders int           // routers with two external ports each
	Cores   int           // the first routes between VLANs, the second stands by
	Pods    int           // distribution switches
	Access  int           // access switches in each pod
	Ports   int           // access ports of each
	Fill    float64       // share of access ports with a host behind
	Bundles bool          // uplinks are bundles of two
	Small   int           // unmanaged switches, with 3 to 8 hosts each
	Dark    int           // access switches that nobody polls
	NoLLDP  float64       // share of links where neither end announces itself
}

// Small5 is a network of five switches.
func Small5(seed uint64) Shape {
	return Shape{Seed: seed, Start: monday, Borders: 1, Cores: 1, Pods: 1, Access: 2, Ports: 24, Fill: 0.8, Small: 1}
}

// Medium50 is a network of fifty switches with bundles, unmanaged switches and
// one device that is not polled.
func Medium50(seed uint64) Shape {
	return Shape{Seed: seed, Start: monday, Borders: 1, Cores: 1, Pods: 4, Access: 11, Ports: 24, Fill: 0.8, Bundles: true, Small: 6, Dark: 1}
}

// Large500 is a network of five hundred switches.
func Large500(seed uint64) Shape {
	return Shape{Seed: seed, Start: monday, Borders: 2, Cores: 2, Pods: 16, Access: 30, Ports: 24, Fill: 0.8, Bundles: true, Small: 60, Dark: 8}
}

// monday is a Monday at midnight: weeks of the baseline begin with it.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func (s Shape) dice(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(s.Seed, stream)) }
