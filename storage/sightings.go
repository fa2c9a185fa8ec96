package storage

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"spate"
)

// Buckets of the history of hosts: who is where now, by MAC; who was, by port and
// the time until which; and the ports a MAC was on, by the time since when.
var (
	hostsNowBucket   = []byte("hosts_now")
	hostsPastBucket  = []byte("hosts_past")
	hostsMovesBucket = []byte("hosts_moves")
)

// A Sighting is a host on a port for a while.
type Sighting struct {
	MAC   spate.MAC    `json:"-"`
	Port  spate.PortID `json:"port"`
	VLAN  int          `json:"vlan,omitempty"`
	IPs   []netip.Addr `json:"ips,omitempty"`
	Name  string       `json:"name,omitempty"`
	Since time.Time    `json:"since"` // on this port
	Until time.Time    `json:"until"` // when it was last seen there
	First time.Time    `json:"first"` // anywhere
	Moves int          `json:"moves,omitempty"`
}

const (
	seenEvery = 30 * time.Minute // how old Until of a host that stays may be on disk
	goneFor   = time.Hour        // a host unseen so long is in the past
	mostPast  = 1000             // sightings of one answer
)

// Sightings keep a year of who was where. Methods may be called from many
// goroutines; Keep by one at a time.
type Sightings struct {
	state *State
	mu    sync.RWMutex
	now   map[spate.MAC]*Sighting
	saved map[spate.MAC]time.Time // Until as on disk
}

// Sightings opens the history of hosts.
func (s *State) Sightings() (*Sightings, error) {
	h := &Sightings{state: s, now: map[spate.MAC]*Sighting{}, saved: map[spate.MAC]time.Time{}}
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(hostsNowBucket).ForEach(func(k, v []byte) error {
			mac, ok := spate.MACOf(k)
			x, err := decodeSighting(v)
			if !ok || err != nil {
				return nil // one that cannot be read is seen anew
			}
			x.MAC = mac
			h.now[mac], h.saved[mac] = x, x.Until
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("state: history of hosts: %w", err)
	}
	s.sightings.Store(h)
	return h, nil
}

func decodeSighting(v []byte) (*Sighting, error) {
	var x Sighting
	if err := json.Unmarshal(v, &x); err != nil {
		return nil, err
	}
	if x.Port.Device == "" || x.Since.IsZero() || x.Until.Before(x.Since) {
		return nil, fmt.Errorf("a sighting without port or time")
	}
	return &x, nil
}

// All are the hosts as last seen, in no order.
func (h *Sightings) All() []Sighting {
	h.mu.RLock()
	defer h.mu.RUnlock()
	out := make([]Sighting, 0, len(h.now))
	for _, x := range h.now {
		out = append(out, *x)
	}
	return out
}

// Keep notes where hosts are at a time. What has not changed costs nothing but a
// line each half hour.
func (h *Sightings) Keep(hosts []spate.Host, at time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var changed, past []*Sighting
	for i := range hosts {
		if at.Sub(hosts[i].SeenAt) > goneFor {
			continue
		}
		if was, now := h.note(&hosts[i]); was != nil || now != nil {
			if was != nil {
				past = append(past, was)
			}
			if now != nil {
				changed = append(changed, now)
			}
		}
	}
	var gone []spate.MAC
	for mac, x := range h.now {
		if at.Sub(x.Until) > goneFor {
			past, gone = append(past, x), append(gone, mac)
		}
	}
	if len(changed)+len(past) == 0 {
		return nil
	}
	err := h.state.db.Update(func(tx *bolt.Tx) error { return write(tx, changed, past, gone) })
	if err != nil {
		return fmt.Errorf("state: history of hosts: %w", err)
	}
	for _, mac := range gone {
		delete(h.now, mac)
		delete(h.saved, mac)
	}
	for _, x := range changed {
		h.saved[x.MAC] = x.Until
	}
	return nil
}

// note is what a host's being seen changes: what is now in the past, and what is
// to be written of the present.
func (h *Sightings) note(host *spate.Host) (past, now *Sighting) {
	x := h.now[host.MAC]
	switch {
	case x == nil:
		x = &Sighting{MAC: host.MAC, Since: host.SeenAt, First: host.SeenAt}
	case x.Port != host.Port:
		past = x
		x = &Sighting{MAC: host.MAC, Since: host.SeenAt, First: x.First, Moves: x.Moves + 1}
	case host.SeenAt.Sub(h.saved[host.MAC]) < seenEvery && slices.Equal(x.IPs, host.IPs):
		x.Until = host.SeenAt
		return nil, nil
	default:
		was := *x
		x = &was
	}
	x.Port, x.VLAN, x.IPs, x.Name, x.Until = host.Port, host.VLAN, host.IPs, host.Name, host.SeenAt
	h.now[host.MAC] = x
	return past, x
}

func write(tx *bolt.Tx, changed, past []*Sighting, gone []spate.MAC) error {
	now, was, moves := tx.Bucket(hostsNowBucket), tx.Bucket(hostsPastBucket), tx.Bucket(hostsMovesBucket)
	for _, x := range changed {
		v, err := json.Marshal(x)
		if err != nil {
			return err
		}
		if err := now.Put(x.MAC[:], v); err != nil {
			return err
		}
	}
	for _, x := range past {
		v, err := json.Marshal(x)
		if err != nil {
			return err
		}
		key := append(timeKey(portKey(x.Port), x.Until), x.MAC[:]...)
		if err := was.Put(key, v); err != nil {
			return err
		}
		if err := moves.Put(timeKey(slices.Clone(x.MAC[:]), x.Until), key); err != nil {
			return err
		}
	}
	for _, mac := range gone {
		if err := now.Delete(mac[:]); err != nil {
			return err
		}
	}
	return nil
}

func portKey(id spate.PortID) []byte {
	return append(append(append([]byte(id.Device), 0), id.Name...), 0)
}

func timeKey(prefix []byte, at time.Time) []byte {
	return binary.BigEndian.AppendUint64(prefix, uint64(at.UnixMilli()))
}

// At are the hosts that were on a port at a time, newest first; at most 1,000.
func (h *Sightings) At(id spate.PortID, at time.Time) ([]Sighting, error) {
	h.mu.RLock()
	var out []Sighting
	for _, x := range h.now {
		if x.Port == id && !x.Since.After(at) {
			out = append(out, *x)
		}
	}
	h.mu.RUnlock()
	err := h.state.db.View(func(tx *bolt.Tx) error {
		prefix := portKey(id)
		c := tx.Bucket(hostsPastBucket).Cursor()
		for k, v := c.Seek(timeKey(slices.Clone(prefix), at)); bytes.HasPrefix(k, prefix) && len(out) < mostPast; k, v = c.Next() {
			if x := pastOf(k, v); x != nil && !x.Since.After(at) {
				out = append(out, *x)
			}
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Sighting) int { return b.Until.Compare(a.Until) })
	return out, err
}

// Of are the ports that a host was on, newest first; at most 1,000.
func (h *Sightings) Of(mac spate.MAC) ([]Sighting, error) {
	var out []Sighting
	err := h.state.db.View(func(tx *bolt.Tx) error {
		was := tx.Bucket(hostsPastBucket)
		c := tx.Bucket(hostsMovesBucket).Cursor()
		for k, key := c.Seek(mac[:]); bytes.HasPrefix(k, mac[:]) && len(out) < mostPast; k, key = c.Next() {
			if x := pastOf(key, was.Get(key)); x != nil {
				out = append(out, *x)
			}
		}
		return nil
	})
	h.mu.RLock()
	if x := h.now[mac]; x != nil {
		out = append(out, *x)
	}
	h.mu.RUnlock()
	slices.SortFunc(out, func(a, b Sighting) int { return b.Until.Compare(a.Until) })
	return out, err
}

// pastOf reads a sighting of the past; nil for what cannot be read.
func pastOf(key, v []byte) *Sighting {
	if len(key) < 6 || v == nil {
		return nil
	}
	x, err := decodeSighting(v)
	if err != nil {
		return nil
	}
	x.MAC, _ = spate.MACOf(key[len(key)-6:])
	return x
}

// Prune forgets what ended before a time.
func (h *Sightings) Prune(before time.Time) error {
	return h.state.db.Update(func(tx *bolt.Tx) error {
		was, moves := tx.Bucket(hostsPastBucket), tx.Bucket(hostsMovesBucket)
		c := moves.Cursor()
		for k, key := c.First(); k != nil; k, key = c.Next() {
			if len(k) != 14 || int64(binary.BigEndian.Uint64(k[6:])) >= before.UnixMilli() {
				continue
			}
			if err := was.Delete(key); err != nil {
				return err
			}
			if err := c.Delete(); err != nil {
				return err
			}
		}
		return nil
	})
}
