package web

import (
	"bytes"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
)

type statusJSON struct {
	Version  string       `json:"version"`
	Store    storeJSON    `json:"store"`
	Poller   pollerJSON   `json:"poller"`
	Notifier notifierJSON `json:"notifier"`
	Agents   []agentJSON  `json:"agents"`
	Flow     *struct{}    `json:"flow"`
}

type storeJSON struct {
	Backend      fact       `json:"backend"`
	ReadOnly     bool       `json:"read_only"`
	Reason       fact       `json:"reason"`
	Bytes        number     `json:"bytes"`
	ForecastYear number     `json:"forecast_year_bytes"`
	Oldest       stamp      `json:"oldest"`
	Note         fact       `json:"note"`
	Queue        *queueJSON `json:"queue"`
}

type queueJSON struct {
	Rows        int64 `json:"rows"`
	Bytes       int64 `json:"bytes"`
	Oldest      stamp `json:"oldest"`
	LastSuccess stamp `json:"last_success"`
	Lost        int64 `json:"rows_lost"`
	Error       fact  `json:"error"`
}

func (q *StoreQueue) answer() *queueJSON {
	if q == nil {
		return nil
	}
	return &queueJSON{q.Rows, q.Bytes, stamp(q.Oldest), stamp(q.LastSuccess), q.Lost, fact(q.Error)}
}

type pollerJSON struct {
	Devices   int    `json:"devices"`
	Down      int    `json:"down"`
	LateP99Ms number `json:"late_p99_ms"`
}

type notifierJSON struct {
	Queued int `json:"queued"` // messages that wait
}

func (s *Server) notifierStatus() (out notifierJSON) {
	for _, n := range s.notices.Notifiers() {
		out.Queued += n.Queued
	}
	return out
}

func (s *Server) showStatus(c *gin.Context) error {
	st, t := s.storeStatus(), s.board.tally(time.Now())
	return s.writeJSON(c, statusJSON{
		Version:  s.cfg.Version,
		Store:    storeJSON{fact(st.Backend), st.ReadOnly, fact(st.Reason), sizeOf(st.Bytes), sizeOf(st.ForecastYearBytes), stamp(st.Oldest), fact(st.Note), st.Queue.answer()},
		Poller:   pollerJSON{t.devices, t.down, t.lateP99()},
		Notifier: s.notifierStatus(),
		Agents:   s.machines(false),
	})
}

func sizeOf(n int64) number {
	if n < 0 {
		return unknown
	}
	return number(n)
}

// A tally counts what is on the board.
type tally struct {
	devices, down, unknown, silent int
	ports, up                      int
	newest                         time.Time     // the last answer of any device
	interval                       time.Duration // the shortest of all devices; 0 before the first round
	late                           []time.Duration
}

func (b *Board) tally(now time.Time) tally {
	var t tally
	for v := range b.devices {
		t.devices++
		t.ports += v.wires
		switch v.state {
		case deviceDown:
			t.down++
		case deviceUnknown:
			t.unknown++
		default:
			t.up += v.up
		}
		if v.state == deviceUp && v.silent(now) {
			t.silent++
		}
		if v.answered.After(t.newest) {
			t.newest = v.answered
		}
		if v.interval > 0 {
			t.late = append(t.late, v.late)
			if t.interval == 0 || v.interval < t.interval {
				t.interval = v.interval
			}
		}
	}
	return t
}

// lateP99 is the 99th percentile, nearest rank, of how late each device's last
// round began, in milliseconds.
func (t *tally) lateP99() number {
	if len(t.late) == 0 {
		return unknown
	}
	slices.Sort(t.late)
	rank := int(math.Ceil(0.99*float64(len(t.late)))) - 1
	return number(math.Round(float64(t.late[rank])/float64(time.Millisecond)*10) / 10)
}

func (s *Server) showMetrics(c *gin.Context) error {
	var b bytes.Buffer
	s.metrics.WritePrometheus(&b)
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", b.Bytes())
	return nil
}

func (s *Server) healthy(c *gin.Context) error {
	c.Header("Cache-Control", "no-store")
	c.String(http.StatusOK, "up\n")
	return nil
}

func (s *Server) ready(c *gin.Context) error {
	c.Header("Cache-Control", "no-store")
	if err := s.isReady(); err != nil {
		c.String(http.StatusServiceUnavailable, "not ready: %s\n", sentence(err.Error()))
		return nil
	}
	c.String(http.StatusOK, "ready\n")
	return nil
}
