package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"spate"
)

// A DeviceRecord is what is remembered of a device, so that after a restart it
// is listed with its ports before, or without, an answer.
type DeviceRecord struct {
	Device    spate.Device
	System    spate.System
	Ports     []PortRecord
	Limits    json.RawMessage // what the poller has learned of the device; its own business
	FirstSeen time.Time       // first discovery; kept by State
	LastSeen  time.Time       // this discovery
	Removed   time.Time       // no longer configured since; zero: it is
}

// A PortRecord is what is remembered of a port.
type PortRecord struct {
	Port      spate.Port
	FirstSeen time.Time // kept by State
	LastSeen  time.Time
	Removed   time.Time // missing in the newest discovery since; zero: it is there
}

// seenGrain is how coarse LastSeen may be on disk: a discovery that brought
// nothing new is not written within it. A network of 10,000 devices discovers
// some every second, and each write is a wait for the disk.
const seenGrain = time.Hour

// SaveDevice notes what discoveries found, all of it in one go. A record takes
// the place of the device's last one; FirstSeen is kept from there, and ports
// that are missing now stay, marked as removed at the record's LastSeen.
func (s *State) SaveDevice(recs ...DeviceRecord) error {
	todo := make(map[string][]byte, len(recs))
	err := s.db.View(func(tx *bolt.Tx) error {
		for i := range recs {
			b, err := s.next(tx, &recs[i])
			if err != nil {
				return err
			}
			if b != nil {
				todo[recs[i].Device.Name] = b
			}
		}
		return nil
	})
	if err != nil || len(todo) == 0 {
		return err
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		for name, b := range todo {
			if err := tx.Bucket(devicesBucket).Put([]byte(name), b); err != nil {
				return fmt.Errorf("device %q: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("state: save devices: %w", err)
	}
	return nil
}

// next is the record to store after rec was found; nil where what is stored will do.
func (s *State) next(tx *bolt.Tx, rec *DeviceRecord) ([]byte, error) {
	if rec.Device.Name == "" {
		return nil, errors.New("state: save a device: it has no name")
	}
	now := *rec
	if stored := tx.Bucket(devicesBucket).Get([]byte(rec.Device.Name)); stored != nil {
		old, err := decodeDevice(stored)
		if err == nil {
			now = merged(&old, rec)
			if sameButSeen(&old, &now) && now.LastSeen.Sub(old.LastSeen) < seenGrain {
				return nil, nil
			}
		} else {
			s.log.Warn("stored device not readable, written anew", "device", rec.Device.Name, "err", err)
		}
	}
	now = firstSeen(now)
	b, err := encodeDevice(&now)
	if err != nil {
		return nil, fmt.Errorf("state: save device %s: %w", rec.Device.Name, err)
	}
	return b, nil
}

// firstSeen sets what has no FirstSeen from an earlier record.
func firstSeen(d DeviceRecord) DeviceRecord {
	if d.FirstSeen.IsZero() {
		d.FirstSeen = d.LastSeen
	}
	d.Ports = append([]PortRecord(nil), d.Ports...)
	for i := range d.Ports {
		if p := &d.Ports[i]; p.FirstSeen.IsZero() {
			p.FirstSeen = p.LastSeen
		}
	}
	return d
}

// merged is rec with what only old knows.
func merged(old, rec *DeviceRecord) DeviceRecord {
	out := *rec
	if !old.FirstSeen.IsZero() {
		out.FirstSeen = old.FirstSeen
	}
	was := make(map[spate.PortID]*PortRecord, len(old.Ports))
	for i := range old.Ports {
		was[old.Ports[i].Port.ID] = &old.Ports[i]
	}
	out.Ports = append([]PortRecord(nil), rec.Ports...)
	for i := range out.Ports {
		p := &out.Ports[i]
		if o := was[p.Port.ID]; o != nil {
			p.FirstSeen = o.FirstSeen
			delete(was, p.Port.ID)
		}
	}
	for i := range old.Ports {
		p := old.Ports[i]
		if was[p.Port.ID] == nil {
			continue
		}
		if p.Removed.IsZero() {
			p.Removed = rec.LastSeen
		}
		out.Ports = append(out.Ports, p)
	}
	return out
}

// sameButSeen tells whether two records differ in when things were last seen only.
func sameButSeen(a, b *DeviceRecord) bool {
	x, errX := encodeDevice(unseen(a))
	y, errY := encodeDevice(unseen(b))
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// unseen is a copy without the times that each discovery moves.
func unseen(d *DeviceRecord) *DeviceRecord {
	c := *d
	c.LastSeen, c.System.Uptime = time.Time{}, 0
	c.Ports = append([]PortRecord(nil), d.Ports...)
	for i := range c.Ports {
		c.Ports[i].LastSeen = time.Time{}
	}
	return &c
}

// Devices lists every remembered device by name, removed ones too. A record
// that cannot be read is left out, logged and kept.
func (s *State) Devices() ([]DeviceRecord, error) {
	var out []DeviceRecord
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(devicesBucket).ForEach(func(name, b []byte) error {
			d, err := decodeDevice(b)
			if err != nil {
				s.log.Warn("stored device not readable", "device", string(name), "err", err)
				return nil
			}
			out = append(out, d)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("state: read devices: %w", err)
	}
	return out, nil
}

// Retain marks devices that are no longer configured as removed at the given
// time, and those that are again as not removed.
func (s *State) Retain(configured func(device string) bool, at time.Time) error {
	return s.change("mark removed devices", func(d *DeviceRecord) (write, keep bool) {
		here := configured(d.Device.Name)
		switch {
		case here && !d.Removed.IsZero():
			d.Removed = time.Time{}
			return true, true
		case !here && d.Removed.IsZero():
			d.Removed = at
			return true, true
		}
		return false, true
	})
}

// Prune forgets devices and ports removed before the given time: now less
// poller.keep_removed.
func (s *State) Prune(before time.Time) error {
	gone := func(t time.Time) bool { return !t.IsZero() && t.Before(before) }
	return s.change("forget removed devices", func(d *DeviceRecord) (write, keep bool) {
		if gone(d.Removed) {
			return true, false
		}
		kept := d.Ports[:0]
		for _, p := range d.Ports {
			if !gone(p.Removed) {
				kept = append(kept, p)
			}
		}
		write = len(kept) < len(d.Ports)
		d.Ports = kept
		return write, true
	})
}

// change runs f over all devices in one transaction, and stores those it wants
// written or deletes those it does not want kept.
func (s *State) change(what string, f func(*DeviceRecord) (write, keep bool)) error {
	err := s.db.Update(func(tx *bolt.Tx) error {
		bucket := tx.Bucket(devicesBucket)
		puts, dels := map[string][]byte{}, [][]byte{}
		err := bucket.ForEach(func(name, b []byte) error {
			d, err := decodeDevice(b)
			if err != nil {
				return nil // Devices tells of it
			}
			switch write, keep := f(&d); {
			case !keep:
				dels = append(dels, name)
			case write:
				if puts[string(name)], err = encodeDevice(&d); err != nil {
					return err
				}
			}
			return nil
		})
		for _, name := range dels {
			err = errors.Join(err, bucket.Delete(name))
		}
		for name, b := range puts {
			err = errors.Join(err, bucket.Put([]byte(name), b))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("state: %s: %w", what, err)
	}
	return nil
}
