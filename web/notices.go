package web

import (
	"context"
	"errors"
	"time"

	"spate"
)

// Notices are how people are told, and what keeps them from it; the site joins them.
type Notices interface {
	Silences() []spate.Silence
	// Silence begins one. An error that is a Refusal is the caller's.
	Silence(s spate.Silence) (spate.Silence, error)
	EndSilence(id string) error
	Notifiers() []Notifier
	// TestNotifier sends a test at once; the error says why it did not arrive.
	TestNotifier(ctx context.Context, name string) error
}

// Errors of Notices for names that are none.
var (
	ErrNoSilence  = errors.New("there is no such silence")
	ErrNoNotifier = errors.New("there is no such notifier")
)

// A Refusal is a sentence that says what is wrong with what was asked for.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// A Notifier is one [[notify]] and how it fares.
type Notifier struct {
	Name, Type string
	Queued     int
	Oldest     time.Time       // of what waits; zero: nothing does
	Last       *spate.Delivery // nil: nothing was sent since the start
	QuietUntil time.Time       // zero: it is not quiet now
}

type noNotices struct{}

func (noNotices) Silences() []spate.Silence { return nil }
func (noNotices) Silence(spate.Silence) (spate.Silence, error) {
	return spate.Silence{}, Refusal("nobody is told here: there is nothing to silence")
}
func (noNotices) EndSilence(string) error                    { return ErrNoSilence }
func (noNotices) Notifiers() []Notifier                      { return nil }
func (noNotices) TestNotifier(context.Context, string) error { return ErrNoNotifier }
