package storage

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"spate"
)

// A sender empties a spool into a VictoriaMetrics, newest blocks first, one at a
// time. What it cannot deliver it tries again, ever more slowly.
//
// A refusal (400 and the like) may be the block's fault or the receiver's. So a
// refused block is set aside: where others are taken after it and it is refused
// once more, the fault is its own, and it is dropped and counted. Where none is
// taken nothing is dropped.
type sender struct {
	tier    spate.Tier
	spool   *spool
	to      *endpoint
	timeout time.Duration
	pause   struct{ least, most time.Duration }
	log     *slog.Logger

	goods uint64 // blocks taken
	fails int    // in a row

	mu      sync.Mutex
	good    time.Time // of the last success
	since   time.Time // of the first failure in a row
	trouble string    // why nothing is taken; empty: it is
}

func newSender(tier spate.Tier, sp *spool, to *endpoint, cfg RemoteConfig, log *slog.Logger) *sender {
	s := &sender{tier: tier, spool: sp, to: to, timeout: cfg.Timeout, log: log}
	s.pause.least, s.pause.most = cfg.RetryLeast, cfg.RetryMost
	return s
}

// run sends until ctx ends, and then, until hurry ends, what is left, as long as
// it is taken at once.
func (s *sender) run(ctx, hurry context.Context) {
	look := time.NewTicker(time.Minute) // blocks grow old without being touched
	defer look.Stop()
	for {
		worked, err := s.one(hurry)
		switch {
		case hurry.Err() != nil, ctx.Err() != nil && (!worked || err != nil):
			return
		case err != nil:
			s.wait(ctx, s.backoff(err))
		case !worked:
			select {
			case <-s.spool.wake:
			case <-look.C:
			case <-ctx.Done():
			}
		}
	}
}

// one sends one block, where there is one.
func (s *sender) one(ctx context.Context) (worked bool, err error) {
	b, payload, ok := s.spool.take(s.goods)
	if !ok || b == nil {
		return ok, nil
	}
	err = s.send(ctx, payload)
	var bad *statusError
	switch {
	case err == nil:
		s.goods++
		s.spool.settle(b, delivered)
		s.succeeded()
		return true, nil
	case errors.As(err, &bad) && blames(bad.code):
		return true, s.refused(b, err)
	}
	s.spool.settle(b, undelivered)
	s.failed(err)
	return true, err
}

// blames tells whether an answer says that the block is wrong, not the place or
// the moment.
func blames(code int) bool {
	switch code {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// refused sets a block aside, or drops it. The error is for a pause, which is
// made only where nothing at all is taken.
func (s *sender) refused(b *block, err error) error {
	if b.refusals++; b.refusals > 1 && s.goods != b.goods {
		s.spool.settle(b, poison)
		s.log.Error("rows that VictoriaMetrics refuses are dropped", "tier", s.tier, "rows", b.rows, "err", err)
		return nil
	}
	b.goods = s.goods
	s.spool.settle(b, refusedIt)
	s.failed(err)
	return err
}

func (s *sender) send(ctx context.Context, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	resp, err := s.to.post(ctx, "application/x-protobuf", map[string]string{
		"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0",
	}, payload)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return s.to.bad(resp)
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // the status said it all; the rest frees the connection
	return nil
}

// backoff is how long to wait after so many failures: doubled each time, with a
// random part, so that many do not come back at one moment.
func (s *sender) backoff(err error) time.Duration {
	d := s.pause.most
	if s.fails < 20 {
		d = min(s.pause.least<<max(s.fails-1, 0), s.pause.most)
	}
	d -= time.Duration(rand.Int64N(int64(d)/4 + 1))
	var bad *statusError
	if errors.As(err, &bad) {
		d = max(d, bad.after)
	}
	return d
}

func (s *sender) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (s *sender) succeeded() {
	s.fails = 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.good = time.Now()
	if s.trouble != "" {
		s.log.Warn("VictoriaMetrics takes rows again", "tier", s.tier, "after", time.Since(s.since).Round(time.Second))
		s.trouble = ""
	}
}

func (s *sender) failed(err error) {
	if errors.Is(err, context.Canceled) {
		return // the store is being closed
	}
	s.fails++
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble == "" {
		s.since = time.Now()
		s.log.Error("VictoriaMetrics does not take rows: they wait on disk", "tier", s.tier, "err", err)
	}
	s.trouble = err.Error()
}

// state is when a block was last taken, and why none is.
func (s *sender) state() (good time.Time, trouble string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.good, s.trouble
}
