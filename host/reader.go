// Package host reads the interfaces of the machine that Spate runs on, as one
// more device: useful before the first switch is configured.
package host

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"spate"
)

// Config is the [host] section; Interval is poller.interval.
type Config struct {
	Enabled  bool
	Interval time.Duration
}

// DefaultConfig reads the interfaces every 10 seconds.
func DefaultConfig() Config { return Config{Enabled: true, Interval: 10 * time.Second} }

// A Sink takes the rounds. Accept must not block.
type Sink interface {
	Accept(ctx context.Context, r *spate.Round)
}

// A Source lists the machine's network links with their counters.
type Source interface {
	Links() ([]Link, error)
	Close() error
}

// A Reader reads this machine's interfaces round after round.
type Reader struct {
	cfg    Config
	device spate.Device
	source Source
	root   fs.FS // of /proc, /sys and /etc
	log    *slog.Logger
	last   map[int]*memory // by ifIndex
	failed string          // the error told last
}

// New makes the Reader of this machine.
func New(cfg Config, log *slog.Logger) *Reader {
	name, err := os.Hostname()
	if err != nil {
		name = ""
	}
	return NewFrom(cfg, name, kernelSource(), os.DirFS("/"), log)
}

// NewFrom makes a Reader of other sources: the links, and the file system in
// which /proc, /sys and /etc are.
func NewFrom(cfg Config, hostname string, source Source, root fs.FS, log *slog.Logger) *Reader {
	return &Reader{
		cfg: cfg, device: spate.Device{Name: DeviceName(hostname), Address: "localhost"},
		source: source, root: root, log: log, last: map[int]*memory{},
	}
}

// Device is the device as which this machine appears.
func (r *Reader) Device() spate.Device { return r.device }

// Run reads until ctx ends, the first time at once, then each interval after
// the slot before, so that slots do not drift; one that a slow reading covers
// is left out. Where reading fails, the round says why and the next one tries
// again. It returns at once, with nil, when the room is disabled.
func (r *Reader) Run(ctx context.Context, sink Sink) error {
	if !r.cfg.Enabled {
		return nil
	}
	if r.cfg.Interval <= 0 {
		return fmt.Errorf("%s: an interval of %s cannot be kept, wanted 1s or more", r.device.Name, r.cfg.Interval)
	}
	defer r.source.Close()
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
		round := r.round(due)
		r.tell(round)
		sink.Accept(ctx, round)
		due = due.Add(r.cfg.Interval)
		if behind := time.Since(due); behind > 0 {
			due = due.Add((behind/r.cfg.Interval + 1) * r.cfg.Interval)
		}
		timer.Reset(time.Until(due))
	}
}

// tell logs when reading begins to fail, and when it works again.
func (r *Reader) tell(round *spate.Round) {
	now := ""
	if round.Err != nil {
		now = round.Err.Error()
	}
	if now == r.failed {
		return
	}
	if now != "" {
		r.log.Warn("cannot read this machine's interfaces", "device", r.device.Name, "err", round.Err)
	} else {
		r.log.Info("this machine's interfaces can be read again", "device", r.device.Name, "ports", len(round.Readings))
	}
	r.failed = now
}
