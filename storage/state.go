package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// State is state.db: what Spate knows that is no time series, in one bbolt
// file. Methods may be called from many goroutines.
type State struct {
	db        *bolt.DB
	log       *slog.Logger
	sightings atomic.Pointer[Sightings] // nil: not opened
}

// The buckets. meta holds the version of the file's layout under schemaKey: how
// many of the migrations made it, as 8 bytes, big endian.
var (
	metaBucket    = []byte("meta")
	schemaKey     = []byte("schema")
	devicesBucket = []byte("devices")
)

// migrations turn each version of the file into the next. Append only: files of
// every version are out there.
var migrations = [...]func(*bolt.Tx) error{
	func(tx *bolt.Tx) error { // 1: the inventory
		_, err := tx.CreateBucketIfNotExists(devicesBucket)
		return err
	},
	func(tx *bolt.Tx) error { // 2: who was where
		for _, name := range [][]byte{hostsNowBucket, hostsPastBucket, hostsMovesBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	},
	func(tx *bolt.Tx) error { // 3: incidents
		_, err := tx.CreateBucketIfNotExists(incidentsBucket)
		return err
	},
	func(tx *bolt.Tx) error { // 4: messages
		_, err := tx.CreateBucketIfNotExists(alertsBucket)
		return err
	},
	func(tx *bolt.Tx) error { // 5: what happened to devices and ports
		_, err := tx.CreateBucketIfNotExists(changesBucket)
		return err
	},
	func(tx *bolt.Tx) error { // 6: logins
		_, err := tx.CreateBucketIfNotExists(accessBucket)
		return err
	},
	func(tx *bolt.Tx) error { // 7: former names of devices
		_, err := tx.CreateBucketIfNotExists(namesBucket)
		return err
	},
}

const lockPatience = 2 * time.Second // for another process to let go of the file

// OpenState opens path, a file, or makes it. A file locked by another process,
// of a newer Spate, or that is no state.db gives a sentence that says so.
func OpenState(path string, log *slog.Logger) (*State, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("state: make folder %s: %w: set storage.path to a folder that user %d may write", filepath.Dir(path), reason(err), os.Getuid())
	}
	db, err := bolt.Open(path, 0o640, &bolt.Options{Timeout: lockPatience})
	if err != nil {
		return nil, openSentence(path, err)
	}
	if err := migrate(db, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &State{db: db, log: log}, nil
}

func openSentence(path string, err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("state: %s is in use by another Spate: stop it first, or set another storage.path", path)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("state: %s is not writable: give it to user %d", path, os.Getuid())
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return fmt.Errorf("state: %s is damaged or no state.db (%w): restore it from a backup, or move it away to begin anew", path, err)
	}
	return fmt.Errorf("state: open %s: %w", path, reason(err))
}

// migrate brings the file to this version, all steps or none.
func migrate(db *bolt.DB, path string) error {
	return db.Update(func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return err
		}
		have := uint64(0)
		if b := meta.Get(schemaKey); len(b) == 8 {
			have = binary.BigEndian.Uint64(b)
		}
		if have > uint64(len(migrations)) {
			return fmt.Errorf("state: %s was written by a newer Spate (schema %d, this one knows %d): run that one", path, have, len(migrations))
		}
		for _, step := range migrations[have:] {
			if err := step(tx); err != nil {
				return fmt.Errorf("state: bring %s from schema %d to %d: %w", path, have, len(migrations), err)
			}
		}
		return meta.Put(schemaKey, binary.BigEndian.AppendUint64(nil, uint64(len(migrations))))
	})
}

// Copy writes the file as it is at this moment, while it is used.
func (s *State) Copy(w io.Writer) error {
	return s.db.View(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
}

// Close writes what is pending and frees the file.
func (s *State) Close() error { return s.db.Close() }
