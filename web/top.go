package web

import (
	"cmp"
	"container/heap"
	"math"
	"time"

	"github.com/gin-gonic/gin"

	"spate"
)

// rankings are the words of by=.
var rankings = []string{"factor", "bps", "in_bps", "out_bps", "pps", "in_pps", "out_pps", "bcast", "errors"}

// rank is the figure a port is sorted by; NaN where there is none.
func rank(by string, rd *spate.Reading) float64 {
	r := &rd.Rate
	v := &r.Values
	switch by {
	case "factor":
		if rd.Excess == nil {
			return math.NaN()
		}
		factor, _ := rd.Excess.Factor()
		return factor
	case "bps":
		return float64(r.Bits())
	case "in_bps":
		return v[spate.InBps]
	case "out_bps":
		return v[spate.OutBps]
	case "pps":
		return float64(r.Packets())
	case "in_pps":
		return v[spate.InPps]
	case "out_pps":
		return v[spate.OutPps]
	case "bcast":
		return sum(v[spate.InBcastPps], v[spate.InMcastPps])
	case "errors":
		return sum(v[spate.InErrorsPs], v[spate.OutErrorsPs], v[spate.InDiscardsPs], v[spate.OutDiscardsPs])
	}
	return math.NaN()
}

// sum adds what is known; NaN where nothing is.
func sum(all ...float64) float64 {
	total := math.NaN()
	for _, v := range all {
		switch {
		case math.IsNaN(v):
		case math.IsNaN(total):
			total = v
		default:
			total += v
		}
	}
	return total
}

// A ranked port, with the figures it is sorted by.
type ranked struct {
	portView
	by, bits float64
}

// before tells whether a stands above b: the larger figure first, unknown last,
// then by bits, then by name so that equal ports do not jump.
func (a *ranked) before(b *ranked) bool {
	if c := cmp.Or(largerFirst(a.by, b.by), largerFirst(a.bits, b.bits)); c != 0 {
		return c < 0
	}
	return cmp.Or(cmp.Compare(a.device.Name, b.device.Name), cmp.Compare(a.Port.IfIndex, b.Port.IfIndex)) < 0
}

// largerFirst compares so that NaN, which cmp.Compare puts lowest, comes last.
func largerFirst(a, b float64) int { return cmp.Compare(b, a) }

// lowestFirst is a heap whose root is the weakest of the ports kept.
type lowestFirst []ranked

func (h lowestFirst) Len() int           { return len(h) }
func (h lowestFirst) Less(i, j int) bool { return h[j].before(&h[i]) }
func (h lowestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lowestFirst) Push(x any)        { *h = append(*h, x.(ranked)) }
func (h *lowestFirst) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// top is the n first ports, best first. keep says which count.
func (b *Board) top(by string, n int, now time.Time, keep func(portView) bool) []ranked {
	return b.topBy(func(rd *spate.Reading) float64 { return rank(by, rd) }, n, now, keep)
}

// topBy is top by a figure of the caller's.
func (b *Board) topBy(figure func(*spate.Reading) float64, n int, now time.Time, keep func(portView) bool) []ranked {
	var h lowestFirst
	for v := range b.devices {
		for i := range v.readings {
			p := ranked{portView: portView{v, &v.readings[i], now}, by: math.NaN(), bits: math.NaN()}
			if v.fresh(p.Reading, now) {
				p.by, p.bits = figure(p.Reading), float64(p.Rate.Bits())
			}
			switch {
			case len(h) == n && !p.before(&h[0]), !keep(p.portView):
			case len(h) < n:
				heap.Push(&h, p)
			default:
				h[0] = p
				heap.Fix(&h, 0)
			}
		}
	}
	best := make([]ranked, len(h))
	for i := len(h) - 1; i >= 0; i-- {
		best[i] = heap.Pop(&h).(ranked)
	}
	return best
}

// countedOnce leaves out ports whose octets another port counts too.
func countedOnce(p portView) bool { return !p.Port.HighLayer }

func everyPort(portView) bool { return true }

func (s *Server) listTop(c *gin.Context) error {
	q := c.Request.URL.Query()
	by, err := wordParam(q, "by", rankings...)
	if err != nil {
		return err
	}
	n, err := intParam(q, "n", 20, 1, 1000)
	if err != nil {
		return err
	}
	all, err := wordParam(q, "all", "0", "1")
	if err != nil {
		return err
	}
	keep := countedOnce
	if all == "1" {
		keep = everyPort
	}
	best := func() []portJSON {
		best, network := s.board.top(by, n, time.Now(), keep), s.network()
		list := make([]portJSON, len(best))
		for i := range best {
			list[i] = best[i].json()
			surround(&list[i], network, best[i].Port.ID)
		}
		return list
	}
	if wantsCSV(c) {
		return s.writePortsCSV(c, best(), "")
	}
	return s.writeList(c, n, func() any {
		return struct {
			Ports []portJSON `json:"ports"`
		}{best()}
	})
}
