package storage

import (
	"context"
	"sync"
	"sync/atomic"

	vm "github.com/VictoriaMetrics/VictoriaMetrics/lib/storage"

	"spate"
)

// A store is what [Embedded] and [Remote] have in common: all but where the rows
// are kept. Its methods may be called from many goroutines; Close waits for them.
type store struct {
	cfg    Config
	folder *folder
	raw    keeper
	ports  *ports
	space  *space
	counts *counts

	queue   chan *spate.Round
	flushes chan chan struct{}
	stop    chan struct{}
	stopped sync.Once
	writing sync.WaitGroup

	reading sync.RWMutex  // readers share it, Close takes it whole
	closed  bool          // under reading
	seats   chan struct{} // queries at once
	spans   sync.Pool     // *[]float64 of queries

	dropped atomic.Uint64
	oldest  atomic.Int64 // time of the oldest row, ms; 0 none
	size    sizeCache
	release func() // what Close does when the rows are safe
}

// A keeper keeps the rows of one tier: the engine in a folder of this machine
// ([tier]), or a VictoriaMetrics elsewhere. One goroutine writes, many read.
type keeper interface {
	about() spate.Tier
	add(rows []vm.MetricRow) // the rows are the caller's again when it returns
	flush()                  // what was added can be found, as far as that is in our hands
	find(ctx context.Context, ports []spate.PortID, metrics []spate.Metric, from, to int64, most int) (found, error)

	isOpen() bool   // else nothing can be added or found
	settle() error  // all that is in memory goes to disk
	readOnly() bool // it takes no rows now
	away() bool     // asking it is likely in vain
	bytes() uint64  // on disk
	close() error
}

// A found is what a search found. It must be closed before the store is.
type found interface {
	// read puts all rows of a series into s; steps tells how long each one covers.
	read(k key, steps []epoch, s *span) (known bool, err error)
	close()
}

// Close writes what is waiting, and of the slots still open those known for
// more than half, and gives the folder free. Rounds that come later are dropped
// and counted. An error means that the disk did not take all of it.
func (e *store) Close() error {
	var err error
	e.stopped.Do(func() {
		close(e.stop)
		e.writing.Wait()
		e.counts.forget() // without the lock, which the gauges take
		e.reading.Lock()
		defer e.reading.Unlock()
		e.closed = true
		err = e.raw.close()
		if e.release != nil {
			e.release()
		}
		e.folder.close()
	})
	return err
}

// noteOldest keeps the time of the oldest row for Status.
func (e *store) noteOldest(at int64) {
	if was := e.oldest.Load(); was == 0 || at < was {
		e.oldest.Store(at)
	}
}
