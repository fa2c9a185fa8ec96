package storage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"spate"
)

// namesBucket holds one record: which names devices had, and are to have.
var (
	namesBucket = []byte("names")
	namesKey    = []byte("names")
)

// A Renaming is a device that gets another name.
type Renaming struct {
	From    string    `json:"from"`
	To      string    `json:"to"`
	Address string    `json:"address,omitempty"` // of the device when it was asked for
	At      time.Time `json:"at"`                // when it was asked for or done
}

// Renamings are all there have been.
type Renamings struct {
	Names   spate.Names `json:"names,omitempty"`
	Waiting []Renaming  `json:"waiting,omitempty"` // for the old name to leave the config
	Undone  []Renaming  `json:"undone,omitempty"`  // outside of state.db, where a file still has the old name; oldest first
}

// All are the names by which history is found: that of a device that waits for its new
// name by both.
func (r *Renamings) All() spate.Names {
	all := r.Names
	for _, w := range r.Waiting {
		all = all.Lend(w.From, w.To)
	}
	return all
}

// Renamings reads them.
func (s *State) Renamings() (r Renamings, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		r, err = renamings(tx)
		return err
	})
	return r, err
}

func renamings(tx *bolt.Tx) (r Renamings, err error) {
	if b := tx.Bucket(namesBucket).Get(namesKey); b != nil {
		if err := json.Unmarshal(b, &r); err != nil {
			return r, fmt.Errorf("state: the former names of devices are damaged (%w): restore state.db from a backup", err)
		}
	}
	return r, nil
}

// changeNames changes them, with whatever else belongs to it.
func (s *State) changeNames(what string, f func(tx *bolt.Tx, r *Renamings) error) error {
	err := s.db.Update(func(tx *bolt.Tx) error {
		r, err := renamings(tx)
		if err != nil {
			return err
		}
		if err := f(tx, &r); err != nil {
			return err
		}
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return tx.Bucket(namesBucket).Put(namesKey, b)
	})
	if err != nil {
		return fmt.Errorf("state: %s: %w", what, reason(err))
	}
	return nil
}

// Await notes that a device is to get another name, in place of what was noted of it.
func (s *State) Await(w Renaming) error {
	return s.changeNames("note the new name of "+w.From, func(_ *bolt.Tx, r *Renamings) error {
		r.drop(w.From)
		r.Waiting = append(r.Waiting, w)
		return nil
	})
}

// Withdraw forgets that a device is to get another name.
func (s *State) Withdraw(from string) error {
	return s.changeNames("forget the new name of "+from, func(_ *bolt.Tx, r *Renamings) error { r.drop(from); return nil })
}

func (r *Renamings) drop(from string) {
	r.Waiting = slices.DeleteFunc(r.Waiting, func(w Renaming) bool { return w.From == from })
}

// Done forgets what was still to be done outside.
func (s *State) Done() error {
	return s.changeNames("forget what is renamed", func(_ *bolt.Tx, r *Renamings) error { r.Undone = nil; return nil })
}

// Rename gives everything that is kept of a device to its new name, all or nothing: the
// inventory, changes, sightings, incidents, and where its rates are found, which until
// at are stored under the old name. Where the new name has something of its own the two
// are joined.
func (s *State) Rename(from, to string, at time.Time) error {
	h := s.sightings.Load()
	if h != nil {
		h.mu.Lock() // what it writes meanwhile would have the old name
		defer h.mu.Unlock()
	}
	err := s.changeNames("rename "+from, func(tx *bolt.Tx, r *Renamings) error {
		r.drop(from)
		r.Names = r.Names.Rename(from, to, at)
		r.Undone = append(r.Undone, Renaming{From: from, To: to, At: at})
		for _, move := range []func(tx *bolt.Tx, from, to string) error{s.renameRecord, renameChanges, renameHosts, renamePast} {
			if err := move(tx, from, to); err != nil {
				return err
			}
		}
		return renameIncidents(tx, from, to, at)
	})
	if err == nil && h != nil {
		for _, x := range h.now {
			if x.Port.Device == from {
				x.Port.Device = to
			}
		}
	}
	return err
}

// renameRecord joins the two records of the inventory.
func (s *State) renameRecord(tx *bolt.Tx, from, to string) error {
	b := tx.Bucket(devicesBucket)
	stored := b.Get([]byte(from))
	if stored == nil {
		return nil
	}
	old, err := decodeDevice(stored)
	if err != nil {
		s.log.Warn("stored device not readable, forgotten as it is renamed", "device", from, "err", err)
		return b.Delete([]byte(from))
	}
	old.Device.Name = to
	for i := range old.Ports {
		old.Ports[i].Port.ID.Device = to
	}
	if now, err := decodeDevice(b.Get([]byte(to))); err == nil {
		if old.FirstSeen.IsZero() || !now.FirstSeen.IsZero() && now.FirstSeen.Before(old.FirstSeen) {
			old.FirstSeen = now.FirstSeen
		}
		old = joined(&old, &now)
	}
	v, err := encodeDevice(&old)
	if err != nil {
		return err
	}
	if err := b.Put([]byte(to), v); err != nil {
		return err
	}
	return b.Delete([]byte(from))
}

// joined is the newer of two records of one device, with what only the older one knows.
func joined(old, now *DeviceRecord) DeviceRecord {
	out := merged(old, now)
	if len(out.Limits) == 0 {
		out.Limits = old.Limits
	}
	return out
}

// pairs are the records whose keys begin with prefix; what is read may be changed then.
func pairs(b *bolt.Bucket, prefix []byte) (out [][2][]byte) {
	c := b.Cursor()
	for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		out = append(out, [2][]byte{bytes.Clone(k), bytes.Clone(v)})
	}
	return out
}

// rekey is a key under the new name; keys of devices begin with name and NUL.
func rekey(key []byte, from, to string) []byte {
	return append([]byte(to), key[len(from):]...)
}

func renameChanges(tx *bolt.Tx, from, to string) error {
	b := tx.Bucket(changesBucket)
	for _, kv := range pairs(b, append([]byte(from), 0)) {
		if err := b.Put(rekey(kv[0], from, to), kv[1]); err != nil {
			return err
		}
		if err := b.Delete(kv[0]); err != nil {
			return err
		}
	}
	return nil
}

// renameHosts is of those that are somewhere now.
func renameHosts(tx *bolt.Tx, from, to string) error {
	b := tx.Bucket(hostsNowBucket)
	for _, kv := range pairs(b, nil) {
		x, err := decodeSighting(kv[1])
		if err != nil || x.Port.Device != from {
			continue
		}
		x.Port.Device = to
		v, err := json.Marshal(x)
		if err != nil {
			return err
		}
		if err := b.Put(kv[0], v); err != nil {
			return err
		}
	}
	return nil
}

// renamePast is of where hosts were, which is kept by port, and by host with the key of
// the former.
func renamePast(tx *bolt.Tx, from, to string) error {
	was, moves := tx.Bucket(hostsPastBucket), tx.Bucket(hostsMovesBucket)
	for _, kv := range pairs(was, append([]byte(from), 0)) {
		if err := was.Delete(kv[0]); err != nil {
			return err
		}
		x, err := decodeSighting(kv[1])
		if err != nil || len(kv[0]) < len(from)+14 {
			continue
		}
		x.Port.Device = to
		v, err := json.Marshal(x)
		if err != nil {
			return err
		}
		key, n := rekey(kv[0], from, to), len(kv[0])
		if err := was.Put(key, v); err != nil {
			return err
		}
		move := append(bytes.Clone(kv[0][n-6:]), kv[0][n-14:n-6]...) // the host, and until when
		if err := moves.Put(move, key); err != nil {
			return err
		}
	}
	return nil
}

// renameIncidents changes which ports incidents are of. What was said stays, and a line
// says why it says another name.
func renameIncidents(tx *bolt.Tx, from, to string, at time.Time) error {
	b := tx.Bucket(incidentsBucket)
	for _, kv := range pairs(b, nil) {
		r, ok := decodeIncident(kv[1])
		if !ok {
			continue
		}
		if r, ok = r.Renamed(from, to); !ok {
			continue
		}
		r.Incident.Timeline = append(slices.Clone(r.Incident.Timeline), spate.Moment{At: at.UTC(), Text: from + " is called " + to + " from here on"})
		v, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := b.Put(kv[0], v); err != nil {
			return err
		}
	}
	return nil
}
