package alert

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"spate"
)

// A Heartbeat asks a URL again and again, so that somebody elsewhere notices when
// Spate is gone. It holds its breath while Spate does not do its work.
type Heartbeat struct {
	URL   spate.Secret
	Every time.Duration
	Alive func() error // nil while rounds come in
	Out   *Outward
	Log   *slog.Logger
}

// Run asks until ctx ends.
func (h *Heartbeat) Run(ctx context.Context) {
	tick := time.NewTicker(h.Every)
	defer tick.Stop()
	failed := false
	for {
		err := h.beat(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failed {
			h.Log.Warn("no heartbeat is sent", "err", err)
		}
		if err == nil && failed {
			h.Log.Info("the heartbeat is back")
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (h *Heartbeat) beat(ctx context.Context) error {
	if err := h.Alive(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	r, err := h.Out.ask(ctx, http.MethodGet, h.URL, "", nil, nil)
	if err != nil {
		return err
	}
	return h.Out.outcome(r, nil)
}
