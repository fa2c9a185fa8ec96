package storage

import (
	"errors"
	"fmt"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Config is what [storage] of config.toml says of the embedded store.
type Config struct {
	Path string        // its folder; made when absent
	Step time.Duration // the grid: poller.interval, 1 s and up, in whole tenths of a second

	RetentionRaw         time.Duration // how long each tier is kept
	RetentionFiveMinutes time.Duration
	RetentionHour        time.Duration

	Budget uint64 // octets the store should not pass: oldest months go first; 0: no limit

	MinFree     uint64 // octets the disk keeps free; 0: min(2 GiB, 10 % of the file system)
	MemoryBytes uint64 // caches of the engine; the first store of a process decides

	Ring       time.Duration // how much of every port stays in memory
	Forget     time.Duration // a port without rates for so long leaves memory, not the disk
	Queue      int           // rounds that may wait for the writer; more are dropped and counted
	MaxSamples int           // stored values one query may read; beyond it ErrTooLarge

	Checkpoint time.Duration // a file of the journal holds the rounds of so long
	JournalAge time.Duration // older rounds are a back-fill, which is not journalled

	Metrics *metrics.Set // where the store's own counters are registered; nil: nowhere

	// Told is given the reason when the store stops writing, and an empty one when
	// it writes again: for those who tell people. It must not wait. nil: nobody.
	Told func(trouble string)

	// FreeSpace tells how many octets of the file system that holds path are
	// free for us and how many it has in all; nil asks the system.
	FreeSpace func(path string) (free, size uint64, err error)
}

// DefaultConfig is what an empty [storage] means.
func DefaultConfig() Config {
	const day = 24 * time.Hour
	return Config{
		Path:                 "data",
		Step:                 10 * time.Second,
		RetentionRaw:         35 * day,
		RetentionFiveMinutes: 2 * 365 * day,
		RetentionHour:        10 * 365 * day,
		MemoryBytes:          256 << 20,
		Ring:                 15 * time.Minute,
		Forget:               time.Hour,
		Queue:                4096,
		MaxSamples:           100_000_000, // about two seconds of a core
		Checkpoint:           time.Minute,
		JournalAge:           time.Hour,
		FreeSpace:            diskSpace,
	}
}

// Errors a caller may want to tell apart.
var (
	ErrClosed   = errors.New("the store is closed")
	ErrRange    = errors.New("from must be before to, at most ten years apart")
	ErrQuery    = errors.New("a query needs ports, metrics and a width of 1 to 4096")
	ErrTooLarge = errors.New("the query reads too much: ask for a shorter range or fewer ports")
)

const (
	gridUnit    = 100 * time.Millisecond // steps are multiples of it, so that two steps share a fine grid
	longestStep = 24 * time.Hour         // the longest interval of config.toml
	tenYears    = 10 * 366 * 24 * time.Hour
	mostWidth   = 4096
)

// filled is c with what is not set taken from DefaultConfig.
func (c Config) filled() (Config, error) {
	d := DefaultConfig()
	orDefault(&c.Path, d.Path)
	orDefault(&c.Step, d.Step)
	orDefault(&c.RetentionRaw, d.RetentionRaw)
	orDefault(&c.RetentionFiveMinutes, d.RetentionFiveMinutes)
	orDefault(&c.RetentionHour, d.RetentionHour)
	orDefault(&c.MemoryBytes, d.MemoryBytes)
	orDefault(&c.Ring, d.Ring)
	orDefault(&c.Forget, d.Forget)
	orDefault(&c.Queue, d.Queue)
	orDefault(&c.MaxSamples, d.MaxSamples)
	orDefault(&c.Checkpoint, d.Checkpoint)
	orDefault(&c.JournalAge, d.JournalAge)
	if c.FreeSpace == nil {
		c.FreeSpace = d.FreeSpace
	}
	if c.Step < time.Second || c.Step > longestStep || c.Step%gridUnit != 0 {
		return c, fmt.Errorf("storage: a step of %v does not fit the grid: set poller.interval to 1s to 1d, in whole tenths of a second", c.Step)
	}
	if c.RetentionRaw < c.Step || c.Queue < 1 || c.MaxSamples < 1 {
		return c, fmt.Errorf("storage: retention %v, queue %d and limit of %d samples must be positive: set storage.retention.raw to a day or more", c.RetentionRaw, c.Queue, c.MaxSamples)
	}
	return c, nil
}

// retentions are those of the tiers, finest first.
func (c *Config) retentions() [1 + numLevels]time.Duration {
	return [...]time.Duration{c.RetentionRaw, c.RetentionFiveMinutes, c.RetentionHour}
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
