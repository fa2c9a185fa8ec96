package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"spate"
)

// A Shelf keeps records under keys. *storage.Shelf is one. What Change was given is
// on disk when it returns.
type Shelf interface {
	Change(put map[string][]byte, remove ...string) error
	// Each gives all records whose key begins so, in the order of keys.
	Each(prefix string, yield func(key string, value []byte) bool) error
}

// A row is one message that is to be sent.
type row struct {
	Seq      uint64
	Target   string
	Key      string
	Event    Event
	First    bool
	Incident *spate.Incident   // as it was when it was decided
	Digest   []*spate.Incident // of a Digest
	Why      string
	At       time.Time
	Tries    int
	Unsure   int // tries after which it may have arrived
	Error    string

	next time.Time // not before
}

const (
	threadPrefix  = "thread/"
	rowPrefix     = "row/"
	silencePrefix = "silence/"
)

func threadKey(target, incident string) string { return threadPrefix + target + "/" + incident }
func (th *thread) key() string                 { return threadKey(th.Target, th.Incident) }
func (r *row) key() string                     { return fmt.Sprintf("%s%s/%020d", rowPrefix, r.Target, r.Seq) }

// changes are written in one go.
type changes struct {
	put    map[string][]byte
	remove []string
}

func (c *changes) keep(key string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		return // all that is kept here is plain data
	}
	if c.put == nil {
		c.put = map[string][]byte{}
	}
	c.put[key] = b
}

func (c *changes) drop(key string) { c.remove = append(c.remove, key) }

// load reads what the last run left behind. A record that cannot be read is left
// out, and said.
func (n *Notifier) load() error {
	var damaged int
	each := func(prefix string, read func(value []byte) bool) error {
		return n.shelf.Each(prefix, func(_ string, value []byte) bool {
			if !read(value) {
				damaged++
			}
			return true
		})
	}
	errs := []error{
		each(threadPrefix, func(b []byte) bool {
			th := &thread{}
			if json.Unmarshal(b, th) != nil || th.Target == "" || th.Incident == "" {
				return false
			}
			n.threads[th.key()] = th
			return true
		}),
		each(rowPrefix, func(b []byte) bool {
			r := &row{}
			if json.Unmarshal(b, r) != nil || r.Target == "" || r.Incident == nil && len(r.Digest) == 0 || slices.Contains(r.Digest, nil) {
				return false
			}
			n.rows[r.Target] = append(n.rows[r.Target], r)
			n.seq = max(n.seq, r.Seq)
			return true
		}),
		each(silencePrefix, func(b []byte) bool {
			s := &spate.Silence{}
			if json.Unmarshal(b, s) != nil || s.ID == "" {
				return false
			}
			n.quiet = append(n.quiet, s)
			return true
		}),
	}
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("read what is to be told: %w", err)
		}
	}
	for _, rows := range n.rows {
		slices.SortFunc(rows, func(a, b *row) int { return strings.Compare(a.key(), b.key()) })
	}
	slices.SortFunc(n.quiet, func(a, b *spate.Silence) int { return strings.Compare(a.ID, b.ID) })
	if damaged > 0 {
		n.log.Error("records of messages cannot be read and are left out", "records", damaged)
	}
	return nil
}

// write puts changes on the shelf. What cannot be written is sent all the same: a
// full disk is no reason to keep quiet.
func (n *Notifier) write(c *changes) {
	if len(c.put) == 0 && len(c.remove) == 0 {
		return
	}
	err := n.shelf.Change(c.put, c.remove...)
	if err != nil && !n.unwritten {
		n.log.Error("outbox not written: messages are sent all the same, and one may be sent twice after a restart", "err", err)
	}
	n.unwritten = err != nil
}
