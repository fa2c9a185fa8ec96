package web

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

const mostListed = 100 // silent devices on the status page

type statusBody struct {
	Poller, Store, Self []labelled
	ReadOnly            bool
	Reason              string
	StoreTrouble        string
	StoreNote           string
	Silent              []deviceRow
	More                int
}

func (s *Server) statusPage(c *gin.Context) error {
	now := time.Now()
	t, st := s.board.tally(now), s.storeStatus()
	body := statusBody{
		ReadOnly: st.ReadOnly, Reason: st.Reason, StoreNote: st.Note,
		Poller: []labelled{
			{"Devices", formatCount(t.devices)}, {"Not answering", formatCount(t.down)}, {"Waiting for the first answer", formatCount(t.unknown)},
			{"Ports", formatCount(t.ports)}, {"Ports up", formatCount(t.up)}, {"Start of a round late by, 99th percentile", lateWords(&t)},
		},
		Store: []labelled{
			{"Kind", st.Backend}, {"Size", formatBytes(st.Bytes)}, {"In a year, at this rate", formatBytes(st.ForecastYearBytes)},
			{"Oldest value", s.dateWords(st.Oldest)},
		},
		Self: []labelled{
			{"Version", s.cfg.Version}, {"Open event streams", formatCount(s.rounds.watching() + s.wallFeed.watching())},
			{"Events dropped, queue full", formatCount(int(s.board.Dropped()))}, {"Zooming charts", zoomWords(s.pages.assets.zoom())},
			{"Open incidents", formatCount(len(s.incidents.Open()))}, {"Messages waiting", formatCount(s.notifierStatus().Queued)},
		},
	}
	if list := s.machines(false); len(list) > 0 {
		silent := 0
		for i := range list {
			if list[i].Silent {
				silent++
			}
		}
		body.Poller = append(body.Poller, labelled{"Machines with spate agent", fmt.Sprintf("%s, %s silent", formatCount(len(list)), formatCount(silent))})
	}
	if q := st.Queue; q != nil {
		body.StoreTrouble = q.Error
		body.Store = append(body.Store, labelled{"Rows waiting to be sent", formatCount(int(q.Rows))}, labelled{"On disk", formatBytes(q.Bytes)},
			labelled{"Waiting since", s.dateWords(q.Oldest)}, labelled{"Last taken", s.dateWords(q.LastSuccess)}, labelled{"Rows lost since the start", formatCount(int(q.Lost))})
	}
	for v := range s.board.devices {
		if v.state != deviceDown && v.err == "" {
			continue
		}
		if len(body.Silent) == mostListed {
			body.More++
			continue
		}
		body.Silent = append(body.Silent, v.row(now))
	}
	return s.show(c, http.StatusOK, "status", page{Title: "Status", Here: "status", Body: body})
}

// storeWords is the headline while nothing is recorded.
func storeWords(st StoreStatus) string {
	if !st.ReadOnly {
		return ""
	}
	return "Nothing is recorded: the disk of the store is nearly full."
}

func lateWords(t *tally) string {
	late := float64(t.lateP99())
	if math.IsNaN(late) {
		return "-"
	}
	return string(appendNumber(nil, late)) + narrow + "ms"
}

func (s *Server) dateWords(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(s.cfg.Zone).Format("2 Jan 2006 15:04 MST")
}

func zoomWords(on bool) string {
	if on {
		return "built in"
	}
	return "not built in: pictures instead"
}
