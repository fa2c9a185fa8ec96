package poller

import (
	"cmp"
	"fmt"

	"spate"
)

// speedOf resolves a port's speed: the operator's word, ifHighSpeed, ifSpeed. A
// type whose ifSpeed is a convention has none (net-snmp: lo is 10 Mb/s).
func speedOf(p *spate.Port, r *raw, override map[string]spate.BitRate) (spate.BitRate, spate.SpeedSource) {
	if s, ok := override[p.ID.Name]; ok {
		return s, spate.SpeedFromConfig
	}
	switch {
	case spate.NominalSpeed(p.Type):
		return 0, spate.SpeedUnknown
	case r.highSpeed > 0 && spate.BitRate(r.highSpeed)*1e6 <= maxSpeed:
		return spate.BitRate(r.highSpeed) * 1e6, spate.SpeedFromIfHighSpeed
	case r.speed > 0 && r.speed < 1<<32-1: // 2^32-1: more than it can say (RFC 2863)
		return spate.BitRate(r.speed), spate.SpeedFromIfSpeed
	}
	return 0, spate.SpeedUnknown
}

// maxSpeed is the fastest Ethernet there is (IEEE 802.3df); more is nonsense.
const maxSpeed spate.BitRate = 1.6e12

// nameRows gives every row its name: ifName, ifDescr where that is empty,
// if<ifIndex> where both are. Rows that share a name each get #ifIndex, but the
// one that had the plain name before keeps it.
func nameRows(rows []*raw, known map[string]int) []string {
	plain, shared := make([]string, len(rows)), map[string]int{}
	for i, r := range rows {
		plain[i] = cmp.Or(r.name, r.descr, fmt.Sprintf("if%d", r.index))
		shared[plain[i]]++
	}
	taken := map[string]bool{}
	for _, n := range plain {
		taken[n] = true
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = plain[i]
		if before, had := known[plain[i]]; shared[plain[i]] > 1 && !(had && before == r.index) {
			out[i] = fmt.Sprintf("%s#%d", plain[i], r.index)
			for taken[out[i]] { // a port that is really called so
				out[i] += "#"
			}
			taken[out[i]] = true
		}
	}
	return out
}
