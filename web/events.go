package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	feedAge    = 5 * time.Minute // how far back Last-Event-ID may reach
	feedBytes  = 64 << 20
	heartbeat  = 15 * time.Second
	tellEvery  = 200 * time.Millisecond
	stallLimit = 10 * time.Second // a reader that takes nothing so long is dropped
)

// eventKinds are what only= may ask for. wall is the server-made picture of the
// wall, one event a beat; it comes only when asked for.
var eventKinds = []string{"rates", "device", "incident", "wall"}

// A subscription is which events a reader wants.
type subscription struct {
	kinds  []string // empty: all of the round feed
	device string   // empty: all
}

func (s subscription) matches(e *feedEvent) bool {
	return (s.device == "" || e.device == s.device) && (len(s.kinds) == 0 || slices.Contains(s.kinds, e.kind))
}

func (s *Server) subscriptionParams(q url.Values) (sub subscription, f *feed, err error) {
	f = s.rounds
	if only := q.Get("only"); only != "" {
		sub.kinds = strings.Split(only, ",")
		for _, k := range sub.kinds {
			if !slices.Contains(eventKinds, k) {
				return sub, f, badParam("only", k, "kinds of events out of "+strings.Join(eventKinds, ", ")+", separated by commas")
			}
		}
	}
	if slices.Contains(sub.kinds, "wall") {
		if len(sub.kinds) > 1 {
			return sub, f, badParam("only", q.Get("only"), "wall alone, or other kinds without it")
		}
		f = s.wallFeed
	}
	if sub.device = q.Get("device"); sub.device != "" {
		_, err = s.mustDevice("device", sub.device)
	}
	return sub, f, err
}

// showEvents streams server-sent events until the reader leaves, stalls or the
// server ends.
func (s *Server) showEvents(c *gin.Context) error {
	sub, f, err := s.subscriptionParams(c.Request.URL.Query())
	if err != nil {
		return err
	}
	id, resume := f.newest(), false
	if last := c.GetHeader("Last-Event-ID"); last != "" {
		resume = true
		if id, err = strconv.ParseUint(last, 10, 64); err != nil {
			id = 0 // not ours: the reader is told to begin anew
		}
	}
	f.join()
	defer func() { f.leave(time.Now()) }()
	if f == s.wallFeed && !resume {
		id = f.newest() - min(1, f.newest()) // the wall as it stands, at once
	}
	h := c.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	c.Writer.WriteHeader(http.StatusOK)
	if c.Request.Method == http.MethodHead {
		return nil
	}
	w := eventWriter{w: c.Writer, control: http.NewResponseController(c.Writer)}
	// The server's read timeout would end the stream: net/http reads on in the
	// background to see the caller leave.
	if err := w.control.SetReadDeadline(time.Time{}); err != nil && !isUnsupported(err) {
		return fmt.Errorf("events: clear read deadline: %w", err)
	}
	s.stream(c.Request.Context(), w, f, sub, id, resume)
	return nil
}

// stream writes what is new as it comes. A lost reader is told reset and goes on
// from now.
func (s *Server) stream(ctx context.Context, w eventWriter, f *feed, sub subscription, id uint64, resume bool) {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	if !w.write([]byte("retry: 2000\n\n")) {
		return
	}
	for {
		out, next, news, lost := f.after(id, sub.matches)
		if lost && (resume || f != s.wallFeed) {
			out = encodeEvent(next, "reset", []byte("{}"))
		}
		if len(out) > 0 && !w.write(out) {
			s.stalled.Inc()
			return
		}
		if caughtUp := next == id || lost; !caughtUp {
			id = next
			continue
		}
		id = next
		select {
		case <-news:
		case <-beat.C:
			if !w.write([]byte(": still here\n\n")) {
				s.stalled.Inc()
				return
			}
		case <-ctx.Done():
			return
		case <-s.ending:
			return
		}
	}
}

type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// write sends and flushes within stallLimit; false: the reader is gone.
func (w eventWriter) write(b []byte) bool {
	if err := w.control.SetWriteDeadline(time.Now().Add(stallLimit)); err != nil && !isUnsupported(err) {
		return false
	}
	if _, err := w.w.Write(b); err != nil {
		return false
	}
	err := w.control.Flush()
	return err == nil || isUnsupported(err)
}

// publish turns rounds into events until ctx ends.
func (s *Server) publish(ctx context.Context) {
	tell := time.NewTicker(tellEvery)
	defer tell.Stop()
	for {
		select {
		case <-tell.C: // readers are told on this beat: looking more often would only wake a core
			s.publishChanges(time.Now())
			s.rounds.tell()
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) publishChanges(now time.Time) {
	for {
		select {
		case ch := <-s.board.changes:
			if s.rounds.wanted(now) {
				s.publishChange(ch, now)
			}
		default:
			return
		}
	}
}

// eventPort is one port of a rates event.
type eventPort struct {
	Device string    `json:"device"`
	Port   string    `json:"port"`
	Rate   *rateJSON `json:"rate"`
	Factor number    `json:"factor"`
	Mark   *markJSON `json:"mark"`
}

type ratesEvent struct {
	At    stamp       `json:"at"`
	Ports []eventPort `json:"ports"`
}

func (s *Server) publishChange(ch change, now time.Time) {
	v := ch.after
	if v.answered.After(ch.before.answered) {
		e := ratesEvent{At: stamp(v.answered), Ports: make([]eventPort, len(v.readings))}
		for i := range v.readings {
			p := portView{v, &v.readings[i], now}
			e.Ports[i] = eventPort{Device: v.device.Name, Port: p.Port.ID.Name, Rate: p.rate(), Factor: factor(p.Excess), Mark: mark(p.Excess)}
		}
		s.emit(s.rounds, now, "rates", v.device.Name, e)
	}
	if v.state != ch.before.state || v.err != ch.before.err || len(v.readings) != len(ch.before.readings) {
		s.emit(s.rounds, now, "device", v.device.Name, v.json(now))
	}
}

func (s *Server) emit(f *feed, now time.Time, kind, device string, event any) {
	data, err := marshal(event)
	if err != nil {
		s.log.Error("event not encoded", "kind", kind, "device", device, "err", err)
		return
	}
	f.add(now, kind, device, data)
}
