package storage

import (
	"bytes"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// alertsBucket holds what is to be told and to whom it was told; room alert knows
// what its records are.
var alertsBucket = []byte("alerts")

// accessBucket holds what logins need: the key that signs them, and which have ended.
var accessBucket = []byte("access")

// Access is the shelf of logins.
func (s *State) Access() *Shelf { return &Shelf{s.db, accessBucket} }

// A Shelf is a bucket of state.db in which another room keeps records of its own.
type Shelf struct {
	db     *bolt.DB
	bucket []byte
}

// Alerts is the shelf of room alert.
func (s *State) Alerts() *Shelf { return &Shelf{s.db, alertsBucket} }

// Change writes and removes records, all or none. They are on disk when it returns.
func (s *Shelf) Change(put map[string][]byte, remove ...string) error {
	err := s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(s.bucket)
		for _, key := range remove {
			if err := b.Delete([]byte(key)); err != nil {
				return err
			}
		}
		for key, value := range put {
			if err := b.Put([]byte(key), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("state: write %s: %w", s.bucket, reason(err))
	}
	return nil
}

// Each gives the records whose key begins with prefix, in the order of keys, until
// yield says no.
func (s *Shelf) Each(prefix string, yield func(key string, value []byte) bool) error {
	err := s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(s.bucket).Cursor()
		for k, v := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = c.Next() {
			if !yield(string(k), v) {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("state: read %s: %w", s.bucket, reason(err))
	}
	return nil
}
