package alert

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"spate"
)

// A Heartbeat asks a URL again and again, so that somebody elsewhere notices when
// Spate is gone. It holds its breath while Spate does not do its work.
type Heartbeat struct {
	alive func() error // nil while rounds come in
	log   *slog.Logger

	mu      sync.Mutex
	now     pulse
	changed chan struct{}
}

// A pulse is what is asked, and how often.
type pulse struct {
	url   spate.Secret // "": nothing
	every time.Duration
	out   *Outward
}

// NewHeartbeat makes one that asks nothing yet. alive says why Spate does not do its
// work; nil while it does.
func NewHeartbeat(alive func() error, log *slog.Logger) *Heartbeat {
	return &Heartbeat{alive: alive, log: log, changed: make(chan struct{}, 1)}
}

// Set changes what is asked and how often; the new URL is asked at once. "" asks nothing
// more. The same again changes nothing.
func (h *Heartbeat) Set(url spate.Secret, every time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if url == h.now.url && (url == "" || every == h.now.every) {
		return
	}
	h.now = pulse{url, every, NewOutward(nil, nil, url)}
	select {
	case h.changed <- struct{}{}:
	default: // it is told already
	}
}

func (h *Heartbeat) pulse() pulse {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// Run asks until ctx ends.
func (h *Heartbeat) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failed := false
	for {
		p := h.pulse()
		timer.Stop()
		if p.url != "" {
			timer.Reset(p.every) // from the beginning of this one to that of the next
			err := h.beat(ctx, &p)
			if ctx.Err() != nil {
				return
			}
			if err != nil && !failed {
				h.log.Warn("no heartbeat is sent", "err", err)
			}
			if err == nil && failed {
				h.log.Info("the heartbeat is back")
			}
			failed = err != nil
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-h.changed:
			failed = false // what was said is of another URL
		}
	}
}

func (h *Heartbeat) beat(ctx context.Context, p *pulse) error {
	if err := h.alive(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	r, err := p.out.ask(ctx, http.MethodGet, p.url, "", nil, nil)
	if err != nil {
		return err
	}
	return p.out.outcome(r, nil)
}
