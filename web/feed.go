package web

import (
	"strconv"
	"sync"
	"time"
)

// A frame of a feed is one server-sent event, encoded once for all readers.
type feedEvent struct {
	id     uint64
	at     time.Time
	device string // what the event is about; empty: everybody
	kind   string
	bytes  []byte
}

// A feed keeps the last events, up to an age and a size. Readers take them at
// their own pace: a slow one costs no memory, it finds the events gone and is
// told to begin anew.
type feed struct {
	age  time.Duration
	most int // octets

	mu      sync.Mutex
	events  []feedEvent // rising ids
	size    int
	last    uint64        // id given last
	news    chan struct{} // closed when there is something new
	pending bool          // news not told yet
	readers int
	idle    time.Time // when the last reader left
}

func newFeed(age time.Duration, most int, start time.Time) *feed {
	// Ids go on rising over a restart of the process: nobody emits a million
	// events a second.
	return &feed{age: age, most: most, last: uint64(start.UnixMicro()), news: make(chan struct{})}
}

// wanted tells whether somebody reads, or may come back and resume.
func (f *feed) wanted(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readers > 0 || !f.idle.IsZero() && now.Sub(f.idle) < f.age
}

// add appends one event; data must be one line.
func (f *feed) add(now time.Time, kind, device string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	e := feedEvent{id: f.last, at: now, device: device, kind: kind, bytes: encodeEvent(f.last, kind, data)}
	f.events = append(f.events, e)
	f.size += len(e.bytes)
	f.pending = true
	drop := 0
	for drop < len(f.events)-1 && (f.size > f.most || now.Sub(f.events[drop].at) > f.age) {
		f.size -= len(f.events[drop].bytes)
		f.events[drop].bytes = nil
		drop++
	}
	f.events = f.events[drop:]
}

func encodeEvent(id uint64, kind string, data []byte) []byte {
	b := make([]byte, 0, len(data)+len(kind)+40)
	b = append(b, "id: "...)
	b = strconv.AppendUint(b, id, 10)
	b = append(b, "\nevent: "...)
	b = append(b, kind...)
	b = append(b, "\ndata: "...)
	b = append(b, data...)
	return append(b, "\n\n"...)
}

// tell wakes the readers if there is news. Called on a beat, so that a thousand
// events a second wake ten thousand readers only a few times.
func (f *feed) tell() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending {
		f.pending = false
		close(f.news)
		f.news = make(chan struct{})
	}
}

func (f *feed) join() {
	f.mu.Lock()
	f.readers++
	f.mu.Unlock()
}

func (f *feed) leave(now time.Time) {
	f.mu.Lock()
	f.readers--
	f.idle = now
	f.mu.Unlock()
}

func (f *feed) watching() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readers
}

// after is the events behind id that match, the id to go on from, and what to
// wait on when there are none. lost tells that events after id are gone or that
// id is not ours. Not more than maxBatch octets come at once.
func (f *feed) after(id uint64, match func(*feedEvent) bool) (out []byte, next uint64, news <-chan struct{}, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if id > f.last || id < f.oldest()-1 {
		return nil, f.last, f.news, true
	}
	next = id
	start := len(f.events) - int(f.last-id)
	for i := max(start, 0); i < len(f.events) && len(out) < maxBatch; i++ {
		e := &f.events[i]
		next = e.id
		switch {
		case !match(e):
		case out == nil:
			out = e.bytes[:len(e.bytes):len(e.bytes)] // shared by all readers: one that takes a single event costs no copy
		default:
			out = append(out, e.bytes...)
		}
	}
	return out, next, f.news, false
}

const maxBatch = 64 << 10

// oldest is the first id still kept, or the one to come where none is.
func (f *feed) oldest() uint64 {
	if len(f.events) == 0 {
		return f.last + 1
	}
	return f.events[0].id
}

// newest is the id given last.
func (f *feed) newest() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}
