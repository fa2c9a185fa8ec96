package storage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"spate"
)

// incidentsBucket holds incidents by ID, which begins with the second in which it
// was opened, so that the order of keys is the order of time.
var incidentsBucket = []byte("incidents")

const incidentTime = "20060102-150405" // the beginning of an ID

// SaveIncident writes one incident over what was there.
func (s *State) SaveIncident(r spate.IncidentRecord) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("state: incident %s: %w", r.Incident.ID, err)
	}
	err = s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(incidentsBucket).Put([]byte(r.Incident.ID), b) })
	if err != nil {
		return fmt.Errorf("state: write incident %s: %w", r.Incident.ID, reason(err))
	}
	return nil
}

// Incident finds one by its ID.
func (s *State) Incident(id string) (r spate.IncidentRecord, ok bool) {
	if id == "" || len(id) > 64 {
		return r, false
	}
	_ = s.db.View(func(tx *bolt.Tx) error {
		r, ok = decodeIncident(tx.Bucket(incidentsBucket).Get([]byte(id)))
		return nil
	})
	return r, ok
}

func decodeIncident(b []byte) (r spate.IncidentRecord, ok bool) {
	if b == nil || json.Unmarshal(b, &r) != nil || r.Incident == nil || r.Incident.ID == "" {
		return spate.IncidentRecord{}, false
	}
	return r, true
}

// Incidents gives those that were opened in [from, to) and pass the filter, newest
// first, beginning below the ID before (empty: at the newest), until yield says no.
// Records that cannot be read are passed over.
func (s *State) Incidents(from, to time.Time, before string, yield func(spate.IncidentRecord) bool) error {
	err := s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(incidentsBucket).Cursor()
		least, most := []byte(from.UTC().Format(incidentTime)), []byte(to.UTC().Format(incidentTime))
		if before != "" && bytes.Compare([]byte(before), most) < 0 {
			most = []byte(before)
		}
		k, v := c.Seek(most)
		if k == nil {
			k, v = c.Last()
		}
		for ; k != nil && bytes.Compare(k, most) >= 0; k, v = c.Prev() {
		}
		for ; k != nil && bytes.Compare(k, least) >= 0; k, v = c.Prev() {
			if r, ok := decodeIncident(v); ok && !yield(r) {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("state: incidents: %w", reason(err))
	}
	return nil
}

// PruneIncidents forgets those that were opened before a time and are closed.
func (s *State) PruneIncidents(before time.Time) error {
	least := []byte(before.UTC().Format(incidentTime))
	err := s.db.Update(func(tx *bolt.Tx) error {
		c := tx.Bucket(incidentsBucket).Cursor()
		for k, v := c.First(); k != nil && bytes.Compare(k, least) < 0; k, v = c.Next() {
			if r, ok := decodeIncident(v); !ok || r.Incident.State == spate.IncidentClosed {
				if err := c.Delete(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("state: forget old incidents: %w", reason(err))
	}
	return nil
}
