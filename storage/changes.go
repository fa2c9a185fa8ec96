package storage

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"spate"
)

// changesBucket holds what happened to devices and ports, under device, NUL, the time
// in ns as 8 bytes, big endian, and a number.
var changesBucket = []byte("changes")

type changeRecord struct {
	Port string           `json:"port,omitempty"`
	Kind spate.ChangeKind `json:"kind"`
	Text string           `json:"text"`
}

func changeKey(device string, at time.Time) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(device), 0), uint64(max(at.UnixNano(), 0)))
}

// SaveChanges adds some.
func (s *State) SaveChanges(list []spate.Change) error {
	if len(list) == 0 {
		return nil
	}
	err := s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(changesBucket)
		for _, c := range list {
			value, err := json.Marshal(changeRecord{c.Port.Name, c.Kind, c.Text})
			if err != nil {
				return err
			}
			n, err := b.NextSequence()
			if err != nil {
				return err
			}
			if err := b.Put(binary.BigEndian.AppendUint64(changeKey(c.Port.Device, c.At), n), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("state: write %d changes: %w", len(list), reason(err))
	}
	return nil
}

// Changes gives what happened to a device in [from, to), oldest first, at most some.
// Records that cannot be read are passed over.
func (s *State) Changes(device string, from, to time.Time, most int) (out []spate.Change, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		prefix := append([]byte(device), 0)
		end := changeKey(device, to)
		c := tx.Bucket(changesBucket).Cursor()
		for k, v := c.Seek(changeKey(device, from)); k != nil && bytes.HasPrefix(k, prefix) && bytes.Compare(k, end) < 0 && len(out) < most; k, v = c.Next() {
			var r changeRecord
			if len(k) != len(prefix)+16 || json.Unmarshal(v, &r) != nil {
				continue
			}
			at := time.Unix(0, int64(binary.BigEndian.Uint64(k[len(prefix):]))).UTC()
			out = append(out, spate.Change{At: at, Port: spate.PortID{Device: device, Name: r.Port}, Kind: r.Kind, Text: r.Text})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("state: changes of %s: %w", device, reason(err))
	}
	return out, nil
}

// PruneChanges forgets those before a time.
func (s *State) PruneChanges(before time.Time) error {
	least := uint64(max(before.UnixNano(), 0))
	err := s.db.Update(func(tx *bolt.Tx) error {
		c := tx.Bucket(changesBucket).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			at := bytes.IndexByte(k, 0)
			if at >= 0 && len(k) == at+17 && binary.BigEndian.Uint64(k[at+1:]) >= least {
				continue
			}
			if err := c.Delete(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("state: forget old changes: %w", reason(err))
	}
	return nil
}
