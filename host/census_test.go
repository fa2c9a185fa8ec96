package host_test

import (
	"testing"
	"time"

	"spate/host"
)

// Four thousand users send, others are the greatest each time, some vanish and come back
// with counters that begin anew, and one counter goes down: what is told of the few and
// the rest is at each reading what all have sent.
func TestFewStandForAll(t *testing.T) {
	const users, great = 4000, 40
	take := host.NewCensus()
	all, gone, told := map[uint32]host.Tally{}, map[uint32]bool{}, map[uint32]host.Tally{}
	var others host.Tally
	for i := range 120 {
		truth := host.Tally{}
		send := func(uid uint32, octets uint64) {
			all[uid] = host.Tally{Octets: all[uid].Octets + octets, Packets: all[uid].Packets + 1}
			truth = host.Tally{Octets: truth.Octets + octets, Packets: truth.Packets + 1}
		}
		for uid := range gone {
			delete(gone, uid)
		}
		for k := range great / 4 { // of the greatest of the last reading
			if uid := uint32(((i-1)*great + k) % users); i > 0 && i%3 == 0 {
				gone[uid] = true
				delete(all, uid)
			}
		}
		if i%10 == 9 {
			delete(all, 7) // and is back at once, at less than before
		}
		for uid := range uint32(users) {
			if !gone[uid] {
				send(uid, 100)
			}
		}
		for k := range great {
			if uid := uint32((i*great + k) % users); !gone[uid] {
				send(uid, 1_000_000)
			}
		}
		named, other := take(time.Duration(i)*10*time.Second, all)
		sum := host.Tally{Octets: other.Octets - others.Octets, Packets: other.Packets - others.Packets}
		others = host.Tally{Octets: other.Octets, Packets: other.Packets}
		listed := map[uint32]host.Tally{}
		for _, u := range named {
			now, was := host.Tally{Octets: u.Octets, Packets: u.Packets}, told[u.UID]
			if u.From != nil {
				was = host.Tally{Octets: u.From[0], Packets: u.From[1]}
			}
			if now.Octets < was.Octets {
				was = host.Tally{}
			}
			sum = host.Tally{Octets: sum.Octets + now.Octets - was.Octets, Packets: sum.Packets + now.Packets - was.Packets}
			listed[u.UID] = now
		}
		told = listed
		if sum != truth {
			t.Fatalf("reading %d: %+v is told, %+v was sent", i, sum, truth)
		}
		if len(named) > 256 {
			t.Fatalf("reading %d names %d users", i, len(named))
		}
		for k := range great {
			if uid := uint32((i*great + k) % users); !gone[uid] && listed[uid] == (host.Tally{}) {
				t.Fatalf("reading %d does not name %d, who sent most", i, uid)
			}
		}
	}
}
